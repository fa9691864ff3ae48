"""
An editor knows the keywords of a policy wherever one is written. The tests ask the language server of pyright as an
editor does. `typing_api.py` checks that a misspelled keyword is an error for type checkers.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import fields
from importlib.util import find_spec

import pytest
from layers import ROOT

from corsguard import Policy

KEYWORDS = {field.name for field in fields(Policy)}
PLACES = {
    "a policy": "from corsguard import Policy\nPolicy(",
    "a tag": "from corsguard import cors\n@cors(",
    "a tag for Flask": "from corsguard_flask import cors\n@cors(",
    "a tag for Django": "from corsguard_django import cors\n@cors(",
    "a mapping for WSGI": 'from corsguard import CORSMiddleware\nCORSMiddleware(app, {"',
    "a mapping for Flask": 'from corsguard_flask import CORSGuard\nCORSGuard(app, {"',
    "a mapping for Django": 'from corsguard_django import set_policy\nset_policy({"',
}

pytestmark = pytest.mark.skipif(
    find_spec("pyright") is None and "CORSGUARD_CI" not in os.environ, reason="needs pyright: pip install pyright"
)


class Editor:
    """
    What an editor sends to a language server (Language Server Protocol, "Base Protocol").
    """

    def __init__(self, process):
        self.process = process
        self.asked = 0
        folder = {"uri": ROOT.as_uri(), "name": "house"}
        capabilities = {"workspace": {"configuration": True}}
        self.ask("initialize", processId=None, rootUri=None, capabilities=capabilities, workspaceFolders=[folder])
        self.say(method="initialized", params={})

    def say(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def hear(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, **params):
        self.asked += 1
        self.say(id=self.asked, method=method, params=params)
        while True:
            heard = self.hear()
            if "method" not in heard and heard["id"] == self.asked:
                return heard["result"]
            if "method" in heard and "id" in heard:
                # The server also asks questions, such as which Python is meant.
                items = heard["params"].get("items", []) if isinstance(heard["params"], dict) else []
                self.say(id=heard["id"], result=[{"pythonPath": sys.executable} for _ in items] or None)

    def completions(self, name, text):
        document = {"uri": (ROOT / f"{name.replace(' ', '_')}.py").as_uri()}
        opened = {**document, "languageId": "python", "version": 1, "text": text}
        self.say(method="textDocument/didOpen", params={"textDocument": opened})
        *lines, last = text.split("\n")
        found = self.ask(
            "textDocument/completion",
            textDocument=document,
            position={"line": len(lines), "character": len(last)},
        )
        return {item["label"].strip('"=') for item in (found if isinstance(found, list) else found["items"])}


@pytest.fixture(scope="module")
def editor():
    command = [sys.executable, "-m", "pyright.langserver", "--stdio"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, cwd=ROOT) as process:
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        yield Editor(process)
        watchdog.cancel()
        process.kill()


@pytest.mark.parametrize("place", PLACES)
def test_every_keyword_is_offered(editor, place):
    assert editor.completions(place, PLACES[place]) >= KEYWORDS


def test_no_keyword_is_offered_in_other_places(editor):
    assert not KEYWORDS & editor.completions("elsewhere", "import corsguard\nprint(")
