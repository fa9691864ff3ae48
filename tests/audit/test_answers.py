"""
One response is judged twice by the model of a browser: with credentials and without.
"""

import pytest
from kit.audited import ALLOW, APP, CREDENTIALS, URL

from corsguard.audit.answers import Answer, PageFetch


@pytest.mark.parametrize(
    ("status", "headers", "with_credentials", "without"),
    [
        (200, [(ALLOW, APP), CREDENTIALS], True, True),
        (200, [(ALLOW, APP)], False, True),
        (200, [(ALLOW, "*")], False, True),
        (200, [], False, False),
        (404, [(ALLOW, APP), CREDENTIALS], True, True),
        (302, [(ALLOW, APP), CREDENTIALS, ("Location", "/")], False, False),
        (0, [], False, False),
    ],
)
def test_a_response_is_judged_with_credentials_and_without(status, headers, with_credentials, without):
    answer = Answer.of(PageFetch(URL, APP), *headers, status=status)
    assert answer.shares(with_credentials=True) is with_credentials
    assert answer.shares(with_credentials=False) is without


@pytest.mark.parametrize(
    ("status", "is_bad"), [(200, False), (204, False), (301, True), (401, True), (405, True), (501, True), (0, False)]
)
def test_the_status_of_a_preflight_is_judged_separately(status, is_bad):
    preflight = Answer.of(PageFetch(URL, APP, is_upload=True), ("Location", "/"), status=status)
    assert preflight.has_bad_status is is_bad


def test_a_preflight_may_grant_the_origin_and_refuse_the_rest():
    put = PageFetch(URL, APP, "PUT", ("x-token",))
    assert Answer.of(put, (ALLOW, APP)).grants_origin(with_credentials=False)
    assert not Answer.of(put, (ALLOW, APP)).shares(with_credentials=False)
    assert not Answer.of(put).grants_origin(with_credentials=False)
    assert not Answer.of(put, (ALLOW, APP), status=403).grants_origin(with_credentials=False)
