"""
For the tests of a project: assertions in one line, and the origins that an attacker would try.

The assertions ask the model of a browser and decide nothing. A failure is explained in the words of the model. They
work with any test runner. With pytest, the fixture `cors_browser` is a Browser on the application under test.
"""

from collections.abc import Collection
from typing import Any, Final, cast

from .attacks import ATTACKER, Attack, attack_origins
from .browser import Application, Browser, Exchange, NetworkError, Page, Response, origin_of
from .browser.intermediaries import protection_seen
from .browser.reasons import CORS_CHECK, PREFLIGHT_ONLY
from .names import ALLOW_ORIGIN
from .protection import REMEDIES
from .quoting import shown

__all__ = [
    "Attack",
    "assert_can_act",
    "assert_cannot_act",
    "assert_not_shared",
    "assert_shared",
    "assert_shared_with_no_attacker",
    "attack_origins",
]

# The reasons that tell whether a server shares. All others mean that something else is wrong, or that there was no
# answer.
_ABOUT_SHARING: Final = CORS_CHECK | PREFLIGHT_ONLY

_URL_MEANT: Final = "url='https://api.example.com/items'"


def assert_shared(app: Application | Browser, *, page: str, url: str, method: str = "GET", **init: Any) -> Response:  # noqa: ANN401 - what fetch() takes
    """
    Assert that a page may read what it fetches, and return the Response.

    *app* is a Browser, or an application as Browser takes it. *page* is the URL of the page. *url* is the whole URL
    that it fetches. *init* are more arguments for `Page.fetch`. An error response (404, 500) counts as any other
    response, also the 500 that FastAPI or Starlette makes of an exception. But the 403 of cross-origin protection
    fails: the page may read it, and the application did not run. The lifespan of an ASGI application is not run. Raises
    AssertionError with the whole story, and ValueError or TypeError for arguments that do not describe a request.
    """
    return _shared(_open(app, page), method, _whole(url), init)


def assert_not_shared(
    app: Application | Browser,
    *,
    page: str,
    url: str,
    method: str = "GET",
    **init: Any,  # noqa: ANN401 - see above
) -> NetworkError:
    """
    Assert that a page may not read what it fetches because the server does not share it; return the NetworkError.

    Takes the arguments of `assert_shared`. A fetch that fails for another reason (no response, a method that no page
    may send) proves nothing. It raises AssertionError, too.
    """
    return _not_shared(_open(app, page), method, _whole(url), init)


def assert_shared_with_no_attacker(
    app: Application | Browser,
    *,
    origin: str,
    url: str,
    method: str = "GET",
    allowed: Collection[str] = (),
    **init: Any,  # noqa: ANN401 - see above
) -> None:
    """
    Assert that *origin* may read, and that none of `attack_origins(origin, allowed)` may.

    Takes the arguments of `assert_shared`. *allowed* are origin patterns that are allowed in addition to *origin*.
    Raises AssertionError that names every attack that succeeded. Also raises it if *origin* itself may not read,
    because then the attacks prove nothing.
    """
    browser = app if isinstance(app, Browser) else Browser(app)
    own = origin_of(_whole(url))
    _shared(browser.open(origin), method, url, init)
    # The page has the scheme of the URL. Otherwise the browser would block mixed content, and nothing else would be
    # tested.
    page = f"{own.partition(':')[0]}://{ATTACKER}"
    let_in: list[str] = []
    for attack in attack_origins(origin, [*allowed, own]):
        try:
            _not_shared(browser.open(page, origin=attack.origin), method, url, init)
        except AssertionError as error:
            let_in.append(f"{attack}{'' if attack.is_sent else ' (no browser sends this)'}\n    {error}")
    if let_in:
        told = f"{_told(method, url)} is shared with origins other than {origin} ({len(let_in)}):"
        raise AssertionError("\n".join([told, *let_in]))


def assert_cannot_act(
    app: Application | Browser,
    *,
    page: str,
    url: str,
    method: str = "POST",
    **init: Any,  # noqa: ANN401 - what fetch() takes
) -> Exchange:
    """
    Assert that a page may not act with a request that has the user's cookies, and return the last Exchange.

    Either the server answers 403, or the browser does not send the request because its preflight was refused. A POST is
    sent as a form, without a preflight (`mode="no-cors"`), unless *init* has another mode. *page* is the URL of a
    stranger's page. Any other error (404, 500) proves nothing, nor does a request without a response. Both raise
    AssertionError. The 403 may come from another part of the application. So also call `assert_can_act` with a page of
    your own.
    """
    mode = "no-cors" if method == "POST" else "cors"
    exchange, error = _acted(_open(app, page), method, _whole(url), {"mode": mode, **init})
    status = None if exchange is None or exchange.response is None else exchange.response.status
    if exchange is not None and exchange.is_preflight and error is not None and _is_about_sharing(error):
        return exchange
    if exchange is None or exchange.is_preflight or status is None or (status != 403 and status >= 400):
        raise AssertionError(f"{_told_of(exchange, method, url)} This proves nothing about who may act.{_why(error)}")
    if status != 403:
        raise AssertionError(f"{shown(page)} may act. {_told_of(exchange, method, url)}")
    return exchange


def assert_can_act(
    app: Application | Browser,
    *,
    page: str,
    url: str,
    method: str = "POST",
    **init: Any,  # noqa: ANN401 - what fetch() takes
) -> Exchange:
    """
    Assert that a page may act with a request that has the user's cookies, and return the last Exchange.

    The browser sends the request, and the server answers with a status below 400. It does not matter whether the page
    may read the response. Otherwise raises AssertionError with the full explanation.
    """
    exchange, error = _acted(_open(app, page), method, _whole(url), init)
    status = None if exchange is None or exchange.response is None else exchange.response.status
    if exchange is None or exchange.is_preflight or status is None or status >= 400:
        raise AssertionError(f"{shown(page)} may not act. {_told_of(exchange, method, url)}{_why(error)}")
    return exchange


def _acted(page: Page, method: str, url: str, init: dict[str, Any]) -> tuple[Exchange | None, NetworkError | None]:
    """
    Return the last exchange that the page causes, redirects and preflights included, and the error if it may not read.
    """
    error = None
    options: dict[str, Any] = {"credentials": "include", **init}
    try:
        page.fetch(url, method=method, **options)
    except NetworkError as caught:
        error = caught
    return page.network[-1] if page.network else None, error


def _told_of(exchange: Exchange | None, method: str, url: str) -> str:
    if exchange is None:
        return f"{method} {url} was not sent."
    sent = [f"{name}: {value}" for name, value in exchange.request.headers if name in {"Origin", "Sec-Fetch-Site"}]
    answer = "Nothing answered" if exchange.response is None else f"The server answered {exchange.response.status} to"
    return f"{answer} {exchange.request.method} {exchange.request.url} ({', '.join(sent) or 'no Origin'})."


def _why(error: NetworkError | None) -> str:
    return "" if error is None else f"\n\n{error}"


def _is_about_sharing(error: NetworkError) -> bool:
    """
    Return whether the reason of *error* is that a working server does not share.
    """
    answer = error.failure.exchange.response if error.failure.exchange else None
    return error.failure.reason in _ABOUT_SHARING and (answer is None or answer.status < 500)


def _open(app: Application | Browser, page: str) -> Page:
    return (app if isinstance(app, Browser) else Browser(app)).open(page)


def _whole(url: str) -> str:
    """
    Return *url* if it is the whole URL of what a page fetches.

    Raises TypeError or ValueError otherwise: a part of a URL would lead to the page's own server.
    """
    if not isinstance(cast("object", url), str):
        raise TypeError(f"Expected the URL of what is fetched, got url={url!r}. Write {_URL_MEANT}.")
    try:
        origin_of(url)
    except ValueError:
        before, _, last = url.rpartition(" ")
        meant = f"method={before.strip()!r}, url={last!r}" if before else _URL_MEANT
        raise ValueError(f"Expected the whole URL of what is fetched, got url={url!r}. Write {meant}.") from None
    return url


def _told(method: str, url: str) -> str:
    return url if method == "GET" else f"{method} {url}"


def _shared(page: Page, method: str, url: str, init: dict[str, Any]) -> Response:
    told = _told(method, url)
    try:
        response = page.fetch(url, method=method, **init)
    except NetworkError as error:
        raise AssertionError(f"{page.origin} may not read {told}.\n\n{error}") from None
    if response.type in {"opaque", "opaqueredirect"}:
        raise AssertionError(f"{page.origin} may not read {told}: the response is {response.type}, as the page wanted.")
    answer = page.network[-1].response if page.network else None
    if answer is not None and (reason := protection_seen(answer)) is not None:
        raise AssertionError(
            f"{page.origin} may read the answer to {told}, but it is the 403 of cross-origin protection ({reason}). "
            f"The application did not run. {REMEDIES[reason].fix}"
        )
    return response


def _not_shared(page: Page, method: str, url: str, init: dict[str, Any]) -> NetworkError:
    told = _told(method, url)
    try:
        response = page.fetch(url, method=method, **init)
    except NetworkError as error:
        if not _is_about_sharing(error):
            raise AssertionError(f"{told} failed, but that proves nothing about sharing.\n\n{error}") from None
        return error
    raise AssertionError(f"{shown(page.origin)} may read {told}: {_why_shared(response, page.network[-1])}")


def _why_shared(response: Response, exchange: Exchange) -> str:
    answer = exchange.response
    granted = [value for name, value in answer.headers if name.lower() == ALLOW_ORIGIN.lower()] if answer else []
    if response.type == "basic":
        return "it is the page's own origin."
    if response.type != "cors":
        return f"the response is {response.type}, so sharing was not tested. Remove mode and redirect."
    return f"the server answered {response.status} with {ALLOW_ORIGIN}: {', '.join(map(ascii, granted))}."
