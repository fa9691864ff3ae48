"""
What a resource shares, and with whom.

A Policy that exists is sound: everything dysfunctional or dangerous is refused when it is built, all problems at once,
and all that can be said before a request is seen (its Answers) is prepared here. Nothing in this room sees a request.
"""

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, cast

from .errors import PolicyError, Problem, kind_of, quoted
from .names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    BODY_METHODS,
    EXPOSE_HEADERS,
    FORBIDDEN_METHODS,
    FORBIDDEN_RESPONSE_HEADERS,
    MAX_AGE,
    NON_WILDCARD_REQUEST_HEADER,
    OWNED_PREFIX,
    SAFELISTED_METHODS,
    UPPER_CASE_METHODS,
    is_forbidden_request_header,
    is_token,
)
from .origin import OriginIndex, OriginPattern
from .suffixes import open_suffix

Header = tuple[str, str]

# Chromium honours 7200 seconds at most, Firefox 86400, Safari 600.
_LONGEST_USEFUL_MAX_AGE: Final = 7200
_LONGEST_MAX_AGE: Final = 86400
_DEFAULT_METHODS: Final = ("GET", "HEAD", "POST")
_NULL: Final = "null"
_STAND_IN: Final = "https://app.example.com"

ORIGIN: Final = "Origin"
PREFLIGHT_VARY: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class RequestKind(Enum):
    """
    What a request is to CORS (Fetch, "HTTP requests").
    """

    NOT_CORS = "not-cors"
    CORS = "cors"
    PREFLIGHT = "preflight"


class Refusal(Enum):
    """
    Why a request was refused. A refused method or header is for the browser to find, which then names it.
    """

    ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What to answer one request.

    A preflight is answered with *status*, *headers*, *vary* and *body* and never reaches the application. For any
    other request *status* is None: the application runs, the `Access-Control-*` headers of its response are replaced
    by *headers*, and *vary*, if not empty, is merged into its `Vary`. *lines* are the two together, for a response
    that has neither. *error* is what an origin source raised; it counted as no.
    """

    kind: RequestKind
    status: Literal[200, 204, 403] | None
    headers: tuple[Header, ...]
    vary: str
    refusal: Refusal | None = None
    body: bytes = b""
    error: Exception | None = None
    lines: tuple[Header, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", (*self.headers, ("Vary", self.vary)) if self.vary else self.headers)


class OriginSource(Protocol):
    """
    An object that is asked, at request time, whether the policy shares with an origin.

    It is not iterable, and is called as `source.__contains__(origin)` with serialized origins only. Nothing but True
    grants, and whatever it raises counts as no.
    """

    def __contains__(self, origin: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """
    All that a policy can say before it sees a request.

    A `"*"` policy has constant decisions, for a response and for a preflight. Any other has the exact origins, the
    wildcards and the source to ask, in this order, and the headers that follow an echoed origin. *granted* remembers
    the decisions for origins that the patterns cover; it is bounded, and no origin that is refused gets in.
    """

    not_cors: Decision
    constant: tuple[Decision, Decision] | None
    granted: dict[str, tuple[Decision, Decision]]
    exact: frozenset[str]
    wildcards: OriginIndex | None
    source: OriginSource | None
    source_is_asked_about_http: bool
    after_origin: tuple[Header, ...]
    after_origin_on_preflight: tuple[Header, ...]
    preflight_status: Literal[200, 204]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """
    What a resource shares, and with whom. Immutable, and safe to share between threads.

    The keywords are the response headers of Fetch's CORS protocol without `Access-Control-`:

    *allow_origins*: `"*"`, a list, tuple, set or frozenset of origin patterns, or an OriginSource.
    *allow_methods*: method names, compared case by case, or `"*"`.
    *allow_headers*: request headers beyond the safelist, or `"*"`; `["*", "Authorization"]` covers all.
    *expose_headers*: response headers that scripts may read beyond the safelist, or `"*"`.
    *allow_credentials*: whether cookies and HTTP authentication may be used; never together with a `"*"`.
    *max_age*: seconds (or timedelta) for which a browser may keep a preflight's answer; 0 for none, None to say nothing.
    *preflight_status*: 204, or 200 for clients that stumble over 204.
    *allow_unsafe_origins*: a mapping from origin pattern to the reason why this one danger is accepted.

    Raises PolicyError with every problem at once. *warnings* are what is legal but smells; *asks* tells that an origin
    source is asked at request time and may block.
    """

    allow_origins: Literal["*"] | Collection[str] | OriginSource = field(default=(), hash=False)
    allow_methods: Literal["*"] | Collection[str] = _DEFAULT_METHODS
    allow_headers: Literal["*"] | Collection[str] = ()
    expose_headers: Literal["*"] | Collection[str] = ()
    allow_credentials: bool = False
    max_age: int | timedelta | None = _LONGEST_USEFUL_MAX_AGE
    preflight_status: Literal[200, 204] = 204
    allow_unsafe_origins: Mapping[str, str] = field(default_factory=dict, hash=False)
    warnings: tuple[Problem, ...] = field(init=False, repr=False, compare=False)
    asks: bool = field(init=False, repr=False, compare=False)
    answers: Answers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        warnings: list[Problem] = []
        values = _Values(problems, warnings)
        # The instance is frozen for everyone else; this is the one place that fills it.
        vars(self).update(values.read(self))
        if problems:
            raise PolicyError(problems)
        answers = _answers(self, values.patterns)
        vars(self).update(warnings=tuple(warnings), asks=answers.source is not None, answers=answers)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Policy":
        """
        Return the policy whose keywords are the keys of *mapping*, as a configuration file has them.

        Raises PolicyError with every problem at once, unknown keys included.
        """
        keywords: dict[str, Any] = {}
        unknown: list[Problem] = []
        for key, value in mapping.items():
            near = key if key in _KEYWORDS else _nearest_keyword(key)
            if near != key:
                unknown.append(Problem.of("E106", str(key), key, meant=near or f"one of {', '.join(_KEYWORDS)}"))
            if near is not None:
                keywords.setdefault(near, value)
        try:
            policy = cls(**keywords)
        except PolicyError as error:
            raise PolicyError([*unknown, *error.problems]) from None
        if unknown:
            raise PolicyError(unknown)
        return policy

    def __reduce__(self) -> tuple[Any, ...]:
        keywords = {name: getattr(self, name) for name in _KEYWORDS}
        return Policy.from_mapping, ({**keywords, "allow_unsafe_origins": dict(self.allow_unsafe_origins)},)


_KEYWORDS: Final = tuple(keyword.name for keyword in fields(Policy) if keyword.init)


def _nearest_keyword(key: object) -> str | None:
    return next(iter(get_close_matches(str(key), _KEYWORDS, n=1)), None)


class _Values:
    """
    One reading of a policy's keywords: what they say, in one shape, and everything wrong with them.
    """

    def __init__(self, problems: list[Problem], warnings: list[Problem]) -> None:
        self.problems = problems
        self.warnings = warnings
        # Everything listed that parsed, the unsafe origins included, but for `null`.
        self.patterns: dict[str, OriginPattern] = {}

    def refuse(self, code: str, name: str, value: object, **details: object) -> None:
        self.problems.append(Problem.of(code, name, value, **details))

    def warn(self, code: str, name: str, value: object, **details: object) -> None:
        self.warnings.append(Problem.of(code, name, value, **details))

    def read(self, policy: Policy) -> dict[str, object]:
        """
        Return the keywords of *policy* in the shape in which it keeps them.
        """
        self.credentials = policy.allow_credentials is True
        origins = self.origins(policy.allow_origins)
        unsafe = self.unsafe_origins(policy.allow_unsafe_origins, origins)
        if origins == () and not policy.allow_unsafe_origins and not self.problems:
            self.refuse("E101", "allow_origins", [])
        if not self.problems:
            self.look_at_origins(origins)
        methods = self.methods(policy.allow_methods)
        headers = self.request_headers(policy.allow_headers)
        self.look_at_bodies(methods, headers)
        if not isinstance(cast(object, policy.allow_credentials), bool):
            meant = str(policy.allow_credentials).strip().lower() in {"true", "1", "yes", "on"}
            self.refuse("E701", "allow_credentials", policy.allow_credentials, meant=meant)
        if not isinstance(cast(object, policy.preflight_status), int) or policy.preflight_status not in (200, 204):
            self.refuse("E704", "preflight_status", policy.preflight_status)
        return {
            "allow_origins": origins,
            "allow_methods": methods,
            "allow_headers": headers,
            "expose_headers": self.exposed_headers(policy.expose_headers),
            "max_age": self.max_age(policy.max_age),
            "allow_unsafe_origins": MappingProxyType(unsafe),
        }

    def names(self, name: str, value: object, stand_in: str) -> Literal["*"] | tuple[str, ...]:
        """
        Return *value* as `"*"` or a tuple of strings, in a stable order and without duplicates.
        """
        if value == "*" and isinstance(value, str):
            if self.credentials:
                self.refuse("E301", name, value, meant=quoted([stand_in]))
            return "*"
        if isinstance(value, str):
            parts = [part for part in re.split(r"[\s,;]+", value) if part]
            self.refuse("E102", name, value, meant=quoted(parts or [stand_in]))
            return ()
        if not isinstance(value, list | tuple | set | frozenset):
            countable = isinstance(value, Iterable) and not isinstance(value, bytes | bytearray)
            meant = "list(...)" if countable else quoted([stand_in])
            self.refuse("E103", name, value, kind=kind_of(value), meant=meant)
            return ()
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        for item in items:
            if not isinstance(item, str):
                self.refuse("E104", name, item, kind=kind_of(item), meant=self.instead_of(item, stand_in))
        return tuple(dict.fromkeys(item for item in items if isinstance(item, str)))

    @staticmethod
    def instead_of(item: object, stand_in: str) -> str:
        if isinstance(item, re.Pattern) and isinstance(item.pattern, str):
            try:
                return quoted(str(OriginPattern.parse(item.pattern)))
            except PolicyError as error:
                return error.problems[0].fix
        return quoted(stand_in)

    # Origins

    def origins(self, value: object) -> Literal["*"] | tuple[str, ...] | OriginSource:
        if isinstance(value, type) and hasattr(value, "__contains__") and not isinstance(value, str):
            self.refuse("E321", "allow_origins", value, meant=f"{value.__name__}()")
            return ()
        if _is_source(value):
            if _is_asynchronous(type(value).__contains__):
                self.refuse("E322", "allow_origins", value)
            return cast(OriginSource, value)
        names = self.names("allow_origins", value, _STAND_IN)
        if names == "*":
            return "*"
        if "*" in names:
            others = [name for name in names if name != "*"]
            self.refuse("E105", "allow_origins", "*", meant=quoted(others) if others and self.credentials else '"*"')
        for text in names:
            if text != "*" and (pattern := self.pattern("allow_origins", text)) is not None:
                self.refuse_danger(text, pattern)
        return names

    def pattern(self, name: str, text: str) -> OriginPattern | None:
        try:
            pattern = OriginPattern.parse(text)
        except PolicyError as error:
            self.problems.extend(Problem(p.code, name, p.value, p.message, p.fix) for p in error.problems)
            return None
        self.patterns[text] = pattern
        return pattern

    def refuse_danger(self, text: str, pattern: OriginPattern) -> None:
        if not self.credentials:
            return
        if _is_insecure(pattern):
            self.refuse("E302", "allow_origins", text, meant=quoted(text.replace("http:", "https:", 1)))
        elif (suffix := _open_suffix(pattern)) is not None:
            self.refuse("E303", "allow_origins", text, suffix=suffix, meant=quoted(_literal(pattern)))

    def unsafe_origins(self, value: object, origins: object) -> dict[str, str]:
        if not isinstance(value, Mapping):
            first = next(iter(value), None) if isinstance(value, list | tuple | set | frozenset) else value
            example = {
                first if isinstance(first, str) else "http://kiosk.corp.example": "who needs this, and until when"
            }
            meant = "{" + ", ".join(f"{quoted(k)}: {quoted(v)}" for k, v in example.items()) + "}"
            self.refuse("E311", "allow_unsafe_origins", value, kind=kind_of(value), meant=meant)
            return {}
        if value and origins == "*":
            self.refuse("E314", "allow_unsafe_origins", dict(value))
        for text, reason in value.items():
            if not isinstance(text, str):
                self.refuse(
                    "E104", "allow_unsafe_origins", text, kind=kind_of(text), meant='"http://kiosk.corp.example"'
                )
                continue
            if not isinstance(reason, str) or not reason.strip():
                self.refuse("E312", "allow_unsafe_origins", text)
            if text == _NULL:
                if self.credentials:
                    self.refuse("E315", "allow_unsafe_origins", text)
            elif (pattern := self.pattern("allow_unsafe_origins", text)) is not None:
                self.judge_unsafe(text, pattern)
        return dict(value)

    def judge_unsafe(self, text: str, pattern: OriginPattern) -> None:
        if not (_is_insecure(pattern) or _open_suffix(pattern) is not None):
            self.refuse(
                "E313", "allow_unsafe_origins", text, meant=f"allow_origins={quoted([text])}, allow_unsafe_origins={{}}"
            )
        elif not self.credentials:
            # A warning only, so that one environment may switch credentials off.
            self.warn(
                "W106", "allow_unsafe_origins", text, meant=f"allow_origins={quoted([text])}, allow_unsafe_origins={{}}"
            )

    def look_at_origins(self, origins: object) -> None:
        if not isinstance(origins, tuple):
            return
        listed = {text: self.patterns[text] for text in origins}
        for text, pattern in listed.items():
            if self.credentials and "*" in pattern.host:
                self.warn("W101", "allow_origins", text, meant=quoted(_literal(pattern)))
            if self.credentials and pattern.port == "*":
                self.warn("W102", "allow_origins", text, meant=quoted(text.removesuffix(":*")))
            if not self.credentials and _is_insecure(pattern):
                self.warn("W103", "allow_origins", text, meant=quoted(text.replace("http:", "https:", 1)))
            if not self.credentials and (suffix := _open_suffix(pattern)) is not None:
                self.warn("W107", "allow_origins", text, suffix=suffix, meant=quoted(_literal(pattern)))
            if pattern.host.endswith("."):
                undotted = OriginPattern(pattern.scheme, pattern.host.removesuffix("."), pattern.port)
                self.warn("W108", "allow_origins", text, meant=quoted(str(undotted)))
        production = [text for text, pattern in listed.items() if not _is_development(pattern)]
        if production:
            for text in listed:
                if text not in set(production):
                    self.warn("W104", "allow_origins", text, meant=quoted(production))
        self.look_for_covered(listed)

    def look_for_covered(self, listed: dict[str, OriginPattern]) -> None:
        wildcards = [pattern for pattern in listed.values() if not pattern.is_exact]
        index = OriginIndex(wildcards)
        for text, pattern in listed.items() if wildcards else ():
            first, second = pattern.samples()
            others = set(index.patterns_for(first)) & set(index.patterns_for(second)) - {text}
            if others:
                self.warn("W105", "allow_origins", text, other=quoted(min(others)))

    # Names

    def methods(self, value: object) -> Literal["*"] | tuple[str, ...]:
        methods = self.names("allow_methods", value, "PUT")
        if methods == "*":
            return "*"
        self.refuse_star("allow_methods", methods, "PUT")
        for method in methods:
            if not is_token(method):
                self.refuse_token("E401", "allow_methods", method, methods, "PUT")
            elif method.upper() in FORBIDDEN_METHODS:
                self.refuse("E402", "allow_methods", method, meant=_without(methods, method, "PUT"))
            elif method != method.upper() and method.upper() in UPPER_CASE_METHODS:
                self.refuse("E403", "allow_methods", method, upper=method.upper(), meant=quoted(method.upper()))
        if "OPTIONS" in methods:
            self.warn("W201", "allow_methods", "OPTIONS", meant=_without(methods, "OPTIONS", "GET"))
        return methods

    def request_headers(self, value: object) -> Literal["*"] | tuple[str, ...]:
        headers = self.names("allow_headers", value, "Content-Type")
        if headers == "*":
            return "*"
        # Fetch wants Authorization spelled out beside `*`, so this is the one list in which it may stand.
        rest = tuple(name for name in headers if name != "*")
        if "*" in headers and {name.lower() for name in rest} == {NON_WILDCARD_REQUEST_HEADER}:
            if self.credentials:
                self.refuse("E301", "allow_headers", "*", meant=quoted(rest))
        else:
            self.refuse_star("allow_headers", headers, "Content-Type")
        for name in rest:
            if not is_token(name):
                self.refuse_token("E501", "allow_headers", name, rest, "Content-Type")
            elif name.lower().startswith(OWNED_PREFIX) and not is_forbidden_request_header(name):
                self.refuse("E503", "allow_headers", name, meant=_without(headers, name, "Content-Type"))
            elif is_forbidden_request_header(name):
                self.refuse("E502", "allow_headers", name, meant=_without(headers, name, "Content-Type"))
        return headers

    def exposed_headers(self, value: object) -> Literal["*"] | tuple[str, ...]:
        headers = self.names("expose_headers", value, "ETag")
        if headers == "*":
            return "*"
        self.refuse_star("expose_headers", headers, "ETag")
        for name in headers:
            if not is_token(name):
                self.refuse_token("E501", "expose_headers", name, headers, "ETag")
            elif name.lower() in FORBIDDEN_RESPONSE_HEADERS:
                self.refuse("E601", "expose_headers", name, meant=_without(headers, name, "ETag"))
        return headers

    def refuse_star(self, name: str, values: tuple[str, ...], stand_in: str) -> None:
        if "*" in values:
            self.refuse("E105", name, "*", meant=_without(values, "*", stand_in) if self.credentials else '"*"')

    def refuse_token(self, code: str, name: str, value: str, values: tuple[str, ...], stand_in: str) -> None:
        parts = [part for part in re.split(r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]+", value) if part]
        repaired = [piece for item in values for piece in (parts if item == value else [item])]
        self.refuse(code, name, value, meant=quoted(repaired or [stand_in]))

    def look_at_bodies(self, methods: Collection[str], headers: Collection[str]) -> None:
        with_body = [method for method in methods if method in BODY_METHODS or method == "*"]
        # POST is among the default methods, where it says nothing about bodies; whoever lists others means it.
        if with_body and methods != _DEFAULT_METHODS and not {"content-type", "*"} & {name.lower() for name in headers}:
            self.warn("W202", "allow_headers", ", ".join(with_body), meant=quoted([*headers, "Content-Type"]))

    def max_age(self, value: object) -> int | None:
        if value is None:
            return None
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or seconds != seconds // 1
            or (isinstance(value, float))
        ):
            meant = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 6 else 7200
            self.refuse("E702", "max_age", value, meant=min(meant, _LONGEST_USEFUL_MAX_AGE))
            return None
        if not 0 <= seconds <= _LONGEST_MAX_AGE:
            self.refuse("E703", "max_age", value, meant=0 if seconds < 0 else _LONGEST_USEFUL_MAX_AGE)
        elif seconds > _LONGEST_USEFUL_MAX_AGE:
            self.warn("W301", "max_age", int(seconds))
        return int(seconds)


def _is_source(value: object) -> bool:
    cls = type(value)
    iterable = any(getattr(cls, name, None) is not None for name in ("__iter__", "__getitem__"))
    return not iterable and not isinstance(value, type) and getattr(cls, "__contains__", None) is not None


def _is_asynchronous(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _is_insecure(pattern: OriginPattern) -> bool:
    return pattern.scheme == "http" and not pattern.is_loopback


def _is_development(pattern: OriginPattern) -> bool:
    return pattern.scheme in {"http", "https"} and pattern.is_loopback


def _open_suffix(pattern: OriginPattern) -> str | None:
    return open_suffix(pattern.base) if "*" in pattern.host else None


def _literal(pattern: OriginPattern) -> str:
    """
    Return one origin of those that *pattern* covers, to show that one can be named.
    """
    host = pattern.host.replace("*", "app" if pattern.host.startswith("*.") else "1")
    return str(OriginPattern(pattern.scheme, host, pattern.port))


def _without(values: Collection[str], value: str, stand_in: str) -> str:
    return quoted([item for item in values if item != value] or [stand_in])


def _answers(policy: Policy, patterns: Mapping[str, OriginPattern]) -> Answers:
    """
    Prepare what *policy* answers, so that a request costs a few lookups.
    """
    credentials: list[Header] = [(ALLOW_CREDENTIALS, "true")] if policy.allow_credentials else []
    on_response = [*credentials, *_list_header(EXPOSE_HEADERS, policy.expose_headers)]
    on_preflight = [
        *credentials,
        *_list_header(ALLOW_METHODS, policy.allow_methods),
        *_list_header(ALLOW_HEADERS, policy.allow_headers),
        *([] if policy.max_age is None else [(MAX_AGE, str(policy.max_age))]),
        # RFC 9110, 15.3.5: 204 has no content and so says nothing about it.
        *([] if policy.preflight_status == 204 else [("Content-Type", "text/plain"), ("Content-Length", "0")]),
    ]
    constant = None
    not_cors = Decision(RequestKind.NOT_CORS, None, (), ORIGIN)
    if policy.allow_origins == "*":
        everyone = (ALLOW_ORIGIN, "*")
        not_cors = Decision(RequestKind.NOT_CORS, None, (everyone, *on_response), "")
        constant = (
            replace(not_cors, kind=RequestKind.CORS),
            Decision(RequestKind.PREFLIGHT, policy.preflight_status, (everyone, *on_preflight), PREFLIGHT_VARY),
        )
    exact = {text for text, pattern in patterns.items() if pattern.is_exact}
    wildcards = [pattern for pattern in patterns.values() if not pattern.is_exact]
    return Answers(
        not_cors=not_cors,
        constant=constant,
        granted={},
        exact=frozenset(exact | ({_NULL} & policy.allow_unsafe_origins.keys())),
        wildcards=OriginIndex(wildcards) if wildcards else None,
        source=cast(OriginSource, policy.allow_origins) if _is_source(policy.allow_origins) else None,
        source_is_asked_about_http=not policy.allow_credentials,
        after_origin=tuple(on_response),
        after_origin_on_preflight=tuple(on_preflight),
        preflight_status=policy.preflight_status,
    )


def _list_header(name: str, values: Iterable[str]) -> Iterator[Header]:
    # Fetch, "extract header list values": an empty list may as well be left out.
    if values:
        yield name, ", ".join(values)
