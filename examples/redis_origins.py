"""
Run `python examples/redis_origins.py`: one set of origins in Redis for several machines.

Each process has a copy, and gets a message at once when the set changes. You can also run it under a server:

    gunicorn --chdir examples --workers=2 redis_origins:application

    redis-cli EVAL "redis.call('SADD',KEYS[1],ARGV[1]); redis.call('PUBLISH',KEYS[1],ARGV[1])" \
        1 corsguard:origins https://one.example

REDIS_URL says where Redis is (redis://localhost). Redis has to run when a process starts. If it is down later, the last
good origins stay.
"""

import os
from collections.abc import Iterable
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import redis

from corsguard import CORSMiddleware, Policy, RedisOrigins

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost")


def connect() -> redis.Redis:
    """
    Return a new client that has a time-out for everything.
    """
    return redis.Redis.from_url(REDIS_URL, socket_connect_timeout=2, socket_timeout=5)


def orders(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """
    Return the number of orders, and the process that answered.
    """
    body = f'{{"orders": 3, "process": {os.getpid()}}}'.encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


application = CORSMiddleware(
    orders,
    Policy(
        allow_origins=RedisOrigins(connect),
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
        allow_credentials=True,
    ),
)

if __name__ == "__main__":
    with make_server("localhost", int(os.environ.get("PORT", "8006")), application) as server:
        print(f"Orders are at http://localhost:{server.server_port}/ and Ctrl-C stops it.", flush=True)
        server.serve_forever()
