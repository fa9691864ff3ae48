"""
The examples behind real servers, tested by the bytes that they send. `test_server_matrix.py` has requests that no
client should send.
"""

import asyncio

import pytest
from kit.serving import PAGE_ORIGIN, needed, served

pytestmark = pytest.mark.server

SERVERS = {
    "gunicorn, bare WSGI": ("gunicorn", "wsgi_app:application"),
    "gunicorn, Flask": ("gunicorn", "flask_app:app"),
    "gunicorn, Django": ("gunicorn", "django_app:application"),
    "uvicorn, Django": ("uvicorn", "django_app:asgi"),
    "uvicorn and h11, Starlette": ("uvicorn", "asgi_app:application", "--http=h11"),
    "uvicorn and httptools, Starlette": ("uvicorn", "asgi_app:application", "--http=httptools"),
    "Hypercorn, Starlette": ("hypercorn", "asgi_app:application"),
    "Hypercorn and trio, Starlette": ("hypercorn", "asgi_app:application", "--worker-class=trio"),
    "Daphne, Starlette": ("daphne", "asgi_app:application"),
    "Granian, Starlette": ("granian", "asgi_app:application"),
}


ORIGIN = f"Origin: {PAGE_ORIGIN}"
STRANGER = "Origin: https://evil.example"

SHARED = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-origin", PAGE_ORIGIN),
    ("access-control-expose-headers", "X-Word-Count"),
    ("vary", "Origin"),
]
NOT_SHARED = [("vary", "Origin")]
PREFLIGHT_REFUSED = [("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")]
PREFLIGHT_GRANTED = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-headers", "Content-Type, X-Request-Id"),
    ("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE"),
    ("access-control-allow-origin", PAGE_ORIGIN),
    ("access-control-max-age", "7200"),
    *PREFLIGHT_REFUSED,
]


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS.keys())
def server(request):
    if "--http=httptools" in request.param:
        needed("httptools")
    with served(*request.param) as server:
        yield server


@pytest.mark.parametrize("method", ["PUT", "PATCH", "NONESUCH"])
def test_an_allowed_preflight_gets_the_whole_lists(server, method):
    """
    It gets them whatever it asks for.
    """
    reply = server.exchange(
        "OPTIONS",
        "/notes/1",
        ORIGIN,
        f"Access-Control-Request-Method: {method}",
        "Access-Control-Request-Headers: x-evil",
    )
    assert (reply.status, reply.cors(), reply.body) == (204, PREFLIGHT_GRANTED, b"")


def test_a_preflight_is_answered_if_no_view_serves_it(server):
    reply = server.exchange("OPTIONS", "/nowhere", ORIGIN, "Access-Control-Request-Method: PUT")
    assert (reply.status, reply.cors(), reply.body) == (204, PREFLIGHT_GRANTED, b"")


def test_a_preflight_from_another_origin_is_refused(server):
    reply = server.exchange("OPTIONS", "/notes/1", STRANGER, "Access-Control-Request-Method: PUT")
    assert (reply.status, reply.cors()) == (403, PREFLIGHT_REFUSED)
    assert reply.body.startswith(b"CORS: this origin may not read")


@pytest.mark.parametrize(
    ("origin", "headers"),
    [([ORIGIN], SHARED), ([STRANGER], NOT_SHARED), ([], NOT_SHARED)],
    ids=["from an allowed origin", "from another origin", "without an origin"],
)
@pytest.mark.parametrize(
    ("path", "answer"),
    {
        "/notes/1": (200, "Buy milk"),
        "/me": (401, "Log in first"),
        "/nowhere": (404, "No such page"),
        "/broken": (500, "Something broke"),
    }.items(),
)
def test_a_get_reaches_the_application_and_has_each_header_once(server, path, answer, origin, headers):
    reply = server.exchange("GET", path, *origin)
    status, text = answer
    assert (reply.status, reply.cors()) == (status, headers)
    assert f'"{text}"'.encode() in reply.body


def test_a_head_has_the_headers_of_its_get_and_no_body(server):
    reply = server.exchange("HEAD", "/notes/1", ORIGIN)
    assert (reply.status, reply.cors(), reply.body) == (200, SHARED, b"")


def test_a_header_that_is_not_exposed_is_sent(server):
    names = [name.lower() for name, _ in server.exchange("GET", "/notes/1", ORIGIN).headers]
    assert "x-served-by" in names


@pytest.mark.parametrize("origin", [ORIGIN, STRANGER], ids=["granted", "refused"])
def test_a_connection_stays_open_after_a_preflight(server, origin):
    head = f"/notes/1 HTTP/1.1\r\nHost: localhost\r\n{origin}\r\n"
    preflight = f"OPTIONS {head}Access-Control-Request-Method: PUT\r\n\r\n"
    answers = server.send(f"{preflight}GET {head}Connection: close\r\n\r\n".encode())
    first, second = (int(answer[:3]) for answer in answers.split(b"HTTP/1.1 ")[1:])
    assert (first, second) == ((204, 200) if origin == ORIGIN else (403, 200))


@pytest.mark.parametrize("headers", ["," * 8000, "x" * 8000, "\xff" * 100], ids=["commas", "a long name", "latin-1"])
def test_hostile_names_in_a_preflight_change_nothing(server, headers):
    reply = server.exchange(
        "OPTIONS",
        "/notes/1",
        ORIGIN,
        "Access-Control-Request-Method: \x81<script>",
        f"Access-Control-Request-Headers: {headers}",
    )
    assert (reply.status, reply.cors(), reply.body) == (204, PREFLIGHT_GRANTED, b"")


@pytest.mark.parametrize("name", ["hypercorn", "granian"])
def test_each_request_on_a_connection_of_http_2_has_its_own_answer(name):
    needed("h2")
    import httpx

    origins = [PAGE_ORIGIN, "https://evil.example", None] * 20

    async def ask():
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, base_url=url, limits=limits) as client:
            return await asyncio.gather(
                *(
                    client.request(
                        "OPTIONS" if number % 2 else "GET",
                        "/notes/1",
                        headers=({"Origin": origin} if origin else {}) | {"Access-Control-Request-Method": "PUT"},
                    )
                    for number, origin in enumerate(origins)
                )
            )

    with served(name, "asgi_app:application") as server:
        url = f"http://127.0.0.1:{server.port}"
        replies = asyncio.run(ask())
    for number, (reply, origin) in enumerate(zip(replies, origins, strict=True)):
        assert reply.http_version == "HTTP/2"
        is_preflight = number % 2 == 1 and origin is not None
        if origin == PAGE_ORIGIN:
            expected = PREFLIGHT_GRANTED if is_preflight else SHARED
        else:
            expected = PREFLIGHT_REFUSED if is_preflight else NOT_SHARED
        lines = sorted(pair for pair in reply.headers.multi_items() if pair[0].startswith(("access-control-", "vary")))
        assert lines == expected
