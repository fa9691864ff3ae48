"""
Which parts of a request are secret, in each form in which a server or one of our texts may repeat them.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

from .evidence import in_ascii, url_of
from .exchanges import HIDDEN
from .headers import escaped
from .wire import Header

# Shorter values would occur inside many ordinary words.
_SHORTEST_SECRET: Final = 4
# Headers whose values are not secret (Fetch, "CORS-safelisted request-header name").
PUBLIC_HEADERS: Final = frozenset({"accept", "accept-language", "content-language", "content-type", "range"})
# Parameters of a URL, or of a form, that let somebody in, or prove that somebody was let in.
SECRET_PARAMETER: Final = re.compile(
    r"token|secret|passw|passphrase|pwd|signature|credential|api[-_]?key|access[-_]?key|auth(?!or)|session|jwt|saml|"
    r"assertion|bearer|hmac|nonce|csrf|xsrf|ticket|^(?:code|key|otp|pin|sid|sig|state)$",
    re.IGNORECASE,
)
_PARAMETERS: Final = (
    re.compile(r"(?:(?<=[?&;#])|^)([^\s=?&;#'\"<>`]{1,80})(=)([^\s&;#'\"<>`]+)"),
    # Of a URL within a URL, which is encoded.
    re.compile(r"(?<=%(?:3F|26|23))([\w.-]{1,80})(%3D)((?:(?!%26|%23)[^\s&;#'\"<>`])+)", re.IGNORECASE),
)
# A JSON Web Token has three parts, the first of which is an object (RFC 7519, 3).
_TOKEN: Final = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*")
# Common words of answers and texts. Without them the error could not be understood, and no secret is so short.
_NO_SECRETS: Final = frozenset(
    """
        application/json basic bearer digest false http https json none null origin true xmlhttprequest
    """.split()
)


class Secrets:
    """
    Texts that are never shown, as `secrets_of` yields them; *longest* is the length of the longest one.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        secrets = sorted({text for text in texts if len(text) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self.longest = len(secrets[0]) if secrets else 0
        # Upper and lower case are ignored, because servers and percent-encoding differ in it. Without secrets, nothing
        # matches.
        self._pattern = re.compile("|".join(map(re.escape, secrets)) or "(?!)", re.IGNORECASE)

    def hidden(self, text: str) -> str:
        """
        Return *text* without secrets.
        """
        return self._pattern.sub(HIDDEN, text)

    def clean(self, value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        """
        Return *value*, plain data, without secrets.
        """
        if isinstance(value, str):
            return self.hidden(value)
        if isinstance(value, dict):
            # The keys are ours.
            return {key: self.clean(item) for key, item in value.items()}
        return [self.clean(item) for item in value] if isinstance(value, list | tuple) else value


def without_parameters(text: str) -> str:
    """
    Return *text* without the values of parameters that are secret by their name, in each URL in it, and without JSON
    Web Tokens.
    """
    text = _TOKEN.sub(HIDDEN, text)
    for pattern in _PARAMETERS:
        text = pattern.sub(_without_value, text)
    return text


def _without_value(one: re.Match[str]) -> str:
    # A value that is hidden already ends for the pattern at its space.
    is_shown = SECRET_PARAMETER.search(one[1]) and not HIDDEN.startswith(one[3])
    return f"{one[1]}{one[2]}{HIDDEN}" if is_shown else one[0]


def secrets_of(headers: Iterable[Header]) -> Iterator[str]:
    """
    Yield what must not be shown of *headers*: their values and the parts of these, in every form.

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
    yield b64encode(value.encode("utf-8", "replace")).decode().rstrip("=")
    for start in "https://x/", "https://x/?":
        url = url_of(start + escaped(value))
        if url is not None:
            yield url.href.removeprefix(start)
