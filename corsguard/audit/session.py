"""
The state of one running audit: what its stages share, and how they send requests.
"""

import re
import zlib
from collections.abc import Callable, Collection, Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from corsguard.browser.evidence import REDIRECTS, is_login, url_of
from corsguard.browser.wire import Header

from .answers import Answer, PageFetch
from .bounded_client import BoundedClient, SpentError, with_query
from .findings import Observations
from .probes import Meant, Probe, wider
from .raw_connection import RawConnection
from .signs import without_comments

_MOST_REDIRECTS: Final = 5
_PASSWORD: Final = re.compile(rb"<input\b[^<>]{0,500}\btype\s{0,9}=\s{0,9}[\"']?password", re.IGNORECASE)


class Session:
    """
    The audit of *url*: *client* sends its requests, and *observed* keeps what the answers show.

    *meant* are the origins that should be trusted. *is_internal* is True if only an internal network can reach the
    server. *raw* is the connection for what the client does not send. *show* makes a string from the network safe to
    print. *is_handshake* is True if pages open a WebSocket at the URL instead of fetching it.

    The stages find out *base*, the response without an origin; *foreign*, the first one to a stranger; an origin that
    is *trusted*; whether the server *reflects* any origin; and the *candidates* whose *relatives* are tried.
    """

    base: Answer
    foreign: Answer

    def __init__(  # noqa: PLR0913 - the limits and options of an audit
        self,
        url: str,
        client: BoundedClient,
        meant: Meant,
        *,
        show: Callable[[str], str],
        is_internal: bool = False,
        is_handshake: bool = False,
        raw: RawConnection | None = None,
    ) -> None:
        self.url = url
        self.is_handshake = is_handshake
        # The URL of the page's preflights, which do not follow redirects.
        self.first_url = url
        self.client = client
        self.meant = meant
        self.is_internal = is_internal
        self.raw = raw
        self.label = client.label
        scheme = urlsplit(client.origin).scheme
        self.strangers = (f"https://{self.label}.example", f"{scheme}://{self.label}.com")
        self.observed = Observations(
            client,
            control=f"{scheme}://control-{self.label}.com",
            meant=meant.texts,
            is_internal=is_internal,
            show=show,
            is_refusal=self.is_refusal,
        )
        self.trusted: str | None = None
        self.reflects = False
        self.candidates: list[str] = []
        self.relatives: list[Probe] = []
        self._is_cached = False

    @property
    def asking(self) -> str | None:
        """
        The origin for which preflights are sent: one that may read, but not the server's own, which needs no
        preflights.
        """
        own = self.client.origin
        if self.trusted not in {None, own}:
            return self.trusted
        stranger = self.strangers[0]
        answer = self.get(stranger)
        if answer.shares(with_credentials=False) and not self.is_refusal(answer):
            return stranger
        # For these, perhaps only the preflight is answered.
        return next((origin for origin in self.meant.samples() if origin != own), None)

    @property
    def nearest(self) -> str:
        """
        The origin whose relatives are tried last: a trusted one, if one is known.
        """
        return self.trusted or next(iter(self.candidates), self.client.origin)

    @property
    def missing(self) -> str:
        """
        The URL of something that does not exist, next to the resource.
        """
        folder = urlsplit(self.url).path.rstrip("/").rpartition("/")[0]
        return f"{self.client.origin}{folder}/corsguard-{self.label}"

    @property
    def is_judged(self) -> bool:
        """
        Whether the resource itself has answered, and not only something in front of it.
        """
        return any(answer.is_of_resource for answer in self.client.answers_at(self.url))

    def is_refusal(self, answer: Answer) -> bool:
        """
        Whether *answer* refuses its origin with another status than a request without an origin gets. A page there
        reads only the refusal.
        """
        fetch = answer.fetch
        # A POST without an origin is never sent, so nothing says why one was refused.
        if not 400 <= answer.status <= 499 or fetch.method == "POST":
            return False
        is_same = urlsplit(fetch.url).path == urlsplit(self.url).path
        plain = self.base if is_same else self.client.ask(PageFetch(fetch.url, None, fetch.method))
        return plain.is_told and plain.status != answer.status

    def lets_in(self, origin: str) -> bool:
        """
        Whether a page at *origin* may read because of its origin, and more than a refusal.
        """
        answer = self.get(origin)
        return answer.lets_in and not self.is_refusal(answer)

    def names(self, origin: str) -> bool:
        """
        Whether the response to *origin* names it, and is not a refusal.
        """
        answer = self.get(origin)
        return answer.echoes and not self.is_refusal(answer)

    @property
    def socket_url(self) -> str:
        """
        The URL with which a page opens a WebSocket there.
        """
        return self.url.replace("http", "ws", 1)

    def trust(self, origin: str) -> None:
        """
        Note that *origin* is trusted. The first one is used for everything else; the server's own only if there is no
        other.
        """
        if self.trusted in {None, self.client.origin}:
            self.trusted = origin

    def get(self, origin: str, *, url: str = "", method: str = "GET", more: tuple[Header, ...] = ()) -> Answer:
        """
        Return the answer to a GET, or to another request, of a page at *origin*.
        """
        where = url or self.url
        if self._is_cached:
            # The same value for the same origin, so that the request is not sent twice.
            where = with_query(where, f"cg={self.label}{zlib.crc32(origin.encode())}")
        return self.client.ask(PageFetch(where, origin, method, more=more, is_handshake=self.is_handshake))

    def preflight(  # noqa: PLR0913 - the parts of a preflight
        self,
        origin: str,
        *,
        url: str = "",
        method: str = "PUT",
        names: tuple[str, ...] = (),
        is_upload: bool = False,
        more: tuple[Header, ...] = (),
    ) -> Answer:
        """
        Return the answer to the preflight of a page at *origin*.
        """
        return self.client.ask(PageFetch(url or self.url, origin, method, names, is_upload, more))

    def again_past_cache(self, answer: Answer) -> Answer:
        """
        Send the request of a refused origin again past all caches, because a cache may be the cause. If so, send
        everything past it.
        """
        again = self.client.again(answer)
        if not answer.is_told:
            return again
        if not again.lets_in:
            return answer
        self.look(["CG-V003"], answer, None, again)
        self._is_cached = True
        self.observed.note("A cache, or the query, decides who may read, so each request was sent with its own query.")
        return again

    def look(self, rules: Iterable[str], *seen: object) -> bool:
        """
        Pass what was *seen* to the sign of each of *rules*. Return whether one of them found something.
        """
        found = [rule for rule in rules if self.observed.look(rule, *seen)]
        return bool(found)

    def try_each(self, probes: Iterable[Probe]) -> None:
        """
        Find out for each of *probes* whether it is allowed, and if so, what else may be. For a WebSocket, all allowed
        ones are one finding.

        A page of the server's own origin reads without CORS, so that origin is left out.
        """
        for probe in probes:
            if self._is_let_in(probe):
                for other in wider(probe, self.label):
                    self._is_let_in(other)

    def _is_let_in(self, probe: Probe) -> bool:
        if probe.origin == self.client.origin or self.meant.covers(probe.origin):
            return False
        rule = "CG-E006" if self.is_handshake else probe.rule
        return self.observed.let_in(probe._replace(rule=rule), self.get(probe.origin))


def find_resource(session: Session) -> None:
    """
    Send a request without an origin, and follow redirects within the server's origin. Raises Unreachable.

    A redirect of a handshake is not followed, as in browsers.
    """
    client, note = session.client, session.observed.note
    session.base = client.first(PageFetch(session.url, is_handshake=session.is_handshake))
    if session.is_handshake:
        return
    try:
        for _ in range(_MOST_REDIRECTS):
            target = url_of(session.base.get("Location") or "", url_of(session.url))
            if session.base.status not in REDIRECTS or target is None or target.href == session.url:
                if session.url != session.first_url:
                    note("The server redirects to {}: that URL was audited.", session.url)
                return
            led_to = client.ask(PageFetch(target.href)) if target.origin == client.origin else None
            body = b"" if led_to is None else client.plain(led_to).response.body
            if _is_login(target.href, (session.first_url, session.url), body):
                note(
                    "The server redirects to {}, which looks like a login, so that URL was not audited. Add a login, "
                    "as a header or a cookie.",
                    target.href,
                )
                return
            if led_to is None:
                note("The server redirects to {}, which was not contacted: audit it separately.", target.origin)
                return
            session.url, session.base = target.href, led_to
        if session.base.status in REDIRECTS:
            note("The server redirects again and again, last to {}, and was not followed further.", session.url)
        else:
            note("The server redirects to {}: that URL was audited.", session.url)
    except SpentError as end:
        client.leave_out("where the server redirects to", end)


def _is_login(url: str, sources: Collection[str], body: bytes = b"") -> bool:
    """
    Whether *url*, to which *sources* redirect, is a login in place of the resource; *body* is its answer's, if known.
    """
    target, asked = urlsplit(url), {urlsplit(source).path for source in sources}
    if target.path.rstrip("/").lower() in {path.rstrip("/").lower() for path in asked}:
        return False
    # A login leads back to where it came from, or asks for a password.
    leads_back = any(urlsplit(value).path in asked - {"/"} for _, value in parse_qsl(target.query))
    is_named = all(is_login(target.geturl(), source) for source in sources)
    return leads_back or is_named or _PASSWORD.search(without_comments(body)) is not None
