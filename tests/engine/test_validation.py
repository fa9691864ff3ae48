"""
The judge of a policy: it takes any value, calls no method of it, and its work is linear.
"""

import dataclasses
from datetime import timedelta

import pytest
from kit.counting import work_of

from corsguard import Policy, PolicyError
from corsguard.validation import DEFAULTS, Reading, known_keywords, problems_of

APP = "https://app.example.com"


def test_keywords_and_defaults_are_those_of_a_policy():
    keywords = [field for field in dataclasses.fields(Policy) if field.init]
    assert [field.name for field in keywords] == [*DEFAULTS]
    for field in keywords:
        default = field.default_factory() if field.default is dataclasses.MISSING else field.default
        assert default == DEFAULTS[field.name]


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"allow_origins": [APP]},
        {"allow_origin": [f"{APP}/"], "max_age": -1, "origins": 1, 3: 4},
        {"allow_origins": "*", "allow_credentials": True},
    ],
)
def test_problems_of_keywords_are_those_of_the_refusal(keywords):
    found = ()
    try:
        Policy.from_mapping(keywords)
    except PolicyError as error:
        found = error.problems
    assert problems_of(keywords) == found


# A configuration in Python can have any value.


class Raises:
    """
    Raises at every question.
    """

    @property
    def __class__(self):
        raise RuntimeError("no class")

    def refuse(self, *_):
        raise RuntimeError("no answer")

    __repr__ = __str__ = __eq__ = __ne__ = __lt__ = __hash__ = __bool__ = __len__ = __int__ = __index__ = refuse
    __getattr__ = __format__ = refuse


class RaisingText(str):
    __slots__ = ()
    __repr__ = __str__ = __eq__ = __ne__ = __hash__ = __len__ = __getitem__ = __iter__ = __contains__ = Raises.refuse
    lower = upper = strip = split = startswith = replace = encode = __format__ = Raises.refuse


class RaisingNumber(int):
    __repr__ = __str__ = __eq__ = __ne__ = __hash__ = __lt__ = __le__ = __int__ = __index__ = Raises.refuse
    bit_length = __format__ = Raises.refuse


class RaisingFloat(float):
    __repr__ = __str__ = __eq__ = __ne__ = __hash__ = __lt__ = __float__ = __format__ = Raises.refuse


class RaisingList(list):
    __repr__ = __eq__ = __iter__ = __len__ = __getitem__ = Raises.refuse
    __hash__ = None


class RaisingDict(dict):
    __repr__ = __eq__ = __iter__ = __len__ = __getitem__ = items = keys = Raises.refuse
    __hash__ = None


class RaisingTime(timedelta):
    __repr__ = __str__ = __eq__ = __hash__ = __floordiv__ = __divmod__ = __lt__ = Raises.refuse


class RaisingMeta(type):
    def __getattr__(cls, name):
        raise RuntimeError("no attribute")

    @property
    def __name__(cls):
        raise RuntimeError("no name")


class OfRaisingMeta(metaclass=RaisingMeta):
    pass


HOSTILE = {
    "an object": Raises(),
    "a text": RaisingText("x y"),
    "a number": RaisingNumber(3),
    "a fraction": RaisingFloat(3.5),
    "a list": RaisingList([1]),
    "a mapping": RaisingDict(a=1),
    "a time": RaisingTime(days=9),
    "a class": OfRaisingMeta,
    "of a class": OfRaisingMeta(),
    "without a name": type("", (), {})(),
    "with a line in its name": type("a\nb\x1b[31m", (), {})(),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("keyword", DEFAULTS)
@pytest.mark.parametrize("put", ["itself", "in a list", "as a reason"])
def test_an_exception_of_a_value_never_leaves_the_judge(keyword, name, put):
    # By its name, because pytest itself asks the values that it is given.
    value = HOSTILE[name]
    given = {"itself": value, "in a list": [value], "as a reason": {"http://kiosk.corp.example": value}}[put]
    found = problems_of({"allow_origins": [APP], "allow_credentials": True, keyword: given})
    # The content of a value counts, not its methods: a text is a reason, and 3 is a number of seconds.
    is_right = (keyword, name, put) in {
        ("allow_unsafe_origins", "a text", "as a reason"),
        ("max_age", "a number", "itself"),
    }
    assert bool(found) is not is_right
    for problem in found:
        assert str(problem).replace("\n    fix: ", "").isprintable()
        assert all(type(part) in (str, int, float, bool, type(None)) for part in leaves(problem.data()))


def leaves(data):
    """
    Yield what *data*, made of mappings and lists, holds.
    """
    if type(data) not in (dict, list):
        yield data
        return
    for part in [*data, *data.values()] if type(data) is dict else data:
        yield from leaves(part)


def test_an_instance_of_a_subclass_of_str_is_that_text():
    reading = Reading({**DEFAULTS, "allow_origins": [RaisingText(APP)], "allow_methods": RaisingText("*")})
    assert not reading.problems
    assert reading.values["allow_origins"] == (APP,)
    assert type(reading.values["allow_origins"][0]) is str
    assert reading.values["allow_methods"] == "*"


class Source(Raises):
    def __contains__(self, origin):
        return False


def test_no_source_is_asked_while_it_is_judged():
    source = Source()
    reading = Reading({**DEFAULTS, "allow_origins": source, "allow_unsafe_origins": {"http://a.example": "why"}})
    assert not reading.problems
    assert reading.values["allow_origins"] is source


def wrong_names(count):
    return {"allow_origins": "*", "allow_headers": [f"X {number}" for number in range(count)]}


GROWING = {
    "unsafe origins with credentials": lambda count: {
        "allow_origins": [APP],
        "allow_credentials": True,
        "allow_unsafe_origins": {f"http://a{number}.example": "a reason" for number in range(count)},
    },
    "unsafe origins without credentials": lambda count: {
        "allow_origins": [APP],
        "allow_unsafe_origins": {f"http://a{number}.example": "a reason" for number in range(count)},
    },
    "unsafe origins that are safe": lambda count: {
        "allow_origins": [f"https://b{number}.example" for number in range(count)],
        "allow_unsafe_origins": {f"https://a{number}.example": "a reason" for number in range(count)},
    },
    "unsafe origins without a reason": lambda count: {
        "allow_credentials": True,
        "allow_unsafe_origins": {f"http://a{number}.example": "" for number in range(count)},
    },
    "wrong headers": wrong_names,
    "starred headers": lambda count: {"allow_origins": "*", "allow_headers": [f"X-{i}-*" for i in range(count)]},
    "forbidden headers": lambda count: {"allow_origins": "*", "allow_headers": [f"Sec-{i}" for i in range(count)]},
    "response headers of CORS": lambda count: {
        "allow_origins": "*",
        "allow_headers": [f"Access-Control-{number}" for number in range(count)],
    },
    "starred methods": lambda count: {"allow_origins": "*", "allow_methods": [f"M{i}*" for i in range(count)]},
    "wrong exposed headers": lambda count: {"allow_origins": "*", "expose_headers": [f"X {i}" for i in range(count)]},
    "development origins": lambda count: {
        "allow_origins": [
            *(f"https://a{number}.example" for number in range(count)),
            *(f"http://localhost:{number + 1}" for number in range(count)),
        ]
    },
    "wrong origins": lambda count: {"allow_origins": [f"https://A{number}.example" for number in range(count)]},
    "items that are not strings": lambda count: {"allow_origins": [*range(count)]},
    "covered origins": lambda count: {
        "allow_origins": ["https://*.example", *(f"https://a{number}.example" for number in range(count))]
    },
    "unknown keywords": lambda count: {"allow_origins": "*", **{f"keyword_{number}": 1 for number in range(count)}},
}


def spent_on(keywords):
    """
    Return how many lines of Python the judge runs for *keywords*, and the characters of all that it reports.
    """
    found = []

    def judge():
        known, unknown = known_keywords(keywords)
        reading = Reading({**DEFAULTS, **known})
        found[:] = [*unknown, *reading.problems, *reading.warnings]

    lines = work_of(judge)
    return lines, sum(len(problem.message) + len(str(problem.fix)) for problem in found)


@pytest.mark.parametrize("keywords_of", GROWING.values(), ids=GROWING)
def test_the_work_grows_linearly_with_the_keywords(keywords_of):
    (lines, size), (more_lines, more_size) = (spent_on(keywords_of(count)) for count in (400, 800))
    assert more_lines < 2.3 * lines
    assert more_size < 2.3 * size + 1000


def test_a_policy_with_ten_thousand_unsafe_origins_builds():
    door = {f"http://a{number}.example": "a reason" for number in range(10_000)}
    assert not Policy(allow_origins=[APP], allow_unsafe_origins=door, allow_credentials=True).warnings
    assert len(Policy(allow_origins=[APP], allow_unsafe_origins=door).warnings) == 10_000
