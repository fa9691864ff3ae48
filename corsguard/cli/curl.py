"""
Exchanges as curl commands that can be pasted into a shell: what was sent, but for secrets, which are variables.
"""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from corsguard.browser import WireRequest
from corsguard.browser.evidence import in_ascii
from corsguard.browser.urls import Url

# What curl takes for a list of URLs, and what it sends without being told.
_BRACKETS: Final = frozenset("[]{}")
_SENT_ANYWAY: Final = ("Accept", "*/*")
_NO_VARIABLE: Final = re.compile(r"[^A-Z0-9_]")


def curl(
    request: WireRequest, secrets: Collection[str], *, connect_to: Mapping[str, str], cacert: str | None = None
) -> str:
    """
    Return the command that sends *request* and shows the answer's head; headers called as one of *secrets* (in lower
    case) stand as variables of the shell.
    """
    return " ".join(["curl", *_words(request, secrets, connect_to, cacert)])


def variable(name: str) -> str:
    """
    Return the shell variable that stands for the value of the header *name*.
    """
    return f"H_{_NO_VARIABLE.sub('_', name.upper())}" if name[:1].isdigit() else _NO_VARIABLE.sub("_", name.upper())


def _words(
    request: WireRequest, secrets: Collection[str], connect_to: Mapping[str, str], cacert: str | None
) -> Iterator[str]:
    yield "--head" if request.method == "HEAD" else "-i"
    if request.method not in {"GET", "HEAD"}:
        yield f"-X {shlex.quote(request.method)}"
    if not _BRACKETS.isdisjoint(request.url):
        yield "--globoff"
    yield shlex.quote(request.url)
    for name, value in request.headers:
        if (name, value) == _SENT_ANYWAY:
            continue
        if name.lower() in secrets:
            yield f'-H {shlex.quote(f"{name}: ")}"${variable(name)}"'
        elif value:
            yield f"-H {shlex.quote(in_ascii(f'{name}: {value}'))}"
        else:
            # This is how curl sends a header without a value.
            yield f"-H {shlex.quote(f'{name};')}"
    if request.body:
        # curl takes what begins with @ for the name of a file, elsewhere.
        yield f"--data-raw {shlex.quote(in_ascii(request.body.decode('utf-8', 'replace'), keep=chr(10)))}"
    for host, address in connect_to.items():
        url = Url.parse(f"{request.url.partition(':')[0]}://{host}")
        port = url.port or (443 if url.scheme == "https" else 80)
        yield f"--connect-to {shlex.quote(f'{url.host}:{port}:{address}')}"
    if cacert is not None:
        yield f"--cacert {shlex.quote(cacert)}"
