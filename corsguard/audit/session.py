"""
One audit that is running: what its stages know of each other, and how they ask.
"""

import zlib
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from corsguard.browser.wire import Header
from corsguard.names import EXAMPLE_ORIGIN

from .answers import Answer, PageFetch
from .belief import Belief
from .bounded_client import BoundedClient, with_query
from .probes import Meant, Probe
from .raw_connection import RawConnection


class Session:
    """
    The audit of *url*, which *client* asks and *belief* judges.

    *meant* are the origins that are meant to be trusted, *is_internal* tells that the network keeps others out, *raw*
    is the connection for what the client does not send, and *show* makes a string from the network fit to be seen.
    *is_handshake* tells that pages open a WebSocket at the URL, and do not fetch it.

    The stages learn *base*, the response without an origin, an origin that is *trusted*, whether the server *reflects*
    any, and the *candidates* whose *relatives* are tried.
    """

    base: Answer

    def __init__(  # noqa: PLR0913 - what is agreed on before an audit begins
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
        # Where preflights of the page go, which no redirect moves.
        self.first_url = url
        self.client = client
        self.meant = meant
        self.is_internal = is_internal
        self.raw = raw
        self.label = client.label
        scheme = urlsplit(client.origin).scheme
        self.strangers = (f"https://{self.label}.example", f"{scheme}://{self.label}.com")
        self.belief = Belief(
            client,
            control=f"{scheme}://control-{self.label}.com",
            meant=next(iter(meant.samples()), EXAMPLE_ORIGIN),
            is_internal=is_internal,
            show=show,
        )
        self.trusted: str | None = None
        self.reflects = False
        self.candidates: list[str] = []
        self.relatives: list[Probe] = []
        self._is_cached = False

    @property
    def asking(self) -> str | None:
        """
        The origin that preflights are sent for: one that may read, and not the server's own, which needs none.
        """
        own = self.client.origin
        if self.trusted not in {None, own}:
            return self.trusted
        stranger = self.strangers[0]
        if self.get(stranger).shares(with_credentials=False):
            return stranger
        # Of these the preflight alone may be answered.
        return next((origin for origin in self.meant.samples() if origin != own), None)

    @property
    def nearest(self) -> str:
        """
        The origin whose relatives are tried in the end: one that is trusted, if one is known.
        """
        return self.trusted or next(iter(self.candidates), self.client.origin)

    @property
    def missing(self) -> str:
        """
        The URL of something that is not there, next to the resource.
        """
        folder = urlsplit(self.url).path.rstrip("/").rpartition("/")[0]
        return f"{self.client.origin}{folder}/corsguard-{self.label}"

    @property
    def is_judged(self) -> bool:
        """
        Whether the resource itself has answered, and not only what stands before it.
        """
        return any(answer.is_of_resource for answer in self.client.answers_at(self.url))

    @property
    def socket_url(self) -> str:
        """
        The URL as a page writes it that opens a WebSocket there.
        """
        return self.url.replace("http", "ws", 1)

    def trust(self, origin: str) -> None:
        """
        Note that *origin* is trusted; the first one that is found is asked for everything else, and the server's own
        only if there is no other.
        """
        if self.trusted in {None, self.client.origin}:
            self.trusted = origin

    def get(self, origin: str, *, url: str = "", method: str = "GET", more: tuple[Header, ...] = ()) -> Answer:
        """
        Return what a page at *origin* is answered.
        """
        where = url or self.url
        if self._is_cached:
            # The same for the same origin, which is not asked twice.
            where = with_query(where, f"cg={self.label}{zlib.crc32(origin.encode())}")
        return self.client.ask(PageFetch(where, origin, method, more=more, is_handshake=self.is_handshake))

    def preflight(  # noqa: PLR0913 - what a preflight asks for
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
        Return what the preflight of a page at *origin* is answered.
        """
        return self.client.ask(PageFetch(url or self.url, origin, method, names, is_upload, more))

    def again_past_cache(self, answer: Answer) -> Answer:
        """
        Ask again for an origin that was refused, because a cache may have done it; if so, ask for everything past it.
        """
        again = self.client.again(answer)
        if not again.lets_in:
            return answer
        self._is_cached = True
        self.belief.note("A cache, or the query, decides who may read: everything was asked with a query of its own.")
        return again

    def look(self, rules: Iterable[str], *seen: object) -> bool:
        """
        Show what was *seen* to the sign of each of *rules*; return whether one of them sees something.
        """
        found = [rule for rule in rules if self.belief.look(rule, *seen)]
        return bool(found)

    def try_each(self, probes: Iterable[Probe]) -> None:
        """
        Ask for each of *probes* whether it is let in. Of a WebSocket, all that are count as one finding.
        """
        for probe in probes:
            rule = "CG-E006" if self.is_handshake else probe.rule
            self.belief.let_in(probe._replace(rule=rule), self.get(probe.origin))
