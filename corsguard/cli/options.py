"""
The options that several commands share. Each is read here, so it means the same in every command.
"""

import math
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from corsguard.browser.evidence import as_shown, url_of
from corsguard.browser.headers import is_header_value
from corsguard.browser.urls import authority
from corsguard.browser.wire import Header
from corsguard.diagnosis.asking import with_value
from corsguard.diagnosis.commands import is_miswritten, url_meant
from corsguard.diagnosis.pages import page_named
from corsguard.names import is_token

from .printing import printable

_HIGHEST_PORT: Final = 65535
_ADDRESS: Final = "[HOST=]ADDRESS:PORT"

_Command = Callable[..., None]
_Decorator = Callable[[_Command], _Command]


def _page(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and is_miswritten(text):
        raise click.BadParameter(f"{printable(repr(text))} is not a URL. Write {url_meant(text)}", param_hint="--page")
    try:
        return None if text is None else page_named(text)
    except ValueError as error:
        raise click.BadParameter(printable(str(error)), param_hint="--page") from None


def page_option(otherwise: str) -> _Decorator:
    """
    The page that sends the request; *otherwise* is a sentence about the default.
    """
    return click.option(
        "--page",
        metavar="ORIGIN",
        callback=_page,
        help=f"Name the page that sends the request: its origin, its URL, or null for a sandboxed frame. {otherwise}",
    )


def method_option(default: str = "GET") -> _Decorator:
    """
    The method of the request.
    """
    return click.option("-X", "--method", metavar="METHOD", help=f"Use this method. Default: {default}.")


def headers_option(*, needs_value: bool) -> _Decorator:
    """
    The headers that the page sets, as pairs. If nothing is sent (*needs_value* False), the name alone is enough.
    """

    def read(_: click.Context, __: click.Parameter, lines: tuple[str, ...]) -> tuple[Header, ...]:
        return tuple(_header(line, needs_value=needs_value) for line in lines)

    return click.option(
        "-H",
        "--header",
        "headers",
        multiple=True,
        callback=read,
        metavar='"NAME: VALUE"' if needs_value else "NAME[: VALUE]",
        help="Add a request header, as with curl. A value of 4 or more characters is never shown. Repeatable.",
    )


def _header(line: str, *, needs_value: bool) -> Header:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    # The line may have a secret, so it is not in the message.
    if not colon and needs_value:
        named = name.partition("=")[0].strip()
        meant = f"{named}: ..." if "=" in name and is_token(named) else "X-Token: 1"
        raise click.BadParameter(f'a header has no colon. Write --header "{meant}".', param_hint="--header")
    if needs_value:
        return name, value
    if not is_header_value(value):
        message = f"the value of {as_shown(name)} has a line end, NUL or a character that is not a byte."
        raise click.BadParameter(message, param_hint="--header")
    return with_value(name, value)


def credentials_option() -> _Decorator:
    """
    Whether the page sends the request with credentials.
    """
    return click.option(
        "--credentials",
        is_flag=True,
        help='Use credentials: "include", or withCredentials of XMLHttpRequest.',
    )


def cookie_options() -> _Decorator:
    """
    The cookies that the browser has.
    """

    def both(command: _Command) -> _Command:
        for add in (
            click.option(
                "--set-cookie",
                "set_cookies",
                multiple=True,
                metavar="LINE",
                help="Give the browser a cookie, as a server sets it: "
                '"sid=1; SameSite=None; Secure". It is never shown. Implies --credentials. Repeatable.',
            ),
            click.option(
                "--cookie",
                "cookies",
                multiple=True,
                metavar="NAME=VALUE",
                help="Send a cookie, also to another site. It is never shown. Implies --credentials. Repeatable.",
            ),
        ):
            command = add(command)
        return command

    return both


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds.", param_hint="--timeout")
    return value


def connection_options(timeout: float = 10.0) -> _Decorator:
    """
    Where to connect to, which certificates to trust, and how long to wait: *connect_to*, *cacert* and *timeout*.
    """

    def all_three(command: _Command) -> _Command:
        for add in (
            click.option(
                "--timeout",
                type=click.FloatRange(min=0, min_open=True),
                callback=_seconds,
                default=timeout,
                show_default=True,
                metavar="S",
                help="Wait at most S seconds for a response.",
            ),
            click.option("--cacert", metavar="FILE", help="Trust the certificates in the PEM file FILE."),
            click.option(
                "--connect-to",
                multiple=True,
                metavar=_ADDRESS,
                help="Connect to ADDRESS instead of the URL's host, or instead of HOST (with its port, or all ports). "
                "Repeatable.",
            ),
        ):
            command = add(command)
        return command

    return all_three


def json_option() -> _Decorator:
    """
    Whether the command prints JSON instead of text.
    """
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def html_option() -> _Decorator:
    """
    The file for the page to send to other people: *html_file*.
    """
    return click.option(
        "--html",
        "html_file",
        metavar="FILE",
        help="Write an HTML page for other people: the verdict, a diagram, the change to make. It contains no secrets.",
    )


def save(path: str, page: str) -> None:
    """
    Write *page* to the file *path*. Raises click.BadParameter.
    """
    try:
        Path(path).write_text(page, encoding="utf-8")
    except OSError as error:
        message = f"{printable(repr(path))} cannot be written: {error.strerror}."
        raise click.BadParameter(message, param_hint="--html") from None


def connections(texts: tuple[str, ...], url: str) -> Mapping[str, str]:
    """
    Return the address for each host in the *texts* of `--connect-to`; a text without a host is for the host of *url*.

    Raises click.BadParameter.
    """
    target = url_of(url)
    own = "" if target is None else authority(target)
    found: dict[str, str] = {}
    for text in texts:
        host, _, address = text.rpartition("=")
        found[host.lower() or own] = checked_address(address, _ADDRESS)
    return found


def checked_address(text: str, meant: str = _ADDRESS) -> str:
    """
    Return *text*, if it is `ADDRESS:PORT`. Otherwise raises click.BadParameter, which names the expected form *meant*.
    """
    host, colon, port = text.rpartition(":")
    is_bare = "]" not in host and ":" in host
    is_host = bool(host) and not is_bare and not any(mark in host for mark in "/@= ") and host.isprintable()
    if not colon or not is_host or not port.isdecimal() or not 0 < int(port[:9]) <= _HIGHEST_PORT:
        message = f"{printable(repr(text))} is not {meant}. Write --connect-to 127.0.0.1:8443."
        raise click.BadParameter(message, param_hint="--connect-to")
    return text


def trust(file: str | None) -> ssl.SSLContext:
    """
    Return a context that trusts the authorities in the PEM *file*, or the system's. Raises click.BadParameter.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        message = f"{file!r} has no certificates: {error}. Expected a PEM file of the authority."
        raise click.BadParameter(printable(message), param_hint="--cacert") from None
