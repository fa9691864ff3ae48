"""
A policy that asks an origin source: which sources it takes, which origins it asks about, and what counts as yes.
"""

import asyncio

import pytest
from kit.building import APP, OTHER, VARY, Source, problems
from kit.naming import steady

from corsguard import Origin, OriginPattern, Policy, PolicyError, negotiate
from corsguard.negotiation import decide, in_a_loop


class Scripted:
    """
    A source that answers *answer*, or raises it if it is an exception.
    """

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def ask(source, origin, **keywords):
    policy = Policy(allow_origins=source, **keywords)
    assert policy.may_block is True
    return negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})


@pytest.mark.parametrize(
    ("said", "may_block"),
    [({}, True), ({"may_block": True}, True), ({"may_block": None}, True), ({"may_block": False}, False)],
)
def test_a_source_may_block_unless_it_says_that_it_does_not(said, may_block):
    source = type("Store", (Scripted,), said)(answer=True)
    assert Policy(allow_origins=source).may_block is may_block


def test_a_source_grants_the_origins_that_it_contains():
    decision = ask(Source(APP), APP, allow_credentials=True)
    assert decision.headers == (
        ("Access-Control-Allow-Origin", APP),
        ("Access-Control-Allow-Credentials", "true"),
        VARY,
    )
    assert ask(Source(APP), OTHER).headers == (VARY,)


def test_a_source_decides_about_preflights_too():
    policy = Policy(allow_origins=Source(APP))
    environ = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    assert negotiate(policy, {**environ, "HTTP_ORIGIN": APP}).status == 204
    assert negotiate(policy, {**environ, "HTTP_ORIGIN": OTHER}).status == 403


def test_a_source_is_asked_for_every_request():
    source = Source(APP)
    policy = Policy(allow_origins=source)
    environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP}
    assert negotiate(policy, environ).refusal is None
    source.origins = ()
    assert negotiate(policy, environ).refusal is not None
    assert source.asked == [APP, APP]


@pytest.mark.parametrize("answer", [1, "yes", APP, object(), [0], None, False, NotImplemented], ids=steady)
def test_only_true_grants(answer):
    decision = ask(Scripted(answer), APP)
    assert decision.headers == (VARY,)
    assert decision.error is None


def test_an_error_of_a_source_counts_as_no_and_is_passed_on():
    error = LookupError("the database is gone")
    decision = ask(Scripted(error), APP)
    assert decision.headers == (VARY,)
    assert decision.refusal is not None
    assert decision.error is error
    preflight = negotiate(
        Policy(allow_origins=Scripted(error)),
        {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT", "HTTP_ORIGIN": APP},
    )
    assert (preflight.status, preflight.error) == (403, error)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError], ids=lambda error: error.__name__
)
def test_exceptions_that_end_the_process_or_cancel_the_task_are_not_caught(error):
    with pytest.raises(error):
        ask(Scripted(error()), APP)


def test_any_other_base_exception_counts_as_no():
    class Timeout(BaseException):
        pass

    error = Timeout()
    decision = ask(Scripted(error), APP)
    assert decision.refusal is not None
    assert decision.error is error


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "HTTPS://app.example.com",
        f"{APP}/",
        f"{APP}:443",
        f"{APP}, {OTHER}",
        "file://",
        "https://" + "a" * 999,
    ],
    ids=lambda origin: origin[:40],
)
@pytest.mark.parametrize("credentials", [False, True])
def test_no_source_is_asked_about_a_text_that_is_not_an_origin(origin, credentials):
    source = Scripted(True)
    assert ask(source, origin, allow_credentials=credentials).headers == (VARY,)
    assert source.asked == []


def test_a_source_is_asked_about_plain_http_only_without_credentials():
    source = Scripted(True)
    assert ask(source, "http://app.example.com").refusal is None
    assert source.asked == ["http://app.example.com"]
    source = Scripted(True)
    assert ask(source, "http://app.example.com", allow_credentials=True).headers == (VARY,)
    assert source.asked == []
    for origin in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]", "capacitor://localhost"):
        assert ask(Scripted(True), origin, allow_credentials=True).refusal is None


def test_no_source_is_asked_about_origins_in_allow_unsafe_origins():
    source = Scripted(False)
    door = {"http://kiosk.corp.example": "no TLS", "https://*.github.io": "previews"}
    for origin in ("http://kiosk.corp.example", "https://me.github.io"):
        decision = ask(source, origin, allow_unsafe_origins=door, allow_credentials=True)
        assert decision.refusal is None
    assert source.asked == []


def test_a_source_may_have_any_method_except_those_of_a_list():
    class Sized(Source):
        def __len__(self):
            return 0

    assert ask(Sized(APP), APP).refusal is None

    class Iterable(Source):
        def __iter__(self):
            return iter(self.origins)

    assert problems(allow_origins=Iterable(APP)) == [("E103", "allow_origins")]

    class Indexed(Source):
        def __getitem__(self, index):
            return self.origins[index]

    assert problems(allow_origins=Indexed(APP)) == [("E103", "allow_origins")]

    class Not:
        __contains__ = None

    assert problems(allow_origins=Not()) == [("E103", "allow_origins")]


def test_no_source_is_asked_while_the_policy_is_built():
    source = Scripted(AssertionError("asked too early"))
    Policy(allow_origins=source, allow_unsafe_origins={"http://a.example": "no TLS"})
    assert source.asked == []


@pytest.mark.parametrize("parsed", [OriginPattern.parse(APP), Origin.parse(APP)])
def test_a_parsed_origin_is_not_a_list_of_three(parsed):
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=parsed)
    assert [problem.code for problem in refusal.value.problems] == ["E103"]
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=[parsed])
    assert [(problem.code, str(problem.fix)) for problem in refusal.value.problems] == [
        ("E104", f'"{APP}"  # or remove it')
    ]


class Awaited:
    """
    An awaited source. It answers as Scripted does.
    """

    def __init__(self, answer):
        self.scripted = Scripted(answer)

    async def allows(self, origin):
        return self.scripted.__contains__(origin)


def question_of(answer):
    question = decide(Policy(allow_origins=Awaited(answer)), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert question.may_block is False
    return question


WAYS = {
    "on an event loop": lambda question: asyncio.run(question.ask_async()),
    "in a loop of its own": lambda question: question.ask(in_a_loop),
}


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS.keys())
def test_an_awaited_source_is_asked_in_both_ways(ask):
    question = question_of(True)
    assert ask(question) == question.granted
    assert question.source.scripted.asked == [APP]
    for answer in (False, 1):
        question = question_of(answer)
        assert ask(question) == question.refused
    question = question_of(LookupError("the store is away"))
    decision = ask(question)
    assert (decision.headers, type(decision.error)) == ((VARY,), LookupError)
    with pytest.raises(SystemExit):
        ask(question_of(SystemExit()))


def test_an_awaited_source_that_cannot_be_awaited_says_no():
    question = question_of(True)
    decision = question.ask()
    assert (decision.headers, type(decision.error)) == ((VARY,), TypeError)
    assert "cannot await" in str(decision.error)
    assert question.source.scripted.asked == []


def test_an_awaited_source_is_not_asked_in_a_nested_loop():
    async def asked_within():
        return question_of(True).ask(in_a_loop)

    decision = asyncio.run(asked_within())
    assert decision.headers == (VARY,)
    assert "loop" in str(decision.error)


def test_a_source_that_does_not_block_is_asked_directly_on_an_event_loop():
    question = decide(Policy(allow_origins=Source(APP)), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert asyncio.run(question.ask_async()) == question.granted


def test_a_source_is_only_equal_to_itself():
    """
    Its `==` is not asked, because it may do anything.
    """
    same = type("Same", (Scripted,), {"__eq__": lambda self, other: True, "__hash__": None})
    first, second = same(True), same(True)
    assert Policy(allow_origins=first) == Policy(allow_origins=first)
    assert Policy(allow_origins=first) != Policy(allow_origins=second)
