"""
What a project's own tests need: assertions in one line, and the origins that an attacker would try.

Everything here asks the model of a browser and decides nothing; a failure explains itself in the model's words.
Works with any test runner; with pytest, the fixture `cors_browser` is a Browser on the application under test.
"""

from collections.abc import Collection
from typing import Any, Final

from .attacks import ATTACKER, Attack, attack_origins
from .browser import Application, Browser, Exchange, NetworkError, Page, Reason, Response, origin_of
from .errors import shown
from .names import ALLOW_ORIGIN

__all__ = ["Attack", "assert_not_shared", "assert_shared", "assert_shared_with_no_attacker", "attack_origins"]

# Reasons that say nothing about whether a server shares: something else is wrong, or nothing was answered.
_BESIDE_THE_POINT: Final = frozenset(
    {
        Reason.FORBIDDEN_METHOD,
        Reason.BAD_PORT,
        Reason.MIXED_CONTENT,
        Reason.SAME_ORIGIN_MODE,
        Reason.NO_CORS_REDIRECT_MODE,
        Reason.BAD_SCHEME,
        Reason.UNREACHABLE,
        Reason.TLS,
        Reason.TLS_CLIENT_CERTIFICATE,
        Reason.CORP,
        Reason.REDIRECT_MODE_ERROR,
        Reason.REDIRECT_UNPARSABLE,
        Reason.REDIRECT_BAD_SCHEME,
        Reason.TOO_MANY_REDIRECTS,
        Reason.REDIRECT_USERINFO,
        Reason.REDIRECT_STREAM_BODY,
    }
)


def assert_shared(app: Application | Browser, *, page: str, to: str, **init: Any) -> Response:  # noqa: ANN401 - what fetch() takes
    """
    Assert that a page may read what it fetches, and return the Response.

    *app* is what Browser takes, or a Browser. *page* is the URL of the page, *to* the method and the URL, as in
    `"PUT https://api.example.com/items/1"` (GET may be left out), *init* what `Page.fetch` takes. An error of the
    application (404, 500) is shared like any other response. Raises AssertionError with the whole story.
    """
    where = _open(app, page)
    return _shared(where, to, init)


def assert_not_shared(app: Application | Browser, *, page: str, to: str, **init: Any) -> NetworkError:  # noqa: ANN401 - see above
    """
    Assert that a page may not read what it fetches because the server does not share it; return the NetworkError.

    Takes what `assert_shared` takes. A fetch that fails for another reason (nothing was answered, a method that no
    page may send) proves nothing and raises AssertionError, too.
    """
    return _not_shared(_open(app, page), to, init)


def assert_shared_with_no_attacker(
    app: Application | Browser,
    *,
    origin: str,
    to: str,
    allowed: Collection[str] = (),
    **init: Any,  # noqa: ANN401 - see above
) -> None:
    """
    Assert that what *origin* may read is shared with none of `attack_origins(origin, allowed)`.

    Takes what `assert_shared` takes; *allowed* are the origin patterns that are meant to be allowed besides *origin*.
    Raises AssertionError that names every attack that went through, and if *origin* itself may not read: then the
    others prove nothing.
    """
    browser = app if isinstance(app, Browser) else Browser(app)
    _shared(browser.open(origin), to, init)
    own = origin_of(_request(to)[1])
    # As secure as what it fetches, or mixed content would be all that is tested.
    page = f"{own.partition(':')[0]}://{ATTACKER}"
    let_in: list[str] = []
    for attack in attack_origins(origin, [*allowed, own]):
        try:
            _not_shared(browser.open(page, origin=attack.origin), to, init)
        except AssertionError as error:
            let_in.append(f"{attack}{'' if attack.is_sent else ' (no browser sends this)'}\n    {error}")
    if let_in:
        raise AssertionError("\n".join([f"{to} is shared with {len(let_in)} that are not {origin}:", *let_in]))


def _open(app: Application | Browser, page: str) -> Page:
    return (app if isinstance(app, Browser) else Browser(app)).open(page)


def _request(to: str) -> tuple[str, str]:
    method, found, url = to.rpartition(" ")
    return (method.strip() if found else "GET"), url


def _shared(page: Page, to: str, init: dict[str, Any]) -> Response:
    method, url = _request(to)
    try:
        response = page.fetch(url, method=method, **init)
    except NetworkError as error:
        raise AssertionError(f"{page.origin} may not read {to}.\n\n{error}") from None
    if response.type in {"opaque", "opaqueredirect"}:
        raise AssertionError(f"{page.origin} may not read {to}: the response is {response.type}, as the page wanted.")
    return response


def _not_shared(page: Page, to: str, init: dict[str, Any]) -> NetworkError:
    method, url = _request(to)
    try:
        response = page.fetch(url, method=method, **init)
    except NetworkError as error:
        answer = error.failure.exchange.response if error.failure.exchange else None
        if error.failure.reason in _BESIDE_THE_POINT or (answer is not None and answer.status >= 500):
            raise AssertionError(f"{to} failed, but that proves nothing about sharing.\n\n{error}") from None
        return error
    raise AssertionError(f"{shown(page.origin)} may read {to}: {_why_shared(response, page.network[-1])}")


def _why_shared(response: Response, exchange: Exchange) -> str:
    answer = exchange.response
    granted = [value for name, value in answer.headers if name.lower() == ALLOW_ORIGIN.lower()] if answer else []
    if response.type == "basic":
        return "it is the page's own origin."
    if response.type != "cors":
        return f"the response is {response.type}, so nothing was asked: leave out mode and redirect."
    return f"the server answered {response.status} with {ALLOW_ORIGIN}: {', '.join(map(ascii, granted))}."
