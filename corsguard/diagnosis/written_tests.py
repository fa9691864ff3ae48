"""
Writes a request as a Python test for the user's own project: with `corsguard.testing`, or with the model of a browser
if `corsguard.testing` cannot express it.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from corsguard.browser.wire import Header
from corsguard.origin import NULL

from .playing import Fetch

# The default options, which a call of `fetch` leaves out.
_SAID: Final = ("method", "headers", "body", "credentials", "mode", "redirect", "upload_listener")
_DEFAULTS: Final = {field.name: field.default for field in fields(Fetch)}


def as_test(asked: Fetch, *, is_readable: bool) -> str:
    """
    Return a test that asserts the result of *asked* for the application `app`: whether the page can read the answer, or
    open the WebSocket.
    """
    is_plain = asked.origin is None and not asked.is_handshake
    return "\n".join(_with_testing(asked, is_readable) if is_plain else _with_browser(asked, is_readable))


def _with_testing(asked: Fetch, is_readable: bool) -> Iterator[str]:  # noqa: FBT001 - passed on
    name = "assert_shared" if is_readable else "assert_not_shared"
    yield f"from corsguard.testing import {name}"
    yield from _head(asked, is_readable)
    yield f"    {name}("
    yield "        app,"
    yield f"        page={_literal(asked.page)},"
    yield f"        url={_literal(asked.url)},"
    yield from (f"        {line}," for line in _options(asked))
    yield "    )"


def _with_browser(asked: Fetch, is_readable: bool) -> Iterator[str]:  # noqa: FBT001 - passed on
    if not is_readable:
        yield "import pytest"
        yield ""
    yield f"from corsguard.browser import Browser{'' if is_readable else ', NetworkError'}"
    yield from _head(asked, is_readable)
    origin = "" if asked.origin is None else f", origin={_literal(asked.origin)}"
    yield f"    page = Browser(app).open({_literal(asked.page)}{origin})"
    indent = "    " if is_readable else "        "
    if not is_readable:
        yield "    with pytest.raises(NetworkError):"
    if asked.is_handshake:
        protocols = f", {_literal([*asked.protocols])}" if asked.protocols else ""
        yield f"{indent}page.websocket({_literal(asked.url)}{protocols})"
    else:
        yield f"{indent}page.fetch({', '.join([_literal(asked.url), *_options(asked)])})"


def _head(asked: Fetch, is_readable: bool) -> Iterator[str]:  # noqa: FBT001 - passed on
    what = "open_the_websocket" if asked.is_handshake else "read_the_answer"
    page = "a_sandboxed_page" if asked.origin == NULL else "the_page"
    yield from ("", "", f"def test_{page}_can{'' if is_readable else 'not'}_{what}(app):")


def _options(asked: Fetch) -> Iterator[str]:
    for name in _SAID:
        value = getattr(asked, name)
        if value != _DEFAULTS[name]:
            yield f"{name}={_headers(value) if name == 'headers' else _literal(value)}"


def _headers(lines: tuple[Header, ...]) -> str:
    names = {name.lower() for name, _ in lines}
    return _literal(dict(lines) if len(names) == len(lines) else [*lines])


def _literal(value: object) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return f"{{{', '.join(f'{_literal(key)}: {_literal(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case tuple():
            return f"({', '.join(map(_literal, value))})"
        case _:
            return repr(value)
