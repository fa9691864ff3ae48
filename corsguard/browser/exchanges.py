"""
The one way to show what went over the wire, as text and as data: the same headers, the same maximum length, no secrets.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from corsguard.names import OWNED_PREFIX

from .evidence import LONGEST_READ, as_shown, without_password
from .wire import Exchange, Header

HIDDEN: Final = "(not shown)"
# Headers whose values are always secret.
SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})

# The headers that are shown: those of CORS, those that CORS depends on, and those that show who answered.
_SHOWN_REQUEST_HEADERS: Final = frozenset(
    {"content-type", "origin", "sec-websocket-protocol", "upgrade", *SECRET_HEADERS}
)
_SHOWN_RESPONSE_HEADERS: Final = frozenset(
    """
        age allow content-type cross-origin-resource-policy location sec-websocket-accept sec-websocket-protocol server
        set-cookie timing-allow-origin upgrade vary x-cache
    """.split()
)
_MOST_LINES: Final = 24
_MOST_EXCHANGES: Final = 8
# The name and the value of a cookie, or only the value if it has no name.
_COOKIE_VALUE: Final = re.compile(r"^([^=;]*=|)[^;]*")


def _unchanged(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """
    What is shown of one exchange; *status* is None if there was no response. *more_request_headers* and
    *more_response_headers* count the headers that were left out because there are too many.
    """

    method: str
    url: str
    is_preflight: bool
    request_headers: tuple[Header, ...]
    more_request_headers: int
    status: int | None
    response_headers: tuple[Header, ...]
    more_response_headers: int

    @property
    def title(self) -> str:
        return f"{self.method} {self.url}{' (preflight)' * self.is_preflight}"

    @property
    def request_lines(self) -> tuple[str, ...]:
        return (*_lines(">", self.request_headers, self.more_request_headers),)

    @property
    def response_lines(self) -> tuple[str, ...]:
        status = "no response" if self.status is None else str(self.status)
        return (f"< {status}", *_lines("<", self.response_headers, self.more_response_headers))

    def hidden(self, hide: Callable[[str], str]) -> "Shown":
        """
        Return the same after *hide* has removed secrets from the URL and the values of the headers.
        """
        asked, answered = (
            tuple((name, hide(value)) for name, value in lines)
            for lines in (self.request_headers, self.response_headers)
        )
        return replace(self, url=hide(self.url), request_headers=asked, response_headers=answered)

    @property
    def data(self) -> dict[str, Any]:
        """
        The same as plain data.
        """
        left_out = self.more_request_headers + self.more_response_headers
        return {
            "method": self.method,
            "url": self.url,
            "is_preflight": self.is_preflight,
            "headers": [[*header] for header in self.request_headers],
            "status": self.status,
            "response_headers": [[*header] for header in self.response_headers],
            **({"headers_left_out": left_out} if left_out else {}),
        }


def shown(exchange: Exchange, *, secrets: Collection[str] = (), hide: Callable[[str], str] = _unchanged) -> Shown:
    """
    Return what is shown of *exchange*.

    Request headers whose names are in *secrets* (in lower case) are shown without their values. *hide* removes secrets
    from a text before it is shortened.
    """
    bare = without_secrets(exchange, secrets=secrets, hide=hide)
    request, response = bare.request, bare.response
    asked = _chosen(request.headers, _SHOWN_REQUEST_HEADERS.union(secrets))
    answered = _chosen(() if response is None else response.headers, _SHOWN_RESPONSE_HEADERS)
    return Shown(
        method=as_shown(request.method),
        url=as_shown(request.url, LONGEST_READ),
        is_preflight=bare.is_preflight,
        request_headers=_cut(asked),
        more_request_headers=len(asked[_MOST_LINES:]),
        status=None if response is None else response.status,
        response_headers=_cut(answered),
        more_response_headers=len(answered[_MOST_LINES:]),
    )


def on_the_wire(
    exchanges: Collection[Exchange], *, secrets: Collection[str] = (), hide: Callable[[str], str] = _unchanged
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """
    Yield for each of *exchanges* its title and the lines below it, as `shown` shows them; if there are many, only the
    first and the last ones.
    """
    half, more = _MOST_EXCHANGES // 2, len(exchanges) - _MOST_EXCHANGES
    for number, exchange in enumerate(exchanges, 1):
        if more > 0 and half < number <= half + more:
            if number == half + 1:
                yield f"      ... {more} more ...", ()
            continue
        one = shown(exchange, secrets=secrets, hide=hide)
        yield f"{number:3}. {one.title}", tuple(f"     {line}" for line in (*one.request_lines, *one.response_lines))


def without_secrets(
    exchange: Exchange, *, secrets: Collection[str] = (), hide: Callable[[str], str] = _unchanged
) -> Exchange:
    """
    Return *exchange* in full length, but without its secrets: values of headers whose names are in *secrets* (in lower
    case) or in SECRET_HEADERS, passwords in URLs, and what *hide* removes from a text.
    """
    names = SECRET_HEADERS.union(secrets)

    def value_of(name: str, value: str) -> str:
        if name == "set-cookie":
            # The attributes stay: they decide whether other sites can use the cookie.
            return _COOKIE_VALUE.sub(rf"\1{HIDDEN}", value[:LONGEST_READ])
        return HIDDEN if name in names else without_password(value)

    return _with_texts(veiled(exchange, hide), without_password, value_of)


def veiled(exchange: Exchange, hide: Callable[[str], str]) -> Exchange:
    """
    Return *exchange* after *hide* has removed secrets from its URL, from the values of its headers, and from the
    beginning of the answer, of which something may be shown.
    """
    found = _with_texts(exchange, hide, lambda _, value: hide(value))
    if found.response is None:
        return found
    beginning = found.response.body[:LONGEST_READ].decode("latin-1")
    body = hide(beginning).encode("latin-1", "replace") + found.response.body[LONGEST_READ:]
    return replace(found, response=replace(found.response, body=body))


def _with_texts(exchange: Exchange, url_of: Callable[[str], str], value_of: Callable[[str, str], str]) -> Exchange:
    def lines(headers: Iterable[Header]) -> tuple[Header, ...]:
        return tuple((name, value_of(name.lower(), value)) for name, value in headers)

    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=replace(request, url=url_of(request.url), headers=lines(request.headers)),
        response=None if response is None else replace(response, headers=lines(response.headers)),
    )


def _chosen(headers: Iterable[Header], names: Collection[str]) -> tuple[Header, ...]:
    return tuple(line for line in headers if line[0].lower() in names or line[0].lower().startswith(OWNED_PREFIX))


def _cut(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    return tuple((as_shown(name), as_shown(value)) for name, value in headers[:_MOST_LINES])


def _lines(mark: str, headers: Iterable[Header], more: int) -> Iterator[str]:
    yield from (f"{mark} {name}: {value}" for name, value in headers)
    if more:
        yield f"{mark} ... {more} more"
