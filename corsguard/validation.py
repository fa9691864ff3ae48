"""
What is refused when a policy is built, and what is warned of.

One Reading of a policy's keywords brings them into one shape and finds everything wrong with them, all at once. This
room judges; `errors` words what it finds, and nothing here knows what is answered to a request.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, Literal, TypeGuard, cast

from .errors import PolicyError, Problem, kind_of, name_of, quoted, quoted_list, quoted_mapping, text_of
from .names import (
    BODY_METHODS,
    CHROMIUM_MAX_AGE,
    EXAMPLE_ORIGIN,
    FIREFOX_MAX_AGE,
    FORBIDDEN_METHODS,
    FORBIDDEN_RESPONSE_HEADERS,
    NON_WILDCARD_REQUEST_HEADER,
    OWNED_PREFIX,
    UPPER_CASE_METHODS,
    is_forbidden_request_header,
    is_token,
)
from .origin import NULL, Origin, OriginIndex, OriginPattern, OriginSource
from .suffixes import open_suffix

DEFAULT_METHODS: Final = ("GET", "HEAD", "POST")
# The keywords of a policy, and what each says where it is left out.
DEFAULTS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "allow_origins": (),
        "allow_methods": DEFAULT_METHODS,
        "allow_headers": (),
        "expose_headers": (),
        "allow_credentials": False,
        "max_age": CHROMIUM_MAX_AGE,
        "preflight_status": 204,
        "allow_unsafe_origins": MappingProxyType({}),
    }
)

# What a fix shows where nothing better can be guessed.
_STAND_INS: Final = {
    "allow_origins": EXAMPLE_ORIGIN,
    "allow_methods": "PUT",
    "allow_headers": "Content-Type",
    "expose_headers": "ETag",
    "allow_unsafe_origins": "http://kiosk.corp.example",
}
_INSTEAD_OF_STAR: Final = {
    "allow_origins": [EXAMPLE_ORIGIN],
    "allow_methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["Content-Type", "Authorization"],
    "expose_headers": ["ETag"],
}
_TO_EVERY_SITE: Final = (
    "browsers refuse the pair, and any way around it hands the data of logged-in users to every site"
)
_NO_WILDCARD: Final = 'with credentials browsers take it for a name that is literally "*", so it would allow nothing'
_SEPARATORS: Final = r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_DIGITS: Final = r"[0-9]{1,5}(?=\Z|\.0\Z)"
_PREFLIGHT_STATUSES: Final = (200, 204)
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_REASON: Final = "who needs this, and until when"

Names = Literal["*"] | tuple[str, ...]


class Reading:
    """
    One reading of the keywords of a policy.

    *values* are the keywords in the shape in which a policy keeps them, *patterns* everything listed that parsed (the
    unsafe origins included, `null` not), *problems* and *warnings* what is wrong with them. All of it together takes
    time in proportion to the size of the keywords.
    """

    def __init__(self, keywords: Mapping[str, object]) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.patterns: dict[str, OriginPattern] = {}
        self.credentials = _says_true(keywords["allow_credentials"])
        self.values = self.read(keywords)

    def refuse(self, code: str, name: str, value: object, **details: object) -> None:
        self.problems.append(Problem.of(code, name, value, **details))

    def warn(self, code: str, name: str, value: object, **details: object) -> None:
        self.warnings.append(Problem.of(code, name, value, **details))

    def read(self, keywords: Mapping[str, object]) -> dict[str, object]:
        said = keywords["allow_origins"]
        origins: Names | None = None
        if is_source(said):
            self.look_at_source(said)
        else:
            origins = self.origins(said)
        unsafe = self.unsafe_origins(keywords["allow_unsafe_origins"], origins)
        if origins == () and not unsafe and not self.problems:
            self.refuse("E101", "allow_origins", [])
        if isinstance(origins, tuple) and not self.problems:
            self.look_at_origins({text: self.patterns[text] for text in origins})
        methods = self.methods(keywords["allow_methods"])
        headers = self.request_headers(keywords["allow_headers"])
        self.look_at_bodies(methods, headers)
        return {
            "allow_origins": said if origins is None else origins,
            "allow_methods": methods,
            "allow_headers": headers,
            "expose_headers": self.exposed_headers(keywords["expose_headers"]),
            "allow_credentials": self.allow_credentials(keywords["allow_credentials"]),
            "max_age": self.max_age(keywords["max_age"]),
            "preflight_status": self.preflight_status(keywords["preflight_status"]),
            "allow_unsafe_origins": MappingProxyType(unsafe),
        }

    def names(self, name: str, value: object) -> Names:
        """
        Return *value* as `"*"` or a tuple of strings, in a stable order and without duplicates.
        """
        stand_in = _STAND_INS[name]
        text = text_of(value)
        if text is not None:
            if text != "*":
                parts = [part for part in re.split(r"[\s,;]+", text) if part]
                self.refuse("E102", name, text, meant=quoted(parts or [stand_in]))
                return ()
            if self.credentials:
                self.refuse_star_with_credentials(name, quoted(_INSTEAD_OF_STAR[name]))
            return "*"
        items = _items_of(value)
        if items is None:
            countable = _has(type(value), "__iter__") and not issubclass(type(value), bytes | bytearray)
            meant = "list(...)" if countable else quoted([stand_in])
            self.refuse("E103", name, value, kind=kind_of(value), meant=meant)
            return ()
        names: dict[str, None] = {}
        for item in items:
            text = text_of(item)
            if text is None:
                self.refuse("E104", name, item, kind=kind_of(item), meant=_instead_of(item, stand_in))
            else:
                names[text] = None
        return (*names,)

    # Origins

    def look_at_source(self, value: OriginSource) -> None:
        function = type(value).__contains__
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            self.refuse("E322", "allow_origins", value)

    def origins(self, value: object) -> Names:
        if issubclass(type(value), type) and _has(cast("type", value), "__contains__"):
            self.refuse("E321", "allow_origins", value, meant=f"{name_of(cast('type', value))}()")
            return ()
        names = self.names("allow_origins", value)
        if names == "*":
            return "*"
        self.refuse_star("allow_origins", names)
        for text in names:
            pattern = self.pattern("allow_origins", text) if text != "*" else None
            if pattern is None or not self.credentials:
                continue
            if _is_insecure(pattern):
                self.refuse("E302", "allow_origins", text, meant=_secure(text))
            elif (suffix := _open_suffix(pattern)) is not None:
                self.refuse("E303", "allow_origins", text, suffix=suffix, meant=_one_of(pattern))
        return names

    def unsafe_origins(self, value: object, origins: Names | None) -> dict[str, str]:
        name = "allow_unsafe_origins"
        pairs = _pairs_of(value)
        if pairs is None:
            meant = quoted_mapping([(_STAND_INS[name], _REASON)], 1)
            self.refuse("E311", name, value, kind=kind_of(value), meant=meant)
            return {}
        if pairs and origins == "*":
            self.refuse("E314", name, value)
        unsafe: dict[str, str] = {}
        for key, said in pairs:
            text, reason = text_of(key), text_of(said)
            if text is None:
                self.refuse("E104", name, key, kind=kind_of(key), meant=quoted(_STAND_INS[name]))
                continue
            if reason is None or not reason.strip():
                reasoned = ((other, _REASON if other is key else there) for other, there in pairs)
                self.refuse("E312", name, text, meant=quoted_mapping(reasoned, len(pairs)))
            unsafe[text] = reason or ""
            self.unsafe_origin(text, pairs, key, origins)
        return unsafe

    def unsafe_origin(self, text: str, pairs: "_Pairs", key: object, origins: Names | None) -> None:
        name = "allow_unsafe_origins"
        if text == NULL:
            if self.credentials:
                self.refuse("E315", name, text)
            return
        pattern = self.pattern(name, text)
        if pattern is None:
            return
        if not _is_insecure(pattern) and _open_suffix(pattern) is None:
            self.refuse("E313", name, text, meant=_moved(text, key, pairs, origins))
        elif not self.credentials:
            # A warning only, so that one environment may switch credentials off.
            self.warn("W106", name, text, meant=_moved(text, key, pairs, origins))

    def pattern(self, name: str, text: str) -> OriginPattern | None:
        try:
            pattern = OriginPattern.parse(text)
        except PolicyError as error:
            self.problems.extend(problem._replace(field=name) for problem in error.problems)
            return None
        self.patterns[text] = pattern
        return pattern

    def look_at_origins(self, listed: Mapping[str, OriginPattern]) -> None:
        for text, pattern in listed.items():
            self.look_at_origin(text, pattern)
        production = [text for text, pattern in listed.items() if not _is_development(pattern)]
        if production:
            meant = quoted(production)
            for text in (text for text, pattern in listed.items() if _is_development(pattern)):
                self.warn("W104", "allow_origins", text, meant=meant)
        wildcards = [pattern for pattern in listed.values() if not pattern.is_exact]
        index = OriginIndex(wildcards)
        for text, pattern in listed.items() if wildcards else ():
            first, second = pattern.samples()
            covering = set(index.patterns_for(first)) & set(index.patterns_for(second)) - {text}
            if covering:
                self.warn("W105", "allow_origins", text, other=quoted(min(covering)))

    def look_at_origin(self, text: str, pattern: OriginPattern) -> None:
        if self.credentials:
            if "*" in pattern.host:
                self.warn("W101", "allow_origins", text, meant=_one_of(pattern))
            if pattern.port == "*":
                self.warn("W102", "allow_origins", text, meant=quoted(text.removesuffix(":*")))
        else:
            if _is_insecure(pattern):
                self.warn("W103", "allow_origins", text, meant=_secure(text))
            if (suffix := _open_suffix(pattern)) is not None:
                self.warn("W107", "allow_origins", text, suffix=suffix, meant=_one_of(pattern))
        if pattern.host.endswith("."):
            undotted = pattern._replace(host=pattern.host.removesuffix("."))
            self.warn("W108", "allow_origins", text, meant=quoted(str(undotted)))

    # Names of methods and headers

    def methods(self, value: object) -> Names:
        name = "allow_methods"
        methods = self.names(name, value)
        if methods == "*":
            return "*"
        self.refuse_star(name, methods)
        for method in methods:
            if not is_token(method):
                self.refuse_token("E401", name, method, methods)
            elif _is_starred(method):
                self.refuse("E107", name, method, meant=_without(methods, method, name))
            elif method.upper() in FORBIDDEN_METHODS:
                self.refuse("E402", name, method, meant=_without(methods, method, name))
            elif method != method.upper() and method.upper() in UPPER_CASE_METHODS:
                self.refuse("E403", name, method, upper=method.upper(), meant=quoted(method.upper()))
        if "OPTIONS" in methods:
            self.warn("W201", name, "OPTIONS", meant=_without(methods, "OPTIONS", name))
        return methods

    def request_headers(self, value: object) -> Names:
        name = "allow_headers"
        headers = self.names(name, value)
        if headers == "*":
            return "*"
        # Fetch wants Authorization spelled out beside `*`, so this is the one list in which it may stand.
        rest = tuple(header for header in headers if header != "*")
        if "*" in headers and {header.lower() for header in rest} == {NON_WILDCARD_REQUEST_HEADER}:
            if self.credentials:
                self.refuse_star_with_credentials(name, quoted(rest))
        else:
            spelled_out = tuple(header for header in headers if header.lower() in ("*", NON_WILDCARD_REQUEST_HEADER))
            self.refuse_star(name, headers, '"*"' if spelled_out == ("*",) else quoted(spelled_out))
        for header in rest:
            if not is_token(header):
                self.refuse_token("E501", name, header, rest)
            elif _is_starred(header):
                self.refuse("E107", name, header, meant=_without(headers, header, name))
            elif is_forbidden_request_header(header):
                self.refuse("E502", name, header, meant=_without(headers, header, name))
            elif header.lower().startswith(OWNED_PREFIX):
                self.refuse("E503", name, header, meant=_without(headers, header, name))
        return headers

    def exposed_headers(self, value: object) -> Names:
        name = "expose_headers"
        headers = self.names(name, value)
        if headers == "*":
            return "*"
        self.refuse_star(name, headers)
        for header in headers:
            if not is_token(header):
                self.refuse_token("E501", name, header, headers)
            elif _is_starred(header):
                self.refuse("E107", name, header, meant=_without(headers, header, name))
            elif header.lower() in FORBIDDEN_RESPONSE_HEADERS:
                self.refuse("E601", name, header, meant=_without(headers, header, name))
        return headers

    def refuse_star(self, name: str, values: tuple[str, ...], alone: str = '"*"') -> None:
        if "*" in values:
            self.refuse("E105", name, "*", meant=_without(values, "*", name) if self.credentials else alone)

    def refuse_star_with_credentials(self, name: str, meant: str) -> None:
        self.refuse("E301", name, "*", meant=meant, cause=_TO_EVERY_SITE if name == "allow_origins" else _NO_WILDCARD)

    def refuse_token(self, code: str, name: str, value: str, values: tuple[str, ...]) -> None:
        parts = [part for part in re.split(_SEPARATORS, value) if part]
        pieces = (piece for item in values for piece in (parts if item == value else [item]))
        self.refuse(code, name, value, meant=_listed(pieces, len(values) - 1 + len(parts), name))

    def look_at_bodies(self, methods: Names, headers: Names) -> None:
        with_body = [method for method in methods if method in BODY_METHODS or method == "*"]
        named = {header.lower() for header in headers}
        # POST is among the default methods, where it says nothing about bodies; whoever lists others means it.
        if with_body and methods != DEFAULT_METHODS and not {"content-type", "*"} & named:
            self.warn("W202", "allow_headers", ", ".join(with_body), meant=quoted([*headers, "Content-Type"]))

    # Single values

    def allow_credentials(self, value: object) -> bool:
        if type(value) is not bool:
            self.refuse("E701", "allow_credentials", value, meant=self.credentials)
        return self.credentials

    def preflight_status(self, value: object) -> object:
        status = _number_of(value)
        if status not in _PREFLIGHT_STATUSES:
            self.refuse("E704", "preflight_status", value)
        return status

    def max_age(self, value: object) -> int | None:
        if value is None:
            return None
        seconds = _number_of(value)
        if issubclass(type(value), timedelta):
            seconds, fraction = timedelta.__divmod__(cast("timedelta", value), timedelta(seconds=1))
            seconds = None if fraction else seconds
        if seconds is None:
            said = repr(value) if type(value) is float else text_of(value) or ""
            number = re.match(_DIGITS, said)
            meant = min(int(number[0]), CHROMIUM_MAX_AGE) if number else CHROMIUM_MAX_AGE
            self.refuse("E702", "max_age", value, meant=meant)
            return None
        if not 0 <= seconds <= FIREFOX_MAX_AGE:
            self.refuse("E703", "max_age", value, meant=0 if seconds < 0 else CHROMIUM_MAX_AGE)
        elif seconds > CHROMIUM_MAX_AGE:
            self.warn("W301", "max_age", seconds)
        return seconds


def problems_of(keywords: Mapping[str, object]) -> tuple[Problem, ...]:
    """
    Return why there can be no policy of *keywords*, those that no policy has included; nothing if there can be one.
    """
    known, unknown = known_keywords(keywords)
    return (*unknown, *Reading({**DEFAULTS, **known}).problems)


def known_keywords(mapping: Mapping[str, object]) -> tuple[dict[str, object], list[Problem]]:
    """
    Return what *mapping* says by the keywords of a policy, and a problem for each key that is not one.

    What is said by a misspelt key is taken as said by the nearest keyword, so that it is judged too.
    """
    known: dict[str, object] = {}
    unknown: list[Problem] = []
    for key, value in mapping.items():
        text = text_of(key)
        name = quoted(key) if text is None else text
        near = name if name in DEFAULTS else _nearest_keyword(name)
        if near is None or near != text:
            unknown.append(Problem.of("E106", name, key, meant=near or f"one of {', '.join(DEFAULTS)}"))
        if near is not None:
            known.setdefault(near, value)
    return known, unknown


def is_source(value: object) -> TypeGuard[OriginSource]:
    """
    Return whether *value* is an object to ask about origins, and not a list of them.
    """
    cls = type(value)
    is_iterable = _has(cls, "__iter__") or _has(cls, "__getitem__")
    return not is_iterable and not issubclass(cls, type) and _has(cls, "__contains__")


# What a value is. Its class may be anybody's and its methods may raise, so only its type is asked, and what has to be
# called is called here.

_Pairs = list[tuple[object, object]]


def _items_of(value: object) -> list[object] | None:
    """
    Return what is in *value*, in a stable order, or None if it is not a list, tuple, set or frozenset.
    """
    cls = type(value)
    if not issubclass(cls, list | tuple | set | frozenset) or issubclass(cls, Origin | OriginPattern):
        return None
    try:
        items = [*cast("Iterable[object]", value)]
    except Exception:  # noqa: BLE001 - a class of its own may raise anything
        return None
    return sorted(items, key=_sorted_by) if issubclass(cls, set | frozenset) else items


def _pairs_of(value: object) -> _Pairs | None:
    """
    Return the keys of *value* with their values, or None if it is not a mapping.
    """
    try:
        return [*cast("Mapping[object, object]", value).items()] if issubclass(type(value), Mapping) else None
    except Exception:  # noqa: BLE001 - a class of its own may raise anything
        return None


def _sorted_by(item: object) -> str:
    text = text_of(item)
    return quoted(item) if text is None else text


def _number_of(value: object) -> int | None:
    # A bool is an int to Python, and neither a number of seconds nor a status.
    cls = type(value)
    return int.__int__(cast("int", value)) if issubclass(cls, int) and cls is not bool else None


def _has(cls: type, name: str) -> bool:
    try:
        return getattr(cls, name, None) is not None
    except Exception:  # noqa: BLE001 - a metaclass may raise anything
        return False


def _says_true(value: object) -> bool:
    # Whoever wrote "true" meant it, and is told of all that follows from it.
    return value is True or _number_of(value) == 1 or (text_of(value) or "").strip().lower() in _TRUE


def _nearest_keyword(key: str) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, DEFAULTS, n=1, cutoff=0.7)), None)


def _is_starred(name: str) -> bool:
    return "*" in name and name != "*"


def _is_insecure(pattern: OriginPattern) -> bool:
    return pattern.scheme == "http" and not pattern.is_loopback


def _is_development(pattern: OriginPattern) -> bool:
    return pattern.scheme in {"http", "https"} and pattern.is_loopback


def _open_suffix(pattern: OriginPattern) -> str | None:
    return open_suffix(pattern.base) if "*" in pattern.host else None


# What a fix proposes.


def _secure(text: str) -> str:
    return quoted(text.replace("http:", "https:", 1))


def _one_of(pattern: OriginPattern) -> str:
    host = pattern.host.replace("*", "app" if pattern.host.startswith("*.") else "1")
    return quoted(str(pattern._replace(host=host)))


def _moved(text: str, key: object, pairs: _Pairs, origins: Names | None) -> str:
    """
    Return both keywords with *text*, the *key* of one of *pairs*, among the origins and no longer unsafe.
    """
    door = quoted_mapping((pair for pair in pairs if pair[0] is not key), len(pairs) - 1)
    if not isinstance(origins, tuple):
        # A source cannot be added to; it answers for the entry itself.
        return f"allow_unsafe_origins={door}"
    listed = quoted_list(chain(origins, [text]), len(origins) + 1)
    return f"allow_origins={listed}, allow_unsafe_origins={door}"


def _without(values: tuple[str, ...], value: str, name: str) -> str:
    return _listed((item for item in values if item != value), len(values) - 1, name)


def _listed(items: Iterator[str], count: int, name: str) -> str:
    return quoted_list(items, count) if count else quoted([_STAND_INS[name]])


def _instead_of(item: object, stand_in: str) -> str:
    if issubclass(type(item), Origin | OriginPattern):
        return quoted(str(item))
    pattern = cast("Any", item).pattern if type(item) is re.Pattern else None
    if isinstance(pattern, str):
        try:
            return quoted(str(OriginPattern.parse(pattern)))
        except PolicyError as error:
            return error.problems[0].fix
    return quoted(stand_in)
