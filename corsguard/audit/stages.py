"""
Walks the way of an attacker: first strangers, then relatives of those that are trusted, then what is said to them.

It asks, compares what came back with the table of rules, and asks again before it believes; whether a page may read is
for the model of a browser to say. What a worse finding implies is not reported once more.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from corsguard.browser.evidence import REDIRECTS, as_shown, url_of
from corsguard.browser.headers import seconds_of
from corsguard.browser.urls import is_schemelessly_same_site
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CHROMIUM_MAX_AGE,
    EXAMPLE_ORIGIN,
    EXPOSE_HEADERS,
    FIREFOX_MAX_AGE,
    MAX_AGE,
    OWNED_PREFIX,
)
from corsguard.origin import NULL, Origin

from .answers import Answer, Asker, Line, Question, SpentError
from .probes import EVERY_BROWSER, Meant, Probe, lax, relatives, special, strangers
from .rules import RULES, Reach, Rule, Severity, severity_of

Confidence = Literal["high", "medium", "low"]

_MOST_REDIRECTS: Final = 5
_MOST_CANDIDATES: Final = 6
_CLOSEST: Final = 8
_MOST_THIRD_PARTIES: Final = 4

_PRIVATE_NETWORK: Final = ("Access-Control-Request-Private-Network", "true")

_SENSITIVE: Final = re.compile(r"authorization|x-csrf.*|x-xsrf.*|x-api-key|x-auth.*|x-amz-.*|.*token.*|.*secret.*")
_RESOURCE_POLICIES: Final = frozenset({"same-origin", "same-site", "cross-origin"})
_CSP_SOURCE: Final = re.compile(r"https?://[a-z0-9._:-]+", re.IGNORECASE)
# RFC 9111, 3: what a shared cache may keep without being told so is told by these.
_NOT_STORED: Final = re.compile(r"\b(no-store|private|no-cache)\b", re.IGNORECASE)
_STORED: Final = re.compile(r"\b(public|s-maxage=[1-9]|max-age=[1-9])", re.IGNORECASE)

# `[` makes many a URL parser raise; no header of this length or with such bytes has ever been an origin.
_MALFORMED: Final = ("https://a].b", "https://[", "https://\xe9\xff.example", f"https://{'a' * 5000}.example")
# What cannot be seen by asking once more, or was asked twice before it was found.
_SEEN_TWICE: Final = frozenset({"CG-V003", "CG-X001", "CG-X002", "CG-X003"})
# Python's servers leave one or the other in a header's value.
_LINE_ENDS: Final = {"A line feed": "\n", "A carriage return": "\r", "A folded line": "\r\n "}
_COMMAS: Final = "," * 4096
_SLOW: Final = 10.0
_SLOW_AT_LEAST: Final = 0.25


@dataclass(frozen=True)
class Finding:
    """
    A *rule* that is broken, as bad as *severity* says, and the *proof*: the first exchange shows it.

    *origins* are those that were let in, *detail* says what was seen, and *subsumed* are the rules that it implies.
    """

    rule: Rule
    severity: Severity
    proof: tuple[Answer, ...]
    detail: str = ""
    reach: Reach | None = None
    with_credentials: bool = False
    confidence: Confidence = "high"
    origins: tuple[str, ...] = ()
    browsers: str = EVERY_BROWSER
    subsumed: tuple[str, ...] = ()


class Active(NamedTuple):
    """
    What is done only if asked for: *injects* tries line ends, caches and long lists, *posts* sends a POST.
    """

    injects: bool = False
    posts: bool = False
    line: Line | None = None


class Positive(NamedTuple):
    """
    An origin that was let in.
    """

    probe: Probe
    answer: Answer


class Stage(NamedTuple):
    """
    A part of an audit, which tells nothing more where any origin is let in if it *is_subsumed*.
    """

    name: str
    run: Callable[[], None]
    is_subsumed: bool = False


@dataclass
class Audit:
    """
    One audit of *url*, which *asker* asks; *label* is a name that nobody has. Call `run` once, then read.

    *meant* are the origins that are meant to be trusted, *is_internal* tells that the network keeps others out, and
    *show* makes a string from the network fit to be seen. *left_out* says for each cause what was not asked.
    """

    url: str
    asker: Asker
    label: str
    meant: Meant
    is_internal: bool = False
    active: Active = field(default_factory=Active)
    show: Callable[[str], str] = as_shown
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    subsumed: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._positives: list[Positive] = []
        self._candidates: list[str] = []
        self._trusted: str | None = None
        self._reflects = False
        self._is_cached = False
        self._count = 0
        self._relatives: list[Probe] = []
        scheme = self.asker.origin.partition(":")[0]
        self._strangers = (f"https://{self.label}.example", f"{scheme}://{self.label}.com")
        self._control = f"{scheme}://control-{self.label}.com"

    def run(self) -> None:
        """
        Ask everything, the most important first, until all is asked or no more may be. Raises Unreachable.
        """
        try:
            self._find_resource()
        except SpentError as end:
            self._leave_out("where the server redirects to", end)
        for stage in self._stages():
            if stage.is_subsumed and self._reflects:
                self.subsumed.append(stage.name)
                continue
            sent = self.asker.sent
            try:
                stage.run()
                # With nothing left to spend, a stage may find nothing to ask about.
                if sent < self.asker.budget:
                    self.tried.append(stage.name)
            except SpentError as end:
                self._leave_out(stage.name, end)
        self.asker.reserve = 0
        self.findings = [self._replayed(finding) for finding in self.findings]
        self._report_positives()
        self.findings = _without_implied(self.findings)

    def fitted(self, fix: str) -> str:
        """
        Return a rule's *fix* with an origin that is meant to be trusted in place of the example's.
        """
        return fix.replace(EXAMPLE_ORIGIN, next(iter(self.meant.samples()), EXAMPLE_ORIGIN))

    def _stages(self) -> Iterator[Stage]:
        yield Stage("strangers and null", self._ask_strangers)
        yield Stage("who is trusted", self._ask_candidates)
        yield Stage("the closest relatives of trusted origins", self._ask_closest, is_subsumed=True)
        yield Stage("preflights", self._ask_preflights)
        yield Stage("caches", self._ask_caches)
        yield Stage("other relatives", self._ask_relatives, is_subsumed=True)
        yield Stage("other conditions", self._ask_conditions, is_subsumed=True)
        yield Stage("malformed origins", self._ask_malformed)
        yield Stage("loopback, shared hosting, apps, playgrounds", self._ask_others, is_subsumed=True)
        yield Stage("beside CORS", self._ask_beside)
        if self.active.injects:
            yield Stage("injection, poisoned caches, long lists", self._ask_actively)
        if self.active.posts:
            yield Stage("a POST", self._post)
        yield Stage("special characters", self._ask_special, is_subsumed=True)
        yield Stage("what no browser sends", self._ask_lax, is_subsumed=True)

    # What is asked.

    def _find_resource(self) -> None:
        """
        Ask without an origin, and go where the server redirects to, within its origin.
        """
        self._base = self.asker.first(Question(self.url))
        self._preflight_url = self.url
        for _ in range(_MOST_REDIRECTS):
            target = url_of(self._base.get("Location") or "", url_of(self.url))
            if self._base.status not in REDIRECTS or target is None or target.href == self.url:
                break
            if target.origin != self.asker.origin:
                self.notes.append(
                    f"The server redirects to {self.show(target.origin)}, which was not contacted: audit it by itself."
                )
                break
            self.notes.append(f"The server redirects to {self.show(target.href)}: this is what was audited.")
            self.url = target.href
            self._base = self.asker.ask(Question(self.url))

    def _ask_strangers(self) -> None:
        # The first is asked past all caches, which may keep the response to whoever came before.
        first = self.asker.ask(Question(self._fresh(self.url), self._strangers[0]))
        second = self._get(self._strangers[1])
        if first.lets_in and not second.lets_in:
            second = self._again_past_cache(second)
        for answer in (first, second):
            if answer.lets_in:
                self._reflects = True
                self._trusted = self._trusted or answer.question.origin
                origin = answer.question.origin or ""
                self._let_in(Probe("CG-A001", Reach.ANYONE, origin, "any origin is reflected"), answer)
        self._check_response(first)
        self._check_internal(first)
        null = self._get(NULL)
        if null.lets_in:
            rule = "CG-A001" if self._reflects else "CG-A002"
            self._let_in(Probe(rule, Reach.ANYONE, NULL, "null is trusted"), null)

    def _ask_candidates(self) -> None:
        """
        Find out whom the server trusts, of those who are meant, its own origin, and whom its policies name.
        """
        for origin in self.meant.samples():
            answer = self._get(origin)
            if not answer.shares(with_credentials=False):
                answer = self._again_past_cache(answer)
            if answer.lets_in:
                self._trusted = self._trusted or origin
            elif answer.is_told and not answer.shares(with_credentials=False):
                self.notes.append(f"{self.show(origin)} is meant to be trusted and may not read.")
            self._candidates.append(origin)
            self._check_response(answer)
        self._candidates.append(self.asker.origin)
        if self._get(self.asker.origin).echoes and self._trusted is None:
            self._trusted = self.asker.origin
        if not self._reflects:
            self._ask_third_parties()

    def _ask_third_parties(self) -> None:
        named = _CSP_SOURCE.findall(self._base.get("Content-Security-Policy") or "")
        origins = dict.fromkeys(text.lower().rstrip(":") for text in named)
        third = [text for text in origins if Origin.parse(text) is not None and not self.meant.covers(text)]
        for origin in [text for text in third if text != self.asker.origin][:_MOST_THIRD_PARTIES]:
            answer = self._get(origin)
            if answer.lets_in:
                self._candidates.append(origin)
                self._trusted = self._trusted or origin
            if answer.lets_in and not is_schemelessly_same_site(origin, self.asker.origin):
                self._let_in(Probe("CG-A021", Reach.NEIGHBOUR, origin, "a third party is trusted"), answer)

    def _ask_preflights(self) -> None:
        stranger, header = self._strangers[0], f"x-{self.label}"
        foreign = self._preflight(stranger, names=("authorization", header), more=(_PRIVATE_NETWORK,))
        self._check_private_network(foreign)
        self._check_mismatch(foreign, self._get(stranger))
        trusted = self._asking
        if trusted is None:
            return
        answer = self._get(trusted)
        plain = self._preflight(trusted, method="GET", is_upload=True)
        self._check_preflight_status(plain, answer)
        listed = self._preflight(trusted, names=("authorization", header), more=(_PRIVATE_NETWORK,))
        self._check_mismatch(listed, answer)
        self._check_private_network(listed)
        self._check_names(self._preflight(trusted, method="GET", names=(header,)), header)
        self._check_method(self._preflight(trusted, method=f"X{self.label.upper()}"))
        self._check_max_age(listed)
        self._check_execution(plain, self._base)
        self._check_cached_preflight(listed)

    def _ask_caches(self) -> None:
        trusted = self._trusted
        request = ("Vary", f"x-{self.label}")
        answer = self._get(self._strangers[0], more=(request,))
        if answer.lists("Vary", request[1]):
            self._find("CG-V005", answer, f"Vary: {request[1]} came back.")
        if trusted is None:
            return
        for url, method in ((self.url, "GET"), (self._missing, "GET"), (self.url, "HEAD")):
            allowed = self._get(trusted, url=url, method=method)
            none = self.asker.ask(Question(url, None, method))
            others = [none] if self._reflects else [none, self._get(self._strangers[0], url=url, method=method)]
            self._check_vary(allowed, others)
            if method == "GET" and allowed.status >= 400 and url != self.url and not allowed.lets_in:
                self._check_shared_errors(allowed)

    def _ask_closest(self) -> None:
        # Those that are trusted have relatives that matter; the resource's own origin may have them, too.
        known = [(origin, self._get(origin).echoes) for origin in dict.fromkeys(self._candidates[:_MOST_CANDIDATES])]
        self._relatives = relatives(sorted(known, key=_is_refused), self.meant)
        self._try(self._relatives[:_CLOSEST])

    def _ask_relatives(self) -> None:
        self._try(self._relatives[_CLOSEST:])

    def _ask_others(self) -> None:
        own = Origin.parse(self.asker.origin)
        self._try(strangers(self.label, is_loopback=own is not None and own.is_loopback, meant=self.meant))

    def _ask_special(self) -> None:
        if not any(positive.probe.rule == "CG-A003" for positive in self._positives):
            self._try(special(self._nearest, self.label))

    def _ask_lax(self) -> None:
        self._try(lax(self._nearest))

    def _ask_conditions(self) -> None:
        """
        Ask as a stranger whom the server may take for somebody else: it says so itself, or brings a credential.
        """
        stranger = self._strangers[1]
        host = stranger.partition("://")[2]
        conditions = (
            ("CG-A018", self.url, "GET", ("X-Forwarded-Host", host), "X-Forwarded-Host names it"),
            ("CG-A018", self.url, "GET", ("Referer", f"{stranger}/"), "Referer names it"),
            ("CG-A019", self.url, "GET", ("Cookie", "corsguard=1"), "a cookie comes with the request"),
            ("CG-A019", self.url, "GET", ("Authorization", "Bearer corsguard"), "Authorization comes with the request"),
            ("CG-A019", self._missing, "GET", None, "the path is unknown"),
            ("CG-A019", self.url, "HEAD", None, "the method is HEAD"),
        )
        for rule, url, method, line, mistake in conditions:
            answer = self._get(stranger, url=url, method=method, more=() if line is None else (line,))
            if answer.lets_in:
                self._let_in(Probe(rule, Reach.ANYONE, stranger, f"any origin is let in if {mistake}"), answer)

    def _ask_malformed(self) -> None:
        if self._base.status >= 500:
            return
        for text in _MALFORMED:
            answer = self._get(text)
            if answer.status < 500 or self._again(answer).status < 500:
                continue
            # Others are answered still, or it fails for all.
            if self._again(answer, self._control).status < 500:
                self._find("CG-X002", answer, f"Origin: {self.show(text[:60])} was answered with {answer.status}.")
            return

    def _ask_beside(self) -> None:
        root = self.asker.origin
        self._check_isolation(self._get(self._strangers[0]))
        script = self.asker.ask(Question(_with_query(self.url, f"callback={self.label}")))
        kind = (script.get("Content-Type") or "").lower()
        if "script" in kind and f"{self.label}(".encode() in script.response.body:
            self._find("CG-E004", script, f"?callback={self.label} is called in a {self.show(kind)} response.")
        domains = self.asker.ask(Question(f"{root}/crossdomain.xml"))
        if re.search(rb'<allow-access-from\s[^>]*domain="\*"', domains.response.body):
            self._find("CG-E005", domains, 'It has <allow-access-from domain="*">.')
        upgrade = (
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "Y29yc2d1YXJkIGF1ZGl0IQ=="),
        )
        socket = self._get(self._strangers[0], more=upgrade)
        if socket.status == 101:
            self._find("CG-E002", socket, "The handshake of a stranger was answered with 101.")
        if self.is_internal:
            self._check_host()

    def _ask_actively(self) -> None:
        self._inject()
        self._poison()
        self._ask_slowly()

    # What is asked only if it is agreed to.

    def _inject(self) -> None:
        if self.active.line is None:
            return
        name = f"x-{self.label}"
        for what, end in _LINE_ENDS.items():
            self.asker.turn()
            origin = f"{self._strangers[0]}{end}{name}: 1"
            if name in self.active.line.names_sent_back(_target(self.url), origin):
                detail = f"{what} in Origin ended a line of the response, and {name}: 1 became one."
                self._find("CG-X001", self._get(self._strangers[0]), detail)
                return

    def _poison(self) -> None:
        """
        Fill a cache that nobody else asks, and see what it gives to others.
        """
        if self._trusted is None:
            return
        for first, second in ((self._trusted, None), (None, self._trusted)):
            url = self._fresh(self.url)
            primed = self.asker.ask(Question(url, first))
            served = self.asker.ask(Question(url, second))
            expected = self.asker.ask(Question(self._fresh(self.url), second))
            same = served.get(ALLOW_ORIGIN) == primed.get(ALLOW_ORIGIN)
            is_wrong = same and served.get(ALLOW_ORIGIN) != expected.get(ALLOW_ORIGIN)
            if is_wrong and all(answer.is_told for answer in (primed, served, expected)):
                whose = "a request without Origin" if first is None else self.show(first)
                self._find("CG-V003", served, f"The response to {whose} was given to the next one.")
                return
        self._ask_header_in_cache()

    def _ask_header_in_cache(self) -> None:
        header, mark = f"x-{self.label}", f"mark{self.label}"
        granted = self._preflight(self._trusted or self._strangers[0], method="GET", names=(header,))
        if not granted.shares(with_credentials=False):
            return
        answer = self.asker.ask(Question(self._fresh(self.url), self._trusted, more=((header, mark),)))
        # A cache that is told to keep it for this header only gives it to nobody who does not send the same.
        is_kept_apart = answer.lists("Vary", header) or answer.lists("Vary", "*")
        if mark.encode() in answer.response.body and _is_cacheable(answer) and not is_kept_apart:
            self._find("CG-V006", answer, f"{header}: {mark} stands in the body.")

    def _ask_slowly(self) -> None:
        origin = self._trusted or self._strangers[0]
        short = self._preflight(origin, names=("x-a",))
        more = (("Access-Control-Request-Headers", _COMMAS),)
        long = self._preflight(origin, more=more)
        if not self._is_slow(long, short):
            return
        # Anything may have been slow once.
        again = self._again(long)
        if self._is_slow(again, short):
            seconds = min(long.seconds, again.seconds)
            detail = f"4096 commas took {seconds:.2f} s, one name {short.seconds:.2f} s."
            self._find("CG-X003", long, detail, confidence="low")

    def _is_slow(self, long: Answer, short: Answer) -> bool:
        return long.came and long.seconds > max(_SLOW_AT_LEAST, _SLOW * short.seconds)

    def _post(self) -> None:
        more = (("Content-Type", "text/plain"),)
        answer = self.asker.ask(Question(self.url, self._strangers[0], "POST", more=more))
        if 200 <= answer.status <= 299:
            self._find("CG-E001", answer, f"A POST of a stranger was answered with {answer.status}.")

    # What it means.

    def _check_response(self, answer: Answer) -> None:
        """
        Look at what is wrong with the headers whoever asks.
        """
        allowed, values = answer.get(ALLOW_ORIGIN), answer.all(ALLOW_ORIGIN)
        credentials = answer.get(ALLOW_CREDENTIALS)
        if allowed is None:
            if credentials is not None:
                self._find("CG-B003", answer, f"{ALLOW_CREDENTIALS}: {self.show(credentials)} stands alone.")
            return
        if len(values) > 1 or "," in allowed or " " in allowed.strip():
            lines = "one line" if len(values) == 1 else f"{len(values)} lines"
            self._find("CG-B004", answer, f"{ALLOW_ORIGIN}: {self.show(allowed)}, in {lines}.")
        elif allowed == "*" and credentials is not None:
            severity = Severity.INFO if credentials.lower() == "false" else None
            detail = f"{ALLOW_CREDENTIALS}: {self.show(credentials)} beside *."
            self._find("CG-B001", answer, detail, severity=severity)
        elif allowed not in {"*", NULL, answer.question.origin} and Origin.parse(allowed) is None:
            self._find("CG-B005", answer, f"{ALLOW_ORIGIN}: {self.show(allowed)} is none.")
        elif credentials not in {None, "true"}:
            # "false" is what many write who mean none.
            is_false = (credentials or "").lower() == "false"
            severity = Severity.INFO if is_false else None
            self._find("CG-B002", answer, f"{ALLOW_CREDENTIALS}: {self.show(credentials or '')}.", severity=severity)
        if answer.shares(with_credentials=False) or answer.is_read_with_credentials:
            self._check_exposed(answer)

    def _check_exposed(self, answer: Answer) -> None:
        names = [name.strip() for name in (answer.get(EXPOSE_HEADERS) or "").split(",")]
        found = [name for name in names if _SENSITIVE.fullmatch(name.lower())]
        if found:
            self._find("CG-B006", answer, f"It exposes {self.show(', '.join(found))}.")
        elif "*" in names and answer.is_read_with_credentials:
            self._find("CG-B006", answer, "* exposes nothing where credentials are sent.", severity=Severity.INFO)
        for cookie in answer.all("Set-Cookie"):
            attributes = [part.strip().lower() for part in cookie.split(";")[1:]]
            if "samesite=none" in attributes and answer.is_read_with_credentials:
                name = cookie.partition("=")[0]
                self._find("CG-B007", answer, f"The cookie {self.show(name)} is SameSite=None.")

    def _check_internal(self, answer: Answer) -> None:
        if self.is_internal and answer.get(ALLOW_ORIGIN) == "*" and answer.shares(with_credentials=False):
            self._find(
                "CG-A010", answer, f"{self.show(answer.question.origin or '')} may read what is inside a network."
            )

    def _check_host(self) -> None:
        stranger = f"{self.asker.origin.partition(':')[0]}://{self.label}.com"
        answer = self._get(stranger, more=(("Host", f"{self.label}.com"),))
        if 200 <= answer.status <= 299 and answer.status == self._base.status:
            self._find("CG-E003", answer, f"Host: {self.label}.com was answered with {answer.status}.")

    def _check_preflight_status(self, preflight: Answer, answer: Answer) -> None:
        """
        Look at the status of the preflight that asks for the least.
        """
        if self.url != self._preflight_url:
            preflight = self._preflight(preflight.question.origin or "", url=self._preflight_url)
        if not answer.shares(with_credentials=False) and not answer.is_read_with_credentials:
            return
        if preflight.has_bad_status:
            location = preflight.get("Location")
            where = "" if location is None else f", to {self.show(location)}"
            self._find("CG-P004", preflight, f"The preflight was answered with {preflight.status}{where}.")

    def _check_mismatch(self, preflight: Answer, answer: Answer) -> None:
        with_credentials = preflight.grants_origin(with_credentials=True)
        if not answer.is_told or not (with_credentials or preflight.grants_origin(with_credentials=False)):
            return
        if preflight.get(ALLOW_ORIGIN) == "*" or answer.get(ALLOW_ORIGIN) is not None or answer.status in REDIRECTS:
            return
        if answer.status >= 400:
            self._check_shared_errors(answer)
        else:
            origin = self.show(preflight.question.origin or "")
            self._find("CG-P003", preflight, f"The response to {origin} has no {ALLOW_ORIGIN}.", proof=answer)

    def _check_shared_errors(self, answer: Answer) -> None:
        if answer.is_told and answer.get(ALLOW_ORIGIN) is None:
            self._find("CG-P009", answer, f"The response with status {answer.status} has no {ALLOW_ORIGIN}.")

    def _check_private_network(self, preflight: Answer) -> None:
        if preflight.get("Access-Control-Allow-Private-Network") != "true":
            return
        anybody = preflight.question.origin in self._strangers and preflight.grants_origin(with_credentials=False)
        severity = None if anybody else Severity.INFO
        who = "any origin" if anybody else self.show(preflight.question.origin or "")
        self._find("CG-P006", preflight, f"Access-Control-Allow-Private-Network: true, for {who}.", severity=severity)

    def _check_names(self, preflight: Answer, header: str) -> None:
        if preflight.lists(ALLOW_HEADERS, header) and preflight.shares(with_credentials=False):
            self._find("CG-P001", preflight, f"{header}, which nobody has ever used, is allowed.")
        elif preflight.lists(ALLOW_HEADERS, "*") and not preflight.lists(ALLOW_HEADERS, "Authorization"):
            self._find("CG-P007", preflight, f"{ALLOW_HEADERS}: {self.show(preflight.get(ALLOW_HEADERS) or '')}.")

    def _check_method(self, preflight: Answer) -> None:
        method = preflight.question.method
        if preflight.lists(ALLOW_METHODS, method) and preflight.shares(with_credentials=False):
            self._find("CG-P002", preflight, f"{method}, which nobody has ever used, is allowed.")

    def _check_max_age(self, preflight: Answer) -> None:
        seconds = seconds_of(preflight.lines, MAX_AGE) or 0
        if seconds > CHROMIUM_MAX_AGE:
            severity = None if seconds > FIREFOX_MAX_AGE else Severity.INFO
            self._find("CG-P005", preflight, f"{MAX_AGE}: {seconds}.", severity=severity)

    def _check_execution(self, preflight: Answer, answer: Answer) -> None:
        body = preflight.response.body
        if len(body.strip()) > 2 and body == answer.response.body and 200 <= preflight.status <= 299:
            # Who lists nothing has not heard of preflights, and grants nothing that would not be done anyway.
            is_meant = preflight.get(ALLOW_METHODS) is not None or preflight.get(ALLOW_HEADERS) is not None
            severity = None if is_meant and preflight.grants_origin(with_credentials=False) else Severity.INFO
            detail = "The preflight's answer has the same body as the response to GET."
            self._find("CG-P008", preflight, detail, severity=severity)
        elif preflight.get("Set-Cookie") is not None:
            # Load balancers set one, too.
            self._find("CG-P008", preflight, "The preflight's answer sets a cookie.", severity=Severity.INFO)

    def _check_cached_preflight(self, preflight: Answer) -> None:
        is_cached = preflight.get("Age") is not None or "hit" in (preflight.get("X-Cache") or "").lower()
        # What is the same for everybody needs no Vary.
        if is_cached and not preflight.varies and preflight.get(ALLOW_ORIGIN) != "*":
            self._find("CG-V004", preflight, "The preflight's answer comes from a cache, and has no Vary: Origin.")

    def _check_vary(self, allowed: Answer, others: list[Answer]) -> None:
        """
        Compare what an allowed origin gets with what *others* get at the same URL.
        """
        mine = allowed.get(ALLOW_ORIGIN)
        different = [other for other in others if other.is_told and other.get(ALLOW_ORIGIN) != mine]
        if not allowed.is_told or not different:
            return
        severity = Severity.MEDIUM if _is_cacheable(allowed) else Severity.LOW
        where = f"{allowed.question.method} {self.show(_target(allowed.question.url))}"
        if mine is not None and not allowed.varies:
            self._find("CG-V001", allowed, f"{where} has no Vary: Origin.", severity=severity, proof=different[0])
            return
        for other in different:
            if not other.varies:
                who = "a request without Origin" if other.question.origin is None else "an origin that is refused"
                detail = f"{where} has no Vary: Origin in the response to {who}."
                self._find("CG-V002", other, detail, severity=severity, proof=allowed)
                return

    def _check_isolation(self, answer: Answer) -> None:
        policies = answer.all("Cross-Origin-Resource-Policy")
        if not policies:
            self._find("CG-I001", answer, "It is absent.", severity=Severity.INFO)
        elif len(policies) > 1 or policies[0] not in _RESOURCE_POLICIES:
            detail = f"{self.show(', '.join(policies))} is not one of same-origin, same-site, cross-origin."
            self._find("CG-I001", answer, detail, severity=Severity.LOW)
        is_document = (answer.get("Content-Type") or "").lower().startswith("text/html")
        if is_document and answer.get("Cross-Origin-Opener-Policy") is None:
            self._find("CG-I002", answer)
        timing = {part.strip() for part in (answer.get("Timing-Allow-Origin") or "").split(",")}
        if timing & {"*", answer.question.origin}:
            # Who may read the response learns nothing by its timing.
            severity = Severity.INFO if answer.shares(with_credentials=False) else Severity.LOW
            detail = f"Timing-Allow-Origin: {self.show(answer.get('Timing-Allow-Origin') or '')}."
            self._find("CG-I006", answer, detail, severity=severity)
        if (answer.get("X-Content-Type-Options") or "").lower() != "nosniff":
            self._find("CG-I007", answer)

    # How it is asked, and believed.

    def _leave_out(self, what: str, end: SpentError) -> None:
        self.left_out.setdefault(end.cause, []).append(what)

    @property
    def _asking(self) -> str | None:
        """
        The origin that preflights are sent for: one that may read.
        """
        if self._trusted is not None and self._trusted != self.asker.origin:
            return self._trusted
        stranger = self._strangers[0]
        if self._get(stranger).shares(with_credentials=False):
            return stranger
        # Of these the preflight alone may be answered.
        meant = self.meant.samples()
        return meant[0] if meant else None

    @property
    def _nearest(self) -> str:
        """
        The origin whose relatives are tried in the end: one that is trusted, if one is known.
        """
        return self._trusted or next(iter(self._candidates), self.asker.origin)

    @property
    def _missing(self) -> str:
        """
        The URL of something that is not there, beside the resource.
        """
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/").rpartition("/")[0]
        return f"{self.asker.origin}{path}/corsguard-{self.label}"

    def _get(
        self, origin: str, *, url: str = "", method: str = "GET", more: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        where = url or self.url
        if self._is_cached:
            # The same for the same origin, which is not asked twice.
            where = _with_query(where, f"cg={self.label}{zlib.crc32(origin.encode())}")
        return self.asker.ask(Question(where, origin, method, more=more))

    def _preflight(  # noqa: PLR0913 - what a preflight asks for
        self,
        origin: str,
        *,
        url: str = "",
        method: str = "PUT",
        names: tuple[str, ...] = (),
        is_upload: bool = False,
        more: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        return self.asker.ask(Question(url or self.url, origin, method, names, is_upload, more))

    def _try(self, probes: Iterable[Probe]) -> None:
        for probe in probes:
            answer = self._get(probe.origin)
            if answer.lets_in:
                self._let_in(probe, answer)

    def _let_in(self, probe: Probe, answer: Answer) -> None:
        self._positives.append(Positive(probe, answer))

    def _fresh(self, url: str) -> str:
        """
        Return *url* with a query that nobody has asked before, past all caches.
        """
        self._count += 1
        return _with_query(url, f"cg={self.label}{self._count}")

    def _again(self, answer: Answer, origin: str | None = None) -> Answer:
        """
        Ask the same again, past all caches, or on behalf of another *origin*.
        """
        question = answer.question
        return self.asker.ask(question._replace(url=self._fresh(question.url), origin=origin or question.origin))

    def _replayed(self, finding: Finding) -> Finding:
        """
        Ask again what proves a fault, past all caches, and say how sure it is.
        """
        if finding.severity is Severity.INFO or finding.rule.id in _SEEN_TWICE:
            return finding
        (proof, *_) = finding.proof
        try:
            again = self._again(proof)
        except SpentError as end:
            self._leave_out(f"asking again for {finding.rule.id}", end)
            return replace(finding, confidence="low")
        return finding if _evidence(again) == _evidence(proof) else replace(finding, confidence="medium")

    def _again_past_cache(self, answer: Answer) -> Answer:
        """
        Ask again who was refused, lest a cache did it; if so, ask everybody past it from now on.
        """
        again = self._again(answer)
        if not again.lets_in:
            return answer
        self._is_cached = True
        self.notes.append("A cache, or the query, decides who may read: everything was asked with a query of its own.")
        return again

    def _find(  # noqa: PLR0913 - what there is to say of a finding
        self,
        rule: str,
        answer: Answer,
        detail: str = "",
        *,
        severity: Severity | None = None,
        confidence: Confidence = "high",
        proof: Answer | None = None,
    ) -> None:
        row = RULES[rule]
        with_credentials = answer.is_read_with_credentials
        finding = Finding(
            row,
            severity if severity is not None else row.severity if with_credentials else row.anonymous,
            (answer,) if proof is None else (answer, proof),
            detail,
            with_credentials=with_credentials,
            confidence=confidence,
            browsers="none" if rule.startswith("CG-X") else EVERY_BROWSER,
        )
        if all(known.rule != row or known.severity < finding.severity for known in self.findings):
            self.findings = [known for known in self.findings if known.rule != row] + [finding]

    def _report_positives(self) -> None:
        for positives in _by_rule(self._positives):
            found = self._finding(positives)
            if found is not None:
                self.findings.append(found)

    def _finding(self, positives: list[Positive]) -> Finding | None:
        """
        Return what the *positives* of one rule prove, the worst asked again with an origin that must not be let in.
        """
        worst = max(positives, key=self._severity)
        confidence = self._confidence(worst)
        if confidence is None:
            origin = self.show(worst.probe.origin)
            self.notes.append(f"{origin} was let in once and not again, so that it is not reported.")
            return None
        probe = worst.probe
        return Finding(
            RULES[probe.rule],
            self._severity(worst),
            (worst.answer,),
            f"{self.show(probe.origin)} is let in: {probe.mistake}.",
            reach=probe.reach,
            with_credentials=worst.answer.is_read_with_credentials,
            confidence=confidence,
            origins=tuple(dict.fromkeys(positive.probe.origin for positive in positives)),
            browsers=probe.browsers,
        )

    def _severity(self, positive: Positive) -> Severity:
        probe, answer = positive
        severity = severity_of(
            probe.reach, with_credentials=answer.is_read_with_credentials, is_internal=self.is_internal
        )
        transport = (answer.get("Strict-Transport-Security") or "").lower()
        if probe.rule == "CG-A011" and "preload" in transport and "includesubdomains" in transport:
            return min(severity, Severity.MEDIUM)
        return severity

    def _confidence(self, positive: Positive) -> Confidence | None:
        """
        Ask again, past all caches, and as somebody who must not be let in; return how sure it is, or None.
        """
        probe, answer = positive
        if self._severity(positive) is Severity.INFO:
            return "medium"
        try:
            again = self._again(answer)
            control = self._again(answer, self._control)
        except SpentError as end:
            self._leave_out(f"asking again for {probe.rule}", end)
            return "low"
        is_general = probe.rule in {"CG-A001", "CG-A018", "CG-A019"}
        if again.lets_in and (is_general or not control.lets_in):
            return "high" if answer.status < 400 else "medium"
        # The unique query may be what it stumbles over.
        return None if again.status == answer.status else "medium"


def _is_refused(candidate: tuple[str, bool]) -> bool:
    return not candidate[1]


def _evidence(answer: Answer) -> tuple[int, list[tuple[str, str]]]:
    lines = [(name.lower(), value) for name, value in answer.lines]
    return answer.status, sorted(line for line in lines if line[0] == "vary" or line[0].startswith(OWNED_PREFIX))


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def _is_cacheable(answer: Answer) -> bool:
    """
    Whether a shared cache is likely to keep the response (RFC 9111, 3 and 4.2.2).
    """
    control = answer.get("Cache-Control") or ""
    if _NOT_STORED.search(control) or answer.get("Set-Cookie") is not None:
        return False
    signs = ("Age", "X-Cache", "CF-Cache-Status", "Expires", "Last-Modified")
    return bool(_STORED.search(control)) or any(answer.get(sign) is not None for sign in signs)


def _by_rule(positives: Iterable[Positive]) -> Iterator[list[Positive]]:
    """
    Yield the positives of each rule, each under the one fault that explains it.
    """
    found: dict[str, list[Positive]] = {}
    for positive in positives:
        found.setdefault(positive.probe.rule, []).append(positive)
    if _anybody_below(found.get("CG-A012", [])):
        # What ends like a host of the same site is a subdomain of it, too.
        found["CG-A004"] = [one for one in found.get("CG-A004", []) if one.probe.reach is not Reach.NEIGHBOUR]
    contained = found.pop("CG-A005", [])
    if contained and found.get("CG-A003") and found.get("CG-A004"):
        found["CG-A005"] = contained
    elif contained:
        # A comparison of one end only meets such names, too.
        home = next((rule for rule in ("CG-A003", "CG-A004") if found.get(rule)), "CG-A005")
        found.setdefault(home, []).extend(contained)
    for rule, ones in found.items():
        yield from [[Positive(one.probe._replace(rule=rule), one.answer) for one in ones]] if ones else []


def _anybody_below(positives: list[Positive]) -> bool:
    return any(positive.probe.mistake == "every subdomain of the site is trusted" for positive in positives)


def _without_implied(findings: list[Finding]) -> list[Finding]:
    """
    Return *findings*, the worst first, without those that a worse one implies, which names them.
    """
    ordered = sorted(findings, key=lambda finding: (-finding.severity, finding.rule.id))
    implied = {rule for finding in ordered for rule in finding.rule.subsumes if finding.severity > Severity.INFO}
    return [
        replace(
            finding,
            subsumed=tuple(sorted(other.rule.id for other in ordered if other.rule.id in finding.rule.subsumes)),
        )
        for finding in ordered
        if finding.rule.id not in implied
    ]
