"""
The example that counts events by reason and policy, and by no value that a client chooses.
"""

import re
import runpy
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from kit.adapters import environ_of, scope_of, serve
from kit.asgi_sending import drive
from kit.cases import EVIL, get, preflight, request
from kit.serving import EXAMPLES, Server, lines_until, started
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from corsguard import Policy
from corsguard.asgi import CORSGuard


@pytest.fixture(scope="module")
def counting():
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / "counting.py")))


def in_wsgi(counting, count):
    guarded = counting.guarded(count)
    return guarded, lambda sent, path="/": serve(guarded, environ_of(sent, path))


def in_asgi(counting, count):
    guarded = counting.guarded_in_asgi(count)
    return guarded, lambda sent, path="/": drive(guarded, scope_of(sent, path))


def in_fastapi(counting, count):
    app = FastAPI()
    guarded = CORSGuard(app, counting.POLICIES, on_event=count)
    return guarded, lambda sent, path="/": drive(app, scope_of(sent, path))


CARRIERS = pytest.mark.parametrize("carrier", [in_wsgi, in_asgi, in_fastapi])


def send_all(counting, carrier, count):
    guarded, send = carrier(counting, count)
    send(get("https://shop.example"))
    # The client sends as many origins, paths and methods as it likes.
    for number in range(100):
        send(request(f"METHOD-{number}", f"https://{number}.example", X_Number=str(number)), f"/{number}")
        send(preflight(f"https://{number}.example", "PUT"), f"/partners/{number}")
    for number in range(50):
        guarded.policy = Policy(allow_origins=[f"https://{number}.example"])
        send(get(EVIL))


COUNTED = {("origin", "shop"): 100, ("origin", "partners"): 100, ("origin", "policy"): 50}


@CARRIERS
def test_prometheus_counts_by_reason_and_policy_only(counting, carrier):
    registry = CollectorRegistry()
    send_all(counting, carrier, counting.counted_by_prometheus(registry))
    lines = [line for line in generate_latest(registry).decode().splitlines() if line.startswith("cors_events_total")]
    found = [re.fullmatch(r'cors_events_total\{policy="(.*)",reason="(.*)"\} (.*)', line) for line in lines]
    assert {(match[2], match[1]): float(match[3]) for match in found} == COUNTED


@CARRIERS
def test_opentelemetry_counts_by_reason_and_policy_only(counting, carrier):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    try:
        send_all(counting, carrier, counting.counted_by_opentelemetry(provider.get_meter("shop")))
        (resource,) = reader.get_metrics_data().resource_metrics
        ((metric,),) = [scope.metrics for scope in resource.scope_metrics]
    finally:
        provider.shutdown()
    assert (metric.name, metric.unit) == ("cors.events", "{event}")
    points = metric.data.data_points
    assert all(point.attributes.keys() == {"reason", "policy"} for point in points)
    assert {(point.attributes["reason"], point.attributes["policy"]): point.value for point in points} == COUNTED


@pytest.mark.server
def test_the_example_serves_its_counts_as_its_docstring_says(counting):
    assert "`python examples/counting.py`" in counting.__doc__.splitlines()[1]
    with started(EXAMPLES / "counting.py", PORT="0") as process:
        port = int(re.search(r"http://localhost:(\d+)/metrics", lines_until("http://", process)[-1])[1])
        server = Server(port, process)
        assert server.exchange("GET", "/", "Origin: https://shop.example").status == 200
        assert server.exchange("GET", "/", f"Origin: {EVIL}").status == 200
        reply = server.exchange("GET", "/metrics")
    assert b'\ncors_events_total{policy="shop",reason="origin"} 1.0\n' in reply.body
