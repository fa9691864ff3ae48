"""
One request on its way: its policy, whether it may run, the decision, the headers that are sent, and the log.

A carrier enters a request, which gives a Passage, and asks the passage what to do: once before the application runs, if
the passage `comes_first`, and once when the application starts its response. No I/O happens here, apart from the log.
The guard never calls anything that may block. If an origin source must be asked, the carrier gets a Question and asks
it. `take_events` returns the events, and the carrier calls the listener. Both happen in the way that fits its
framework.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from .fixes import Fix
from .journal import Event, Journal, Reason
from .negotiation import (
    VARY,
    Answers,
    Decision,
    Environ,
    Header,
    Prepared,
    Question,
    Refusal,
    RequestKind,
    as_text,
    decide,
    is_owned,
    is_preflight,
    merge_vary,
    request_kind,
)
from .origin import LONGEST_ORIGIN
from .policies import (
    UNCOVERED,
    Assignment,
    Guarding,
    PathTable,
    Policies,
    PoliciesLike,
    ViewFinder,
    WebSockets,
    read_websockets,
    refuse_awaited,
)
from .policy import Policy
from .protection import (
    REFUSAL_BODY,
    REFUSAL_HEADERS,
    REMEDIES,
    SAFE_METHODS,
    CrossOriginProtection,
    Verdict,
    VerdictReason,
    is_handshake,
    judge_handshake,
    missing_trust,
)
from .protection import ProtectionLike as ProtectionLike  # noqa: PLC0414 - carriers take it from here
from .tags import misplaced_tags, name_of, tag_of, tags_made

# Names of common response headers, in their usual spellings. None of them belongs to the policy or is Vary, so only
# other names are examined.
ORDINARY_NAMES: Final = frozenset(
    spelling
    for name in """
        Accept-Ranges Age Allow Cache-Control Connection Content-Disposition Content-Encoding Content-Language
        Content-Length Content-Range Content-Security-Policy Content-Type Cross-Origin-Opener-Policy Date ETag Expires
        Last-Modified Link Location Pragma Referrer-Policy Retry-After Server Server-Timing Set-Cookie
        Strict-Transport-Security WWW-Authenticate X-Content-Type-Options X-Frame-Options X-Request-Id
    """.split()
    for spelling in (name, name.lower())
)

# Views whose tags are remembered. They are few, but a program can create more at run time.
_MOST_VIEWS: Final = 4096

_LET_IN: Final = Decision(RequestKind.HANDSHAKE, None, ())
_KEPT_OUT: Final = Decision(RequestKind.HANDSHAKE, 403, REFUSAL_HEADERS, Refusal.ORIGIN, body=REFUSAL_BODY)
# The bodies that are sent instead of the application's, by reason. They quote nothing of the request.
PROTECTED_BODIES: Final[Mapping[VerdictReason, bytes]] = {
    reason: f"Cross-origin protection ({reason}): {remedy}\n".encode() for reason, remedy in REMEDIES.items()
}


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What applies to one request: the *table* of all policies and the *protection*. A swap changes both together.
    """

    table: PathTable
    protection: CrossOriginProtection | None


# No policies have this table, so a guard whose terms have it reads what is in force before it serves a request.
_NOT_READ: Final = PathTable({})


class Guard:
    """
    Guards an application with the *policies* in force, and writes a *journal* of what happens.

    *websockets* tells which WebSocket handshakes are judged: all, none, or all except those to the listed path
    prefixes. *protection* tells which requests may act. Without it, the protection of the configuration counts, also
    after the policies are replaced by policies without one. Only a carrier that *can_await* may have policies whose
    origin source has to be awaited.

    Raises PolicyError if *websockets* or *protection* is refused, or if a source has to be awaited and the carrier
    cannot.
    """

    def __init__(
        self,
        policies: Policies,
        journal: Journal,
        websockets: WebSockets = "guard",
        *,
        protection: ProtectionLike | None = None,
        can_await: bool = False,
    ) -> None:
        self._can_await = can_await
        # What is in force, unless policies that are shared were swapped since; `adopt` replaces it as a whole.
        self.terms: Terms
        self.protect(protection)
        if not can_await:
            refuse_awaited(policies)
        self.policies = policies
        self.journal = journal
        self.websockets: PathTable = read_websockets(websockets)
        self._tag_for = lru_cache(_MOST_VIEWS)(self._look_up)
        self.adopt()

    def swap(self, policy: PoliciesLike | None) -> None:
        """
        Replace the policies in force with *policy*, for all guards that share them. It is validated first.
        """
        if not self._can_await:
            refuse_awaited(policy)
        self.policies.policy = policy
        self.adopt()

    def protect(self, protection: ProtectionLike | None) -> None:
        """
        Use *protection* from now on. None means that of the configuration. Raises PolicyError if it is refused.
        """
        self._given = None if protection is None else CrossOriginProtection.of(protection)
        self.terms = Terms(_NOT_READ, self._given)

    @property
    def protection(self) -> CrossOriginProtection | None:
        """
        The protection that tells which requests may act; None if all may.
        """
        return self.terms.protection

    def adopt(self) -> Terms:
        """
        Log the warnings of policies that are new to this guard, use the protection of their configuration, and return
        what is in force.

        The next request does this too, after the policies were replaced. Call it to have it done at once.
        """
        table = self.policies.table
        said = table.protection if self._given is None else self._given
        protection = said if isinstance(said, CrossOriginProtection) else self.terms.protection
        self.journal.warn_of(table.named.values())
        self.terms = terms = Terms(table, protection)
        return terms

    def current(self) -> Terms:
        """
        Return what is in force now. A carrier reads it once for each request, so that no swap comes in between.
        """
        terms = self.terms
        return terms if self.policies.table is terms.table else self.adopt()

    def prepared_answer(self, answers: Answers | None, origin: str | bytes | None, asks: bool) -> Prepared | None:  # noqa: FBT001 - a keyword makes the call 50 % slower
        """
        Return the prepared answer for a request from *origin*. *asks* tells whether it is a preflight.

        For a carrier's short path. None if nothing is prepared, a source has to be asked, or something has to be
        logged. Then the carrier has to call `enter`.
        """
        if answers is None or self.policies.table is not self.terms.table:
            return None
        if origin is None:
            return answers.silent
        replies = answers.on_preflight if asks else answers.on_response
        # The length is checked first, because even hashing a megabyte takes time.
        if len(origin) > LONGEST_ORIGIN:
            prepared = None
        elif isinstance(origin, str):
            prepared = replies.known.get(origin)
        else:
            prepared = replies.known_bytes.get(origin)
        if prepared is None:
            text = origin if isinstance(origin, str) else as_text(origin)
            covered = answers.audience.covers(text)
            if covered is None:
                return None
            prepared = replies.prepare(text, origin, is_covered=covered)
        if prepared is replies.refused:
            return None if next(self.journal.turns) else prepared
        return None if asks and self.journal.is_debug is not None and self.journal.explains() else prepared

    def enter(self, environ: Environ, path: str, terms: Terms | None = None, at: PathTable | None = None) -> "Passage":
        """
        Return the passage of the request that *environ* describes, under *terms*, or under the current ones.

        *environ* must not change any more. *path* is the path below the application, decoded once, as text. *at* is the
        table of the host. A carrier passes it if it asks the table of *terms* in the way of its framework. Without it,
        a store of hosts is asked here, which may block.
        """
        terms = self.current() if terms is None else terms
        at = terms.table.ask(environ.get("HTTP_HOST"), None) if at is None else at
        if at.is_stored:
            self.journal.warn_of_host(at.find(path))
        return Passage(self, at, terms.protection, environ, path)

    def tag_for(self, view: object) -> Assignment | None:
        """
        Return the tag of *view*, or None if it has none. A view with misplaced tags is closed.
        """
        try:
            return self._tag_for(view, tags_made())
        except TypeError:
            # Views that cannot be hashed, such as instances of a dataclass, are not remembered.
            return self._look_up(view, tags_made())

    def _look_up(self, view: object, _made: int) -> Assignment | None:
        # The parameter with the number of tags makes the cache look again after each tag.
        misplaced = misplaced_tags(view)
        if misplaced:
            self.journal.record_misplaced(name_of(view), misplaced, is_class=isinstance(view, type))
            return Assignment(None, name_of(view))
        tag = tag_of(view)
        if tag is not None and isinstance(tag.policy, Policy):
            self.journal.warn_of([tag.policy])
        return None if tag is None else tag._replace(name=name_of(view))

    def find(self, environ: Environ, path: str, find_view: ViewFinder | None = None) -> Assignment:
        """
        Return the assignment for the request that *environ* describes, to *path*. For people and tests.
        """
        if is_handshake(environ) and self.websockets.find(path) is UNCOVERED:
            return UNCOVERED
        return self.policies.table.ask(environ.get("HTTP_HOST")).find(path, find_view)


class Passage:
    """
    One request on its way through a guard.

    Call *decide*. If it returns a Question, ask that and pass the answer to *settle*. Then *answer* is the response to
    send instead of the application's, or *headers* returns the headers of the application's response. *take_events*
    returns the events for the listener.
    """

    __slots__ = (
        "_journal",
        "_protection",
        "_table",
        "_websockets",
        "assignment",
        "decision",
        "environ",
        "events",
        "is_handshake",
        "is_preflight",
        "path",
        "verdict",
    )

    def __init__(
        self, guard: Guard, table: PathTable, protection: CrossOriginProtection | None, environ: Environ, path: str
    ) -> None:
        self._journal = guard.journal
        self._table = table
        self._websockets = guard.websockets
        self.environ = environ
        self.path = path
        self.is_preflight = is_preflight(environ)
        self.is_handshake = is_handshake(environ)
        self._protection: Final = None if self.is_preflight else protection
        self.assignment: Assignment = UNCOVERED
        self.decision: Decision | None = None
        # The verdict of the protection, once it was asked.
        self.verdict: Verdict | None = None
        self.events: tuple[Event, ...] = ()
        if table.error is not None:
            self.events = guard.journal.record_failed_hosts(table.find(path), table.error, environ)

    @property
    def comes_first(self) -> bool:
        """
        Whether to decide before the application runs. It may never see the request.
        """
        return self.is_preflight or self.is_handshake or self._is_judged

    @property
    def _is_judged(self) -> bool:
        """
        Whether the protection judges the request.
        """
        return self._protection is not None and self.environ.get("REQUEST_METHOD") not in self._protection.unjudged

    @property
    def method(self) -> str:
        """
        The method of the request; for a preflight, the method that it asks for.
        """
        name = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" if self.is_preflight else "REQUEST_METHOD"
        return str(self.environ.get(name, ""))

    def decide(self, find_view: ViewFinder | None = None) -> Question | None:
        """
        Decide about the request. If that depends on an origin source, return the Question for it.

        *find_view* finds the tag of the view at a path, if views of the application may have their own policies. A
        decision from before the application ran stays, and no view is looked up again.
        """
        if self.decision is not None:
            return None
        if self.is_handshake and self._websockets.find(self.path) is UNCOVERED:
            return None
        was_odd = self.assignment.is_odd
        there = self.assignment = self._table.find(self.path, find_view)
        if there.is_odd and not was_odd and "HTTP_ORIGIN" in self.environ:
            self.events += self._journal.record_odd_path(there, self.environ)
        if self.is_handshake:
            decision = self._judge_handshake(there.policy)
        else:
            decision = decide(there.policy, self.environ) if isinstance(there.policy, Policy) else None
            if self.verdict is None and self._is_judged:
                decision = self._judge(decision)
        if isinstance(decision, Question):
            return decision
        if decision is not None:
            self.settle(decision)
        return None

    def _judge(self, decision: Decision | Question | None) -> Decision | Question | None:
        """
        Return *decision*, which is about the response, if the request may run; otherwise return its refusal.
        """
        assert self._protection is not None  # noqa: S101 - `_is_judged` says so
        policy = self.assignment.policy if isinstance(self.assignment.policy, Policy) else None
        verdict = self.verdict = self._protection.judge(policy, self.environ, self.path)
        if verdict.allowed:
            return decision
        if self._protection.mode == "report":
            if verdict.allowed is False:
                self._record_refused(would_refuse=True)
            return decision
        if not isinstance(decision, Question):
            return self._refused(decision, verdict.reason)
        # If only the source is missing, an origin that it grants is trusted, too.
        granted = decision.granted if verdict.allowed is None else self._refused(decision.granted, verdict.reason)
        return decision._replace(granted=granted, refused=self._refused(decision.refused, verdict.reason))

    def _refused(self, decision: Decision | None, reason: VerdictReason) -> Decision:
        """
        Return the 403 that is sent instead of the application's response. It has the headers of *decision*, so a page
        that may read can read this, too.
        """
        kind = request_kind(self.environ) if decision is None else decision.kind
        body = PROTECTED_BODIES[reason]
        headers = (("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *self._ours(decision))
        sent = b"" if self.method == "HEAD" else body
        return Decision(kind, 403, headers, Refusal.PROTECTION, body=sent)

    def _judge_handshake(self, guarding: Guarding) -> Decision | Question | None:
        """
        Return the answer to a handshake, None if it is not judged, or the Question on which the answer depends.
        """
        if isinstance(guarding, Policy | None):
            return _judge_handshake(guarding, self.environ)
        if self._protection is None or self._protection.exempts(self.path):
            return None
        decision = _judge_handshake(None, self.environ)
        if self._protection.mode == "report" and isinstance(decision, Decision) and decision.refusal is not None:
            self.verdict = judge_handshake(None, self.environ)
            self._record_refused(would_refuse=True)
            return _LET_IN
        return decision

    def settle(self, decision: Decision) -> None:
        """
        Use *decision* for this request, and record it.
        """
        self.decision = decision
        journal = self._journal
        if decision.refusal is Refusal.PROTECTION and decision.error is None:
            self._record_refused(would_refuse=False)
            return
        if decision.refusal is None:
            is_of_interest = self.is_preflight and journal.explains()
        else:
            is_of_interest = decision.error is not None or next(journal.turns)
            if self.verdict is not None and self.verdict.allowed is None and self.answer is None:
                self._record_refused(would_refuse=True)
        if is_of_interest:
            self.events += journal.record(self.assignment, decision, self.environ)

    def _record_refused(self, *, would_refuse: bool) -> None:
        if self.verdict is None or not next(self._journal.turns):
            return
        there = self.assignment
        remedy = None if self.is_handshake else REMEDIES[self.verdict.reason]
        fix = Fix(
            words="" if remedy is None else remedy.fix,
            policy=missing_trust(there.policy if isinstance(there.policy, Policy) else None, self.environ),
        )
        # The reasons of refusals are reasons of events, too.
        reason = "websocket" if remedy is None else cast("Reason", self.verdict.reason)
        self.events += self._journal.record_protection(there, reason, fix, self.environ, would_refuse=would_refuse)

    def take_events(self) -> tuple[Event, ...]:
        """
        Return the events for the listener, each of them once.
        """
        events, self.events = self.events, ()
        return events

    @property
    def answer(self) -> Decision | None:
        """
        The whole answer to a preflight of a guarded resource, or to a request that may not run. None if the application
        answers.
        """
        return None if self.decision is None or self.decision.status is None else self.decision

    def headers(self, headers: Iterable[Header]) -> list[Header]:
        """
        Return the headers to send, given the *headers* of the application's response, which are not changed.
        """
        ours = self._ours(self.decision)
        if isinstance(self.assignment.policy, str):
            return _merged([*headers], ours)
        sent, displaced = share(headers, ours, self.assignment.policy)
        if displaced:
            self.events += self._journal.record_displaced(self.assignment, displaced, self.environ)
        return sent

    def _ours(self, decision: Decision | None) -> Sequence[Header]:
        """
        Return the header lines to send under *decision*.
        """
        ours: Sequence[Header] = decision.headers if decision is not None else (VARY,) if self.assignment.varies else ()
        # With methods="all", the answer depends on Origin, even if everyone may read.
        is_read = self._is_judged and self.method in SAFE_METHODS and not self.is_handshake
        return (*ours, VARY) if is_read and VARY not in ours else ours


def _judge_handshake(policy: Policy | None, environ: Environ) -> Decision | Question:
    verdict = judge_handshake(policy, environ)
    if verdict.allowed:
        return _LET_IN
    refused = _KEPT_OUT._replace(refusal=Refusal.CREDENTIALS) if verdict.reason == "no-credentials" else _KEPT_OUT
    source = policy.audience.source if policy is not None and verdict.allowed is None else None
    return refused if source is None else Question(source, environ["HTTP_ORIGIN"], _LET_IN, refused)


def share(headers: Iterable[Header], ours: Sequence[Header], guarding: Guarding) -> tuple[list[Header], list[str]]:
    """
    Return *headers* together with *ours*, and the names of the headers that were removed because the policy owns them.

    `Vary` is merged. *headers* are not changed. Timing-Allow-Origin belongs to the policy if *guarding* shares timing.
    """
    sent = [*headers]
    for name, _ in sent:
        if name not in ORDINARY_NAMES:
            break
    else:
        return [*sent, *ours], []
    shares_timing = isinstance(guarding, Policy) and guarding.share_timing
    displaced = [name for name, _ in sent if is_owned(name, shares_timing=shares_timing)]
    if displaced:
        sent = [line for line in sent if line[0] not in displaced]
    return _merged(sent, ours), displaced


def _merged(sent: list[Header], ours: Sequence[Header]) -> list[Header]:
    """
    Return *sent* and *ours*, with one line of `Vary` for both.
    """
    varies = [value for name, value in sent if name.lower() == "vary"]
    if not varies or not ours:
        return [*sent, *ours]
    lines = [line for line in (*sent, *ours) if line[0].lower() != "vary"]
    vary = merge_vary(*varies, *(value for name, value in ours if name == "Vary"))
    return [*lines, *([("Vary", vary)] if vary else [])]
