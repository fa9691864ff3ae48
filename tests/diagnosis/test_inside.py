"""
What is known about an application that runs in this process takes the place of what its answer suggests.
"""

import json

import pytest
from django.utils.safestring import SafeString
from fastapi import FastAPI
from flask import Blueprint, Flask
from flask_cors import CORS
from kit.checking import PAGE, allow, in_process
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response

from corsguard import diagnosis
from corsguard.asgi import CORSMiddleware as OurAsgi

LINE = 'raise KeyError("DATABASE_URL")'


def raising(environ, start_response):
    raise KeyError("DATABASE_URL")


def framework():
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=[PAGE])
    app.get("/")(lambda: {}["DATABASE_URL"])
    return app


def nothing(environ, start_response):
    return None


def too_early(environ, start_response):
    return [b"a"]


async def text_for_bytes(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [("content-type", "text/plain")]})


def text_for_body(environ, start_response):
    start_response("200 OK", [("Access-Control-Allow-Origin", "*")])
    return ["a"]


async def text_for_asgi_body(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": "a"})


def bytes_for_body(environ, start_response):
    start_response("200 OK", [])
    return b"a"


def number_for_status(environ, start_response):
    start_response(200, [])
    return []


def bytes_for_headers(environ, start_response):
    start_response("200 OK", [(b"Content-Type", b"text/plain")])
    return []


def mapping_for_headers(environ, start_response):
    start_response("200 OK", {"Content-Type": "text/plain"})
    return []


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (raising, f"the application raised KeyError: 'DATABASE_URL' ({__file__}, line "),
        (framework(), f"the application raised KeyError: 'DATABASE_URL' ({__file__}, line "),
        (nothing, "the application raised TypeError: the application returned None, and the body has to be a list of"),
        (text_for_body, "the body has to be made of bytes, and a part of it is a str: encode it, as text.encode()"),
        (bytes_for_body, "the body has to be made of bytes, and a part of it is an int. Repair"),
        (number_for_status, 'the status has to be a text such as "200 OK", and it is 200 ('),
        (bytes_for_headers, "the headers have to be a list of pairs of text, and one of them is something else ("),
        (mapping_for_headers, "the headers have to be a list of pairs of text, and one of them is something else ("),
        (
            text_for_bytes,
            "the application raised TypeError: ASGI wants headers as pairs of bytes, and one of these is a",
        ),
        (too_early, "the application raised RuntimeError: The body began before start_response was called. Repair"),
    ],
)
def test_an_exception_is_named_with_its_place(app, said, caplog):
    (fault, *_) = diagnosis.check(app, page=PAGE).faults
    assert said in fault.fix.words
    assert "Most likely" not in fault.fix.words


def test_a_text_of_a_subclass_is_sent():
    def app(environ, start_response):
        start_response("200 OK", [(name, SafeString(value)) for name, value in allow()])
        return []

    assert diagnosis.check(app, page=PAGE).verdict == "readable"


def test_headers_that_were_not_sent_are_not_judged():
    (fault, *_) = diagnosis.check(text_for_body, page=PAGE).faults
    assert fault.fix.words.endswith("Until then, the headers that the application sets are not sent.")
    assert (fault.fix.send, fault.fix.policy) == ((), {})


def test_a_body_of_text_is_named_after_the_head_too():
    rows = diagnosis.check(text_for_asgi_body, page=PAGE).rows
    (said,) = (row.text for row in rows if row.name == "application")
    assert "a part of it is a str: encode it" in said


def breaking_off(environ, start_response):
    start_response("200 OK", [("Access-Control-Allow-Origin", PAGE), ("Vary", "Origin")])
    yield b"a"
    raise RuntimeError("cursor lost")


async def of_sockets(scope, receive, send):
    raise KeyError("TOKEN")


def raising_twice(environ, start_response):
    raise ValueError("the real one") if "HTTP_ORIGIN" in environ else KeyError("without Origin")


def test_the_exception_of_the_page_s_own_request_is_named():
    (fault, *_) = diagnosis.check(raising_twice, page=PAGE).faults
    assert "ValueError: the real one" in fault.fix.words


def leaking(environ, start_response):
    raise OSError("cannot connect to postgres://shop:hunter2@db/shop")


def test_a_password_in_an_exception_is_not_shown():
    found = diagnosis.check(leaking, page=PAGE)
    assert "hunter2" not in str(found.data())
    assert "the application raised OSError: cannot connect to postgres://...@db/shop" in found.faults[0].fix.words


def test_an_exception_after_the_head_is_in_the_checklist():
    found = diagnosis.check(breaking_off, page=PAGE)
    assert found.verdict == "readable"
    (row,) = (row for row in found.rows if row.name == "application")
    assert row.text.startswith("the application raised RuntimeError: cursor lost (")


async def returning(scope, receive, send):
    pass


def test_an_application_that_does_not_answer_has_raised_nothing():
    (fault, *_) = diagnosis.check(returning, page=PAGE).faults
    assert fault.fix.words.startswith("Status 500: the application returned before its response was complete. Repair")


async def waiting(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    if (await receive())["type"] == "websocket.disconnect":
        raise ConnectionError(1006)


def test_what_an_application_raises_because_we_hang_up_is_not_reported():
    found = diagnosis.check(waiting, page=PAGE, url="wss://api.example.com/feed")
    assert (found.verdict, [row for row in found.rows if row.name == "application"]) == ("open", [])


def test_an_exception_of_a_websocket_is_named():
    (fault, *_) = diagnosis.check(of_sockets, page=PAGE, url="wss://api.example.com/feed").faults
    assert "the application raised KeyError: 'TOKEN'" in fault.fix.words
    assert "proxy" not in fault.fix.words


def test_what_an_application_prints_is_not_in_the_output(tmp_path):
    (tmp_path / "shop.py").write_text("print('booting')\ndef app(environ, start_response):\n    print('asked')\n")
    done = in_process("check", "shop:app", "--page", PAGE, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["verdict"] == "blocked"
    assert {"booting", "asked"} <= {*done.stderr.split()}


def test_the_terminal_gets_no_traceback(tmp_path):
    (tmp_path / "shop.py").write_text(f"def app(environ, start_response):\n    {LINE}\n")
    done = in_process("check", "shop:app", "--page", PAGE, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "shop.py, line 2" in done.stdout


def test_another_library_that_guards_the_application_is_named():
    app = Flask("shop")
    app.add_url_rule("/", view_func=lambda: "x")
    CORS(app, origins=["https://other.example"])
    found = diagnosis.check(app, page=PAGE, name="shop:app")
    assert (
        "flask-cors guards this path, and its setting origins does not list this origin." in found.faults[0].fix.words
    )
    assert "corsguard move shop:app" in found.predecessor


def behind(added):
    """
    Return an application of FastAPI with middleware around the CORS layer, which redirects or refuses.
    """
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=[PAGE])
    app.middleware("http")(added)
    app.get("/")(lambda: "x")
    return app


async def redirect_old(request, call_next):
    return RedirectResponse("/", 302) if request.url.path == "/old" else await call_next(request)


async def refuse(request, call_next):
    return Response("no session", 403)


def of_flask():
    app = Flask("shop")
    app.add_url_rule("/", view_func=lambda: "x")
    CORS(app, origins=[PAGE])
    app.wsgi_app = around_flask(app.wsgi_app)
    return app


def around_flask(wsgi_app):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/old":
            start_response("302 Found", [("Location", "/")])
            return []
        return wsgi_app(environ, start_response)

    return app


OUTSIDE = [
    (
        behind(redirect_old),
        "/old",
        "Starlette's CORSMiddleware shares with this page, so it is not around what answers",
    ),
    (of_flask(), "/old", "flask-cors shares with this page, so it is not around what answers"),
    (
        behind(refuse),
        "/",
        "Starlette's CORSMiddleware shares with this page, so it is not around what answers here. Add CORSMiddleware",
    ),
]


@pytest.mark.parametrize(("app", "path", "said"), OUTSIDE)
def test_what_is_outside_of_another_library_is_not_blamed_on_it(app, path, said):
    (fault, *_) = diagnosis.check(app, page=PAGE, url=path).faults
    assert said in fault.fix.words
    assert "does not share this path" not in fault.fix.words
    if path == "/old":
        assert fault.fix.words.startswith("The server redirects to https://api.example.com/")
        assert (fault.fix.policy, fault.fix.send) == ({}, ())


def test_a_list_that_has_the_origin_is_not_in_question():
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=[PAGE])

    async def closed(request, call_next):
        return Response("Closed for stocktaking.", 503, media_type="text/plain")

    app.middleware("http")(closed)
    found = diagnosis.check(app, page=PAGE)
    (fault, *_) = found.faults
    assert 'It says: "Closed for stocktaking". The application itself answers so' in fault.fix.words
    assert "does not list the origin" not in fault.fix.words
    assert (fault.fix.policy, found.look_alike) == ({}, "")


def test_django_s_slash_is_not_blamed_on_the_list_of_origins(tmp_path):
    (tmp_path / "shop.py").write_text(SLASH)
    done = in_process("check", "shop:application", "--url", "/items", "--page", PAGE, cwd=tmp_path)
    assert "redirects for a slash at the end: let the page request https://api.example.com/items/" in done.stdout
    assert "List CorsMiddleware first in MIDDLEWARE." in done.stdout
    assert "  policy: " not in done.stdout


FLASK = """\
from flask import Flask, request
app = Flask(__name__)
@app.get("/")
def view():
    raise ValueError("bad token " + request.headers["Authorization"])
"""


def test_an_exception_that_flask_answers_is_named_without_a_secret(tmp_path):
    (tmp_path / "shop.py").write_text(FLASK)
    done = in_process("check", "shop:app", "--page", PAGE, "-H", "Authorization: s3cr3t-t0ken", cwd=tmp_path)
    assert "the application raised ValueError: bad token (not shown)" in done.stdout
    assert f"{tmp_path}/shop.py, line 5" in done.stdout
    assert "Traceback" not in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr


def test_an_exception_that_django_answers_is_named(tmp_path):
    (tmp_path / "shop.py").write_text(DJANGO.format(hosts=["*"], debug=False).replace('HttpResponse("x")', '{}["KEY"]'))
    done = in_process("check", "shop:application", "--page", PAGE, cwd=tmp_path)
    assert "the application raised KeyError: 'KEY'" in done.stdout
    assert f"{tmp_path}/shop.py, line 7" in done.stdout


SLASH = f"""\
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", CORS_ALLOWED_ORIGINS=["{PAGE}"],
                   MIDDLEWARE=["django.middleware.common.CommonMiddleware", "corsheaders.middleware.CorsMiddleware"])
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("items/", lambda request: HttpResponse("x"))]
application = get_wsgi_application()
"""


DJANGO = """\
from django.conf import settings
settings.configure(ALLOWED_HOSTS={hosts}, DEBUG={debug}, ROOT_URLCONF=__name__, SECRET_KEY="x",
                   MIDDLEWARE=["django.middleware.common.CommonMiddleware"])
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("x"))]
application = get_wsgi_application()
"""


@pytest.mark.parametrize("command", ["check", "lint"])
@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ('include("stock.urls")', "ModuleNotFoundError: No module named 'stock' ({}, line 3)"),
        ("stock", "NameError: name 'stock' is not defined ({}, line 3)"),
        ("include(", "SyntaxError: "),
    ],
)
def test_routes_of_django_that_cannot_be_imported_are_named_with_their_line(tmp_path, routes, said, command):
    own = DJANGO.format(hosts=["*"], debug=False).replace("ROOT_URLCONF=__name__", 'ROOT_URLCONF="routes"')
    (tmp_path / "shop.py").write_text(own)
    file = tmp_path / "routes.py"
    file.write_text(f"from django.urls import include, path\nurlpatterns = [\n    path('', {routes}),\n]\n")
    done = in_process(command, "shop:application", *(["--page", PAGE] if command == "check" else []), cwd=tmp_path)
    assert f"shop:application cannot be loaded: {said.format(file)}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 2


def test_a_subclass_of_the_guard_that_cannot_be_made_is_the_fault_of_the_application():
    class OfStation(OurAsgi):
        def __init__(self, app):
            super().__init__(app, {"allow_origins": {}["STATION"]})

    app = FastAPI()
    app.add_middleware(OfStation)
    (fault, *_) = diagnosis.check(app, page=PAGE, url="/items").faults
    assert "the application raised KeyError: 'STATION'" in fault.fix.words


@pytest.mark.parametrize(
    ("hosts", "debug", "url"),
    [
        ([".shop.example"], False, "https://shop.example/"),
        (["www.shop.example", "*"], False, "https://api.example.com/"),
        ([], True, "https://localhost/"),
        ([".example.com"], False, "https://api.example.com/"),
    ],
)
def test_django_is_asked_for_a_host_that_it_serves(tmp_path, hosts, debug, url):
    (tmp_path / "shop.py").write_text(DJANGO.format(hosts=hosts, debug=debug))
    done = in_process("check", "shop:application", "--page", PAGE, cwd=tmp_path)
    assert f"GET {url}," in done.stdout
    assert "The response (200) has no Access-Control-Allow-Origin." in done.stdout


def test_django_cors_headers_without_its_middleware_is_named(tmp_path):
    """
    A new policy of another library is not what is missing.
    """
    settings = f'CORS_ALLOWED_ORIGINS=["{PAGE}"], ROOT_URLCONF'
    (tmp_path / "shop.py").write_text(DJANGO.format(hosts=["*"], debug=False).replace("ROOT_URLCONF", settings))
    done = in_process("check", "shop:application", "--page", PAGE, cwd=tmp_path)
    assert 'MIDDLEWARE does not list it: add "corsheaders.middleware.CorsMiddleware" as the first one' in done.stdout
    assert "Begin with" not in done.stdout
    assert "policy: allow" not in done.stdout


def test_a_host_that_django_refuses_is_named(tmp_path):
    (tmp_path / "shop.py").write_text(DJANGO.format(hosts=["shop.example"], debug=False))
    done = in_process("check", "shop:application", "--url", "https://b.example/", "--page", PAGE, cwd=tmp_path)
    assert "Django does not serve the host b.example, because ALLOWED_HOSTS does not list it." in done.stdout
    assert "--url https://shop.example/" in done.stdout
    assert "Starlette" not in done.stdout
    # The fix is about that.
    assert "After the fix, the page gets the status 400" not in done.stdout


@pytest.mark.parametrize(("whole", "is_blueprint"), [(False, True), (True, False)])
def test_flask_cors_on_a_blueprint_is_named(whole, is_blueprint):
    app, public, billing = Flask("shop"), Blueprint("public", "shop"), Blueprint("billing", "shop")
    public.get("/prices")(list)
    billing.get("/invoices")(list)
    CORS(public, origins=[PAGE])
    app.register_blueprint(public)
    app.register_blueprint(billing)
    if whole:
        CORS(app, origins=["https://other.example"])
    (fault, *_) = diagnosis.check(app, page=PAGE, url="/invoices").faults
    assert ("flask-cors guards only the blueprint public. If this path" in fault.fix.words) is is_blueprint


def test_the_list_around_an_application_that_raises_is_not_blamed():
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=[PAGE])

    @app.get("/prices")
    def prices():
        raise KeyError("B")

    found = diagnosis.check(app, page=PAGE, url="/prices")
    (fault, *_) = found.faults
    assert fault.fix.words.endswith("What answers an exception is often outside of Starlette's CORSMiddleware.")
    assert (fault.fix.send, fault.fix.policy, found.look_alike) == ((), {}, "")


def test_an_exception_is_to_be_repaired_so_its_status_does_not_stay():
    found = diagnosis.check(raising_twice, page=PAGE)
    assert (bool(found.faults[0].fix.send), found.look_alike) == (True, "")
