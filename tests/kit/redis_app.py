"""
An ASGI application whose origins are in Redis, loaded with the asynchronous client. Its answer has the id of its
process.
"""

import os

import redis.asyncio

from corsguard import RedisOrigins
from corsguard.asgi import CORSMiddleware


def connect():
    return redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5)


async def app(scope, receive, send):
    body = f'{{"process": {os.getpid()}}}'.encode()
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


application = CORSMiddleware(app, {"allow_origins": RedisOrigins(connect), "allow_credentials": True})
