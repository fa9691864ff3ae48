"""
Every server in every mode, every carrier, and requests that no client should send. Each answer is compared with that of
the same application without a guard.

The servers are rows of `kit/odd_path_sites.py`, the requests are in `kit/raw_requests.py`, and each function below is
one requirement. In each run, every server is asked a share of the requests, and together they are asked all of them.
`python -m pytest -m long tests/carriers/test_server_matrix.py` asks each of them everything.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from kit.cases import PREFLIGHT_VARY, VARY, allow
from kit.conversations import Conversation, Exchange, HTTP2Conversation
from kit.odd_path_sites import ASGI, MODES, PARTNER, WSGI
from kit.raw_requests import ALLOWED, ASKS, SHARED, RawRequest, all_requests

import corsguard

pytestmark = pytest.mark.server

CARRIERS = {WSGI: ["wsgi", "flask", "django"], ASGI: ["asgi", "starlette", "fastapi", "django"]}
# A policy for all paths except a closed one, and one policy for the whole site.
PATHS, WHOLE = "", "-whole"


def lowered(headers):
    return sorted((name.lower(), value) for name, value in headers)


SHARED_LINES = lowered(allow(PARTNER, Allow_Credentials="true").items())
PERMITTED_LINES = lowered(allow(PARTNER, Allow_Credentials="true", Allow_Methods="GET, DELETE", Max_Age="7200").items())
REFUSAL = b"CORS: this origin may not read this resource.\n"

# Headers that servers write on their own, and those in which the sites say what they were given.
OF_SERVERS = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
OF_SITES = {"x-asks", "x-events", "x-origin", "x-path", "x-reached", "x-readings", "x-view"}


class Met(NamedTuple):
    """
    A *request*, its answers from the *bare* application and from the *guarded* one, and what is known of its path.

    *views* are those that the bare application runs for any request to this path.
    """

    site: str
    request: RawRequest
    bare: Exchange
    guarded: Exchange
    views: frozenset[str]
    keeps_after_204: bool

    @property
    def is_preflight(self) -> bool:
        """
        Whether it is a preflight as the server passed it on.
        """
        seen = self.guarded.named("x-asks"), self.guarded.named("x-origin")
        return self.request.method == "OPTIONS" and seen[0] == "yes" and seen[1] != "none"

    @property
    def comes_from_partner(self) -> bool:
        return self.guarded.named("x-origin") == "partner"

    @property
    def has_reached(self) -> bool:
        """
        Whether the server let it through.
        """
        return self.guarded.named("x-reached") is not None

    @property
    def is_answered(self) -> bool:
        """
        Whether a guard answered it in place of the application.
        """
        return self.is_preflight and self.guarded.status in {204, 403} and self.guarded.named("x-view") is None

    @property
    def is_whole(self) -> bool:
        return self.site.endswith(WHOLE)

    @property
    def is_plain(self) -> bool:
        """
        Whether the path can only mean one policy. If a view has a tag, a long path is not read.
        """
        return self.request.path in SHARED or (self.is_whole and len(self.request.path) < 2_000)

    def others(self, answer: Exchange) -> list[tuple[str, str]]:
        """
        Return the header lines of *answer* except those of CORS and those that the server wrote.
        """
        return [line for line in lowered(answer.headers) if line[0] not in OF_SERVERS and not is_of_cors(line[0])]


def is_of_cors(name: str) -> bool:
    return name.startswith(("access-control-", "timing-")) or name == "vary"


def lines_of_cors(answer: Exchange) -> list[tuple[str, str]]:
    # Apache writes a list in its own way.
    return sorted(
        (name.lower(), re.sub(", ?", ", ", value)) for name, value in answer.headers if is_of_cors(name.lower())
    )


def is_granted(answer: Exchange) -> bool:
    return answer.named("access-control-allow-origin") is not None


# The requirements. Each yields what is wrong.


def injected(met: Met) -> Iterator[str]:
    """
    Yield text of the request that a guard let into the head or the body of an answer.
    """
    if met.is_answered:
        expected = {*OF_SITES, "content-type"}
        if {name for name, _ in met.others(met.guarded)} - expected or met.guarded.body not in {b"", REFUSAL}:
            yield "something of the request in a preflight's answer"
    elif met.others(met.guarded) != met.others(met.bare) or met.guarded.body != met.bare.body:
        yield "other headers, or another body, than without a guard"
    of_cors = {*PERMITTED_LINES, *lowered(VARY.items()), *lowered(PREFLIGHT_VARY.items())}
    if not of_cors.issuperset(lines_of_cors(met.guarded)):
        yield "a line of CORS that no policy has"


def failed(met: Met) -> Iterator[str]:
    """
    Yield errors that the application does not give without a guard.
    """
    if met.guarded.status >= 500 > met.bare.status or (met.guarded.status == 0 and met.bare.status != 0):
        yield "an error"


def granted(met: Met) -> Iterator[str]:
    """
    Yield grants that the table of cases does not have, and missing ones that it has.
    """
    lines = [line for line in lines_of_cors(met.guarded) if line[0] != "vary"]
    due = []
    if met.has_reached and met.comes_from_partner:
        due = PERMITTED_LINES if met.is_preflight else SHARED_LINES
    if lines not in ([], due):
        yield "a grant that the table of cases does not have"
    if met.is_plain and lines != due:
        yield "no grant where there is one policy"
    if met.is_plain and met.is_preflight and met.guarded.status != (204 if due else 403):
        yield "another status of a preflight"


def served(met: Met) -> Iterator[str]:
    """
    Yield cases where the judged path is not the served path.
    """
    if not met.is_answered and (met.guarded.status, met.guarded.named("x-view")) != (
        met.bare.status,
        met.bare.named("x-view"),
    ):
        yield "another answer than without a guard"
    if (met.guarded.named("x-path"), met.guarded.named("x-reached")) != (
        met.bare.named("x-path"),
        met.bare.named("x-reached"),
    ):
        yield "another path than without a guard"
    if not met.is_whole and "admin" in met.views and is_granted(met.guarded):
        yield "a grant of what another view serves"


def varied(met: Met) -> Iterator[str]:
    """
    Yield answers that depend on the origin and do not say so.
    """
    vary = [line for line in lines_of_cors(met.guarded) if line[0] == "vary"]
    due = lowered((PREFLIGHT_VARY if met.is_answered else VARY).items())
    ran, readings = met.bare.named("x-view"), (met.guarded.named("x-readings") or "").split()
    # Where no view ran, another view at this path may be closed, or one that its readings lead to.
    is_shared = "public" in ran if ran is not None else "admin" not in {*readings, *met.views}
    is_due = met.has_reached and (met.is_whole or is_shared)
    if vary != due and (is_due or vary):
        yield "an answer without Vary"


def ended(met: Met) -> Iterator[str]:
    """
    Yield connections that were closed, though the application keeps them open without a guard.
    """
    is_excused = met.guarded.status == 204 and not met.keeps_after_204
    if met.bare.kept and met.guarded.kept is False and not is_excused:
        yield "a connection that was ended"


REQUIREMENTS = (injected, failed, granted, served, varied, ended)


def forged(log: Path) -> list[str]:
    """
    Return the log lines that a guard did not mean to write.
    """
    # `splitlines` also splits at characters that do not end a line of a file.
    lines = log.read_bytes().decode("latin-1").split("\n")[:-1]
    return [line for line in lines if not re.fullmatch(r"corsguard: [ -~]+", line)]


def conversation_of(mode, server):
    return (HTTP2Conversation if mode.is_http_2 else Conversation)(server.port)


def exchanges(conversation, site, groups):
    """
    Return the answers of *site* to *groups* of requests, group by group.
    """
    line = b"X-Site: " + site.encode()
    answers = [
        [(conversation.ask_alone if request.alone else conversation.ask)(request, line) for request in group]
        for group in groups
    ]
    # It shows whether the connection was kept after the last one.
    conversation.ask(RawRequest("GET", b"/", ()), line)
    return answers


def met_at(mode, server, pairs, groups):
    """
    Yield a Met for each request in *groups*: the answers of each bare and guarded site of *pairs*.
    """
    conversation = conversation_of(mode, server)
    bare_answers = {}
    for bare, guarded in pairs:
        if bare not in bare_answers:
            bare_answers[bare] = exchanges(conversation, bare, groups)
        for group, without, answers in zip(
            groups, bare_answers[bare], exchanges(conversation, guarded, groups), strict=True
        ):
            views = frozenset(itertools.chain(*((answer.named("x-view") or "").split() for answer in without)))
            for request, *both in zip(group, without, answers, strict=True):
                yield Met(guarded, request, *both, views, mode.keeps_after_204)
    conversation.close()


def kept_at(mode, server):
    """
    Return `Mode.kept` as it was observed.
    """
    conversation, (site, *_) = conversation_of(mode, server), CARRIERS[mode.application]
    get, preflight = RawRequest("GET", SHARED[0], ()), RawRequest("OPTIONS", SHARED[0], (ALLOWED, ASKS))
    asked_of = {f"{site}-bare": get, "answers-204": get, site: preflight, "status-200": preflight}
    return tuple(
        conversation.ask_alone(request, b"X-Site: " + name.encode()).kept for name, request in asked_of.items()
    )


def wrongs(mets):
    """
    Return what is wrong with each of them.
    """
    return [(what, met) for met in mets for requirement in REQUIREMENTS for what in requirement(met)]


def groups_for(mode):
    """
    Return all requests that can be sent, grouped by path.
    """
    # Servers of HTTP/2 decode a header of 70 KB for seconds, and then refuse it.
    most = 20_000 if mode.is_http_2 else math.inf
    return [group for group in all_requests() if all(len(request.on_wire()) < most for request in group)]


def asked(mode, carriers, groups, log):
    """
    Serve all *carriers* at once, ask them all of *groups*, and return each Met.
    """
    pairs = [(f"{carrier}-bare", f"{carrier}{guarding}") for carrier in carriers for guarding in (PATHS, WHOLE)]
    with mode.serve(LOG=str(log)) as server:
        mets = [*met_at(mode, server, pairs, groups)]
        kept = kept_at(mode, server)
    assert wrongs(mets) == []
    assert kept == mode.kept
    assert forged(log) == []
    return mets


# Not more than there are servers that need no compiler, so that together they are asked everything.
SHARES = 18
QUICK = [name for name, mode in MODES.items() if not mode.is_compiled]
# The guards of `kit/broken_guards.py`, next to the requirements that find their faults. They read a path in one way.
READS_ONCE = "a grant of what another view serves"
FOUND = {
    "Echoes": {
        "something of the request in a preflight's answer",
        "other headers, or another body, than without a guard",
    },
    "Ends": {"a connection that was ended"},
    "Fails": {
        "an error",
        "another answer than without a guard",
        "another path than without a guard",
        "a connection that was ended",
        "other headers, or another body, than without a guard",
    },
    "GrantsMore": {
        "a grant that the table of cases does not have",
        "another status of a preflight",
        "no grant where there is one policy",
    },
    "ReadsOnce": set(),
    "RecordsRaw": {"a line that was forged"},
    "Reflects": {
        "a grant that the table of cases does not have",
        "a line of CORS that no policy has",
        "no grant where there is one policy",
    },
    "Refuses": {"another status of a preflight", "no grant where there is one policy"},
    "ServesAnother": {
        "another answer than without a guard",
        "other headers, or another body, than without a guard",
    },
    "VariesSometimes": {"an answer without Vary"},
}


def test_each_requirement_finds_the_guard_that_breaks_it(tmp_path):
    mode, log = MODES["gunicorn, gthread"]._replace(application="kit.broken_guards:application"), tmp_path / "log"
    pairs = [("wsgi-bare", name) for name in FOUND]
    with mode.serve(LOG=str(log)) as server:
        mets = [*met_at(mode, server, pairs, all_requests()[::5])]
    found = {name: {what for what, met in wrongs(mets) if met.site == name} for name in FOUND}
    assert [name for name, whats in found.items() if READS_ONCE not in whats] == ["Refuses"]
    found["RecordsRaw"] |= {"a line that was forged"} if forged(log) else set()
    assert {name: whats - {READS_ONCE} for name, whats in found.items()} == FOUND


@pytest.mark.parametrize("name", QUICK)
def test_a_share_of_the_matrix_meets_all_requirements(name, tmp_path):
    """
    Each server is asked a share of all requests. It is a different share than that of the server before it.
    """
    mode, first = MODES[name], QUICK.index(name) % SHARES
    mets = asked(mode, CARRIERS[mode.application], groups_for(mode)[first::SHARES], tmp_path / "log")
    assert sum(met.has_reached for met in mets) > len(mets) / 2


def test_the_manual_has_the_observed_modes():
    text = (Path(corsguard.__file__).parent / "manual" / "reliability.md").read_text(encoding="utf-8")
    rows = [row.strip("|").split("|") for row in text.partition("## Preflights and connections")[2].splitlines()]
    told = {row[0].strip(): tuple(cell.strip() == "kept" for cell in row[1:]) for row in rows if len(row) == 5}
    assert {name: told.get(name) for name in MODES} == {name: mode.kept for name, mode in MODES.items()}


@pytest.mark.long
@pytest.mark.parametrize("name", MODES)
def test_the_matrix_meets_all_requirements(name, tmp_path):
    """
    Each server is asked everything.
    """
    mode = MODES[name]
    mets, log = [], tmp_path / "log"
    for carrier in CARRIERS[mode.application]:
        mets += asked(mode, [carrier], groups_for(mode), log)
    reached = [met for met in mets if met.has_reached]
    kinds = Counter((met.is_answered, is_granted(met.guarded)) for met in reached)
    # The server refuses none of these, each kind of answer occurs, and what is refused is written down.
    assert len(reached) > len(mets) / 2
    assert min(kinds[kind] for kind in itertools.product((True, False), repeat=2)) > len(mets) / 100
    assert sum("admin" in met.views for met in mets) > len(mets) / 20
    assert log.read_text("utf-8").count("does not share with") > len(mets) / 20
    print(f"{name}: {3 * len(mets) // 2} requests, of which {3 * len(reached) // 2} reach the application or its guard")
