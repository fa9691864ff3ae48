"""
Rehearses one request under a policy: the model of a browser in front of the guard, without any network.

The engine says what it grants and why, and the model says what a page gets. This module collects their proposals for
changes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from corsguard.browser import Browser, Exchange, NetworkError, WireRequest
from corsguard.browser.advice import origin_step
from corsguard.browser.evidence import as_shown
from corsguard.browser.handshakes import opening
from corsguard.browser.report import cause
from corsguard.browser.urls import Url, of_handshake
from corsguard.browser.wire import Header
from corsguard.errors import Problem
from corsguard.explanation import Explanation, Step, explain_assignment
from corsguard.fixes import Fix
from corsguard.policies import UNNAMED, Assignment, text_of_path
from corsguard.policy import Policy
from corsguard.protection import is_handshake
from corsguard.validation import DEFAULTS, problems_of

from .guarded import Guarded, Place
from .objects import quiet
from .playing import Fetch

# Placeholders for the page and for the server: a policy does not name the server's own origin.
_PAGE: Final = "https://page.example.com/"
_SERVER: Final = "https://api.example.com"
_OTHER_SERVER: Final = "https://server.example.com"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """
    One exchange of a rehearsal: the engine's explanation, and the assignment *there*, which covered it.
    """

    exchange: Exchange
    explanation: Explanation
    there: Assignment

    @property
    def policy(self) -> Policy | None:
        return self.there.policy if isinstance(self.there.policy, Policy) else None


class Edit(NamedTuple):
    """
    What to change at *place*; *problems* are what Policy would report about the change.
    """

    place: Place
    fix: Fix
    problems: tuple[Problem, ...]

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        return {
            "place": self.place.name,
            "keywords": self.fix.policy,
            "lines": self.fix.written(),
            "problems": [problem.data() for problem in self.problems],
        }


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """
    The result of a request: *error* is None if the page may read the response.

    *guarded_path* is the path in lower case, if only that has a policy. *store* is what is called for the policy of a
    host, if anything is. *around* are the problems that only a framework
    can know, and that keep policies from having an effect. *absent* is the one that says that no policy is used at all.
    """

    asked: Fetch
    heard: tuple[Heard, ...]
    error: NetworkError | None
    edits: tuple[Edit, ...]
    guarded_path: str
    store: str
    around: tuple[Problem, ...]
    absent: Problem | None

    @property
    def server(self) -> str:
        return self.asked.server_origin

    @property
    def verdict(self) -> str:
        asked = self.asked
        if self.error is not None:
            return cause(self.error.failure)
        if asked.is_handshake:
            return f"{asked.url} opens for a page on {asked.page_origin}."
        how = " with credentials" if asked.with_credentials else ""
        told = f"{asked.method} {asked.url} is shared with a page on {asked.page_origin}{how}: it may read the response"
        is_refused = bool(self.heard) and self.heard[-1].explanation.may_act is False
        return f"{told}, but protection refuses to run the request." if is_refused else f"{told}."

    @property
    def fix(self) -> Fix:
        """
        What to change, as the model says.
        """
        return Fix() if self.error is None else self.error.fix

    @property
    def reasons(self) -> tuple[str, ...]:
        """
        Why the policies refuse, in the engine's words, or in the model's if the engine has none.
        """
        if self.absent is not None:
            return (self.absent.message,)
        steps = [step for one in self.heard for step in one.explanation.steps if not _is_granted(step, self.asked)]
        told = [f"{_titled(step)}: {step.reason}" for step in steps]
        verdicts = [one.explanation.verdict for one in self.heard if one.policy is None]
        if self.unguarded:
            told.append(self.unguarded)
        return tuple(dict.fromkeys([*verdicts, *told])) or (self.fix.words,)

    @property
    def unguarded(self) -> str:
        """
        What to write where no policy guards the request, or nothing.
        """
        bare = next((one.there for one in self.heard if one.policy is None), None)
        if bare is None:
            return ""
        path = as_shown(of_handshake(Url.parse(self.asked.url)).href.removeprefix(self.server))
        if self.guarded_path:
            return (
                f"{as_shown(self.guarded_path)} is guarded, and paths are case-sensitive: let the page request that, "
                f"or give {path} a policy, too."
            )
        host = bare.name if self.store else ""
        if bare.policy is None and not bare.is_odd and not host:
            return (
                f"If pages of other origins may read {path}, write a policy in place of None. If not, change nothing."
            )
        if bare is UNNAMED and not self.store:
            named = as_shown(Url.parse(self.asked.url).host)
            return f'Give the host a policy: under hosts, with the key "{named}", or with @cors on its views.'
        where = f"let {self.store} return one for {host}" if host else "under paths or hosts"
        return f"Give {path} a policy: {where}, or with @cors on its view."

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data, with only the names of request headers.
        """
        asked, error = self.asked, self.error
        return {
            "origin": asked.page_origin,
            "method": asked.method,
            "url": asked.url,
            "headers": [name for name, _ in asked.headers],
            "credentials": asked.with_credentials,
            "shared": error is None,
            "verdict": self.verdict,
            "reason": None if error is None else error.reason,
            "reasons": [] if error is None else [*self.reasons],
            "changes": [] if error is None else [edit.data() for edit in self.edits],
            "page": [*self.fix.page],
            "console": None if error is None else {"chromium": error.chromium, "firefox": error.firefox},
            "notes": [] if error is None else [*error.notes],
            "exchanges": [
                {"preflight": one.exchange.is_preflight, "guarded": one.policy is not None, **asdict(one.explanation)}
                for one in self.heard
            ],
        }


def staged(  # noqa: PLR0913 - what a request is made of
    origin: str,
    path: str,
    method: str = "GET",
    headers: Sequence[Header] = (),
    *,
    with_credentials: bool = False,
    host: str | None = None,
) -> Fetch:
    """
    Return a fetch of *path* on *host* (default: a server that no policy names) by a page on *origin*.
    """
    server = (_OTHER_SERVER if origin == _SERVER else _SERVER) if host is None else f"https://{host}"
    return Fetch(
        page=_PAGE,
        origin=origin,
        url=f"{server}{path}",
        method=method,
        headers=tuple(headers),
        credentials="include" if with_credentials else "same-origin",
    )


def staged_handshake(origin: str, url: str) -> Fetch:
    """
    Return a handshake with *url* by a page on *origin*. A policy always allows pages of the server's own origin. Mixed
    content is not checked.
    """
    page = _PAGE if Url.parse(url).scheme == "wss" else _PAGE.replace("https:", "http:", 1)
    return Fetch(page=page, origin=origin, url=url, credentials="include")


def _titled(step: Step) -> str:
    return step.name if step.name == "credentials" else f"{step.name} {step.asked}"


class _Server:
    """
    A resource behind a guard: it answers a browser, and records the engine's explanation of each request.
    """

    def __init__(self, guarded: Guarded, resource: "_Resource") -> None:
        self._guarded = guarded
        self._resource = resource
        self.told: list[tuple[Explanation, Assignment]] = []
        self.guarded_path = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        there = self._guarded.find(environ)
        path = text_of_path(environ["PATH_INFO"])
        if not isinstance(there.policy, Policy) and (lower := path.lower()) != path:
            again = self._guarded.find({**environ, "PATH_INFO": lower.encode().decode("latin-1")})
            self.guarded_path = lower if isinstance(again.policy, Policy) else ""
        # This asks the origin source, also one that has to be awaited, so the guard does not have to ask it again.
        told = explain_assignment(there, environ, self._guarded.protection)
        self.told.append((told, there))
        status, lines = (told.status, ()) if told.status is not None else self._resource(environ)
        start_response(f"{status} Rehearsed", [*lines, *told.headers])
        return [b""]


# The type of a resource: it answers an allowed request with a status and headers.
_Resource = Callable[[WSGIEnvironment], tuple[int, Sequence[Header]]]


def _resource(environ: WSGIEnvironment) -> tuple[int, Sequence[Header]]:
    if is_handshake(environ):
        key = ("Sec-WebSocket-Key", environ["HTTP_SEC_WEBSOCKET_KEY"])
        return 101, opening(WireRequest("GET", "", (key,))).headers
    return 200, [("Content-Type", "text/plain")]


def rehearse(guarded: Guarded, asked: Fetch, resource: _Resource = _resource) -> Rehearsal:
    """
    Let a browser send the fetch *asked* to a *resource* behind the guard.

    Raises TypeError or ValueError if *asked* does not describe a request.
    """
    server, error = _Server(guarded, resource), None
    page = Browser(server).open(asked.page, origin=asked.origin)
    with quiet():
        try:
            asked.on(page)
        except NetworkError as refused:
            error = refused
    heard = tuple(
        Heard(exchange=exchange, explanation=explanation, there=there)
        for exchange, (explanation, there) in zip(page.network, server.told, strict=False)
    )
    edits = () if error is None else tuple(_edits(guarded, asked, heard, error.fix))
    return Rehearsal(
        asked=asked,
        heard=heard,
        error=error,
        edits=edits,
        guarded_path=server.guarded_path,
        store=guarded.store,
        around=guarded.around,
        absent=guarded.absent,
    )


def _edits(guarded: Guarded, asked: Fetch, heard: Iterable[Heard], fix: Fix) -> Iterable[Edit]:
    """
    Yield the edits that grant everything that was refused, one for each place.
    """
    by_policy: dict[Policy, dict[str, Any]] = {}
    standing = {one.policy: one.there for one in heard}
    for one in heard:
        if one.policy is not None:
            _gather(by_policy.setdefault(one.policy, {}), one.explanation, asked)
    if by_policy and not any(by_policy.values()):
        last = [*by_policy][-1]
        by_policy[last] = fix.policy or _over_https(last, asked.page_origin)
    for policy, keywords in by_policy.items():
        problems = _improved(policy, keywords, fix)
        places: dict[Place, dict[str, Any]] = {}
        for keyword, value in keywords.items():
            places.setdefault(guarded.place_of(standing[policy], keyword), {})[keyword] = value
        for place, there in places.items():
            tables = {} if place.form == "toml" else dict.fromkeys(there, place.table)
            yield Edit(place, Fix(policy=there, form=place.form, tables=tables), problems)


def _over_https(policy: Policy, origin: str) -> dict[str, Any]:
    """
    Return the list of *policy* with *origin* over https, if it refuses a page on http for that reason alone.
    """
    secure, listed = origin.replace("http://", "https://", 1), _listed(policy)
    if secure == origin or not listed or origin_step(listed, secure).passed:
        return {}
    return {"allow_origins": [*listed, secure]}


def _gather(keywords: dict[str, Any], explanation: Explanation, asked: Fetch) -> None:
    written = {name.lower(): name for name, _ in asked.headers}
    for step in explanation.steps:
        if _is_granted(step, asked):
            continue
        for keyword, value in step.fix.policy.items():
            said = keywords.get(keyword, [])
            # The fix of each header adds only that header to the list; together they add all of them, as the page
            # writes them.
            added = [*said, *(written.get(item, item) for item in value)] if isinstance(value, list) else []
            keywords[keyword] = [*dict.fromkeys(added)] or value


def _is_granted(step: Step, asked: Fetch) -> bool:
    return step.passed or (step.name == "credentials" and not asked.with_credentials)


def _improved(policy: Policy, keywords: dict[str, Any], fix: Fix) -> tuple[Problem, ...]:
    """
    Improve *keywords* by the problems that Policy finds in them, and return the remaining problems.
    """
    problems = _problems(policy, keywords)
    if problems:
        # The model's proposal for this request, added to the entries that may stay.
        refused = {problem.value for problem in problems}
        kept = [origin for origin in _listed(policy) if origin not in refused]
        keywords |= fix.policy
        if isinstance(keywords.get("allow_origins"), list):
            keywords["allow_origins"] = [*dict.fromkeys([*kept, *keywords["allow_origins"]])]
        problems = _problems(policy, keywords)
    for problem in problems:
        keywords |= problem.fix.policy
    return _problems(policy, keywords)


def _listed(policy: Policy) -> tuple[str, ...]:
    return policy.allow_origins if isinstance(policy.allow_origins, tuple) else ()


def _problems(policy: Policy, keywords: Mapping[str, Any]) -> tuple[Problem, ...]:
    return problems_of({**{name: getattr(policy, name) for name in DEFAULTS}, **keywords})
