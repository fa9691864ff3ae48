"""
One request, one decision: what it holds, and that nothing in a request can change what it may hold.
"""

import pytest
from kit.corpus import HOSTILE_LISTS, HOSTILE_METHODS, HOSTILE_ORIGINS, WIDE_POLICY

from corsguard import Decision, Policy, Refusal, RequestKind, negotiate
from corsguard.guard import ORDINARY_NAMES, Guard
from corsguard.journal import Journal
from corsguard.negotiation import Question, answers_of, decide, is_owned, is_preflight, merge_vary, request_kind
from corsguard.policies import Policies

APP = "https://app.example.com"
EVIL = "https://evil.example"
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
VARY = (("Vary", "Origin"),)
VARY_ON_PREFLIGHT = (("Vary", PREFLIGHT_VARY),)

LISTED = Policy(
    allow_origins=[APP, "https://*.partner.example"],
    allow_methods=["PUT"],
    allow_headers=["Content-Type"],
    expose_headers=["ETag"],
    allow_credentials=True,
)
ANYONE = Policy(allow_origins="*")


def environ(origin=None, *, method="GET", asks=None):
    lines = {"HTTP_ORIGIN": origin, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": asks}
    return {"REQUEST_METHOD": method, **{name: value for name, value in lines.items() if value is not None}}


@pytest.mark.parametrize(
    ("request_environ", "kind"),
    [
        (environ(), RequestKind.NOT_CORS),
        (environ(method="OPTIONS"), RequestKind.NOT_CORS),
        (environ(method="OPTIONS", asks="PUT"), RequestKind.NOT_CORS),
        (environ(APP), RequestKind.CORS),
        (environ(""), RequestKind.CORS),
        (environ(APP, method="POST"), RequestKind.CORS),
        (environ(APP, method="OPTIONS"), RequestKind.CORS),
        (environ(APP, method="GET", asks="PUT"), RequestKind.CORS),
        (environ(APP, method="options", asks="PUT"), RequestKind.CORS),
        (environ(APP, method="OPTIONS", asks="PUT"), RequestKind.PREFLIGHT),
        (environ("", method="OPTIONS", asks=""), RequestKind.PREFLIGHT),
        ({}, RequestKind.NOT_CORS),
        ({"HTTP_ORIGIN": APP}, RequestKind.CORS),
        ({"HTTP_ORIGIN": APP, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}, RequestKind.CORS),
    ],
)
def test_a_request_has_the_same_kind_under_every_policy(request_environ, kind):
    assert request_kind(request_environ) is kind
    assert is_preflight(request_environ) is (kind is RequestKind.PREFLIGHT)
    for policy in (LISTED, ANYONE):
        assert negotiate(policy, request_environ).kind is kind


def test_an_allowed_origin_gets_this_decision():
    assert negotiate(LISTED, environ(APP)) == Decision(
        kind=RequestKind.CORS,
        status=None,
        headers=(
            ("Access-Control-Allow-Origin", APP),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "ETag"),
            ("Vary", "Origin"),
        ),
    )


def test_a_refused_origin_gets_this_decision():
    assert negotiate(LISTED, environ(EVIL)) == Decision(
        kind=RequestKind.CORS, status=None, headers=VARY, refusal=Refusal.ORIGIN
    )


def test_a_request_without_origin_is_not_refused():
    assert negotiate(LISTED, environ()) == Decision(kind=RequestKind.NOT_CORS, status=None, headers=VARY)


def test_an_allowed_preflight_gets_this_decision():
    assert negotiate(LISTED, environ(APP, method="OPTIONS", asks="DELETE")) == Decision(
        kind=RequestKind.PREFLIGHT,
        status=204,
        headers=(
            ("Access-Control-Allow-Origin", APP),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "PUT"),
            ("Access-Control-Allow-Headers", "Content-Type"),
            ("Access-Control-Max-Age", "7200"),
            ("Vary", PREFLIGHT_VARY),
        ),
    )


def test_a_refused_preflight_gets_this_decision():
    body = b"CORS: this origin may not read this resource.\n"
    assert negotiate(LISTED, environ(EVIL, method="OPTIONS", asks="PUT")) == Decision(
        kind=RequestKind.PREFLIGHT,
        status=403,
        headers=(("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("Vary", PREFLIGHT_VARY)),
        refusal=Refusal.ORIGIN,
        body=body,
    )


def test_a_policy_for_anyone_has_one_decision_object_for_all():
    assert negotiate(ANYONE, environ(APP)) is negotiate(ANYONE, environ(EVIL))
    assert negotiate(ANYONE, environ(APP)) == Decision(
        kind=RequestKind.CORS, status=None, headers=(("Access-Control-Allow-Origin", "*"),)
    )


def test_vary_is_the_last_of_the_headers_of_a_decision():
    for policy, asked, vary in (
        (LISTED, environ(APP), "Origin"),
        (LISTED, environ(EVIL), "Origin"),
        (LISTED, environ(), "Origin"),
        (LISTED, environ(APP, method="OPTIONS", asks="PUT"), PREFLIGHT_VARY),
        (LISTED, environ(EVIL, method="OPTIONS", asks="PUT"), PREFLIGHT_VARY),
        (ANYONE, environ(APP, method="OPTIONS", asks="PUT"), PREFLIGHT_VARY),
    ):
        decision = negotiate(policy, asked)
        assert decision.vary == vary
        assert decision.headers[-1] == ("Vary", vary)
        assert [name for name, _ in decision.headers].count("Vary") == 1
    assert negotiate(ANYONE, environ(APP)).vary == negotiate(ANYONE, environ()).vary == ""


FIELDS = {
    "kind": RequestKind.PREFLIGHT,
    "status": 403,
    "headers": (("Content-Length", "1"),),
    "refusal": Refusal.ORIGIN,
    "error": OSError(),
    "body": b"a",
}


def test_decisions_that_differ_in_any_field_are_not_equal():
    decision = Decision(RequestKind.CORS, None, ())
    others = [decision._replace(**{name: value}) for name, value in FIELDS.items()]
    assert FIELDS.keys() == {*Decision._fields}
    for other in others:
        assert decision != other
        assert other != decision
    assert len({hash(each) for each in (decision, *others)}) == 1 + len(FIELDS)
    assert decision == Decision(RequestKind.CORS, None, ())
    assert hash(decision) == hash(Decision(RequestKind.CORS, None, ()))
    assert decision != answers_of(LISTED).on_response.granted.decision
    assert decision != ()


def test_the_repr_of_a_decision_has_all_of_it():
    assert repr(Decision(RequestKind.CORS, None, VARY)) == (
        "Decision(kind=<RequestKind.CORS: 'cors'>, status=None, headers=(('Vary', 'Origin'),), refusal=None, "
        "error=None, body=b'')"
    )


def test_only_a_refused_preflight_has_a_body():
    for policy, asked in (
        (LISTED, environ(EVIL)),
        (LISTED, environ(APP)),
        (LISTED, environ(APP, method="OPTIONS", asks="PUT")),
        (ANYONE, environ(EVIL, method="OPTIONS", asks="PUT")),
        (Policy(allow_origins=[APP], preflight_status=200), environ(APP, method="OPTIONS", asks="PUT")),
    ):
        assert negotiate(policy, asked).body == b""


def test_a_decision_cannot_be_changed():
    decision = negotiate(LISTED, environ(APP))
    with pytest.raises(AttributeError):
        decision.status = 200
    with pytest.raises(AttributeError):
        del decision.status
    with pytest.raises(AttributeError):
        decision.vary = ""
    assert isinstance(decision.headers, tuple)


def test_headers_of_other_requests_decide_nothing():
    # A second layer may forward what it made of these.
    assert (
        negotiate(
            LISTED,
            {
                **environ(EVIL),
                "HTTP_HOST": "app.example.com",
                "HTTP_X_FORWARDED_HOST": "app.example.com",
                "HTTP_REFERER": f"{APP}/",
                "HTTP_COOKIE": "a=b",
                "Origin": APP,
                "HTTP_X_ORIGIN": APP,
                "origin": APP,
            },
        ).headers
        == VARY
    )


def test_an_origin_longer_than_any_valid_one_is_refused_unread():
    class Unread(str):
        __slots__ = ()

        def __hash__(self):
            raise AssertionError("hashed")

        def __eq__(self, other):
            raise AssertionError("compared")

    for asks in (None, "PUT"):
        decision = negotiate(LISTED, environ(Unread("https://" + "a" * 320), method="OPTIONS", asks=asks))
        assert decision.refusal is Refusal.ORIGIN
    with pytest.raises(AssertionError, match="hashed"):
        negotiate(LISTED, environ(Unread("https://" + "a" * 319)))


def test_the_answer_to_a_preflight_does_not_depend_on_what_it_asks_for():
    class Unread(str):
        __slots__ = ()

        def __getattribute__(self, name):
            raise AssertionError("read")

        def __len__(self):
            raise AssertionError("measured")

        __eq__ = __iter__ = __contains__ = __hash__ = __len__

    asked = {"HTTP_ACCESS_CONTROL_REQUEST_HEADERS": Unread("x"), "HTTP_ACCESS_CONTROL_REQUEST_METHOD": Unread("PUT")}
    for policy in (LISTED, ANYONE):
        assert negotiate(policy, {**environ(APP, method="OPTIONS"), **asked}).status == 204


def test_no_hostile_request_raises_or_is_echoed():
    policy = Policy(**WIDE_POLICY)
    for origin in HOSTILE_ORIGINS.values():
        assert negotiate(policy, environ(origin)).headers == VARY
        assert negotiate(policy, environ(origin, method="OPTIONS", asks="PUT")).status == 403
    for text in (*HOSTILE_METHODS.values(), *HOSTILE_LISTS.values()):
        asked = {"HTTP_ACCESS_CONTROL_REQUEST_HEADERS": text}
        assert negotiate(policy, {**environ(EVIL, method="OPTIONS", asks=text), **asked}).status == 403
        assert negotiate(policy, {**environ(EVIL, method=text, asks=text), **asked}).headers == VARY


@pytest.mark.parametrize("policy", [LISTED, ANYONE], ids=["listed", "anyone"])
@pytest.mark.parametrize("asked", [environ, lambda origin: environ(origin, method="OPTIONS", asks="PUT")])
def test_a_decision_makes_new_headers_only_for_the_echoed_origin(policy, asked):
    answers = answers_of(policy)
    assert answers_of(policy) is answers
    assert answers.audience is policy.audience
    for origin in (APP, "https://a.partner.example", "https://b.partner.example", EVIL):
        decision = negotiate(policy, asked(origin))
        is_preflight = decision.kind is RequestKind.PREFLIGHT
        replies = answers.on_preflight if is_preflight else answers.on_response
        granted, refused = replies.granted.decision, replies.refused.decision
        if policy is ANYONE:
            assert decision is granted
        elif origin == EVIL:
            assert decision is refused
        else:
            echo = ("Access-Control-Allow-Origin", origin)
            assert decision == granted._replace(headers=(echo, *granted.headers))
    assert negotiate(policy, environ()) is answers.silent.decision


@pytest.mark.parametrize(
    ("values", "merged"),
    [
        ((), ""),
        (("",), ""),
        ((" , ,",), ""),
        (("Origin",), "Origin"),
        (("Origin", "Origin"), "Origin"),
        (("origin", "Origin"), "origin"),
        (("Cookie", "Origin"), "Cookie, Origin"),
        (("Origin", "Cookie"), "Origin, Cookie"),
        (("Accept-Encoding,Cookie", "ORIGIN", "cookie , X"), "Accept-Encoding, Cookie, ORIGIN, X"),
        (("*",), "*"),
        (("Cookie, *", "Origin"), "*"),
        (("Cookie", "Origin", "*"), "*"),
        (("*Cookie",), "*Cookie"),
        (("\tCookie\t",), "Cookie"),
    ],
)
def test_vary_is_merged_in_order_and_without_duplicates(values, merged):
    assert merge_vary(*values) == merged


@pytest.mark.parametrize(
    ("name", "owned"),
    {
        "Access-Control-Allow-Origin": True,
        "access-control-max-age": True,
        "ACCESS-CONTROL-ALLOW-PRIVATE-NETWORK": True,
        "Access-Control-": True,
        "Access-Control": False,
        "X-Access-Control-Allow-Origin": False,
        "Vary": False,
        "Origin": False,
        "": False,
    }.items(),
)
def test_the_policy_owns_all_access_control_headers(name, owned):
    assert is_owned(name) is owned


@pytest.mark.parametrize("name", ["Timing-Allow-Origin", "timing-allow-origin", "TIMING-ALLOW-ORIGIN"])
def test_a_policy_that_shares_timings_owns_timing_allow_origin(name):
    assert is_owned(name, shares_timing=True)
    assert not is_owned(name)
    assert not is_owned(f"{name}s", shares_timing=True)


class Nobody:
    def __contains__(self, origin):
        return False


class Broken:
    error = OSError("no store")

    def __contains__(self, origin):
        raise self.error


@pytest.mark.parametrize("asks", [None, "PUT"])
def test_a_failing_source_refuses_and_the_decision_has_the_error(asks):
    asked = environ(APP, method="OPTIONS", asks=asks)
    said_no = negotiate(Policy(allow_origins=Nobody()), asked)
    failed = negotiate(Policy(allow_origins=Broken()), asked)
    assert failed.error is Broken.error
    assert said_no.error is None
    assert failed._replace(error=None) == said_no


def test_a_source_that_says_no_makes_no_new_decision():
    policy = Policy(allow_origins=Nobody())
    assert negotiate(policy, environ(EVIL)).refusal is Refusal.ORIGIN
    assert negotiate(policy, environ(EVIL)) is answers_of(policy).on_response.refused.decision


class Counting:
    """
    A source that counts the questions, and always answers *answer*.
    """

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        return self.answer


def test_a_decision_asks_no_source_and_says_which_one_to_ask():
    source = Counting(True)
    policy = Policy(allow_origins=source)
    for asked in (environ(APP), environ(APP, method="OPTIONS", asks="PUT")):
        question = decide(policy, asked)
        assert isinstance(question, Question)
        assert (question.source, question.origin, question.may_block) == (source, APP, True)
        assert source.asked == []
        assert question.ask() == question.granted == negotiate(policy, asked)
        assert source.asked == [APP, APP]
        source.asked.clear()


def test_no_source_has_to_be_asked_if_the_answer_is_known():
    source = Counting(True)
    policy = Policy(allow_origins=source, allow_unsafe_origins={"http://kiosk.example": "it has no TLS"})
    for origin in ("http://kiosk.example", "null", "", "no origin", f"{APP}/", "https://" + "a" * 1000):
        assert not isinstance(decide(policy, environ(origin)), Question)
    assert not isinstance(decide(policy, environ()), Question)
    assert source.asked == []


@pytest.mark.parametrize("answer", [True, False, None, 1, "yes", [], ...], ids=repr)
def test_only_true_grants_as_the_answer_of_a_source(answer):
    policy = Policy(allow_origins=Counting(answer))
    question = decide(policy, environ(APP))
    expected = question.granted if answer is True else question.refused
    assert question.answered(answer) == question.ask() == negotiate(policy, environ(APP)) == expected
    assert question.refused.refusal is Refusal.ORIGIN


def test_the_error_of_a_source_can_be_passed_as_its_answer():
    error = OSError("no store")
    question = decide(Policy(allow_origins=Counting(False)), environ(APP))
    for answer in (True, False, None):
        decision = question.answered(answer, error)
        assert decision.error is error
        assert decision.refusal is Refusal.ORIGIN
    assert question.refused.error is None


def test_a_question_to_a_source_that_never_blocks_says_so():
    class Quick(Counting):
        may_block = False

    assert decide(Policy(allow_origins=Quick(True)), environ(APP)).may_block is False


ALLOWED = (("Access-Control-Allow-Origin", APP),)
CREDENTIALS = (("Access-Control-Allow-Credentials", "true"),)
METHODS = (("Access-Control-Allow-Methods", "GET, HEAD, POST"),)
HOURS = (("Access-Control-Max-Age", "7200"),)
EMPTY_TEXT = (("Content-Type", "text/plain"), ("Content-Length", "0"))


@pytest.mark.parametrize(
    ("keywords", "status", "headers"),
    [
        ({}, 204, METHODS + HOURS),
        ({"allow_credentials": True}, 204, CREDENTIALS + METHODS + HOURS),
        ({"allow_methods": ["PUT", "DELETE"]}, 204, (("Access-Control-Allow-Methods", "PUT, DELETE"), *HOURS)),
        ({"allow_methods": []}, 204, METHODS + HOURS),
        ({"allow_headers": ["X-A", "X-B"]}, 204, (*METHODS, ("Access-Control-Allow-Headers", "X-A, X-B"), *HOURS)),
        ({"max_age": 0}, 204, (*METHODS, ("Access-Control-Max-Age", "0"))),
        ({"max_age": None}, 204, METHODS),
        ({"preflight_status": 200}, 200, METHODS + HOURS + EMPTY_TEXT),
        ({"expose_headers": ["X-A"]}, 204, METHODS + HOURS),
    ],
)
def test_a_preflight_gets_this_whole_answer(keywords, status, headers):
    environ = {"REQUEST_METHOD": "OPTIONS", "HTTP_ORIGIN": APP, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    decision = negotiate(Policy(allow_origins=[APP], **keywords), environ)
    assert decision == Decision(RequestKind.PREFLIGHT, status, ALLOWED + headers + VARY_ON_PREFLIGHT)


@pytest.mark.parametrize(
    ("keywords", "headers"),
    [
        ({}, ()),
        ({"allow_credentials": True}, CREDENTIALS),
        ({"expose_headers": ["X-A", "X-B"]}, (("Access-Control-Expose-Headers", "X-A, X-B"),)),
    ],
)
def test_a_request_gets_this_whole_answer(keywords, headers):
    policy = Policy(allow_origins=[APP], **keywords)
    allowed = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert allowed == Decision(RequestKind.CORS, None, ALLOWED + headers + VARY)
    assert negotiate(policy, {"REQUEST_METHOD": "GET"}) == Decision(RequestKind.NOT_CORS, None, VARY)


def test_a_refused_request_gets_this_whole_answer():
    assert negotiate(LISTED, environ(EVIL)) == Decision(RequestKind.CORS, None, VARY, Refusal.ORIGIN)


def test_a_refused_preflight_gets_this_whole_answer():
    decision = negotiate(LISTED, environ(EVIL, method="OPTIONS", asks="PUT"))
    body = b"CORS: this origin may not read this resource.\n"
    headers = (("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *VARY_ON_PREFLIGHT)
    assert decision == Decision(RequestKind.PREFLIGHT, 403, headers, Refusal.ORIGIN, body=body)


def test_timings_are_shared_with_the_granted_origin_and_on_no_preflight():
    anyone = Policy(allow_origins="*", share_timing=True)
    for asked in (environ(), environ(APP)):
        assert ("Timing-Allow-Origin", "*") in negotiate(anyone, asked).headers
    listed = Policy(allow_origins=[APP], share_timing=True)
    timing = ("Timing-Allow-Origin", APP)
    assert negotiate(listed, environ(APP)).headers == (*ALLOWED, timing, *VARY)
    for asked in (environ(), environ(EVIL), environ(APP, method="OPTIONS", asks="PUT")):
        assert "Timing-Allow-Origin" not in dict(negotiate(listed, asked).headers)


def test_prepared_headers_are_the_headers_of_the_decision_as_bytes():
    """
    ASGI sends names in lower case.
    """
    answers = answers_of(LISTED)
    kinds = (answers.on_response, answers.on_preflight)
    shared, permitted = (replies.prepare(APP, APP, is_covered=True) for replies in kinds)
    for prepared in (answers.silent, shared, permitted, *(replies.refused for replies in kinds)):
        headers = prepared.decision.headers
        assert prepared.lines == tuple((name.lower().encode(), value.encode()) for name, value in headers)
        assert prepared.trusted_methods == ({"PUT"} if prepared is shared else set())


@pytest.mark.parametrize("origin", [APP, "null", "no origin at all", "a" * 10_000])
def test_everyone_gets_this_whole_answer(origin):
    policy = Policy(allow_origins="*", expose_headers=["X-A"])
    everyone = (("Access-Control-Allow-Origin", "*"),)
    shared = (*everyone, ("Access-Control-Expose-Headers", "X-A"))
    assert negotiate(policy, {"REQUEST_METHOD": "GET"}) == Decision(RequestKind.NOT_CORS, None, shared)
    environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}
    assert negotiate(policy, environ) == Decision(RequestKind.CORS, None, shared)
    environ |= {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    permitted = everyone + METHODS + HOURS
    assert negotiate(policy, environ) == Decision(RequestKind.PREFLIGHT, 204, permitted + VARY_ON_PREFLIGHT)


def test_an_ordinary_name_is_neither_of_the_policy_nor_vary():
    assert "Content-Type" in ORDINARY_NAMES
    assert "content-type" in ORDINARY_NAMES
    assert [name for name in ORDINARY_NAMES if is_owned(name) or name.lower() == "vary"] == []


class Falsy:
    """
    A source that is false because it is empty, or one whose `__bool__` raises.
    """

    def __init__(self, truth):
        self.truth = truth

    def __len__(self):
        return self.truth()

    def __contains__(self, origin):
        return origin == APP


@pytest.mark.parametrize("truth", [lambda: 0, lambda: 1 / 0], ids=["an empty one", "one that raises"])
@pytest.mark.parametrize("credentials", [False, True])
def test_a_source_is_asked_even_if_it_is_false(truth, credentials):
    policy = Policy(allow_origins=Falsy(truth), allow_credentials=credentials)
    for origin, granted in ((APP, True), (EVIL, False), ("null", False), ("nonsense", False)):
        for environ in (
            {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin},
            {"REQUEST_METHOD": "OPTIONS", "HTTP_ORIGIN": origin, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"},
        ):
            decision = negotiate(policy, environ)
            assert (decision.refusal is None) is granted
            assert ("Access-Control-Allow-Origin", origin) in decision.headers or not granted


def test_a_source_that_does_not_say_whether_it_blocks_may_block():
    class Source:
        def __contains__(self, origin):
            return False

        @property
        def may_block(self):
            raise LookupError("who knows")

    assert Policy(allow_origins=Source()).may_block is True


@pytest.mark.parametrize("in_bytes", [False, True], ids=["text", "bytes"])
def test_the_number_of_remembered_origins_is_bounded(in_bytes):
    """
    A page can have any number of origins that a pattern covers. Each gets its own headers, remembered or not.
    """
    guard = Guard(Policies({"allow_origins": ["https://*.shop.example"], "allow_methods": ["PUT"]}), Journal())
    answers = guard.policies.table.answers
    for number in [*range(1_500), 0, 1_499]:
        origin = f"https://shop{number}.shop.example"
        for asks in (False, True):
            prepared = guard.prepared_answer(answers, origin.encode() if in_bytes else origin, asks)
            assert prepared.decision.headers[0] == ("Access-Control-Allow-Origin", origin)
            assert prepared.lines[0] == (b"access-control-allow-origin", origin.encode())
    for replies in (answers.on_response, answers.on_preflight):
        kept, other = (replies.known_bytes, replies.known) if in_bytes else (replies.known, replies.known_bytes)
        assert (len(kept), len(other)) == (1_024, 0)


@pytest.mark.parametrize("in_bytes", [False, True], ids=["text", "bytes"])
def test_strangers_leave_places_for_origins_that_are_covered(in_bytes):
    """
    A stranger that sends other origins all the time, of any length, fills half of the memory at most.
    """
    guard = Guard(Policies({"allow_origins": [APP]}), Journal())
    answers = guard.policies.table.answers
    strangers = [*(f"https://evil{number}.example" for number in range(1_500)), *("x" * n for n in (322, 1_000_000))]
    for origin in [*strangers, *strangers, APP]:
        for asks in (False, True):
            prepared = guard.prepared_answer(answers, origin.encode() if in_bytes else origin, asks)
            replies = answers.on_preflight if asks else answers.on_response
            assert (prepared in {replies.refused, None}) == (origin != APP)
    for replies in (answers.on_response, answers.on_preflight):
        kept = replies.known_bytes if in_bytes else replies.known
        assert len(kept) == 513
        assert max(map(len, kept)) < 40


def test_the_answer_of_a_source_is_never_remembered():
    guard = Guard(Policies({"allow_origins": Counting(True)}), Journal())
    answers = guard.policies.table.answers
    for origin in (APP, "x" * 1_000_000):
        assert guard.prepared_answer(answers, origin, False) is None
    assert answers.on_response.known == {}
