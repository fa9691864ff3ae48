"""
The desk: the page to write a policy and a request, and the calls of this page.

Nobody else may make these calls: each address has a token, our own guard shares nothing, and our own protection refuses
the requests of other origins.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from corsguard import CORSMiddleware, CrossOriginProtection
from corsguard.browser.drawing import STYLE
from corsguard.browser.wire import Header
from corsguard.diagnosis import LoadError
from corsguard.diagnosis.agreement import Got, disagreements
from corsguard.diagnosis.guarded import guarded_in
from corsguard.diagnosis.playing import Fetch
from corsguard.errors import PolicyError
from corsguard.names import EXAMPLE_ORIGIN

from .applications import Applications
from .examples import READY, SAMPLES, Sample
from .forms import asked_of
from .grounds import Grounds, NotHere, headers_of, shipped
from .running import Run
from .showing import NAME, compared, judged, played

# The files that anybody may load, by the first segment of their path: they open the desk for a browser that has the
# token.
_OUTSIDE: Final = {"": "door.html", "door.js": "door.js"}
_FILES: Final = frozenset({"applications.css", "applications.js", "page.css", "page.js", "parts.js"})
# How many characters of a browser's own name are shown.
_LONGEST_NAME: Final = 300
_NOT_FOUND: Final = (
    "There is nothing here. The address with the token is in the terminal where the playground was started.\n"
)
# Frames are the pages that send requests; their own policy restricts who may frame them.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-src http://localhost:* http://*.localhost:* http://127.0.0.1:*; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_GUARDING: Final = (
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


class _NotSaid(Exception):
    """
    The input of the page cannot be used; the text says why.
    """


class Desk:
    """
    The WSGI application of the desk, which opens at *token* on *origin*, for *grounds*; it begins with the policy
    *own*.

    A second view shows *applications*, if there are any.
    """

    def __init__(
        self,
        token: str,
        grounds: Grounds,
        origin: str,
        own: Sample | None = None,
        applications: Applications | None = None,
    ) -> None:
        self._token = token
        self._grounds = grounds
        self._origin = origin
        self._applications = applications
        self._samples = (*([] if own is None else [own]), *SAMPLES)
        self._calls: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "start": self._start,
            "compare": self._compare,
            "judge": lambda said: judged(_text(said, "policy"), said.get("environment") or None),
            "run": self._run,
            "again": self._again,
            "seen": self._seen,
        }

    def guarded(self) -> WSGIApplication:
        """
        Return the application behind our own guard, which does not share anything with other origins.
        """
        return CORSMiddleware(self, {"/": None}, protection=CrossOriginProtection(methods="all"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if f"http://{environ['HTTP_HOST']}" != self._origin:
            # The frames accept this page under one name only.
            told = f"The playground is at {self._origin}, at the address in the terminal.\n"
            return _answer(start_response, 421, [("Content-Type", "text/plain")], told.encode())
        first, slash, name = environ["PATH_INFO"].removeprefix("/").partition("/")
        method = environ["REQUEST_METHOD"]
        if method == "GET" and not slash and first in _OUTSIDE:
            return _file(start_response, _OUTSIDE[first])
        is_known = secrets.compare_digest(first.encode("latin-1"), self._token.encode())
        if is_known and slash and method == "GET":
            if not name:
                return _file(start_response, "page.html")
            if name == "applications" and self._applications is not None:
                return _file(start_response, "applications.html")
            if name == "diagram.css":
                return _answer(start_response, 200, headers_of(name), STYLE.encode())
            if name in _FILES:
                return _file(start_response, name)
        if is_known and method == "POST" and name in self._calls:
            return self._call(name, environ, start_response)
        return _answer(start_response, 404, [("Content-Type", "text/plain")], _NOT_FOUND.encode())

    def _call(self, name: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status = 200
        try:
            said = json.loads(cast("BytesIO", environ["wsgi.input"]).read())
            if not isinstance(said, dict):
                raise _NotSaid("Expected an object of JSON.")  # noqa: TRY301 - the answer is the same
            answer = self._calls[name](said)
        except (_NotSaid, LoadError, ValueError, TypeError, RecursionError) as error:
            # A PolicyError is a ValueError; the page shows its problems next to the lines.
            status, answer = 400, {"error": str(error)}
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        return _answer(start_response, status, headers, json.dumps(answer).encode())

    def _start(self, _: Mapping[str, Any]) -> dict[str, Any]:
        pages = self._grounds.pages
        return {
            "server": self._grounds.server,
            "compares": self._applications is not None,
            "pages": [
                *(
                    f"http://{host}:{pages}"
                    for host in ("localhost", "127.0.0.1", "app.localhost", "acme.tenants.localhost")
                ),
                "null",
                EXAMPLE_ORIGIN,
                "capacitor://localhost",
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            ],
            "samples": [sample.data(pages) for sample in self._samples],
            "ready": [ready.data() for ready in READY],
        }

    def _compare(self, _: Mapping[str, Any]) -> dict[str, Any]:
        there = self._applications
        if there is None:
            raise _NotSaid("There are no applications here.")
        stranger = there.page.replace("localhost", "127.0.0.1")
        frames = {"page": there.page, "stranger": stranger, "sandbox": there.page}
        return {
            **asdict(there),
            "stranger": stranger,
            "frames": {who: self._grounds.serve(at) for who, at in frames.items()},
        }

    def _run(self, said: Mapping[str, Any]) -> dict[str, Any]:
        text, request = _text(said, "policy"), said.get("request")
        if not isinstance(request, dict):
            raise _NotSaid("Expected the fields of a request.")
        try:
            guarded = guarded_in(text, NAME, said.get("environment") or None)
        except PolicyError as error:
            why = error.problems[0].message
            raise _NotSaid(f"The policy is refused, so nothing was sent. {why} Fix the marked lines.") from None
        asked = asked_of(request, server=self._grounds.server, sandbox=self._grounds.page)
        run = self._grounds.runs.begin(guarded, asked, self._origin, text)
        frame, why = "", ""
        try:
            frame = self._grounds.frame_for(run.asked)
        except NotHere as error:
            why = str(error)
        return {
            **played(run, text),
            "frame": frame,
            "why": why,
            "send": _sent(run, request),
            "is_sandboxed": bool(asked.origin),
        }

    def _again(self, said: Mapping[str, Any]) -> dict[str, Any]:
        run = self._found(said)
        run.play()
        return played(run, run.text)

    def _seen(self, said: Mapping[str, Any]) -> dict[str, Any]:
        run = self._found(said)
        got, take = _got(said.get("got")), run.take
        exchanges = run.taken()
        browser = _text(said, "browser")[:_LONGEST_NAME]
        is_firefox = "Firefox/" in browser
        expected = Got.of_model(take.outcome)
        found = [*disagreements(run.asked, got, exchanges, expected, take.exchanges, is_firefox=is_firefox)]
        names = {"browser": browser, "policy": run.text}
        return compared(run, got, exchanges, found, names)

    def _found(self, said: Mapping[str, Any]) -> Run:
        run = self._grounds.runs.find(said.get("run"))
        if run is None:
            raise _NotSaid("This run is over. Press Run again.")
        return run


def _sent(run: Run, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the request that the frame sends, as arguments of JavaScript; the request that gives it a cookie comes first.
    """
    asked: Fetch = run.asked
    return {
        "session": run.session,
        "call": request["call"],
        "url": asked.url,
        "method": asked.method,
        "headers": [[*header] for header in asked.headers if not _is_of_form(header)],
        "kind": request["kind"],
        "body": request.get("body", ""),
        "credentials": asked.credentials,
        "redirect": asked.redirect,
    }


def _is_of_form(header: Header) -> bool:
    """
    Whether the browser itself sets this header of a form.
    """
    return header[1].startswith("multipart/form-data; boundary=")


def _got(said: object) -> Got:
    match said:
        case {"what": "error" | "open" as what}:
            return Got(what)
        case {"what": "response", "status": int(status), "type": str(kind), "headers": list(headers)}:
            pairs = tuple(sorted((str(name).lower(), str(value)) for name, value in headers))
            return Got("response", status, kind, pairs)
        case _:
            raise _NotSaid("Expected what the page got.")


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise _NotSaid(f"{name}: expected text, got {value!r}.")
    return value


def _file(start_response: StartResponse, name: str) -> Iterable[bytes]:
    return _answer(start_response, 200, headers_of(name), shipped(name))


def _answer(start_response: StartResponse, status: int, headers: list[Header], body: bytes) -> Iterable[bytes]:
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, *_GUARDING])
    return [body]
