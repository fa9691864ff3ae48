"""
What is refused when a policy is built, and what is warned of.

One Reading of a policy's keywords brings them into one shape and finds everything wrong with them, all at once. This
room judges; `errors` words what it finds, and nothing here knows what is answered to a request.
"""

import inspect
import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, TypeGuard, cast

from .errors import PolicyError, Problem, kind_of, quoted
from .names import (
    BODY_METHODS,
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

# Chromium honours 7200 seconds at most, Firefox 86400, Safari 600.
LONGEST_USEFUL_MAX_AGE: Final = 7200
_LONGEST_MAX_AGE: Final = 86400

DEFAULT_METHODS: Final = ("GET", "HEAD", "POST")

# What a fix shows where nothing better can be guessed.
_STAND_INS: Final = {
    "allow_origins": "https://app.example.com",
    "allow_methods": "PUT",
    "allow_headers": "Content-Type",
    "expose_headers": "ETag",
    "allow_unsafe_origins": "http://kiosk.corp.example",
}
_INSTEAD_OF_STAR: Final = {
    "allow_origins": ["https://app.example.com"],
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
_REASON: Final = "who needs this, and until when"

Names = Literal["*"] | tuple[str, ...]


class Reading:
    """
    One reading of the keywords of a policy.

    *values* are the keywords in the shape in which a policy keeps them, *patterns* everything listed that parsed (the
    unsafe origins included, `null` not), *problems* and *warnings* what is wrong with them.
    """

    def __init__(self, keywords: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.patterns: dict[str, OriginPattern] = {}
        self.credentials = _says_true(keywords["allow_credentials"])
        self.values = self.read(keywords)

    def refuse(self, code: str, name: str, value: object, **details: object) -> None:
        self.problems.append(Problem.of(code, name, value, **details))

    def warn(self, code: str, name: str, value: object, **details: object) -> None:
        self.warnings.append(Problem.of(code, name, value, **details))

    def read(self, keywords: Mapping[str, Any]) -> dict[str, object]:
        origins = self.origins(keywords["allow_origins"])
        unsafe = self.unsafe_origins(keywords["allow_unsafe_origins"], origins)
        if origins == () and not unsafe and not self.problems:
            self.refuse("E101", "allow_origins", [])
        if isinstance(origins, tuple) and not self.problems:
            self.look_at_origins({text: self.patterns[text] for text in origins})
        methods = self.methods(keywords["allow_methods"])
        headers = self.request_headers(keywords["allow_headers"])
        self.look_at_bodies(methods, headers)
        return {
            "allow_origins": origins,
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
        if isinstance(value, str):
            if value != "*":
                parts = [part for part in re.split(r"[\s,;]+", value) if part]
                self.refuse("E102", name, value, meant=quoted(parts or [stand_in]))
                return ()
            if self.credentials:
                self.refuse_star_with_credentials(name, quoted(_INSTEAD_OF_STAR[name]))
            return "*"
        if not isinstance(value, list | tuple | set | frozenset) or isinstance(value, Origin | OriginPattern):
            countable = isinstance(value, Iterable) and not isinstance(value, bytes | bytearray)
            meant = "list(...)" if countable else quoted([stand_in])
            self.refuse("E103", name, value, kind=kind_of(value), meant=meant)
            return ()
        items = cast("Collection[object]", value)
        if isinstance(value, set | frozenset):
            items = sorted(items, key=lambda item: item if isinstance(item, str) else quoted(item))
        for item in items:
            if not isinstance(item, str):
                self.refuse("E104", name, item, kind=kind_of(item), meant=_instead_of(item, stand_in))
        return tuple(dict.fromkeys(item for item in items if isinstance(item, str)))

    # Origins

    def origins(self, value: object) -> Names | OriginSource:
        if isinstance(value, type) and hasattr(value, "__contains__"):
            self.refuse("E321", "allow_origins", value, meant=f"{value.__name__}()")
            return ()
        if is_source(value):
            function = type(value).__contains__
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                self.refuse("E322", "allow_origins", value)
            return value
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

    def unsafe_origins(self, value: object, origins: Names | OriginSource) -> dict[str, str]:  # noqa: C901 - one row after the other
        name = "allow_unsafe_origins"
        if not isinstance(value, Mapping):
            self.refuse("E311", name, value, kind=kind_of(value), meant=_door({_STAND_INS[name]: _REASON}))
            return {}
        unsafe = cast("Mapping[object, object]", value)
        if unsafe and origins == "*":
            self.refuse("E314", name, dict(unsafe))
        for text, reason in unsafe.items():
            if not isinstance(text, str):
                self.refuse("E104", name, text, kind=kind_of(text), meant=quoted(_STAND_INS[name]))
                continue
            if not isinstance(reason, str) or not reason.strip():
                self.refuse("E312", name, text, meant=_door({**unsafe, text: _REASON}))
            if text == NULL:
                if self.credentials:
                    self.refuse("E315", name, text)
            elif (pattern := self.pattern(name, text)) is not None:
                # A source cannot be added to; it answers for the entry itself.
                listed = f"allow_origins={quoted([*origins, text])}, " if isinstance(origins, tuple) else ""
                moved = f"{listed}{name}={_door({other: unsafe[other] for other in unsafe if other != text})}"
                if not _is_insecure(pattern) and _open_suffix(pattern) is None:
                    self.refuse("E313", name, text, meant=moved)
                elif not self.credentials:
                    # A warning only, so that one environment may switch credentials off.
                    self.warn("W106", name, text, meant=moved)
        return {str(text): str(reason) for text, reason in unsafe.items()}

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
            for text in (text for text, pattern in listed.items() if _is_development(pattern)):
                self.warn("W104", "allow_origins", text, meant=quoted(production))
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
        mended = [piece for item in values for piece in (parts if item == value else [item])]
        self.refuse(code, name, value, meant=quoted(mended or [_STAND_INS[name]]))

    def look_at_bodies(self, methods: Names, headers: Names) -> None:
        with_body = [method for method in methods if method in BODY_METHODS or method == "*"]
        named = {header.lower() for header in headers}
        # POST is among the default methods, where it says nothing about bodies; whoever lists others means it.
        if with_body and methods != DEFAULT_METHODS and not {"content-type", "*"} & named:
            self.warn("W202", "allow_headers", ", ".join(with_body), meant=quoted([*headers, "Content-Type"]))

    # Single values

    def allow_credentials(self, value: object) -> bool:
        if not isinstance(value, bool):
            self.refuse("E701", "allow_credentials", value, meant=self.credentials)
        return self.credentials

    def preflight_status(self, value: object) -> object:
        if not isinstance(value, int) or value not in _PREFLIGHT_STATUSES:
            self.refuse("E704", "preflight_status", value)
        return value

    def max_age(self, value: object) -> int | None:
        if value is None:
            return None
        seconds = value // timedelta(seconds=1) if isinstance(value, timedelta) else value
        fraction = isinstance(value, timedelta) and value.microseconds != 0
        if isinstance(seconds, bool) or not isinstance(seconds, int) or fraction:
            number = re.match(_DIGITS, str(value)) if isinstance(value, str | float) else None
            meant = min(int(number[0]), LONGEST_USEFUL_MAX_AGE) if number else LONGEST_USEFUL_MAX_AGE
            self.refuse("E702", "max_age", value, meant=meant)
            return None
        if not 0 <= seconds <= _LONGEST_MAX_AGE:
            self.refuse("E703", "max_age", value, meant=0 if seconds < 0 else LONGEST_USEFUL_MAX_AGE)
        elif seconds > LONGEST_USEFUL_MAX_AGE:
            self.warn("W301", "max_age", seconds)
        return seconds


def _says_true(value: object) -> bool:
    # Whoever wrote "true" meant it, and is told of all that follows from it.
    said = value.strip().lower() if isinstance(value, str) else ""
    return said in {"true", "1", "yes", "on"} or (isinstance(value, int) and value == 1)


def is_source(value: object) -> TypeGuard[OriginSource]:
    """
    Return whether *value* is an object to ask about origins, and not a list of them.
    """
    cls = type(value)
    iterable = any(getattr(cls, name, None) is not None for name in ("__iter__", "__getitem__"))
    return not iterable and not isinstance(value, type) and getattr(cls, "__contains__", None) is not None


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


def _door(unsafe: Mapping[Any, Any]) -> str:
    return json.dumps({str(text): str(reason) for text, reason in unsafe.items()}, ensure_ascii=False)


def _without(values: tuple[str, ...], value: str, name: str) -> str:
    return quoted([item for item in values if item != value] or [_STAND_INS[name]])


def _instead_of(item: object, stand_in: str) -> str:
    if isinstance(item, Origin | OriginPattern):
        return quoted(str(item))
    pattern: object = getattr(item, "pattern", None)
    if isinstance(item, re.Pattern) and isinstance(pattern, str):
        try:
            return quoted(str(OriginPattern.parse(pattern)))
        except PolicyError as error:
            return error.problems[0].fix
    return quoted(stand_in)
