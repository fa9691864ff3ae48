import functools
from types import SimpleNamespace

import pytest
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

from corsguard import Policy, PolicyError, cors
from corsguard.adapters import Assignment, ServedView, misplaced_tags, tag_of, tags_made
from corsguard.tags import openings_of

APP = "https://app.example.com"
LISTED = Policy(allow_origins=[APP])
OTHERS = Policy(allow_origins=["https://other.example.net"])


def new_view():
    def view():
        return "answer"

    return view


def tagged(policy):
    """
    Return the tag of a new view, which is named as the view is.
    """
    return Assignment(policy, "new_view.<locals>.view")


class Handlers:
    def get(self):
        return "answer"


class CallableView:
    def __call__(self):
        return "answer"


@pytest.mark.parametrize("policy", [LISTED, None], ids=["open", "closed"])
def test_the_decorator_returns_the_view_with_its_tag(policy):
    view = new_view()
    assert tag_of(view) is None
    assert cors(policy)(view) is view
    assert tag_of(view) == tagged(policy)
    assert view() == "answer"


def test_keywords_make_the_policy():
    assert tag_of(cors(allow_origins=[APP])(new_view())) == tagged(LISTED)


def test_the_policy_may_be_given_by_name():
    assert tag_of(cors(policy=None)(new_view())) == tagged(None)


def test_a_callable_object_can_be_tagged():
    view = CallableView()
    assert tag_of(cors(LISTED)(view)).policy is LISTED
    assert tag_of(CallableView()) is None


def test_functools_wraps_carries_the_tag_outwards():
    @functools.wraps(cors(LISTED)(new_view()))
    def outer():
        return None

    assert tag_of(outer) == tagged(LISTED)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (new_view, "without parentheses on new_view"),
        (Handlers, "without parentheses on Handlers"),
        (APP, f'@cors(allow_origins=["{APP}"])'),
        ("*", '@cors(allow_origins="*")'),
        ([APP], f'@cors(allow_origins=["{APP}"])'),
        ((APP,), f'@cors(allow_origins=["{APP}"])'),
        ({"allow_origins": [APP]}, "@cors(**{...})"),
        (7, "got 7 (an int)"),
        (True, "got True (a bool)"),
    ],
)
def test_a_value_that_is_not_a_policy_is_refused_with_what_to_write(wrong, words):
    with pytest.raises(TypeError) as error:
        cors(wrong)
    assert words in str(error.value)
    assert "Write @cors(" in str(error.value)


@pytest.mark.parametrize(
    "call", [cors, lambda: cors(LISTED, max_age=0), lambda: cors(None, max_age=0)], ids=["neither", "both", "closed"]
)
def test_exactly_one_of_policy_and_keywords_is_taken(call):
    with pytest.raises(TypeError, match="either a policy"):
        call()


def test_all_wrong_keywords_are_refused_at_once_at_the_decorator():
    with pytest.raises(PolicyError) as error:
        cors(allow_origin="*", max_age=-1)
    assert sorted(problem.code for problem in error.value.problems) == ["E106", "E703"]


@pytest.mark.parametrize(
    ("no_view", "words"),
    [
        (Handlers, "Handlers is a class"),
        (Handlers, "decorators = [cors(...)]"),
        (Handlers, '@method_decorator(cors(...), name="dispatch")'),
        (staticmethod(new_view), "a staticmethod"),
        (classmethod(new_view), "a classmethod"),
        (Handlers().get, "Put @cors on the function that it calls"),
        (len, "Put @cors on the function that it calls"),
        ("shop.index", '"shop.index" is a str'),
        (SimpleNamespace(), "is a SimpleNamespace"),
    ],
)
def test_a_value_that_is_not_a_view_cannot_be_tagged(no_view, words):
    made = tags_made()
    with pytest.raises(TypeError) as error:
        cors(LISTED)(no_view)
    assert words in str(error.value)
    assert tag_of(no_view) is None
    assert tags_made() == made


@pytest.mark.parametrize(("first", "second"), [(LISTED, OTHERS), (LISTED, None), (None, LISTED)])
def test_a_second_policy_is_refused_and_the_first_one_stays(first, second):
    view = cors(first)(new_view())
    with pytest.raises(ValueError, match=r"new_view.*view is already tagged with another policy"):
        cors(second)(view)
    assert tag_of(view) == tagged(first)


def test_the_same_policy_may_be_given_again_and_counts_once():
    view = cors(LISTED)(new_view())
    made = tags_made()
    assert tag_of(cors(allow_origins=[APP])(view)) == tagged(LISTED)
    assert tags_made() == made


def test_tags_are_counted():
    made = tags_made()
    cors(LISTED)(new_view())
    cors(None)(new_view())
    assert tags_made() == made + 2


def test_an_attribute_that_is_not_a_tag_is_ignored():
    class Anything:
        def __getattr__(self, name):
            return name

    assert tag_of(Anything()) is None
    assert misplaced_tags(Anything()) == ()


@pytest.mark.parametrize("attribute", ["view_class", "cls"])
def test_tags_on_methods_are_misplaced_if_the_view_has_another_one(attribute):
    class Tagged(Handlers):
        get = cors(LISTED)(new_view())
        put = cors(None)(new_view())
        post = new_view()

    class Inheriting(Tagged):
        pass

    class Overriding(Tagged):
        get = new_view()

    def view_of(cls, policy=...):
        view = new_view() if policy is ... else cors(policy)(new_view())
        setattr(view, attribute, cls)
        return view

    assert misplaced_tags(view_of(Tagged)) == ("get", "put")
    assert misplaced_tags(view_of(Inheriting)) == ("get", "put")
    # It is unknown whether the tag of the overridden method was meant to stay.
    assert misplaced_tags(view_of(Overriding)) == ("get", "put")
    assert misplaced_tags(view_of(Handlers)) == ()
    assert misplaced_tags(view_of(Handlers, LISTED)) == ()
    # The tag that Django's `as_view()` takes from `dispatch`, and a tag that only repeats that of the view.
    assert misplaced_tags(view_of(Tagged, LISTED)) == ("put",)
    assert misplaced_tags(view_of(Tagged, OTHERS)) == ("get", "put")


def test_a_function_has_no_misplaced_tags():
    assert misplaced_tags(new_view()) == misplaced_tags(cors(LISTED)(new_view())) == ()
    assert misplaced_tags(SimpleNamespace(cls="Shop", view_class=None)) == ()


@pytest.mark.parametrize(
    ("granted", "served", "opened"),
    [
        (["GET", "PUT", "DELETE"], ["DELETE", "GET", "PATCH"], ["DELETE"]),
        ("*", ["GET", "HEAD", "POST", "put", "PATCH"], ["PATCH", "put"]),
        (["GET", "POST"], ["GET", "POST", "HEAD"], []),
        (["PUT"], ["put"], []),
        (["PUT"], [], []),
        (["PUT", "OPTIONS"], None, ["PUT"]),
    ],
)
def test_a_preflight_opens_methods_that_are_granted_and_served_and_not_safelisted(granted, served, opened):
    policy = Policy(allow_origins=[APP], allow_methods=granted, allow_headers=["Content-Type"])
    views = [ServedView("/x", "one", ["GET"], policy), ServedView("/x", "other", served, None)]
    # A view at another URL opens nothing, and neither does one with the same policy.
    views += [ServedView("/y", "elsewhere", served, None), ServedView("/x", "same", served, policy)]
    found = [(opening.name, opening.other, [*opening.methods]) for opening in openings_of(views)]
    assert found == ([("one", "other", opened), ("same", "other", opened)] if opened else [])


def test_a_function_that_method_decorator_decorates_at_each_call_gets_no_tag():
    @method_decorator(cors(LISTED), name="dispatch")
    class Shown(View):
        def get(self, request):
            return "shown"

    view = Shown.as_view()
    made = tags_made()
    assert view(RequestFactory().get("/")) == view(RequestFactory().get("/")) == "shown"
    assert tags_made() == made
    assert tag_of(view).policy == LISTED


def test_a_partial_of_a_method_is_a_view():
    class Shown:
        def get(self):
            return "shown"

    view = functools.partial(Shown().get)
    assert tag_of(cors(LISTED)(view)).policy == LISTED
    with pytest.raises(ValueError, match="tagged with another policy"):
        cors(None)(view)
