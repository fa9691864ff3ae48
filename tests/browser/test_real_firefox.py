"""
The model does what a real Firefox does. Each browser has a file of its own, so that both can be played at the same
time.
"""

import pytest
from kit.comparing import ALL, ODD, assert_like_the_model


@pytest.mark.browser
@pytest.mark.parametrize("part", [ODD, pytest.param(ALL, marks=pytest.mark.long)], ids=["half", "all"])
def test_the_model_does_what_firefox_does(capsys, part):
    assert_like_the_model("firefox", capsys, part)
