"""
What a resource shares, and with whom.

A Policy that exists is sound: everything dysfunctional or dangerous is refused when it is built, all problems at once,
and all that can be said before a request is seen (its Answers) is prepared here. Nothing in this room sees a request.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from .errors import PolicyError, Problem, quoted
from .names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CHROMIUM_MAX_AGE,
    EXPOSE_HEADERS,
    MAX_AGE,
)
from .origin import NULL, OriginIndex, OriginPattern, OriginSource
from .validation import DEFAULT_METHODS, Reading, is_source

Header = tuple[str, str]

ORIGIN: Final = "Origin"
PREFLIGHT_VARY: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class RequestKind(StrEnum):
    """
    What a request is to CORS (Fetch, "HTTP requests").
    """

    NOT_CORS = "not-cors"
    CORS = "cors"
    PREFLIGHT = "preflight"


class Refusal(StrEnum):
    """
    Why a request was refused. A refused method or header is for the browser to find, which then names it.
    """

    ORIGIN = "origin"


def _fill(frozen: object, values: Mapping[str, object]) -> None:
    """
    Give *frozen*, which is frozen for everyone else, its attributes.
    """
    # One by one: Python reads an attribute in half the time from an object whose `__dict__` nobody has asked for.
    for name, value in values.items():
        object.__setattr__(frozen, name, value)


class _Prepared:
    """
    Made once, shown and compared by what its class declares, and never changed.

    A dataclass would write the same methods anew at each start, and these two cost more than all others together.
    """

    def __init__(self, **declared: Any) -> None:  # noqa: ANN401 - the class says what each is
        _fill(self, declared)

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed.")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be taken out.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._declared() == other._declared()

    def __hash__(self) -> int:
        return hash(self._declared())

    def _declared(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in type(self).__annotations__)

    def __repr__(self) -> str:
        declared = zip(type(self).__annotations__, self._declared(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in declared)})"


class Decision(_Prepared):
    """
    What to answer one request.

    A preflight is answered with *status*, *headers*, *vary* and *body* and never reaches the application. For any
    other request *status* is None: the application runs, the `Access-Control-*` headers of its response are replaced
    by *headers*, and *vary*, if not empty, is merged into its `Vary`. *lines* are the two together, for a response
    that has neither. *error* is what an origin source raised; it counted as no. A decision that was made with the
    policy lacks `Access-Control-Allow-Origin` if it *echoes* the origin; what `negotiate` returns lacks nothing.
    *added* is the *lines* once more, as a list, since `headers + added` is made in one step. Nobody may change it.
    """

    kind: RequestKind
    status: Literal[200, 204, 403] | None
    headers: tuple[Header, ...]
    vary: str
    refusal: Refusal | None
    body: bytes
    error: Exception | None
    echoes: bool
    lines: tuple[Header, ...]
    if TYPE_CHECKING:
        # Nothing of its own, so it is neither shown nor compared.
        added: list[Header]

    def __init__(  # noqa: PLR0913 - what a decision holds, by name but for the first four
        self,
        kind: RequestKind,
        status: Literal[200, 204, 403] | None,
        headers: tuple[Header, ...],
        vary: str,
        *,
        refusal: Refusal | None = None,
        body: bytes = b"",
        error: Exception | None = None,
        echoes: bool = False,
    ) -> None:
        lines = (*headers, ("Vary", vary)) if vary else headers
        super().__init__(
            kind=kind,
            status=status,
            headers=headers,
            vary=vary,
            refusal=refusal,
            body=body,
            error=error,
            echoes=echoes,
            lines=lines,
            added=[*lines],
        )

    def completed(self, environ: Mapping[str, Any]) -> "Decision":
        """
        Return the decision with the origin of the request that was decided in its *headers*, if it echoes that.
        """
        return Decision(self.kind, self.status, self.headers_for(environ), self.vary) if self.echoes else self

    def failed(self, error: Exception) -> "Decision":
        """
        Return the decision, a refusal, as it is after *error* of an origin source.
        """
        return Decision(
            self.kind, self.status, self.headers, self.vary, refusal=self.refusal, body=self.body, error=error
        )

    def headers_for(self, environ: Mapping[str, Any]) -> tuple[Header, ...]:
        """
        Return *headers*, complete: with the origin of the request that was decided, if the decision echoes it.
        """
        return ((ALLOW_ORIGIN, environ["HTTP_ORIGIN"]), *self.headers) if self.echoes else self.headers

    def lines_for(self, environ: Mapping[str, Any]) -> tuple[Header, ...]:
        """
        Return *lines*, complete.
        """
        return ((ALLOW_ORIGIN, environ["HTTP_ORIGIN"]), *self.lines) if self.echoes else self.lines


class Answers(_Prepared):
    """
    What a policy says to requests of one kind that have an `Origin`, before it sees one; nothing of it ever changes.

    It is *granted* where the origin is among *exact*, covered by *wildcards* or granted by *source*, asked in this
    order, and *otherwise* for all others; *lists_all* tells that there are neither of the latter two. A `"*"` policy
    has no origin to look for, and *otherwise* grants.
    """

    granted: Decision
    otherwise: Decision
    exact: frozenset[str]
    lists_all: bool
    wildcards: OriginIndex | None
    source: OriginSource | None
    source_is_asked_about_http: bool


_REFUSAL_BODY: Final = b"CORS: this origin may not read this resource.\n"
_REFUSED: Final = Decision(RequestKind.CORS, None, (), ORIGIN, refusal=Refusal.ORIGIN)
# Fetch, "HTTP responses": to say no explicitly, 403 without the headers.
_REFUSED_PREFLIGHT: Final = Decision(
    RequestKind.PREFLIGHT,
    403,
    (("Content-Type", "text/plain"), ("Content-Length", str(len(_REFUSAL_BODY)))),
    PREFLIGHT_VARY,
    refusal=Refusal.ORIGIN,
    body=_REFUSAL_BODY,
)


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
    *max_age*: seconds (or timedelta) for which a browser may keep a preflight's answer; None leaves it to the browser.
    *preflight_status*: 204, or 200 for clients that stumble over 204.
    *allow_unsafe_origins*: a mapping from origin pattern to the reason why this one danger is accepted.

    Raises PolicyError with every problem at once. *warnings* are what is legal but smells; *asks* tells that an origin
    source is asked at request time and may block.
    """

    allow_origins: Literal["*"] | Collection[str] | OriginSource = field(default=(), hash=False)
    allow_methods: Literal["*"] | Collection[str] = DEFAULT_METHODS
    allow_headers: Literal["*"] | Collection[str] = ()
    expose_headers: Literal["*"] | Collection[str] = ()
    allow_credentials: bool = False
    max_age: int | timedelta | None = CHROMIUM_MAX_AGE
    preflight_status: Literal[200, 204] = 204
    allow_unsafe_origins: Mapping[str, str] = field(default_factory=dict, hash=False)
    warnings: tuple[Problem, ...] = field(init=False, repr=False, compare=False)
    asks: bool = field(init=False, repr=False, compare=False)
    to_not_cors: Decision = field(init=False, repr=False, compare=False)
    to_cors: Answers = field(init=False, repr=False, compare=False)
    to_preflight: Answers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        reading = Reading({name: getattr(self, name) for name in _KEYWORDS})
        if reading.problems:
            raise PolicyError(reading.problems)
        _fill(self, reading.values)
        source = self.allow_origins if is_source(self.allow_origins) else None
        asks = source is not None and getattr(source, "may_block", True) is not False
        _fill(self, {"warnings": tuple(reading.warnings), "asks": asks, **_answers(self, reading.patterns, source)})

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Policy":
        """
        Return the policy whose keywords are the keys of *mapping*, as a configuration file has them.

        Raises PolicyError with every problem at once, unknown keys included.
        """
        keywords: dict[str, Any] = {}
        unknown: list[Problem] = []
        for key, value in mapping.items():
            name = key if isinstance(cast("object", key), str) else quoted(key)
            near = name if name in _KEYWORDS else _nearest_keyword(name)
            if near is None or near != key:
                unknown.append(Problem.of("E106", name, key, meant=near or f"one of {', '.join(_KEYWORDS)}"))
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


def _nearest_keyword(key: str) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, _KEYWORDS, n=1, cutoff=0.7)), None)


def _answers(
    policy: Policy, patterns: Mapping[str, OriginPattern], source: OriginSource | None
) -> dict[str, Decision | Answers]:
    """
    Prepare what *policy* answers, so that a request costs a few lookups.
    """
    credentials: list[Header] = [(ALLOW_CREDENTIALS, "true")] if policy.allow_credentials else []
    on_response = [*credentials, *_list_header(EXPOSE_HEADERS, policy.expose_headers)]
    on_preflight = [
        *credentials,
        # Fetch, "CORS-preflight fetch": where the header is absent, an upload listener's method needs no permission.
        *_list_header(ALLOW_METHODS, policy.allow_methods or DEFAULT_METHODS),
        *_list_header(ALLOW_HEADERS, policy.allow_headers),
        *([] if policy.max_age is None else [(MAX_AGE, str(policy.max_age))]),
        # RFC 9110, 15.3.5: 204 has no content and so says nothing about it.
        *([] if policy.preflight_status == 204 else [("Content-Type", "text/plain"), ("Content-Length", "0")]),
    ]
    share = Decision(RequestKind.CORS, None, tuple(on_response), ORIGIN, echoes=True)
    permit = Decision(RequestKind.PREFLIGHT, policy.preflight_status, tuple(on_preflight), PREFLIGHT_VARY, echoes=True)
    refuse, forbid, silent = _REFUSED, _REFUSED_PREFLIGHT, Decision(RequestKind.NOT_CORS, None, (), ORIGIN)
    if policy.allow_origins == "*":
        everyone = (ALLOW_ORIGIN, "*")
        to_all, preflight_to_all = (everyone, *on_response), (everyone, *on_preflight)
        share = refuse = Decision(RequestKind.CORS, None, to_all, "")
        permit = forbid = Decision(RequestKind.PREFLIGHT, policy.preflight_status, preflight_to_all, PREFLIGHT_VARY)
        silent = Decision(RequestKind.NOT_CORS, None, to_all, "")
    exact = {text for text, pattern in patterns.items() if pattern.is_exact}
    wildcards = [pattern for pattern in patterns.values() if not pattern.is_exact]
    audience = {
        "exact": frozenset(exact | ({NULL} & policy.allow_unsafe_origins.keys())),
        "lists_all": not wildcards and source is None,
        "wildcards": OriginIndex(wildcards) if wildcards else None,
        "source": source,
        "source_is_asked_about_http": not policy.allow_credentials,
    }
    return {
        "to_not_cors": silent,
        "to_cors": Answers(granted=share, otherwise=refuse, **audience),
        "to_preflight": Answers(granted=permit, otherwise=forbid, **audience),
    }


def _list_header(name: str, values: Iterable[str]) -> Iterator[Header]:
    # Fetch, "extract header list values": an empty list may as well be left out.
    if values:
        yield name, ", ".join(values)
