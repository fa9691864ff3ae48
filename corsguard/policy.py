"""
What a resource shares, and with whom.

A Policy that exists is valid: everything that is dangerous or cannot work is refused when it is built, with all
problems at once. It is plain data, and shows only its keywords. Nothing in this module sees a request.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from inspect import Parameter, Signature
from typing import Any, Final, Literal, TypedDict, Unpack

from .audience import AsyncOriginSource, Audience, OriginSource, is_asynchronous, may_block
from .errors import PolicyError, Problem
from .names import CHROMIUM_MAX_AGE
from .origin import NULL, OriginPattern
from .validation import DEFAULT_METHODS, DEFAULTS, Reading, is_source, known_keywords


class PolicyKeywords(TypedDict, total=False):
    """
    The keywords of a Policy, as `Policy(...)`, `@cors(...)` and every configuration take them.
    """

    allow_origins: Literal["*"] | Collection[str] | OriginSource | AsyncOriginSource
    allow_methods: Literal["*"] | Collection[str]
    allow_headers: Literal["*"] | Collection[str]
    expose_headers: Literal["*"] | Collection[str]
    allow_credentials: bool
    max_age: int | timedelta | None
    preflight_status: Literal[200, 204]
    share_timing: bool
    allow_unsafe_origins: Mapping[str, str]


class Reasons(Mapping[str, str]):
    """
    An immutable mapping, from an unsafe origin to the reason why it is accepted.
    """

    __slots__ = ("_reasons",)

    def __init__(self, reasons: Mapping[str, str] | None = None) -> None:
        self._reasons: Final = dict(reasons or {})

    def __getitem__(self, origin: str) -> str:
        return self._reasons[origin]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reasons)

    def __len__(self) -> int:
        return len(self._reasons)

    def __hash__(self) -> int:
        return hash(frozenset(self._reasons.items()))

    def __repr__(self) -> str:
        return repr(self._reasons)

    def __deepcopy__(self, _: object) -> "Reasons":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Reasons, (self._reasons,)


@dataclass(frozen=True, kw_only=True, init=False)
class Policy:  # noqa: PLW1641 - the dataclass makes `__hash__`
    """
    What a resource shares, and with whom. Immutable, and safe to share between threads.

    The keywords are the response headers of Fetch's CORS protocol without `Access-Control-`:

    *allow_origins*: `"*"`, a list, tuple, set or frozenset of origin patterns, or an OriginSource or AsyncOriginSource.
    *allow_methods*: method names (case-sensitive), or `"*"`.
    *allow_headers*: request headers beyond the safelist, or `"*"`; `["*", "Authorization"]` covers all.
    *expose_headers*: response headers that scripts may read beyond the safelist, or `"*"`.
    *allow_credentials*: whether cookies and HTTP authentication may be used; never together with a `"*"`.
    *max_age*: seconds (or timedelta) for which a browser may keep a preflight's answer; None leaves it to the browser.
    *preflight_status*: 204, or 200 for clients that do not accept 204 and for servers that end the connection after it
    (waitress, uWSGI's HTTP router).
    *share_timing*: whether scripts that may read a response also see how long it took (Resource Timing,
    `Timing-Allow-Origin`).
    *allow_unsafe_origins*: a mapping from an origin pattern that would be refused as dangerous to the reason for it.

    Raises PolicyError with every problem at once, unknown keywords included.
    """

    allow_origins: Literal["*"] | Collection[str] | OriginSource | AsyncOriginSource = field(default=(), hash=False)
    allow_methods: Literal["*"] | Collection[str] = DEFAULT_METHODS
    allow_headers: Literal["*"] | Collection[str] = ()
    expose_headers: Literal["*"] | Collection[str] = ()
    allow_credentials: bool = False
    max_age: int | timedelta | None = CHROMIUM_MAX_AGE
    preflight_status: Literal[200, 204] = 204
    share_timing: bool = False
    allow_unsafe_origins: Mapping[str, str] = field(default_factory=Reasons)

    def __init__(self, **keywords: Unpack[PolicyKeywords]) -> None:
        self._read(keywords)

    @classmethod
    def from_mapping(cls, mapping: Mapping[Any, Any]) -> "Policy":
        """
        Return the policy whose keywords are the keys of *mapping*, such as a part of a configuration.

        Raises PolicyError with every problem at once, unknown keys included.
        """
        policy = cls.__new__(cls)
        policy._read(mapping)  # noqa: SLF001 - its own class
        return policy

    def _read(self, mapping: Mapping[Any, Any]) -> None:
        keywords, unknown = known_keywords(mapping)
        reading = Reading({**DEFAULTS, **keywords})
        problems = [*unknown, *reading.problems]
        if problems:
            raise PolicyError(problems)
        values, origins = reading.values, reading.values["allow_origins"]
        unsafe = values["allow_unsafe_origins"] = Reasons(values["allow_unsafe_origins"])
        audience = Audience(
            (
                *(text for text, pattern in reading.patterns.items() if pattern.is_exact),
                *({NULL} & unsafe.keys()),
            ),
            [pattern for pattern in reading.patterns.values() if not pattern.is_exact],
            origins if is_source(origins) else None,
            with_credentials=values["allow_credentials"],
            is_everyone=isinstance(origins, str),
        )
        # The only place where the frozen object gets its values.
        self.__dict__.update(values, _warnings=tuple(reading.warnings), _audience=audience)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """
        What is valid in this policy, but risky or probably unintended.
        """
        warnings: tuple[Problem, ...] = self.__dict__["_warnings"]
        return warnings

    @property
    def audience(self) -> Audience:
        """
        The origins that the policy shares with.
        """
        audience: Audience = self.__dict__["_audience"]
        return audience

    @cached_property
    def patterns(self) -> tuple[OriginPattern, ...]:
        """
        The listed patterns, unsafe ones included. `null` is not a pattern, and a source has none.
        """
        listed = self.allow_origins if isinstance(self.allow_origins, tuple) else ()
        return tuple(OriginPattern.parse(text) for text in (*listed, *self.allow_unsafe_origins) if text != NULL)

    @cached_property
    def trusted_methods(self) -> frozenset[str]:
        """
        The methods with which protection lets pages of a listed origin act with the user's cookies.

        Empty without credentials, which `"*"` never has: such a policy only says who may read public data, and trusts
        no origin.
        """
        return frozenset(self.allow_methods) if self.allow_credentials else frozenset()

    @cached_property
    def fingerprint(self) -> int:
        """
        A number that equal policies share in one process. Different policies hardly ever share one.

        Unlike the hash, it depends on the origins, of which there may be very many.
        """
        origins = self.allow_origins
        return hash((self, id(origins) if is_source(origins) else origins))

    @property
    def may_block(self) -> bool:
        """
        Whether the policy has an origin source that may block. An event loop then asks it in a thread.
        """
        source = self.audience.source
        return source is not None and not is_asynchronous(source) and may_block(source)

    @property
    def must_await(self) -> bool:
        """
        Whether the policy has an origin source that has to be awaited. WSGI servers cannot await it.
        """
        source = self.audience.source
        return source is not None and is_asynchronous(source)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Policy):
            return NotImplemented
        pairs = [(getattr(self, name), getattr(other, name)) for name in DEFAULTS]
        # Sources are compared by identity, because their methods may do anything.
        return all(mine is theirs or (not is_source(mine) and mine == theirs) for mine, theirs in pairs)

    def __copy__(self) -> "Policy":
        return self

    def __deepcopy__(self, _: object) -> "Policy":
        # It never changes, and a source is kept by identity.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is built again from the keywords.
        return Policy.from_mapping, ({name: getattr(self, name) for name in DEFAULTS},)


# For `help` and editors, which read no TypedDict. Type checkers do.
PARAMETERS: Final = tuple(
    Parameter(of.name, Parameter.KEYWORD_ONLY, default=DEFAULTS[of.name], annotation=of.type) for of in fields(Policy)
)
vars(Policy)["__init__"].__signature__ = Signature([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), *PARAMETERS])
