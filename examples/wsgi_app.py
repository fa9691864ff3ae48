"""
Run `python examples/wsgi_app.py`: a bare WSGI application, guarded. You can also run it under a server:

    gunicorn --chdir examples wsgi_app:application

The guard is outermost. An exception that leaves it reaches the server, whose own 500 has no CORS headers, so a page
could not read it. So `notebook` turns its exceptions into responses, inside the guard.
"""

import json
import os
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from http.cookies import SimpleCookie
from itertools import count
from wsgiref.types import StartResponse, WSGIEnvironment

from corsguard import CORSMiddleware, Policy

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

POLICY = Policy(
    allow_origins=[PAGE_ORIGIN],
    allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type", "X-Request-Id"],
    expose_headers=["X-Word-Count"],
    allow_credentials=True,
)

notes = {"1": "Buy milk"}
numbers = count(2)


def answer(environ: WSGIEnvironment) -> tuple[HTTPStatus, dict[str, str | None], list[tuple[str, str]]]:
    """
    Return status, content and further headers for one request. PATCH is served, but the policy does not list it.
    """
    match environ["REQUEST_METHOD"], environ["PATH_INFO"].split("/")[1:]:
        case "POST", ["notes"]:
            number = str(next(numbers))
            notes[number] = read(environ)["text"]
            return HTTPStatus.CREATED, {"id": number, "text": notes[number]}, []
        case "GET" | "HEAD", ["notes", number] if number in notes:
            return HTTPStatus.OK, {"text": notes[number]}, [("X-Word-Count", str(len(notes[number].split())))]
        case "PUT" | "PATCH", ["notes", number] if number in notes:
            notes[number] = read(environ)["text"]
            return HTTPStatus.OK, {"text": notes[number]}, []
        case "DELETE", ["notes", number] if number in notes:
            del notes[number]
            return HTTPStatus.NO_CONTENT, {}, []
        case "GET", ["echo"]:
            return HTTPStatus.OK, {"text": environ.get("HTTP_X_REQUEST_ID")}, []
        case "POST", ["login"]:
            # Cookies ignore ports, and localhost is one site. A page on another site needs SameSite=None and Secure.
            cookie = f"wsgi_user={read(environ)['user']}; Path=/; HttpOnly; SameSite=Lax"
            return HTTPStatus.OK, {"text": "Welcome"}, [("Set-Cookie", cookie)]
        case "GET", ["me"]:
            user = SimpleCookie(environ.get("HTTP_COOKIE", "")).get("wsgi_user")
            if user is None:
                return HTTPStatus.UNAUTHORIZED, {"text": "Log in first"}, []
            return HTTPStatus.OK, {"text": user.value}, []
        case "GET", ["broken"]:
            raise RuntimeError("broken on purpose, to show that a page can read the 500")
    return HTTPStatus.NOT_FOUND, {"text": "No such page"}, []


def read(environ: WSGIEnvironment) -> dict[str, str]:
    """
    Return the JSON content of the request.
    """
    content: dict[str, str] = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    return content


def notebook(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """
    Serve a notebook: the application, without any code for CORS.
    """
    try:
        status, content, headers = answer(environ)
    except Exception:  # noqa: BLE001 - the one place that answers every error
        traceback.print_exc(file=environ["wsgi.errors"])
        status, content, headers = HTTPStatus.INTERNAL_SERVER_ERROR, {"text": "Something broke"}, []
    headers.append(("X-Served-By", "wsgi"))
    if not content:
        start_response(f"{status} {status.phrase}", headers)
        return []
    body = json.dumps(content).encode()
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {status.phrase}", headers)
    return [body] if environ["REQUEST_METHOD"] != "HEAD" else []


application = CORSMiddleware(notebook, POLICY)

if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", int(os.environ.get("PORT", "8001")), application) as server:
        print(f"http://localhost:{server.server_port}/notes/1", flush=True)
        server.serve_forever()
