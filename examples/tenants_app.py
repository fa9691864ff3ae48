"""
Run `python examples/tenants_app.py`: one process that serves many tenants, each with its own hosts.

The pages of a tenant can read only from its own hosts. You can also run it under a server:

    gunicorn --chdir examples tenants_app:application
    uvicorn --app-dir examples tenants_app:asgi_application

    curl -i -H "Host: api.acme.example" -H "Origin: https://app.acme.example" http://localhost:8010/
    curl -i -H "Host: api.acme.example" -H "Origin: https://app.globex.example" http://localhost:8010/

A proxy in front has to pass `Host` on as the client sent it. A host that is not listed gets no CORS headers.
"""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from corsguard import CORSMiddleware, Policies
from corsguard.asgi import CORSMiddleware as ASGIMiddleware
from corsguard.asgi import Receive, Scope, Send

POLICIES = Policies(
    {
        "hosts": {
            # The customer's own host name, and the names that we give to everyone.
            "api.acme.example": {"allow_origins": ["https://app.acme.example"], "allow_credentials": True},
            "*.globex.example": {
                "paths": {
                    "/": {"allow_origins": ["https://app.globex.example"], "allow_credentials": True},
                    "/status": {"allow_origins": "*"},
                    "/internal": None,
                }
            },
        }
    }
)


def tenants(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"This is {environ.get('HTTP_HOST')}\n".encode("latin-1")]


async def asgi_tenants(scope: Scope, _: Receive, send: Send) -> None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"This is %s\n" % b",".join(hosts)})


application = CORSMiddleware(tenants, POLICIES)
asgi_application = ASGIMiddleware(asgi_tenants, POLICIES)

if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", int(os.environ.get("PORT", "8010")), application) as server:
        print(f"http://localhost:{server.server_port}/", flush=True)
        server.serve_forever()
