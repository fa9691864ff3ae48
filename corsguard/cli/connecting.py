"""
Where a command connects to, whom it trusts there, and what of that is never shown.

What is given as a secret is known here in each form in which a server, or a text of ours, may say it again.
"""

import json
import ssl
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

import click

from corsguard.browser.evidence import in_ascii, url_of
from corsguard.browser.headers import escaped
from corsguard.browser.urls import Url
from corsguard.browser.wire import Header

from .printing import printable

_HIGHEST_PORT: Final = 65535
# Headers whose values are nobody's secret (Fetch, "CORS-safelisted request-header name").
PUBLIC_HEADERS: Final = frozenset({"accept", "accept-language", "content-language", "content-type", "range"})
# Words that answers and texts are made of: hidden, they would hide what is wrong, and nobody's secret is so short.
_NO_SECRETS: Final = frozenset(
    """
        application/json basic bearer digest false http https json none null origin true xmlhttprequest
    """.split()
)


def trust(file: str | None) -> ssl.SSLContext:
    """
    Return a context that trusts the authorities in the PEM *file*, or the system's. Raises click.BadParameter.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        message = f"{file!r} has no certificates: {error}. Give a PEM file of the authority."
        raise click.BadParameter(printable(message), param_hint="--cacert") from None


def checked_address(text: str, meant: str) -> str:
    """
    Return *text*, which is `ADDRESS:PORT`. Raises click.BadParameter, which names the form that is *meant*.
    """
    host, colon, port = text.rpartition(":")
    is_bare = "]" not in host and ":" in host
    is_host = bool(host) and not is_bare and not any(mark in host for mark in "/@= ") and host.isprintable()
    if not colon or not is_host or not port.isdecimal() or not 0 < int(port[:9]) <= _HIGHEST_PORT:
        message = f"{printable(repr(text))} is not {meant}. Write --connect-to 127.0.0.1:8443."
        raise click.BadParameter(message, param_hint="--connect-to")
    return text


def authority(url: Url) -> str:
    """
    Return host and port of *url* as a LiveTransport is told of them.
    """
    return url.host if url.port is None else f"{url.host}:{url.port}"


def secrets_of(headers: Iterable[Header]) -> Iterator[str]:
    """
    Yield what of *headers* must not be shown: their values and what stands in these, in every form.

    A server may send back a part of a value, encoded or decoded.
    """
    for name, value in headers:
        if name.lower() in PUBLIC_HEADERS:
            continue
        if name.lower() == "cookie":
            parts = [pair.partition("=")[2].strip() or pair.strip() for pair in value.split(";")]
        else:
            parts = value.split(" ")
        scheme, _, encoded = value.partition(" ")
        if scheme.lower() == "basic":
            pair = _decoded(encoded)
            parts += [pair, pair.partition(":")[2]]
        for text in dict.fromkeys((value, *parts)):
            if text.lower() not in _NO_SECRETS:
                yield from _forms(text)


def _decoded(text: str) -> str:
    try:
        return b64decode(text).decode("latin-1")
    except ValueError:
        return ""


def _forms(value: str) -> Iterator[str]:
    yield from (value, in_ascii(value), repr(value)[1:-1], json.dumps(value)[1:-1])
    yield from (quote(value, safe=""), quote(value), quote_plus(value))
    for start in "https://x/", "https://x/?":
        url = url_of(start + escaped(value))
        if url is not None:
            yield url.href.removeprefix(start)
