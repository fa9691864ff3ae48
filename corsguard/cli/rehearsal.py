"""
One request under a policy, rehearsed: the model of a browser in front of the guard, and nothing on any network.

The engine says what it grants and why, the model what a page gets; what is to be changed is what they say, gathered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from corsguard.browser import Browser, Exchange, NetworkError
from corsguard.browser.evidence import as_shown
from corsguard.browser.report import cause
from corsguard.errors import Problem
from corsguard.explanation import Explanation, Step, explain_assignment
from corsguard.fixes import Fix
from corsguard.policy import Policy
from corsguard.validation import DEFAULTS, problems_of
from corsguard.wsgi import CORSMiddleware

from .loading import NO_MIDDLEWARE, Guard, Place, quiet

# The hundreds of the codes that only a framework's own checks have.
_AROUND: Final = "9"

# Stands for the server, whose own origin no policy says.
_SERVER: Final = "https://api.example.com"
_OTHER_SERVER: Final = "https://server.example.com"
_SAFE_VALUES: Final = {"content-type": "application/json"}


class Asked(NamedTuple):
    """
    What a page asks: *headers* as the page sets them.
    """

    origin: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    with_credentials: bool

    @property
    def server(self) -> str:
        return _OTHER_SERVER if self.origin == _SERVER else _SERVER

    @property
    def url(self) -> str:
        return f"{self.server}{self.path}"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """
    One exchange of a rehearsal: what the engine says of it, and the *policy* that it fell under.
    """

    exchange: Exchange
    explanation: Explanation
    policy: Policy | None


class Change(NamedTuple):
    """
    What to change at *place*; *problems* are what Policy would say to that.
    """

    place: Place
    fix: Fix
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """
    What became of a request: *error* is None if the page may read the response.

    *around* is what keeps any policy from having its effect, as only a framework knows.
    """

    asked: Asked
    heard: tuple[Heard, ...]
    error: NetworkError | None
    changes: tuple[Change, ...]
    around: tuple[Problem, ...]

    @property
    def verdict(self) -> str:
        asked = self.asked
        if self.error is not None:
            return cause(self.error.failure)
        how = " with credentials" if asked.with_credentials else ""
        return f"{asked.method} {asked.url} is shared with a page on {asked.origin}{how}: it may read the response."

    @property
    def fix(self) -> Fix:
        """
        What the model says is to be changed.
        """
        return Fix() if self.error is None else self.error.fix

    @property
    def is_absent(self) -> bool:
        """
        Whether what guards is not there at all, so that no policy is asked.
        """
        return any(problem.code == NO_MIDDLEWARE for problem in self.around)

    @property
    def reasons(self) -> tuple[str, ...]:
        """
        Why the policies refuse, in the engine's words; in the model's if the engine has none.
        """
        if self.is_absent:
            return tuple(problem.message for problem in self.around if problem.code == NO_MIDDLEWARE)
        steps = [step for one in self.heard for step in one.explanation.steps if not _is_granted(step, self.asked)]
        told = [f"{_titled(step)}: {step.reason}" for step in steps]
        unguarded = [one.explanation.verdict for one in self.heard if one.policy is None]
        if unguarded:
            told.append(f"Give {as_shown(self.asked.path)} a policy: under paths, or with @cors on its view.")
        return tuple(dict.fromkeys([*unguarded, *told])) or (self.fix.words,)


def _titled(step: Step) -> str:
    return step.name if step.name == "credentials" else f"{step.name} {step.asked}"


class _Server:
    """
    A resource behind a guard: it answers a browser, and keeps what the engine says of each request.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.told: list[tuple[Explanation, Policy | None]] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        there = self._guard.find(environ)
        policy = there.policy if isinstance(there.policy, Policy) else None
        self.told.append((explain_assignment(there, environ), policy))
        return CORSMiddleware(_resource, policy)(environ, start_response)


def _resource(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]


def header_of(text: str) -> tuple[str, str]:
    """
    Return the name and the value that `--header` gives: a name alone has a value that needs a preflight.
    """
    name, _, value = text.partition(":")
    return name.strip(), value.strip() or _SAFE_VALUES.get(name.strip().lower(), "1")


def rehearse(guard: Guard, asked: Asked) -> Rehearsal:
    """
    Let a browser ask what *asked* says of a resource behind *guard*.

    Raises ValueError if it is no request at all.
    """
    server, error = _Server(guard), None
    page = Browser(server).open("https://page.example.com/", origin=asked.origin)
    with quiet():
        try:
            page.fetch(
                asked.url,
                method=asked.method,
                headers=asked.headers,
                credentials="include" if asked.with_credentials else "same-origin",
            )
        except NetworkError as refused:
            error = refused
    heard = tuple(
        Heard(exchange=exchange, explanation=explanation, policy=policy)
        for exchange, (explanation, policy) in zip(page.network, server.told, strict=False)
    )
    changes = () if error is None else tuple(_changes(guard, asked, heard, error.fix))
    around = tuple(problem for problem in guard.problems if problem.code[1] == _AROUND)
    return Rehearsal(asked=asked, heard=heard, error=error, changes=changes, around=around)


def _changes(guard: Guard, asked: Asked, heard: Iterable[Heard], fix: Fix) -> Iterable[Change]:
    """
    Yield what grants all that was refused, for each place where it is said.
    """
    by_policy: dict[Policy, dict[str, Any]] = {}
    for one in heard:
        if one.policy is not None:
            _gather(by_policy.setdefault(one.policy, {}), one.explanation, asked)
    if by_policy and not any(by_policy.values()):
        by_policy[[*by_policy][-1]] = fix.policy
    for policy, keywords in by_policy.items():
        problems = _mend(policy, keywords, fix)
        places: dict[Place, dict[str, Any]] = {}
        for keyword, value in keywords.items():
            places.setdefault(guard.place_of(policy, keyword), {})[keyword] = value
        for place, there in places.items():
            yield Change(place, Fix(policy=there, form=place.form), problems)


def _gather(keywords: dict[str, Any], explanation: Explanation, asked: Asked) -> None:
    written = {name.lower(): name for name, _ in asked.headers}
    for step in explanation.steps:
        if _is_granted(step, asked):
            continue
        for keyword, value in step.fix.policy.items():
            said = keywords.get(keyword, [])
            # Each header's fix adds that header to what is listed; together they add them all, as the page writes them.
            added = [*said, *(written.get(item, item) for item in value)] if isinstance(value, list) else []
            keywords[keyword] = [*dict.fromkeys(added)] or value


def _is_granted(step: Step, asked: Asked) -> bool:
    return step.passed or (step.name == "credentials" and not asked.with_credentials)


def _mend(policy: Policy, keywords: dict[str, Any], fix: Fix) -> tuple[Problem, ...]:
    """
    Heed in *keywords* what Policy has against them, and return what it still has.
    """
    problems = _problems(policy, keywords)
    if problems:
        # What the model says of the one request, beside what may stay.
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
