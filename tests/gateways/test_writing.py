"""
The first and the last lines of all exported files.
"""

import pytest

from corsguard import Policies
from corsguard.gateways import TARGETS, Source, export
from corsguard.gateways.plan import plan_of
from corsguard.gateways.writing import text_of

POLICY = {"allow_origins": ["https://app.example.com"]}
ENDS = ("\n", "\r", "\x0b", "\x0c", "\x85", "\u2028")


@pytest.mark.parametrize("target", [name for name, known in TARGETS.items() if known.comment])
@pytest.mark.parametrize("end", ENDS)
def test_no_name_ends_a_comment(target, end):
    injected = f"{end}injected"
    plan = plan_of(Policies({f"/a{injected}": POLICY}).table, f"/x{injected}")
    source = Source(f"x{injected}", f"x{injected}", f"/x{injected}")
    text = text_of(TARGETS[target], "file", ["configuration"], plan, source)
    assert "injected" in text
    assert not [line for line in text.splitlines() if line.startswith("injected")]


def test_the_commands_at_the_end_can_be_pasted_into_a_shell():
    text = "".join(export("nginx", {"/caf\u00e9 'x;y": POLICY}, Source("cors policy.toml", "a b")).values())
    assert "# corsguard check https://YOUR-HOST/caf%C3%A9%20%27x%3By --page https://app.example.com\n" in text
    assert "# Written by: corsguard export nginx 'cors policy.toml' --environment 'a b'\n" in text


def test_the_commands_at_the_end_name_the_hosts():
    hosts = {"*.tenants.example:8443": {"paths": {"/": None, "/api": POLICY}}, "[::1]": {"allow_origins": "*"}}
    text = export("haproxy", {"hosts": hosts}, Source(mount="/app"))["corsguard.cfg"]
    assert [line for line in text.splitlines() if "corsguard check" in line] == [
        "# corsguard check 'https://[::1]/app' --page https://stranger.example",
        "# corsguard check https://YOUR-HOST.tenants.example:8443/app/api --page https://app.example.com",
        "# corsguard check https://YOUR-HOST.tenants.example:8443/app/api --page https://stranger.example",
    ]
