"""
No input from outside raises an undocumented exception, takes a second, or takes more than linear work.

The tests draw a few values of each kind. `python -m pytest -m long tests/fuzzing` draws many. `python tests/fuzzing
KIND` lets atheris search for values that reach other lines.
"""

import time

import pytest
from fuzzing.corpus import CORPUS
from fuzzing.targets import TARGETS, Hostile
from hypothesis import HealthCheck, given, settings
from kit.counting import work_of

FEW, MANY = 30, 20_000
FEW_SIZES, MANY_SIZES = 3, 500
SIZE = 60
# Processor time. On the machine where this was written one second is enough, and other machines are slower.
MOST_SECONDS = 2
# The work of loading a module and of looking at any value.
CONSTANT = 2_000


@pytest.fixture(params=TARGETS)
def kind(request):
    return request.param


def check_in_time(check, value, most=MOST_SECONDS):
    started = time.process_time()
    check(value)
    assert time.process_time() - started < most


def check_values(target, times):
    @settings(max_examples=times, deadline=None, suppress_health_check=[*HealthCheck])
    @given(target.values)
    def draw(value):
        check_in_time(target.check, value)

    draw()


def check_growth(target, times):
    @settings(max_examples=times, deadline=None, suppress_health_check=[*HealthCheck])
    @given(target.growing)
    def draw(of_size):
        check_work(target.check, of_size)

    draw()


def check_work(check, of_size):
    values = of_size(SIZE), of_size(2 * SIZE)
    less, more = (work_of(lambda value=value: check(value)) for value in values)
    assert more < 2.3 * less + CONSTANT


def test_a_value_that_was_found_once_is_not_found_again(kind):
    for value in CORPUS[kind]:
        check_in_time(TARGETS[kind].check, value)


def test_every_value_is_read_or_refused_in_time(kind):
    check_values(TARGETS[kind], FEW)


def test_the_work_grows_linearly_with_the_input(kind):
    check_growth(TARGETS[kind], FEW_SIZES)


@pytest.mark.long
def test_in_the_long_form_every_value_is_read_or_refused_in_time(kind):
    check_values(TARGETS[kind], MANY)


@pytest.mark.long
def test_in_the_long_form_the_work_grows_linearly_with_the_input(kind):
    check_growth(TARGETS[kind], MANY_SIZES)


# The checks find what they search for.


def test_a_value_that_takes_too_long_is_found():
    with pytest.raises(AssertionError):
        check_in_time(lambda value: sum(range(value)), 1_000_000, most=0.001)


def test_work_that_grows_faster_than_the_input_is_found():
    def compare_all(text):
        for one in text:
            for other in text:
                assert one == other

    with pytest.raises(AssertionError):
        check_work(compare_all, lambda times: "a" * times)
    check_work(list, lambda times: "a" * times)


def test_a_hostile_object_raises_at_every_question():
    for ask in repr, str, bool, len, iter, lambda one: one == 1, lambda one: 1 in one:
        with pytest.raises(RuntimeError):
            ask(Hostile())
