"""
What is refused when a policy is built, and what causes only a warning.

A Reading brings the keywords of a policy into one form and finds everything that is wrong with them, all at once. This
module judges. `errors` has the messages. Nothing here knows how a request is answered.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType
from typing import Any, Final, Literal, NamedTuple, TypeGuard, cast

from .audience import AsyncOriginSource, OriginIndex, OriginSource, is_plain_http
from .errors import PolicyError, Problem, plain
from .fixes import OR_REMOVE_IT, Fix
from .names import (
    BODY_METHODS,
    CHROMIUM_MAX_AGE,
    EXAMPLE_ORIGIN,
    FIREFOX_MAX_AGE,
    FORBIDDEN_METHODS,
    FORBIDDEN_RESPONSE_HEADERS,
    NON_WILDCARD_REQUEST_HEADER,
    OWNED_PREFIX,
    REQUEST_ONLY_HEADERS,
    UPPER_CASE_METHODS,
    WELL_KNOWN_HEADERS,
    is_forbidden_request_header,
    is_token,
)
from .origin import NULL, Origin, OriginPattern, pattern_of
from .quoting import MOST_ITEMS, kind_of, name_of, quoted, text_of
from .suffixes import open_suffix

DEFAULT_METHODS: Final = ("GET", "HEAD", "POST")
# The keywords of a policy with their defaults.
DEFAULTS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "allow_origins": (),
        "allow_methods": DEFAULT_METHODS,
        "allow_headers": (),
        "expose_headers": (),
        "allow_credentials": False,
        "max_age": CHROMIUM_MAX_AGE,
        "preflight_status": 204,
        "share_timing": False,
        "allow_unsafe_origins": MappingProxyType({}),
    }
)

_UNSAFE_EXAMPLE: Final = "http://kiosk.corp.example"
_REASON: Final = "who needs this, and until when"
_TO_EVERY_SITE: Final = (
    "browsers refuse this combination, and each workaround lets every site read the data of logged-in users"
)
_OR: Final = "or, one origin at a time and with your reason"
_OR_EVERYTHING: Final = "or, to allow everything"
_NO_WILDCARD: Final = 'with credentials, browsers read it as a name that is literally "*", so it would allow nothing'
# The separators that people write between names in one string.
_BETWEEN_NAMES: Final = r"[\s,;\"'\[\]()]+"
# Words at the start of a header's name that are not a name by themselves: `Content Type`.
_FIRST_WORDS: Final = frozenset({"cache", "content", "if", "user", "x"})
_WHOLE_NUMBER: Final = r'"?([0-9]{1,5})(?:\.0)?"?'
_TRUE: Final = frozenset({"true", "1", "yes", "on"})

# The types that other libraries take as callbacks.
_FUNCTIONS: Final = (FunctionType, MethodType, BuiltinFunctionType, partial)

Names = Literal["*"] | tuple[str, ...]


class _List(NamedTuple):
    """
    A keyword that is a list: the entry that a fix shows, the list that it shows instead of `"*"`, the words that say
    what belongs there, and the codes that a name may get.
    """

    example: str
    instead_of_star: list[str]
    words: str
    codes: tuple[str, ...] = ()


_LISTS: Final = {
    "allow_origins": _List(EXAMPLE_ORIGIN, [EXAMPLE_ORIGIN], "list the origins of your pages"),
    "allow_methods": _List(
        "PUT",
        [*DEFAULT_METHODS, "PUT", "PATCH", "DELETE"],
        "list the methods that your pages use",
        ("E401", "E107", "E402", "E403", "W201"),
    ),
    "allow_headers": _List(
        "Content-Type",
        ["Content-Type", "Authorization"],
        "list the headers that your pages send",
        ("E501", "E107", "E502", "E503"),
    ),
    "expose_headers": _List(
        "ETag", ["ETag"], "list the headers that your pages read", ("E501", "E107", "E601", "E602")
    ),
}
# When each code applies to the name of a method or a header. The first code of a keyword that applies is reported.
_APPLIES: Final[Mapping[str, Callable[[str], bool]]] = {
    "E401": lambda name: not is_token(name),
    "E501": lambda name: not is_token(name),
    "E107": lambda name: "*" in name,
    "E402": lambda name: name.upper() in FORBIDDEN_METHODS,
    "E403": lambda name: name != name.upper() and name.upper() in UPPER_CASE_METHODS,
    "W201": lambda name: name == "OPTIONS",
    "E502": is_forbidden_request_header,
    "E503": lambda name: name.lower().startswith(OWNED_PREFIX),
    "E601": lambda name: name.lower() in FORBIDDEN_RESPONSE_HEADERS,
    "E602": lambda name: name.lower() in REQUEST_ONLY_HEADERS or name.lower().startswith(OWNED_PREFIX),
}


class Reading:
    """
    One reading of the keywords of a policy.

    *values* are the keywords in the form in which a policy keeps them. *patterns* are all listed patterns that are
    valid, unsafe origins included, but not `null`. *problems* and *warnings* are what is wrong. The time is
    proportional to the size of the keywords.
    """

    def __init__(self, keywords: Mapping[str, object]) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.patterns: dict[str, OriginPattern] = {}
        self.credentials = _says_true(keywords["allow_credentials"])
        self.unsafe_before = dict(_items_of(keywords["allow_unsafe_origins"], Mapping) or ())
        self.values = self.read(keywords)

    def report(
        self, code: str, keyword: str, value: object, fix: Fix, *, covered_by: str | None = None, **details: object
    ) -> None:
        problem = Problem.of(code, keyword, value, fix, covered_by=covered_by, **details)
        (self.problems if problem.is_error else self.warnings).append(problem)

    def read(self, keywords: Mapping[str, object]) -> dict[str, Any]:
        origins = self.origins(keywords["allow_origins"])
        unsafe = self.unsafe_origins(keywords["allow_unsafe_origins"])
        self.look_at_unsafe_origins(unsafe, origins)
        if origins == () and not unsafe and not self.problems:
            self.report("E101", "allow_origins", [], Fix(policy={"allow_origins": [EXAMPLE_ORIGIN]}))
        methods = self.names("allow_methods", keywords["allow_methods"])
        headers = self.names("allow_headers", keywords["allow_headers"])
        self.look_at_bodies(methods, headers)
        self.look_at_token(headers)
        exposed = self.names("expose_headers", keywords["expose_headers"])
        for keyword in ("allow_credentials", "share_timing"):
            if type(keywords[keyword]) is not bool:
                self.report("E701", keyword, keywords[keyword], Fix(policy={keyword: _says_true(keywords[keyword])}))
        if keywords["share_timing"] is True and (origins == "*" or self.credentials):
            code = "W501" if origins == "*" else "W502"
            self.report(code, "share_timing", True, Fix(policy={"share_timing": False}))
        return {
            "allow_origins": keywords["allow_origins"] if origins is None else origins,
            "allow_methods": methods,
            "allow_headers": headers,
            "expose_headers": exposed,
            "allow_credentials": self.credentials,
            "max_age": self.max_age(keywords["max_age"]),
            "preflight_status": self.preflight_status(keywords["preflight_status"]),
            "share_timing": _says_true(keywords["share_timing"]),
            "allow_unsafe_origins": unsafe,
        }

    # Lists

    def strings(self, keyword: str, value: object) -> Names:
        """
        Return *value* as `"*"` or a tuple of strings, in a stable order and without duplicates.
        """
        example = _LISTS[keyword].example
        text = text_of(value)
        if text == "*":
            return "*"
        if text is not None:
            listed = _listed_in(text) or [example]
            fix = self.without_star(keyword, listed) or Fix(policy={keyword: listed})
            self.report("E102", keyword, text, fix)
            return ()
        items = _items_of(value, list, tuple, set, frozenset)
        if items is None:
            self.problems.append(not_a_list(keyword, value))
            return ()
        for item in items:
            if text_of(item) is None:
                fix = Fix(entries=_instead_of(item, example), otherwise=(OR_REMOVE_IT,))
                self.report("E104", keyword, item, fix, kind=kind_of(item))
        return (*dict.fromkeys(text for text in map(text_of, items) if text is not None),)

    def look_at_star(self, keyword: str, names: Collection[str]) -> None:
        fix = self.without_star(keyword, names)
        if fix is None:
            return
        if self.credentials:
            cause = _TO_EVERY_SITE if keyword == "allow_origins" else _NO_WILDCARD
            self.report("E301", keyword, "*", fix, cause=cause)
        else:
            self.report("E105", keyword, "*", fix)

    def without_star(self, keyword: str, names: Collection[str]) -> Fix | None:
        """
        Return what to write instead of *names*, if they have a `"*"` that may not be there.
        """
        others = [name for name in names if name != "*"]
        if "*" not in names:
            return None
        if self.credentials:
            words = "" if others else _LISTS[keyword].words
            meant = others or _LISTS[keyword].instead_of_star
            return Fix(policy={keyword: meant}, words=words, otherwise=(_OR_PUBLIC,))
        # Fetch requires Authorization to be listed next to `*`, so this is the only list that may contain `*`.
        may_stand = {NON_WILDCARD_REQUEST_HEADER} if keyword == "allow_headers" else set[str]()
        next_to_it = [name for name in others if name.lower() in may_stand]
        if names == "*" or (others and next_to_it == others):
            return None
        with_it = {keyword: ["*", *next_to_it] if next_to_it else "*"}
        every = Fix(words=_OR_EVERYTHING, policy=with_it)
        return Fix(policy={keyword: others}, otherwise=(every,)) if others else Fix(policy=with_it)

    # Origins

    def origins(self, value: object) -> Names | None:
        """
        Return the listed origins, or None if *value* is an origin source.
        """
        keyword = "allow_origins"
        if is_source(value):
            code = _code_of_source(type(value))
            if code is not None:
                self.report(code, keyword, value, Fix(words="async def allows(self, origin: str) -> bool:"))
            return None
        if issubclass(type(value), type) and _can_be_asked(cast("type", value)):
            self.report("E321", keyword, value, Fix(words=f"{keyword}={name_of(cast('type', value))}()"))
            return ()
        origins = self.strings(keyword, value)
        self.look_at_star(keyword, origins)
        self.look_at_origins(self.parsed(keyword, (text for text in origins if text != "*")))
        return origins

    def parsed(self, keyword: str, texts: Iterable[str]) -> dict[str, OriginPattern]:
        """
        Return the patterns of *texts*, without those that are refused.
        """
        parsed: dict[str, OriginPattern] = {}
        for text in texts:
            try:
                parsed[text] = OriginPattern.parse(text)
            except PolicyError as error:
                self.problems.extend(replace(problem, field=keyword) for problem in error.problems)
        self.patterns |= parsed
        return parsed

    def look_at_origins(self, listed: Mapping[str, OriginPattern]) -> None:
        production = [text for text, pattern in listed.items() if not _is_development(pattern)]
        without_development = written_out("allow_origins", production, len(production))
        wildcards = OriginIndex(pattern for pattern in listed.values() if not pattern.is_exact)
        for text, pattern in listed.items():
            self.look_at_origin(text, pattern)
            if production and _is_development(pattern):
                self.report("W104", "allow_origins", text, without_development)
            first, second = pattern.samples()
            covering = {*wildcards.patterns_for(first)} & {*wildcards.patterns_for(second)} - {text}
            if covering:
                self.report("W105", "allow_origins", text, Fix(removes=True), covered_by=min(covering))

    def look_at_origin(self, text: str, pattern: OriginPattern) -> None:
        keyword = "allow_origins"
        suffix = _open_suffix(pattern)
        insecure, open_to_all = ("E302", "E303") if self.credentials else ("W103", "W107")
        kept = self.unsafe_with_reason(text) if self.credentials else ()
        # It was copied from there, and not moved.
        is_copied = self.credentials and text in self.unsafe_before
        if is_plain_http(pattern):
            fix = Fix(entries=(str(pattern._replace(scheme="https")),), otherwise=kept)
            self.report(insecure, keyword, text, _HAS_A_REASON if is_copied else fix)
        if suffix is not None and not (self.credentials and is_plain_http(pattern)):
            words = _ASK_A_SOURCE.words if pattern.host == "*" else ""
            fix = Fix(entries=_some_of(pattern, _NOBODY), words=words, otherwise=kept)
            self.report(open_to_all, keyword, text, _HAS_A_REASON if is_copied else fix, suffix=suffix)
        elif self.credentials and "*" in pattern.host:
            self.report("W101", keyword, text, Fix(entries=_some_of(pattern)))
        if self.credentials and pattern.port == "*":
            self.report("W102", keyword, text, Fix(entries=(str(pattern._replace(port=None)),)))
        if "xn--" in pattern.host and _is_broken(pattern.host):
            self.report("W109", keyword, text, Fix(entries=(EXAMPLE_ORIGIN,), otherwise=(OR_REMOVE_IT,)))
        if pattern.host.endswith(".") and pattern.host != ".":
            self.report("W108", keyword, text, Fix(entries=(str(pattern._replace(host=pattern.host[:-1])),)))

    def unsafe_with_reason(self, text: str) -> tuple[Fix, ...]:
        """
        Return the alternative to keep the dangerous *text* with a reason. Return nothing if it would be too long to
        read.
        """
        if len(self.unsafe_before) >= MOST_ITEMS:
            return ()
        unsafe = {**self.unsafe_before, text: _REASON}
        return (Fix(words=_OR, removes=True, policy={"allow_unsafe_origins": unsafe}),)

    def unsafe_origins(self, value: object) -> dict[str, str]:
        keyword = "allow_unsafe_origins"
        pairs = _items_of(value, Mapping)
        if pairs is None:
            listed = [value] if text_of(value) else _items_of(value, list, tuple, set, frozenset) or []
            texts = [text for text in map(text_of, listed) if text and pattern_of(text)][:MOST_ITEMS]
            fix = Fix(policy={keyword: dict.fromkeys(texts or [_UNSAFE_EXAMPLE], _REASON)})
            self.report("E311", keyword, value, fix, kind=kind_of(value))
            return {}
        unsafe: dict[str, str] = {}
        for key, said in pairs:
            text, reason = text_of(key), text_of(said) or ""
            if text is None:
                self.report("E104", keyword, key, Fix(entries=(_UNSAFE_EXAMPLE,)), kind=kind_of(key))
            else:
                unsafe[text] = reason if reason.strip() else ""
        reasoned = {text: reason or _REASON for text, reason in unsafe.items()}
        fix = Fix(policy={keyword: reasoned}) if len(unsafe) <= MOST_ITEMS else _WRITE_A_REASON
        fix = replace(fix, otherwise=(OR_REMOVE_IT,))
        for text in (text for text, reason in unsafe.items() if not reason):
            self.report("E312", keyword, text, fix)
        return unsafe

    def look_at_unsafe_origins(self, unsafe: Mapping[str, str], origins: Names | None) -> None:
        keyword = "allow_unsafe_origins"
        if unsafe and origins == "*":
            self.report("E314", keyword, unsafe, Fix(policy={keyword: {}}))
        if NULL in unsafe and self.credentials:
            self.report("E315", keyword, NULL, Fix(policy={"allow_credentials": False}, otherwise=(OR_REMOVE_IT,)))
        for text, pattern in self.parsed(keyword, (text for text in unsafe if text != NULL)).items():
            is_dangerous = is_plain_http(pattern) or _open_suffix(pattern) is not None
            if not (is_dangerous and self.credentials):
                # Only a warning, so that one environment may switch credentials off.
                self.report("W106" if is_dangerous else "E313", keyword, text, _moved(text, unsafe, origins))

    # Methods and headers

    def names(self, keyword: str, value: object) -> Names:
        names = self.strings(keyword, value)
        codes = {name: code for name in names if (code := _code_of_name(keyword, name)) is not None}
        meant = {name: _meant_by(keyword, name) for name, code in codes.items() if code.startswith("E")}
        # Every fix is the complete corrected list, because a reader may paste the fix of one problem only.
        right = [*dict.fromkeys(chain.from_iterable(meant.get(name, (name,)) for name in names))]
        self.look_at_star(keyword, names if names == "*" else right)
        example = Fix(policy={keyword: [_LISTS[keyword].example]}, otherwise=(OR_REMOVE_IT,))
        whole = self.without_star(keyword, right) or (Fix(policy={keyword: right}) if right else example)
        for name, code in codes.items():
            if code == "E403":
                fix = Fix(entries=(name.upper(),))
            elif len(names) > MOST_ITEMS:
                fix = Fix(entries=meant[name]) if meant.get(name) else Fix(removes=True)
            elif code == "W201":
                rest = [other for other in right if other != name]
                fix = Fix(policy={keyword: rest}) if rest else example
            else:
                fix = whole
            self.report(code, keyword, name, fix, upper=name.upper())
        for name in names:
            if name not in codes and name != "*":
                self.look_at_spelling(keyword, name)
        return names

    def look_at_token(self, headers: Names) -> None:
        if headers == "*" and not self.credentials:
            self.report("W203", "allow_headers", "*", Fix(policy={"allow_headers": ["*", "Authorization"]}))

    def look_at_spelling(self, keyword: str, name: str) -> None:
        is_method = keyword == "allow_methods"
        if (name in DEFAULT_METHODS) if is_method else (name.lower() in WELL_KNOWN_HEADERS):
            return
        from .mistakes import header_meant, method_meant

        meant = method_meant(name) if is_method else header_meant(name)
        if meant:
            self.report("W204", keyword, name, Fix(entries=meant), meant=" or ".join(meant))

    def look_at_bodies(self, methods: Names, headers: Names) -> None:
        with_body = [method for method in methods if method in BODY_METHODS or method == "*"]
        named = {header.lower() for header in headers}
        # POST is a default method, so it does not show that bodies are sent. A listed method does.
        if with_body and methods != DEFAULT_METHODS and not {"content-type", "*"} & named:
            allowed = Fix(policy={"allow_headers": [*headers, "Content-Type"]})
            self.report("W202", "allow_headers", ", ".join(with_body), allowed)

    # Numbers

    def preflight_status(self, value: object) -> int | None:
        status = _number_of(value)
        if status not in (200, 204):
            self.report("E704", "preflight_status", value, Fix(policy={"preflight_status": 204}))
        return status

    def max_age(self, value: object) -> int | None:
        if value is None:
            return None
        seconds = _number_of(value)
        if issubclass(type(value), timedelta):
            whole, fraction = timedelta.__divmod__(cast("timedelta", value), timedelta(seconds=1))
            seconds = None if fraction else whole
        if seconds is None:
            number = re.fullmatch(_WHOLE_NUMBER, quoted(value))
            meant = min(int(number[1]), CHROMIUM_MAX_AGE) if number else CHROMIUM_MAX_AGE
            self.report("E702", "max_age", value, Fix(policy={"max_age": meant}))
        elif not 0 <= seconds <= FIREFOX_MAX_AGE:
            self.report("E703", "max_age", value, Fix(policy={"max_age": 0 if seconds < 0 else CHROMIUM_MAX_AGE}))
        elif seconds > CHROMIUM_MAX_AGE:
            self.report("W301", "max_age", seconds, Fix(policy={"max_age": CHROMIUM_MAX_AGE}))
        return seconds


def problems_of(keywords: Mapping[str, object]) -> tuple[Problem, ...]:
    """
    Return the problems of *keywords*, unknown keywords included. Empty if a policy can be built from them.
    """
    known, unknown = known_keywords(keywords)
    return (*unknown, *Reading({**DEFAULTS, **known}).problems)


def known_keywords(mapping: Mapping[str, object]) -> tuple[dict[str, object], list[Problem]]:
    """
    Return the items of *mapping* that are keywords of a policy, and a problem for each other key.

    The value of a misspelt key is used for the nearest keyword, so that it is judged too.
    """
    known: dict[str, object] = {}
    unknown: list[Problem] = []
    for key, value in mapping.items():
        text = text_of(key)
        if text is not None and text in DEFAULTS:
            known[text] = value
            continue
        name = quoted(key) if text is None else text
        if name in _NO_KEYWORDS:
            unknown.append(Problem.of("E106", name, key, _NO_KEYWORDS[name]))
            continue
        if name.startswith("/"):
            unknown.append(Problem.of("E106", name, key, _NO_LEVELS))
            continue
        if inner := known_keywords(_items_in(value))[0]:
            # `{"cors": {"allow_origins": ...}}`
            fix = Fix(removes=True, policy=inner, words=f"in place of {quoted(name)}, because a policy has no levels")
            unknown.append(Problem.of("E106", name, key, fix))
            known |= inner
            continue
        near = keyword_meant_by(name)
        fix = _ONE_OF_THEM if near is None else Fix(name=near)
        if near is None and (level := _level_meant_by(name, value)):
            fix = Fix(name=level) if level != name else _NO_LEVELS
        if near is not None and near in mapping:
            fix = fix_of_duplicate(near)
        unknown.append(Problem.of("E106", name, key, fix))
        if near is not None:
            known.setdefault(near, value)
    return known, unknown


def _items_in(value: object) -> dict[str, Any]:
    """
    Return the items of *value*, if it is a mapping, without tables in it. Empty if JSON cannot hold all of them.
    """
    pairs = (_items_of(value, Mapping) or [])[:MOST_ITEMS]
    items = {name: inner for key, inner in pairs if (name := text_of(key)) and _items_of(inner, Mapping) is None}
    return items if all(map(_is_plain, items.values())) else {}


def _is_plain(value: object) -> bool:
    listed = _items_of(value, list, tuple)
    if listed is not None:
        return len(listed) <= MOST_ITEMS and all(type(item) is str for item in listed)
    return value is None or (type(value) in {str, bool, int} and plain(value) == value)


def _level_meant_by(name: str, value: object) -> str | None:
    """
    Return which level above policies *name* is probably a slip of, if *value* has the tables of one.
    """
    from .mistakes import nearest_name

    return nearest_name(name.lower(), ("hosts", "paths")) if _items_of(value, Mapping) else None


def keyword_meant_by(name: str) -> str | None:
    """
    Return the keyword that *name* probably means, or None.
    """
    from .mistakes import nearest_name

    return nearest_name(name.lower().replace("-", "_").removeprefix("access_control_"), DEFAULTS)


def fix_of_duplicate(near: str) -> Fix:
    """
    Return what to do about a key that means the keyword *near*, if *near* is there too.
    """
    return Fix(removes=True, words=f"move its value to {near} first")


def is_source(value: object) -> TypeGuard[OriginSource | AsyncOriginSource]:
    """
    Return whether *value* is an object that can be asked about origins, and not a list of origins.
    """
    cls = type(value)
    is_iterable = _has(cls, "__iter__") or _has(cls, "__getitem__")
    return not is_iterable and not issubclass(cls, type) and _can_be_asked(cls)


def _can_be_asked(cls: type) -> bool:
    return _has(cls, "__contains__") or _has(cls, "allows")


def _code_of_source(cls: Any) -> str | None:  # noqa: ANN401 - its methods may be anything
    """
    Return the code of what is wrong with the class of an origin source, or None.
    """
    if _has(cls, "__contains__"):
        if _has(cls, "allows"):
            return "E323"
        is_async = inspect.iscoroutinefunction(cls.__contains__) or inspect.isasyncgenfunction(cls.__contains__)
        return "E322" if is_async else None
    # A decorated or compiled function may still return an awaitable.
    is_plain = inspect.isfunction(cls.allows) and not hasattr(cls.allows, "__wrapped__")
    return "E324" if is_plain and not inspect.iscoroutinefunction(cls.allows) else None


# The kind of a value. Its class is unknown and its methods may raise. So only its type is asked, and all calls that may
# raise are here.


def _items_of(value: object, *classes: type) -> list[Any] | None:
    """
    Return the items of *value* in a stable order, as pairs if it is a mapping. None if it is not of one of *classes*.
    """
    cls = type(value)
    # An Origin is a tuple of its parts, but not a list of entries.
    if not issubclass(cls, classes) or issubclass(cls, Origin | OriginPattern):
        return None
    entries: Any = value
    try:
        items = [*(entries.items() if issubclass(cls, Mapping) else entries)]
    except Exception:  # noqa: BLE001 - a subclass may raise anything
        return None
    return sorted(items, key=lambda item: text_of(item) or quoted(item)) if issubclass(cls, set | frozenset) else items


def _number_of(value: object) -> int | None:
    # In Python a bool is an int, but it is not a number of seconds and not a status.
    cls = type(value)
    return int.__int__(cast("int", value)) if issubclass(cls, int) and cls is not bool else None


def _has(cls: type, name: str) -> bool:
    try:
        return getattr(cls, name, None) is not None
    except Exception:  # noqa: BLE001 - a metaclass may raise anything
        return False


def _says_true(value: object) -> bool:
    # The text "true" means True, so everything that follows from that is reported too.
    return value is True or _number_of(value) == 1 or (text_of(value) or "").strip().lower() in _TRUE


def _is_development(pattern: OriginPattern) -> bool:
    return pattern.scheme in {"http", "https"} and pattern.is_loopback


def _is_broken(host: str) -> bool:
    """
    Return whether a label of *host* looks like the ASCII form of a name (RFC 5890, "A-label"), but does not decode.
    """
    coded = [label[4:] for label in host.split(".") if label.startswith("xn--") and "*" not in label]
    try:
        names = [label.encode().decode("punycode") for label in coded]
    except UnicodeError:
        return True
    return not all(
        name.isprintable() and name.encode("punycode").decode() == label
        for name, label in zip(names, coded, strict=True)
    )


def _open_suffix(pattern: OriginPattern) -> str | None:
    if pattern.host == "*":
        return f"{pattern.scheme}://"
    return open_suffix(pattern.base) if "*" in pattern.host else None


# The parts of fixes.

# Nobody can register this name, because no host name has an underscore. So a fix that is pasted without reading allows
# no origin.
_NOBODY: Final = "your_name"
_ASK_A_SOURCE: Final = Fix(
    words=(
        "List each origin, or pass an origin source: an object whose class has `def __contains__(self, origin: str) "
        "-> bool:`."
    )
)
_OR_PUBLIC: Final = Fix(words="or, for public data", policy={"allow_credentials": False})
_HAS_A_REASON: Final = Fix(removes=True, words="allow_unsafe_origins has it")
_WRITE_A_REASON: Final = Fix(words=f"write a reason next to it, such as {quoted(_REASON)}")
# Keywords of other libraries that have no meaning here.
_NO_KEYWORDS: Final = {
    "resources": Fix(
        words=f'Write a policy for each path: {{"paths": {{"/api": {{"allow_origins": ["{EXAMPLE_ORIGIN}"]}}}}}}.'
    ),
    "protection": Fix(
        removes=True,
        words=(
            "Protection is not a part of a policy. Write protection=... next to it, or the setting "
            "CORSGUARD_PROTECTION of Django."
        ),
    ),
    "allow_private_network": Fix(
        removes=True,
        words="Browsers gave up Private Network Access. They now ask their users, and no header grants it.",
    ),
    **dict.fromkeys(
        ("timing_allow_origin", "timing_allow_origins"),
        Fix(
            removes=True,
            policy={"share_timing": True},
            words="It sends Timing-Allow-Origin to the origins of the policy.",
        ),
    ),
}
# An outer prefix may have been meant to be a part of the inner ones, or to be shared as well.
_NO_LEVELS: Final = Fix(
    removes=True,
    words='A path or a host has one policy and no others below it. Write each next to the others, in full: "/api/v1".',
)
_ONE_OF_THEM: Final = Fix(removes=True, words=f"or write one of {', '.join(DEFAULTS)}")


def not_a_list(keyword: str, value: object) -> Problem:
    """
    Return the problem of *value*, which is not a list.
    """
    countable = _has(type(value), "__iter__") and not issubclass(type(value), str | bytes | bytearray)
    pairs = _items_of(value, Mapping) or ()
    # An entry with a false value in a table is not meant.
    meant = [text for key, said in pairs if (text := text_of(key)) is not None and said is not False]
    fix = Fix(policy={keyword: meant[:MOST_ITEMS] or [*_instead_of(value, _LISTS[keyword].example)]})
    if countable and not pairs:
        fix = Fix(words=f"{keyword}=list(...)")
    if keyword == "allow_origins" and issubclass(type(value), _FUNCTIONS):
        fix = _ASK_A_SOURCE
    return Problem.of("E103", keyword, value, fix, kind=kind_of(value))


def written_out(keyword: str, names: Iterable[str], count: int) -> Fix:
    """
    Return a fix that writes *keyword* with *names*. If there are too many, it only says to remove one entry.

    Many problems may each have such a fix. Without the limit, the work would not be linear.
    """
    return Fix(policy={keyword: [*names]}) if count <= MOST_ITEMS else Fix(removes=True)


def _some_of(pattern: OriginPattern, name: str = "") -> tuple[str, ...]:
    """
    Return what to write instead of *pattern*, which covers too much. *name*, if given, replaces the star.
    """
    # `*example.com` is meant for example.com and its subdomains, but covers other domains too.
    is_glued = re.match(r"\*[^-.]", pattern.host)
    hosts = (pattern.host[1:], f"*.{pattern.host[1:]}") if is_glued and "." in pattern.host[1:] else ()
    one = pattern.host.replace("*", name or ("app" if pattern.host.startswith("*.") else "1"))
    return tuple(str(pattern._replace(host=host)) for host in hosts or (one,))


def _moved(text: str, unsafe: Mapping[str, str], origins: Names | None) -> Fix:
    """
    Return a fix for both keywords that moves *text* from *unsafe* to *origins*.
    """
    if max(len(unsafe), len(origins or ())) > MOST_ITEMS:
        return Fix(words="move it from allow_unsafe_origins to allow_origins", otherwise=(OR_REMOVE_IT,))
    rest = {other: reason for other, reason in unsafe.items() if other != text}
    # Nothing can be added to a source. It has to grant the entry itself.
    listed = {"allow_origins": [*dict.fromkeys((*origins, text))]} if isinstance(origins, tuple) else {}
    return Fix(policy={**listed, "allow_unsafe_origins": rest})


def _listed_in(text: str) -> list[str]:
    """
    Return the entries of a list that is written as one string; as JSON or Python, too.
    """
    inner = re.fullmatch(r"\s*[\[(](.*)[\])]\s*", text, re.DOTALL)
    # The comma of a repetition in an expression, such as `{1,3}`, separates nothing.
    found = re.findall(r"(?:\{[0-9]*,[0-9]*\}|[^\s,;])+", text if inner is None else inner[1])
    return found if inner is None else [entry for part in found if (entry := part.strip("\"'"))]


def _code_of_name(keyword: str, name: str) -> str | None:
    """
    Return the code of what is wrong with *name*, an entry of *keyword*, or None.
    """
    return None if name == "*" else next((code for code in _LISTS[keyword].codes if _APPLIES[code](name)), None)


def _meant_by(keyword: str, wrong: str) -> tuple[str, ...]:
    """
    Return the names that *wrong* means: several in one string, one in upper case, or none.
    """
    if is_token(wrong):
        return (wrong.upper(),) if keyword == "allow_methods" and _APPLIES["E403"](wrong) else ()
    # The text after a colon is a value.
    parts = [part for part in re.split(_BETWEEN_NAMES, wrong.partition(":")[0]) if part]
    if not all(map(is_token, parts)):
        return ()
    if parts[1:] and parts[0].lower() in _FIRST_WORDS and keyword != "allow_methods":
        return ("-".join(parts),)
    return tuple(parts)


def _instead_of(item: object, example: str) -> tuple[str, ...]:
    """
    Return what to write instead of *item*, which is not a string but may mean one.
    """
    if issubclass(type(item), Origin | OriginPattern):
        return (str(item),)
    if type(item) is re.Pattern and isinstance(item.pattern, str):
        problems = problems_of({"allow_origins": [item.pattern]})
        return problems[0].fix.entries if problems else (item.pattern,)
    return (example,)
