"""
An ASGI application whose source answers one question at a time, and only after a request for `/release`.

`/asked` says how often the source was asked, and in how many requests the application ran.
"""

import asyncio

from corsguard import RememberedOrigins
from corsguard.asgi import CORSMiddleware

released = asyncio.Event()
counted = {"asked": 0, "ran": 0}


class Held:
    async def allows(self, origin):
        counted["asked"] += 1
        await released.wait()
        return origin == "https://app.example.com"


async def app(scope, receive, send):
    if scope["path"] == "/release":
        released.set()
    elif scope["path"] != "/asked":
        counted["ran"] += 1
    body = f"{counted['asked']} {counted['ran']}".encode()
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


application = CORSMiddleware(app, {"allow_origins": RememberedOrigins(Held(), ttl=60)})
