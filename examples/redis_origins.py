"""
One list of origins for several machines: a set in Redis, asked per request, with a short memory in front.

    python examples/redis_origins.py
    gunicorn --chdir examples --workers=2 redis_origins:application

    redis-cli SADD corsguard:origins https://one.example
    redis-cli SREM corsguard:origins https://one.example

REDIS_URL says where Redis is (redis://localhost). Every process of every machine follows within REMEMBER_SECONDS (10).
Origins go in as browsers send them; what is not in the set as it was sent is refused, and so is everything that is not
remembered while Redis is gone.
"""

import os
from collections.abc import Iterable
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from corsguard import CORSMiddleware, Policy, RememberedOrigins

KEY = "corsguard:origins"


class SharedOrigins:
    """
    The members of a set in Redis. A client connects when it is first asked, and anew in a forked process.
    """

    def __init__(self, url: str) -> None:
        # A request waits for the answer, so there is little time for it; what comes to nothing counts as no.
        self._redis = redis.Redis.from_url(
            url, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )

    def __contains__(self, origin: str) -> bool:
        return self._redis.sismember(KEY, origin) == 1


def orders(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """
    Say how many orders there are, and which process counted them.
    """
    body = f'{{"orders": 3, "process": {os.getpid()}}}'.encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


store = SharedOrigins(os.environ.get("REDIS_URL", "redis://localhost"))
application = CORSMiddleware(
    orders,
    Policy(
        allow_origins=RememberedOrigins(store, ttl=float(os.environ.get("REMEMBER_SECONDS", "10"))),
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
        allow_credentials=True,
    ),
)

if __name__ == "__main__":
    with make_server("localhost", int(os.environ.get("PORT", "8006")), application) as server:
        print(f"Orders are at http://localhost:{server.server_port}/ and Ctrl-C stops it.", flush=True)
        server.serve_forever()
