"""
Reads the request form of the page into a fetch of a browser.
"""

from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from corsguard.browser.fetching import CredentialsMode, RedirectMode
from corsguard.browser.wire import Header
from corsguard.diagnosis.pages import page_named
from corsguard.diagnosis.playing import Fetch
from corsguard.origin import NULL, Origin

_BOUNDARY: Final = "playground"
_FILE: Final = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="file.txt"\r\n'
    f"Content-Type: text/plain\r\n\r\n%s\r\n--{_BOUNDARY}--\r\n"
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "call": ("fetch", "upload", "websocket"),
    "kind": ("none", "text", "json", "file"),
    "credentials": get_args(CredentialsMode),
    "redirect": get_args(RedirectMode),
}
# A server on another machine, and one for its own pages.
_ELSEWHERE: Final = ("https://api.example.com", "https://server.example.com")


def asked_of(said: Mapping[str, Any], *, server: str, sandbox: str) -> Fetch:
    """
    Return the fetch that *said*, the fields of the page, describe, to the origin *server*.

    A page on another machine gets a server there, because an https page cannot fetch from http. A page whose origin is
    `null` is loaded from *sandbox*. Raises ValueError, or TypeError for a field that is not text; both say what to
    write.
    """
    fields = {name: said.get(name, "") for name in ("page", "path", "method", "headers", "body", *_CHOICES)}
    for name, value in fields.items():
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected text, got {value!r}.")
    for name, choices in _CHOICES.items():
        if fields[name] not in choices:
            raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {fields[name]!r}.")
    if not fields["path"].startswith("/"):
        raise ValueError(f"Expected a path such as /items, got {fields['path']!r}.")
    origin = page_named(fields["page"].strip())
    there = server if origin == NULL or is_local(origin) else next(one for one in _ELSEWHERE if one != origin)
    page = f"{sandbox if origin == NULL else origin}/"
    named = origin if origin == NULL else None
    if fields["call"] == "websocket":
        url = f"{there.replace('http', 'ws', 1)}{fields['path']}"
        return Fetch(page=page, origin=named, url=url, credentials="include")
    headers = [*_headers(fields["headers"])]
    kind, body = _body(fields["kind"], fields["body"])
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    is_upload = fields["call"] == "upload"
    return Fetch(
        page=page,
        origin=named,
        url=f"{there}{fields['path']}",
        method=fields["method"].strip() or "GET",
        headers=tuple(headers),
        body=body,
        # XMLHttpRequest: withCredentials is `include`, without it the mode is `same-origin`; it always follows
        # redirects.
        credentials=cast("CredentialsMode", fields["credentials"]),
        redirect="follow" if is_upload else cast("RedirectMode", fields["redirect"]),
        upload_listener=is_upload,
    )


def is_local(origin: str) -> bool:
    """
    Whether this machine can serve a page on *origin*.
    """
    parsed = Origin.parse(origin)
    return parsed is not None and parsed.scheme == "http" and parsed.is_loopback


def _headers(text: str) -> list[Header]:
    headers: list[Header] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"Expected a header on each line, such as X-Token: 1, got {line!r}.")
        headers.append((name.strip(), value.strip()))
    return headers


def _body(kind: str, text: str) -> tuple[str, str | bytes | None]:
    """
    Return the Content-Type that the page or the browser sets for a body of this *kind*, and the body.
    """
    match kind:
        case "json":
            return "application/json", text
        case "text":
            return "", text
        case "file":
            return f"multipart/form-data; boundary={_BOUNDARY}", (_FILE % text).encode()
        case _:
            return "", None
