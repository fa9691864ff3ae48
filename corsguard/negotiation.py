"""
How to answer a request, under a policy.

This is the only place where CORS headers are negotiated. No carrier decides anything itself. It is total and pure: no
string makes it raise, nothing is remembered, and no other code is asked. `decide` only says that an origin source has
to be asked. `negotiate`, for callers that may wait, asks it.

The answer to a preflight is static: if the origin is allowed, the complete lists are sent, independent of what was
asked for. So `Access-Control-Request-Headers` is never parsed, and one preflight fills the browser's cache for every
method and header of a URL. The browser itself refuses a method or header that is not listed, and its console names it.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, TypeVar

from .audience import (
    AsyncOriginSource,
    Audience,
    OriginSource,
    ToSync,
    is_asynchronous,
    may_block,
    says_yes,
    says_yes_async,
)
from .names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    OWNED_PREFIX,
    TIMING_ALLOW_ORIGIN,
)
from .origin import LONGEST_ORIGIN
from .policy import Policy
from .validation import DEFAULT_METHODS

Environ = Mapping[str, Any]
Header = tuple[str, str]
Line = tuple[bytes, bytes]
T = TypeVar("T")

VARY: Final = ("Vary", "Origin")
_PREFLIGHT_VARY: Final = ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
_IN_A_LOOP: Final = (
    "The origin source, or the store of hosts, has to be awaited, but this call is inside an event loop. Write "
    "`await question.ask_async()`, or call it in a thread."
)
# How much of a header value is read. A longer Origin is not an origin, and one more character shows that. All other
# values that are read are shorter.
MOST_READ: Final = LONGEST_ORIGIN + 1
# How many origins are remembered with their answers, because a pattern covers any number of them.
_MOST_KNOWN: Final = 1024
# A stranger can send any number of origins. It leaves half of the places to those that are covered.
_MOST_STRANGERS: Final = _MOST_KNOWN // 2
_REFUSAL_BODY: Final = b"CORS: this origin may not read this resource.\n"


class RequestKind(StrEnum):
    """
    The kinds of requests in CORS (Fetch, "HTTP requests"), and the WebSocket handshake, which CORS does not cover.
    """

    NOT_CORS = "not-cors"
    CORS = "cors"
    PREFLIGHT = "preflight"
    HANDSHAKE = "handshake"


class Refusal(StrEnum):
    """
    Why a request was refused. Methods and headers are refused by the browser, which then names them.

    Only a handshake is refused for its credentials: the origin is listed, but the policy does not allow the cookies
    that every handshake carries. A request that may not act is refused by the protection, whether or not its page may
    read.
    """

    ORIGIN = "origin"
    CREDENTIALS = "credentials"
    PROTECTION = "protection"


class Decision(NamedTuple):
    """
    What to answer one request.

    *headers* are the header lines to send; `Vary`, if there is one, is the last. A preflight, or a request that may not
    run, is answered with *status*, *headers* and *body* and never reaches the application. For any other request
    *status* is None: the application runs, and *headers* replace its own CORS headers. `Vary` is merged with its own.
    *error* is what an origin source raised. It counted as no.
    """

    kind: RequestKind
    status: Literal[200, 204, 403] | None
    headers: tuple[Header, ...]
    refusal: Refusal | None = None
    error: BaseException | None = None
    body: bytes = b""

    @property
    def vary(self) -> str:
        """
        The value of `Vary` in *headers*, or an empty string.
        """
        return next((value for name, value in self.headers if name == "Vary"), "")


class Question(NamedTuple):
    """
    Does *source* grant *origin*? The decision is *granted* if it does, and *refused* if not.
    """

    source: OriginSource | AsyncOriginSource
    origin: str
    granted: Decision
    refused: Decision

    @property
    def may_block(self) -> bool:
        """
        Whether asking may block. An event loop then asks in a thread.
        """
        return not is_asynchronous(self.source) and may_block(self.source)

    def ask(self, to_sync: ToSync | None = None) -> Decision:
        """
        Ask the source, which may block, and return the decision. An exception counts as no.

        A source that has to be awaited is asked through *to_sync*, such as asgiref's `async_to_sync`. Without it, the
        answer is no.
        """
        return self.answered(*says_yes(self.source, self.origin, to_sync))

    async def ask_async(self) -> Decision:
        """
        The same on an event loop. A source that need not be awaited is asked at once.
        """
        source = self.source
        return self.answered(*await says_yes_async(source, self.origin)) if is_asynchronous(source) else self.ask()

    def answered(self, answer: object, error: BaseException | None = None) -> Decision:
        """
        Return the decision for the *answer* of the source, or for the *error* that it raised. Only True grants.
        """
        if answer is True and error is None:
            return self.granted
        return self.refused if error is None else self.refused._replace(error=error)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """
    What a policy decides about a request, prepared in advance. A carrier's short path sends it unchanged.

    *lines* are the headers of the *decision* in bytes, as ASGI has them. With *trusted_methods* such a request may act,
    too, where a protection judges it.
    """

    decision: Decision
    trusted_methods: frozenset[str]
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, decision: Decision, trusted_methods: frozenset[str] = frozenset()) -> "Prepared":
        """
        Prepare *decision*, with its headers in both forms.
        """
        return cls(decision, trusted_methods, (*as_lines(decision.headers),))


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """
    What a policy decides about one kind of request with an `Origin`.

    An origin of the audience gets the headers that are *granted*. Before them stands the origin, under each of the
    names *echoes*. Any other origin gets what is *refused*. *known* has the prepared answers for origins that were
    seen, by the text of the header; *known_bytes* has them by its bytes.
    """

    granted: Prepared
    echoes: tuple[str, ...]
    refused: Prepared
    # Python warns if a text is compared with bytes (-b), so they do not share a dict.
    known: dict[str, Prepared] = field(default_factory=dict)
    known_bytes: dict[bytes, Prepared] = field(default_factory=dict)

    def grant_to(self, origin: str) -> Decision:
        """
        Return the decision about a request from *origin*, which the audience covers.
        """
        kind, status, headers, *_ = decision = self.granted.decision
        if not self.echoes:
            return decision
        return Decision(kind, status, (*[(name, origin) for name in self.echoes], *headers))

    def prepare(self, origin: str, seen: str | bytes, *, is_covered: bool) -> Prepared:
        """
        Return the prepared answer to *origin*, and remember it for the header value *seen*, which says *origin*.
        """
        if not is_covered:
            # Nothing longer is an origin, so it would only fill the memory.
            prepared, most = self.refused, 0 if len(seen) > LONGEST_ORIGIN else _MOST_STRANGERS
        elif self.echoes:
            prepared, most = Prepared.of(self.grant_to(origin), self.granted.trusted_methods), _MOST_KNOWN
        else:
            return self.granted
        if isinstance(seen, bytes):
            if len(self.known_bytes) < most:
                self.known_bytes[seen] = prepared
        elif len(self.known) < most:
            self.known[seen] = prepared
        return prepared


@dataclass(frozen=True, slots=True)
class Answers:
    """
    The prepared answers of a policy to every kind of request.

    *silent* is for requests without `Origin`. With one, *on_preflight* answers preflights, and *on_response* all other
    requests: those from an origin of the *audience*, and those from any other.
    """

    audience: Audience
    silent: Prepared
    on_response: Replies
    on_preflight: Replies


def negotiate(policy: Policy, environ: Environ) -> Decision:
    """
    Return how *policy* answers the request that *environ* describes.

    *environ* is a WSGI environ, Django's `request.META`, or any mapping with the same keys. `REQUEST_METHOD`,
    `HTTP_ORIGIN` and `HTTP_ACCESS_CONTROL_REQUEST_METHOD` are read. Follows Fetch, "CORS protocol". An origin source is
    asked at once. If it has to be awaited, that happens in a new event loop. An exception in it counts as no. Never
    raises.
    """
    decision = decide(policy, environ)
    return decision.ask(in_a_loop) if isinstance(decision, Question) else decision


def decide(policy: Policy, environ: Environ) -> Decision | Question:
    """
    Return the same, or the Question on which it depends. No source is asked here. Never raises.
    """
    answers = answers_of(policy)
    if "HTTP_ORIGIN" not in environ:
        return answers.silent.decision
    asks, audience, origin = is_preflight(environ), answers.audience, environ["HTTP_ORIGIN"]
    replies = answers.on_preflight if asks else answers.on_response
    covered, refused = audience.covers(origin), replies.refused.decision
    if covered is False:
        return refused
    granted = replies.grant_to(origin)
    if covered:
        return granted
    # Compared with None, because a source may define `__bool__`.
    return refused if audience.source is None else Question(audience.source, origin, granted, refused)


def is_preflight(environ: Environ) -> bool:
    """
    Return whether *environ* describes a CORS-preflight request (Fetch): neither method nor header alone makes one.
    """
    return (
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        and "HTTP_ORIGIN" in environ
        and environ.get("REQUEST_METHOD") == "OPTIONS"
    )


def request_kind(environ: Environ) -> RequestKind:
    """
    Return the kind of the request that *environ* describes. It does not depend on a policy.
    """
    if "HTTP_ORIGIN" not in environ:
        return RequestKind.NOT_CORS
    return RequestKind.PREFLIGHT if is_preflight(environ) else RequestKind.CORS


def answers_of(policy: Policy) -> Answers:
    """
    Return the answers of *policy* to every kind of request. They are prepared once, and kept with the policy.
    """
    answers: Answers | None = policy.__dict__.get("_answers")
    if answers is None:
        answers = policy.__dict__["_answers"] = _prepare(policy)
    return answers


def as_lines(headers: Iterable[Header]) -> list[Line]:
    """
    Return *headers* in the form of ASGI: in bytes, with names in lower case.
    """
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def as_text(value: bytes) -> str:
    """
    Return the header value *value* as text, as a WSGI server does, cut to the length that is read.
    """
    return value[:MOST_READ].decode("latin-1")


def merge_vary(*values: str) -> str:
    """
    Return one `Vary` value for all of *values*: order kept, no duplicates (names ignore case), `*` absorbs the rest.
    """
    names: dict[str, str] = {}
    for value in values:
        for item in value.split(","):
            name = item.strip()
            if name == "*":
                return "*"
            if name:
                names.setdefault(name.lower(), name)
    return ", ".join(names.values())


def is_owned(name: str, *, shares_timing: bool = False) -> bool:
    """
    Return whether the response header *name* belongs to the policy on a guarded resource, even if others set it.

    Timing-Allow-Origin belongs to it only if the policy *shares_timing*.
    """
    if name[: len(OWNED_PREFIX)].lower() == OWNED_PREFIX:
        return True
    return shares_timing and len(name) == len(TIMING_ALLOW_ORIGIN) and name.lower() == TIMING_ALLOW_ORIGIN.lower()


def in_a_loop(ask: Callable[[str], Awaitable[T]]) -> Callable[[str], T]:
    """
    Return a function that awaits *ask* in a new event loop. It raises TypeError inside a running one.
    """
    import asyncio

    async def awaited(text: str) -> T:
        return await ask(text)

    def asked(text: str) -> T:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            raise TypeError(_IN_A_LOOP)
        # A new loop, so that the event loop of the thread is not changed.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(awaited(text))

    return asked


def _prepare(policy: Policy) -> Answers:
    credentials: list[Header] = [(ALLOW_CREDENTIALS, "true")] if policy.allow_credentials else []
    on_response = [*credentials, *_list_header(EXPOSE_HEADERS, policy.expose_headers)]
    on_preflight = [
        *credentials,
        # Fetch, "CORS-preflight fetch": where the header is absent, an upload listener's method needs no permission.
        *_list_header(ALLOW_METHODS, policy.allow_methods or DEFAULT_METHODS),
        *_list_header(ALLOW_HEADERS, policy.allow_headers),
        *([] if policy.max_age is None else [(MAX_AGE, str(policy.max_age))]),
        # RFC 9110, 15.3.5: 204 has no content, so it needs no headers about content.
        *([] if policy.preflight_status == 204 else [("Content-Type", "text/plain"), ("Content-Length", "0")]),
        _PREFLIGHT_VARY,
    ]
    is_everyone = policy.audience.is_everyone
    everyone = [(ALLOW_ORIGIN, "*")] if is_everyone else []
    timing = [(TIMING_ALLOW_ORIGIN, "*")] if is_everyone and policy.share_timing else []
    vary = [] if is_everyone else [VARY]
    echoes = () if is_everyone else (ALLOW_ORIGIN,)
    # No page sees the timings of a preflight.
    timing_echoes = (TIMING_ALLOW_ORIGIN,) if echoes and policy.share_timing else ()
    silent = (*everyone, *timing, *on_response) if is_everyone else (VARY,)
    shared = (*everyone, *timing, *on_response, *vary)
    permitted = (*everyone, *on_preflight)
    # Fetch, "HTTP responses": to say no explicitly, 403 without the headers.
    length = str(len(_REFUSAL_BODY))
    forbidden = (("Content-Type", "text/plain"), ("Content-Length", length), _PREFLIGHT_VARY)
    return Answers(
        audience=policy.audience,
        silent=Prepared.of(Decision(RequestKind.NOT_CORS, None, silent)),
        on_response=Replies(
            Prepared.of(Decision(RequestKind.CORS, None, shared), policy.trusted_methods),
            (*echoes, *timing_echoes),
            Prepared.of(Decision(RequestKind.CORS, None, (VARY,), Refusal.ORIGIN)),
        ),
        on_preflight=Replies(
            Prepared.of(Decision(RequestKind.PREFLIGHT, policy.preflight_status, permitted)),
            echoes,
            Prepared.of(Decision(RequestKind.PREFLIGHT, 403, forbidden, Refusal.ORIGIN, body=_REFUSAL_BODY)),
        ),
    )


def _list_header(name: str, values: Iterable[str]) -> Iterator[Header]:
    # Fetch, "extract header list values": an empty list means the same as no header.
    if values:
        yield name, ", ".join(values)
