"""
Features of all commands: the output and what it leaves out, progress, and exit codes.
"""

import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kit.serving import missing
from rich.console import Console

from corsguard import Policy
from corsguard.cli import printing
from corsguard.cli.group import group
from corsguard.cli.printing import Exit, Output, Progress, printable
from corsguard.cli.sarif import Result, sarif

SECRET = "Bearer 0123"


def test_a_secret_is_shown_nowhere(capsys):
    output = Output(secrets=[SECRET, "abc", f"{SECRET}456"])
    output.say(f"sent {SECRET}456, abc")
    output.spans((SECRET, "bad"), (" came back", "plain"))
    Output(as_json=True, secrets=[SECRET]).data({"Bearer 0123": [SECRET, {"in": f"a {SECRET} b"}], "n": 1, "no": None})
    lines = capsys.readouterr().out
    text, _, data = lines.partition("{")
    assert text == "sent (not shown), abc\n(not shown) came back\n"
    assert json.loads("{" + data) == {
        SECRET: ["(not shown)", {"in": "a (not shown) b"}],
        "n": 1,
        "no": None,
    }


def test_json_stands_alone(capsys):
    output = Output(as_json=True)
    output.say("for people")
    output.spans(("for people", "bad"))
    output.data({"for": "é"})
    assert capsys.readouterr().out == '{\n  "for": "\\u00e9"\n}\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain\n\ttext é", "plain\n\ttext é"), ("\x1b[31m\r\x00", "\\u001B[31m\\u000D\\u0000"), ("\u202e", "\\u202E")],
)
def test_no_control_character_of_a_terminal_is_printed(text, shown):
    assert printable(text) == shown


def told(monkeypatch, *, on_terminal):
    """
    Return what is written during two steps of three and afterwards.
    """
    steps = [threading.Event(), threading.Event()]

    class Watched(Progress):
        def _write(self, text):
            super()._write(text)
            if "1 of 3" in text:
                steps[0].set()
            if "2 of 3" in text:
                steps[1].set()

    file = io.StringIO()
    monkeypatch.setattr(printing, "Console", partial(Console, file=file, force_terminal=on_terminal))
    output = Output()
    monkeypatch.setattr(printing, "Progress", Watched)
    for name in "_PATIENCE", "_PAUSE", "_TERMINAL_PAUSE":
        monkeypatch.setattr(printing, name, 0.001)
    with output.progress("Read") as progress:
        for done, step in enumerate(steps, 1):
            progress.advance(done, 3)
            assert step.wait(30)
    return file.getvalue()


def test_without_a_terminal_progress_is_printed_line_by_line(monkeypatch):
    written = told(monkeypatch, on_terminal=False)
    assert list(dict.fromkeys(written.splitlines()))[-2:] == ["Read: 1 of 3", "Read: 2 of 3"]
    assert "\x1b" not in written


def test_on_a_terminal_one_line_is_rewritten_and_removed(monkeypatch):
    written = told(monkeypatch, on_terminal=True)
    assert "\n" not in written
    assert written.endswith("\r\x1b[2KRead: 2 of 3\r\x1b[2K")


@pytest.mark.parametrize("command", [["lint", "slow:POLICY"], ["explain", "slow:POLICY", "--page", "null"]])
def test_a_module_that_takes_long_to_import_is_announced(command, monkeypatch, tmp_path):
    (tmp_path / "slow.py").write_text(
        "from corsguard.cli import printing\nprinting.waited.wait(30)\nPOLICY = {'allow_origins': '*'}\n"
    )
    waited = threading.Event()

    class Watched(Progress):
        def _write(self, text):
            super()._write(text)
            waited.set()

    monkeypatch.setattr(printing, "waited", waited, raising=False)
    monkeypatch.setattr(printing, "Progress", Watched)
    monkeypatch.setattr(printing, "_PATIENCE", 0.001)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow", raising=False)
    result = CliRunner().invoke(group, command)
    sys.modules.pop("slow", None)
    assert waited.is_set()
    assert result.stderr.startswith("Loading ")
    assert ":" not in result.stderr.splitlines()[0].replace("slow:POLICY", "")


def test_a_quick_step_is_not_announced(capsys):
    with Output().progress("Read") as progress:
        progress.advance(1, 3)
    assert capsys.readouterr() == ("", "")


def test_each_command_is_listed_and_shows_examples():
    runner = CliRunner()
    overview = runner.invoke(group, ["--help"]).output
    for name in "explain", "check", "lint", "audit", "export", "move", "playground", "manual":
        (line,) = re.findall(rf"^  {name} .*", overview, re.MULTILINE)
        assert not line.endswith("..."), line
        shown = runner.invoke(group, [name, "--help"])
        assert shown.exit_code == Exit.FINE
        assert shown.output.count(f"corsguard {name} ") >= 3
        assert "Exit codes: 0 " in shown.output


def test_a_refused_policy_is_a_usage_error_with_its_fix():
    @click.command
    def broken():
        Policy(allow_origins=["https://app.example.com/\x1b"])

    group.add_command(broken)
    try:
        result = CliRunner().invoke(group, ["broken"])
    finally:
        group.commands.pop("broken")
    assert result.exit_code == Exit.USAGE
    assert "E201 allow_origins" in result.output
    assert "fix:" in result.output
    assert "\x1b" not in result.output


def run(*arguments, code=None):
    command = [sys.executable, *(["-c", code] if code else ["-m", "corsguard"]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_module_is_the_command():
    result = run("--version")
    assert result.stdout.startswith("corsguard, version 0.")
    assert result.returncode == 0
    assert run("nothing").returncode == Exit.USAGE


@pytest.mark.parametrize("names", [["click"], ["ada_url", "httpx"]])
def test_without_the_extra_the_command_says_what_to_install(names):
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n in {} else f(n); "
    result = run(code=f"{hide.format(names)}from corsguard.__main__ import main; main()")
    assert result.returncode == Exit.USAGE
    needs = f"corsguard: the command line needs {', '.join(names)}."
    assert result.stderr == f'{needs} Fix: pip install "corsguard[cli]"\n'


def test_findings_are_written_as_sarif():
    results = [
        Result("W1", "warning", "It smells.", "air=True", "cors.toml", 3),
        Result("E1", "error", "It is broken.", "", "https://api.example.com/", properties={"severity": "high"}),
        Result("W1", "note", "It smells here, too.", "air=True", "other.toml"),
    ]
    (run_,) = sarif(results, {"W1": "What smells."})["runs"]
    assert [(rule["id"], rule["shortDescription"]["text"]) for rule in run_["tool"]["driver"]["rules"]] == [
        ("W1", "What smells."),
        ("E1", "E1"),
    ]
    first, second, third = run_["results"]
    prints = [one.pop("partialFingerprints")["corsguard/v1"] for one in (first, second, third)]
    assert len({*prints}) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in prints)
    assert first == {
        "ruleId": "W1",
        "ruleIndex": 0,
        "level": "warning",
        "message": {"text": "It smells.\nFix: air=True"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "cors.toml"}, "region": {"startLine": 3}}}],
        "properties": {"fix": "air=True"},
    }
    assert second["message"] == {"text": "It is broken."}
    assert (second["ruleIndex"], second["properties"]) == (1, {"fix": "", "severity": "high"})
    assert third["ruleIndex"] == 0
    assert "region" not in third["locations"][0]["physicalLocation"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_error_of_the_output_is_not_a_finding(form, tmp_path):
    if not Path("/dev/full").exists():
        missing("this system has no /dev/full")
    policy = tmp_path / "cors.toml"
    policy.write_text('allow_origins = ["https://app.example.com"]\n')
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "corsguard", "lint", policy, *form]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.stderr == (
        "Error: The output cannot be written: No space left on device. What was printed is not complete.\n"
    )
    assert result.returncode == Exit.USAGE


def test_an_interrupted_command_is_not_a_finding():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        # If the parent ignores the signal, as under `nohup`, its children would ignore it too.
        program = (
            "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "runpy.run_module('corsguard', run_name='__main__', alter_sys=True)"
        )
        command = [sys.executable, "-c", program, "check", url, "--page", "https://app.example.com"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            silent.settimeout(60)
            # The request is sent, and no answer comes.
            with silent.accept()[0] as connection:
                connection.recv(1)
                process.send_signal(signal.SIGINT)
                said = process.communicate(timeout=60)[1]
    # A slow machine says before that it is waiting.
    assert re.fullmatch(r"(Requests sent(: 1)?\n)?Interrupted\.\n", said)
    assert process.returncode == Exit.INTERRUPTED == 128 + signal.SIGINT
