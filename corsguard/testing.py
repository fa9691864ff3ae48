"""
What a project's own tests need: assertions in one line, and the origins that an attacker would try.

Everything here asks the model of a browser and decides nothing; a failure explains itself in the model's words.
Works with any test runner; with pytest, the fixture `cors_browser` is a Browser on the application under test.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple, cast

from .browser import Application, Browser, Exchange, NetworkError, Page, Reason, Response, origin_of
from .names import ALLOW_ORIGIN
from .origin import NULL, Origin, OriginIndex, OriginPattern
from .suffixes import registrable_domain

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

_URL_MEANT: Final = "url='https://api.example.com/items'"
_ATTACKER: Final = "attacker.example"
# Letters of other scripts that look like Latin ones; a browser sends the name's ASCII form.
_LOOKALIKES: Final = str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")


class Attack(NamedTuple):
    """
    An *origin* that an application may take for one of its own, and the *name* of the mistake that would let it in.

    *is_sent* tells whether a browser can send it: what no browser sends is no way in, but shows a lax comparison.
    """

    name: str
    origin: str
    is_sent: bool

    def __str__(self) -> str:
        return f"{self.name}: {ascii(self.origin)[1:-1]}"


def assert_shared(app: Application | Browser, *, page: str, url: str, method: str = "GET", **init: Any) -> Response:  # noqa: ANN401 - what fetch() takes
    """
    Assert that a page may read what it fetches, and return the Response.

    *app* is what Browser takes, or a Browser. *page* is the URL of the page, *url* the whole URL of what it fetches,
    *init* what `Page.fetch` takes. An error of the application (404, 500) is shared like any other response. Raises
    AssertionError with the whole story, and ValueError or TypeError for arguments that describe no request.
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

    Takes what `assert_shared` takes. A fetch that fails for another reason (nothing was answered, a method that no
    page may send) proves nothing and raises AssertionError, too.
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
    Assert that what *origin* may read is shared with none of `attack_origins(origin, allowed)`.

    Takes what `assert_shared` takes; *allowed* are the origin patterns that are meant to be allowed in addition to
    *origin*. Raises AssertionError that names every attack that went through, and if *origin* itself may not read:
    then the others prove nothing.
    """
    browser = app if isinstance(app, Browser) else Browser(app)
    own = origin_of(_whole(url))
    _shared(browser.open(origin), method, url, init)
    # As secure as what it fetches, or mixed content would be all that is tested.
    page = f"{own.partition(':')[0]}://{_ATTACKER}"
    let_in: list[str] = []
    for attack in attack_origins(origin, [*allowed, own]):
        try:
            _not_shared(browser.open(page, origin=attack.origin), method, url, init)
        except AssertionError as error:
            let_in.append(f"{attack}{'' if attack.is_sent else ' (no browser sends this)'}\n    {error}")
    if let_in:
        told = f"{_told(method, url)} is shared with {len(let_in)} that are not {origin}:"
        raise AssertionError("\n".join([told, *let_in]))


def attack_origins(origin: str, allowed: Collection[str] = ()) -> list[Attack]:
    """
    Return the hostile relatives of *origin*: what a wrong comparison would take for it, each named after its mistake.

    Those that a pattern of *allowed* covers are left out. Raises ValueError if *origin* is no serialized origin, and
    PolicyError if one of *allowed* is no origin pattern.
    """
    parsed = Origin.parse(origin)
    if parsed is None:
        raise ValueError(f"{origin!r} is no serialized origin: write what a browser sends, 'https://app.example.com'.")
    patterns = OriginIndex(OriginPattern.parse(pattern) for pattern in allowed)
    attacks: dict[str, Attack] = {}
    for name, text in _sent(parsed):
        other = Origin.parse(text)
        is_covered = other is not None and next(patterns.patterns_for(other), None) is not None
        if text != origin and not is_covered and (other is not None or text == NULL):
            attacks.setdefault(text, Attack(name, text, is_sent=True))
    for name, text in _unsent(parsed):
        if Origin.parse(text) is None:
            attacks.setdefault(text, Attack(name, text, is_sent=False))
    return [*attacks.values()]


def _sent(origin: Origin) -> Iterator[tuple[str, str]]:
    """
    Yield what a browser may send.
    """
    scheme, host, port = origin.scheme, origin.host, "" if origin.port is None else f":{origin.port}"
    own, registrable = f"{scheme}://", registrable_domain(host)
    yield "any origin is reflected", f"{own}{_ATTACKER}"
    yield "any origin is reflected, with a port", f"{own}{_ATTACKER}:8443"
    yield "null is trusted", NULL
    yield "the end is not compared", f"{own}{host}.{_ATTACKER}{port}"
    yield "the end is not compared, glued on", f"{own}{host}{_ATTACKER}{port}"
    for mark in "-", "_":
        yield f"{mark} ends the comparison", f"{own}{host}{mark}.{_ATTACKER}{port}"
        yield f"{mark} ends the comparison, glued on", f"{own}{host}{mark}{_ATTACKER}{port}"
    yield "only the beginning of the site is compared", f"{own}{registrable}.{_ATTACKER}{port}"
    for name in dict.fromkeys((host, registrable)):
        yield "the beginning is not compared", f"{own}attacker{name}{port}"
        yield "the beginning is not compared, after a hyphen", f"{own}attacker-{name}{port}"
        yield "the host is looked for anywhere", f"{own}attacker{name}.{_ATTACKER}{port}"
    for end in range(len(host) - 1, max(len(host) - 6, 0), -1):
        yield "a part of the origin is enough", f"{own}{host[:end]}{port}"
    dots = [index for index, character in enumerate(host) if character == "."]
    for dot in dots:
        yield "a dot stands for any character", f"{own}{host[:dot]}x{host[dot + 1 :]}{port}"
    yield "a dot stands for any character", f"{own}{host.replace('.', 'x', len(dots) - 1)}{port}"
    yield "every subdomain is trusted", f"{own}attacker.{host}{port}"
    yield "every subdomain of the site is trusted", f"{own}attacker.{registrable}{port}"
    yield "the site stands for its subdomains", f"{own}{registrable}{port}"
    neighbour = host.partition(".")[2]
    if neighbour and host != registrable:
        yield "every neighbour is trusted", f"{own}attacker.{neighbour}{port}"
    elif neighbour:
        yield "every name under the same suffix is trusted", f"{own}attacker.{neighbour}{port}"
    for other in "http", "https":
        yield "the scheme is not compared", f"{other}://{host}{port}"
    yield "the scheme is not compared", f"ftp://{host}{port}"
    yield "the scheme is not compared", f"chrome-extension://{host}"
    for other_port in "", ":1", ":8443", ":65535":
        yield "the port is not compared", f"{own}{host}{other_port}"
    yield "a trailing dot is dropped", f"{own}{host}.{port}"
    name, _, suffix = host.rpartition(".")
    if not host.startswith("["):
        lookalike = origin_of(f"http://{name.translate(_LOOKALIKES)}.{suffix}")
        yield "a name that looks alike", f"{own}{lookalike.removeprefix('http://')}{port}"


def _unsent(origin: Origin) -> Iterator[tuple[str, str]]:
    """
    Yield what no browser sends, but other clients may.
    """
    text, rest = str(origin), str(origin).partition("://")[2]
    own = f"{origin.scheme}://{_ATTACKER}"
    yield "upper case is folded", text.upper()
    yield "upper case is folded", f"{origin.scheme}://{rest.upper()}"
    yield "NULL is taken for null", "NULL"
    yield "everything before @ is taken for the host", f"{origin.scheme}://{rest}@{_ATTACKER}"
    yield "everything before @ is ignored", f"{own}@{rest}"
    for mark in "/", "?", "#", "\\":
        yield f"{mark} does not end the host", f"{own}{mark}.{rest}"
        yield f"what follows {mark} is ignored", f"{text}{mark}attacker"
    yield "a trailing slash is dropped", f"{text}/"
    yield (
        "a default port is dropped",
        f"{text.removesuffix(f':{origin.port}')}:{443 if origin.scheme == 'https' else 80}",
    )
    yield "an empty port is dropped", f"{text.removesuffix(f':{origin.port}')}:"
    for mark in " ", "\t", "\x00", "\x0b", "\x7f", "\xa0":
        yield "unprintable characters are dropped", f"{text[:-1]}{mark}{text[-1]}"
        yield "what follows an unprintable character is ignored", f"{text}{mark}{_ATTACKER}"
    yield "a list is searched", f"{text}, {own}"
    yield "a list is searched", f"{own}, {text}"
    yield "a list is searched", f"{own} {text}"
    yield "a wildcard is matched backwards", "*"
    yield "a wildcard is matched backwards", f"{origin.scheme}://*"
    yield "the scheme may be absent", rest
    yield "the scheme may be absent", f"//{rest}"
    yield "the host may be absent", f"{origin.scheme}://"
    yield "an empty origin is a part of every one", ""


def _open(app: Application | Browser, page: str) -> Page:
    return (app if isinstance(app, Browser) else Browser(app)).open(page)


def _whole(url: str) -> str:
    """
    Return *url*, the whole URL of what a page fetches.

    Raises TypeError or ValueError if it is anything else: a part of a URL would lead to the page's own server.
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
    return response


def _not_shared(page: Page, method: str, url: str, init: dict[str, Any]) -> NetworkError:
    told = _told(method, url)
    try:
        response = page.fetch(url, method=method, **init)
    except NetworkError as error:
        answer = error.failure.exchange.response if error.failure.exchange else None
        if error.failure.reason in _BESIDE_THE_POINT or (answer is not None and answer.status >= 500):
            raise AssertionError(f"{told} failed, but that proves nothing about sharing.\n\n{error}") from None
        return error
    raise AssertionError(f"{ascii(page.origin)[1:-1]} may read {told}: {_why_shared(response, page.network[-1])}")


def _why_shared(response: Response, exchange: Exchange) -> str:
    answer = exchange.response
    granted = [value for name, value in answer.headers if name.lower() == ALLOW_ORIGIN.lower()] if answer else []
    if response.type == "basic":
        return "it is the page's own origin."
    if response.type != "cors":
        return f"the response is {response.type}, so nothing was asked: leave out mode and redirect."
    return f"the server answered {response.status} with {ALLOW_ORIGIN}: {', '.join(map(ascii, granted))}."
