"""
Fetch's rules for methods and headers: normalization, guards, safelists, and lists of values.

Each function takes the bytes that a page or a server wrote, and is one definition of the standard.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from corsguard.names import FORBIDDEN_METHODS, SAFELISTED_METHODS, is_forbidden_request_header, is_token

from .wire import Header

Guard = Literal["request", "request-no-cors"]

_WHITESPACE: Final = "\t\n\r "
_NORMALIZED_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
_METHOD_OVERRIDES: Final = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})
# Fetch, "no-CORS-safelisted request-header name".
_NO_CORS_NAMES: Final = frozenset({"accept", "accept-language", "content-language", "content-type"})
_SAFELISTED_ESSENCES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})

_LONGEST_SAFELISTED_VALUE: Final = 128
_MOST_SAFELISTED_BYTES: Final = 1024

# Fetch, "CORS-unsafe request-header byte".
_UNSAFE_BYTES: Final = re.compile(r"[\x00-\x08\x0a-\x1f\"():<>?@\[\\\]{}\x7f]")
_LANGUAGE: Final = re.compile(r"[0-9A-Za-z *,\-.;=]*")
_SINGLE_RANGE: Final = re.compile(r"bytes=([0-9]+)-([0-9]*)")
_QUOTED_OR_PLAIN: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[^",]+|,', re.DOTALL)


class Unparsable(ValueError):
    """
    A list of names has an item that is not a token; *value* is the field's value, *item* the first such item.
    """

    def __init__(self, value: str, item: str) -> None:
        super().__init__(f"{item!r} is not a token in {value!r}")
        self.value = value
        self.item = item


def normalize_method(method: str) -> str:
    """
    Return *method* as it is sent: six methods in upper case, all others as they are (Fetch, "normalize").
    """
    upper = method.upper() if method.isascii() else method
    return upper if upper in _NORMALIZED_METHODS else method


def is_forbidden_method(method: str) -> bool:
    """
    Return whether no page may send *method* (Fetch, "forbidden method").
    """
    return method.upper() in FORBIDDEN_METHODS


def is_safelisted_method(method: str) -> bool:
    """
    Return whether *method* needs no preflight (Fetch, "CORS-safelisted method").
    """
    return method in SAFELISTED_METHODS


def normalize_value(value: str) -> str:
    """
    Return *value* without the whitespace around it (Fetch, "normalize").
    """
    return value.strip(_WHITESPACE)


def is_header_value(value: str) -> bool:
    """
    Return whether *value* may be a header's value (Fetch, "header value").
    """
    return value == normalize_value(value) and not any(byte in "\0\r\n" or byte > "\xff" for byte in value)


def values_of(headers: Iterable[Header], name: str) -> list[str]:
    """
    Return the values of all lines called *name*, in order.
    """
    lowered = name.lower()
    return [value for other, value in headers if other.lower() == lowered]


def get(headers: Iterable[Header], name: str) -> str | None:
    """
    Return the values of all lines called *name*, joined, or None if there is none (Fetch, "get").
    """
    values = values_of(headers, name)
    return ", ".join(values) if values else None


def get_decode_and_split(headers: Iterable[Header], name: str) -> list[str]:
    """
    Return the values of *name*, split at commas outside of quotation marks (Fetch, "get, decode, and split").
    """
    value = get(headers, name)
    return [] if value is None else split_outside_quotes(value)


def split_outside_quotes(value: str) -> list[str]:
    """
    Return the items of *value*, split at commas outside of quotation marks.
    """
    items: list[list[str]] = [[]]
    for match in _QUOTED_OR_PLAIN.finditer(value):
        if match[0] == ",":
            items.append([])
        else:
            items[-1].append(match[0])
    return ["".join(item).strip("\t ") for item in items]


def escaped(location: str) -> str:
    """
    Return *location* with every byte beyond ASCII percent-encoded, as browsers read a `Location`.
    """
    return re.sub(r"[\x80-\xff]", lambda byte: f"%{ord(byte[0]):02X}", location)


def tokens_of(headers: Iterable[Header], name: str) -> list[str] | None:
    """
    Return the tokens that all lines called *name* list, or None if there is none.

    Raises Unparsable: one item that is not a token makes all of them invalid (Fetch, "extract header list values").
    """
    values = values_of(headers, name)
    items = [item.strip("\t ") for value in values for item in value.split(",")]
    for item in items:
        if item and not is_token(item):
            raise Unparsable(", ".join(values), item)
    return [item for item in items if item] if values else None


def seconds_of(headers: Iterable[Header], name: str) -> int | None:
    """
    Return the number that *name* has, or None if it has no number or several.

    A negative number is 0: the standard calls it a failure, but with `-1` no browser caches anything.
    """
    values = values_of(headers, name)
    match = re.fullmatch(r"(-?)([0-9]{1,18})[0-9]*", values[0]) if len(values) == 1 else None
    return None if match is None else 0 if match[1] else int(match[2])


def media_type_of(headers: Iterable[Header]) -> str:
    """
    Return the media type of a message with *headers*, without its parameters, in lower case; empty if there is none.
    """
    return (get(headers, "Content-Type") or "").partition(";")[0].strip().lower()


def is_event_stream(headers: Iterable[Header]) -> bool:
    """
    Return whether a response with *headers* is a stream of events (HTML, "server-sent events"), which has no end.
    """
    return media_type_of(headers) == "text/event-stream"


def is_forbidden_header(name: str, value: str) -> bool:
    """
    Return whether no page may set the request header (Fetch, "forbidden request-header").
    """
    if name.lower() in _METHOD_OVERRIDES:
        return any(is_forbidden_method(method) for method in split_outside_quotes(value))
    return is_forbidden_request_header(name)


def is_safelisted_header(name: str, value: str) -> bool:
    """
    Return whether the request header needs no preflight (Fetch, "CORS-safelisted request-header").
    """
    if len(value) > _LONGEST_SAFELISTED_VALUE:
        return False
    match name.lower():
        case "accept":
            return _UNSAFE_BYTES.search(value) is None
        case "accept-language" | "content-language":
            return _LANGUAGE.fullmatch(value) is not None
        case "content-type":
            return _UNSAFE_BYTES.search(value) is None and _essence(value) in _SAFELISTED_ESSENCES
        case "range":
            # Fetch, "parse a single range header value": no whitespace, and the start has to be given.
            match = _SINGLE_RANGE.fullmatch(value)
            return match is not None and (not match[2] or int(match[1]) <= int(match[2]))
        case _:
            return False


def unsafe_names(headers: Iterable[Header]) -> list[str]:
    """
    Return the names in *headers* that need a preflight: lower case, sorted, once (Fetch, "CORS-unsafe request-header
    names").
    """
    unsafe, potentially, size = set[str](), set[str](), 0
    for name, value in headers:
        if is_safelisted_header(name, value):
            potentially.add(name.lower())
            size += len(value)
        else:
            unsafe.add(name.lower())
    return sorted(unsafe | potentially if size > _MOST_SAFELISTED_BYTES else unsafe)


def may_append(headers: Sequence[Header], name: str, value: str, guard: Guard) -> bool:
    """
    Return whether a page may append the header to *headers* (Fetch, "append" and "validate").
    """
    if is_forbidden_header(name, value):
        return False
    if guard == "request-no-cors":
        combined = ", ".join([*values_of(headers, name), value])
        return name.lower() in _NO_CORS_NAMES and is_safelisted_header(name, combined)
    return True


def guarded(headers: Iterable[Header], guard: Guard) -> Iterator[tuple[Header, bool]]:
    """
    Yield each of *headers* with its value normalized, and whether a page may set it after those before it.
    """
    kept: list[Header] = []
    for name, value in headers:
        header = (name, normalize_value(value))
        allowed = may_append(kept, *header, guard)
        if allowed:
            kept.append(header)
        yield header, allowed


def _essence(value: str) -> str:
    # MIME Sniffing, "parse a MIME type"; an invalid type becomes one that is on no list.
    kind, _, rest = value.strip(_WHITESPACE).partition("/")
    return f"{kind}/{rest.partition(';')[0].rstrip(_WHITESPACE)}".lower()
