"""
`corsguard playground`: its address, how it ends, and wrong arguments.
"""

import re
import signal
import socket
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.serving import lines_until, started

from corsguard.cli.group import group


def invoke(*arguments):
    return CliRunner().invoke(group, ["playground", *map(str, arguments)], prog_name="corsguard")


@pytest.mark.server
def test_it_serves_at_the_address_that_it_prints_until_ctrl_c(interrupts_heeded, tmp_path):
    path = Path(tmp_path) / "cors.toml"
    path.write_text('allow_origins = "*"\nallow_credentials = true\n')
    with started("-m", "corsguard", "playground", path, "--port", "0") as process:
        address = re.search(r"http://localhost:\d+/[\w-]{20,}/", lines_until("http://", process)[-1])[0]
        with urllib.request.urlopen(address) as page:
            assert b"<title>corsguard playground</title>" in page.read()
        assert lines_until("Ctrl-C", process) == ["Ctrl-C stops it."]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
    assert path.read_text() == 'allow_origins = "*"\nallow_credentials = true\n'


def test_a_port_in_use_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("--port", port)
    assert result.exit_code == 2
    assert f"The playground cannot listen on the ports {port} to {port + 2}: Address already in use." in result.output


def test_a_wrong_argument_is_reported(tmp_path):
    for named, told in ((tmp_path / "no.toml", "There is no file"), ("no_such_module:app", "no_such_module")):
        result = invoke(named)
        assert result.exit_code == 2
        assert told in result.output
