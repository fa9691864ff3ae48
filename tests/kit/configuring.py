"""
What the tests of configuration share: two files, any content of one, and its refusal.
"""

from pathlib import Path

import pytest
from hypothesis import strategies as st

from corsguard import PolicyError

APP = "https://app.example.com"

ONE = """
allow_origins = ["https://app.example.com"]
allow_methods = ["GET", "PUT"]
allow_headers = ["Content-Type"]
allow_credentials = true

[environments.development]
allow_origins = ["http://localhost:3000"]
max_age = 0

[environments.staging]
allow_origins = ["https://staging.example.com"]
max_age = "none"

[environments.production]
"""

SEVERAL = """
[policies.app]
allow_origins = ["https://app.example.com"]
allow_methods = ["GET", "PUT"]
allow_headers = ["Content-Type"]
allow_credentials = true

[policies.partner]
extends = "app"
allow_origins = ["https://partner.example"]

[policies.open]
allow_origins = "*"

[paths]
"/api" = "app"
"/api/partner" = "partner"
"/api/open" = "open"
"/admin" = "none"

[environments.development.policies.app]
allow_origins = ["http://localhost:3000"]
allow_headers = ["content-type", "X-Debug"]

[environments.live]
production = true
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """
    A function that writes cors.toml in the working directory, and returns its name.
    """
    monkeypatch.chdir(tmp_path)

    def write(content):
        if isinstance(content, str):
            content = content.encode()
        Path("cors.toml").write_bytes(content)
        return "cors.toml"

    return write


def refusal(read, *arguments, **keywords):
    with pytest.raises(PolicyError) as error:
        read(*arguments, **keywords)
    # Without the first line, which counts the problems, and the last line, which names the command that says more.
    return "\n".join(str(error.value).split("\n")[1:-1])


def hello(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


NO_ORIGINS = "No origins are given, so no page could read anything. There is no default."


KEYS = st.sampled_from(
    """
    policies paths hosts environments extends production none app live /api / a.example allow_origins allow_methods
    allow_headers
    allow_credentials max_age allow_unsafe_origins preflight_status share_timing allow_origin policy path
    """.split()
) | st.text("az/._- \x00\x7fé\ud800", max_size=3)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | KEYS
    | st.sampled_from(["*", "null", APP, "http://localhost:*", "GET", "https://*.github.io"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=30,
)
