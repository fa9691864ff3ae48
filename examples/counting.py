"""
Run `python examples/counting.py`: events, counted for Prometheus and for OpenTelemetry.

A metric keeps every combination of its labels forever, so a value from a client must not be a label. Two values are
safe: the reason, which comes from a fixed list, and the name of the policy. The log says who was refused, and where.
The same function works everywhere: as `on_event=` of WSGI and ASGI (below), or connected to the signal `cors_event` of
Flask and Django. With several processes, prometheus_client needs PROMETHEUS_MULTIPROC_DIR. OpenTelemetry needs nothing
for that.
"""

import os
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from opentelemetry.metrics import Meter
from prometheus_client import CollectorRegistry, Counter, make_wsgi_app

from corsguard import Configuration, CORSMiddleware, Event, asgi

# An event has the name of its policy from here. Without names it is the path prefix, or "policy" if there is only one
# policy.
POLICIES = Configuration.from_mapping(
    {
        "policies": {
            "shop": {"allow_origins": ["https://shop.example"], "allow_credentials": True},
            "partners": {"allow_origins": ["https://*.partner.example"]},
        },
        "paths": {"/": "shop", "/partners": "partners"},
    }
)


def counted_by_prometheus(registry: CollectorRegistry) -> Callable[[Event], None]:
    """
    Return a function that counts each Event in *registry*, as `cors_events_total`.
    """
    events = Counter("cors_events", "CORS events, mostly refusals.", ["reason", "policy"], registry=registry)

    def count(event: Event) -> None:
        events.labels(event.reason, event.name).inc()

    return count


def counted_by_opentelemetry(meter: Meter) -> Callable[[Event], None]:
    """
    Return a function that counts each Event with *meter*, as `cors.events`.
    """
    events = meter.create_counter("cors.events", unit="{event}", description="CORS events, mostly refusals.")

    def count(event: Event) -> None:
        events.add(1, {"reason": event.reason, "policy": event.name})

    return count


def orders(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """
    Return the number of orders.
    """
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{"orders": 3}']


def guarded(count: Callable[[Event], None]) -> CORSMiddleware:
    """
    Return the application, guarded; *count* is called with each event, before the request is answered.
    """
    return CORSMiddleware(orders, POLICIES, on_event=count)


async def orders_in_asgi(_scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    """
    The same as an ASGI application.
    """
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"orders": 3}'})


def guarded_in_asgi(count: Callable[[Event], None]) -> asgi.CORSMiddleware:
    """
    Return that application, guarded. For FastAPI, write `CORSGuard(app, POLICIES, on_event=count)`. *count* is called
    in a thread, so it does not block the event loop.
    """
    return asgi.CORSMiddleware(orders_in_asgi, POLICIES, on_event=count)


def with_metrics(application: WSGIApplication, registry: CollectorRegistry) -> WSGIApplication:
    """
    Return *application* with the metrics of *registry* at `/metrics`.
    """
    metrics = make_wsgi_app(registry)

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (metrics if environ["PATH_INFO"] == "/metrics" else application)(environ, start_response)

    return route


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    counts = CollectorRegistry()
    served = with_metrics(guarded(counted_by_prometheus(counts)), counts)
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8005")), served) as server:
        print(f"http://localhost:{server.server_port}/metrics", flush=True)
        server.serve_forever()
