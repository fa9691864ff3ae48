"""
The model does what a real Chromium does. Each browser has a file of its own, so that both can be played at the same
time.
"""

import pytest
from kit.comparing import assert_like_the_model


@pytest.mark.browser
def test_the_model_does_what_chromium_does(capsys):
    assert_like_the_model("chromium", capsys)
