"""
The state of one running audit: what its stages share, and how they send requests.
"""

import zlib
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from corsguard.browser.wire import Header

from .answers import Answer, PageFetch
from .bounded_client import BoundedClient, with_query
from .findings import Observations
from .probes import Meant, Probe, wider
from .raw_connection import RawConnection


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
