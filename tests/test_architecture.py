"""
The house stands as it is drawn: who may import whom, and what the door shows.
"""

import ast
import importlib
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import corsguard

ROOT = Path(corsguard.__file__).parent.parent
PACKAGES = ("corsguard", "corsguard_django", "corsguard_flask")

# Each room of the engine and all that it may import of the others. Whatever is drawn to the left of another room
# never comes back to it: there are no cycles, and nothing below `policy` has heard of a request.
ROOMS = {
    "names": set(),
    "errors": {"names"},
    "suffixes": set(),
    "origin": set(),
    "mistakes": {"errors", "names", "origin"},
    "validation": {"errors", "names", "origin", "suffixes"},
    "policy": {"errors", "names", "origin", "validation"},
    "negotiation": {"names", "origin", "policy"},
    "paths": {"errors", "policy"},
    "configuration": {"errors", "names", "origin", "paths", "policy", "validation"},
    "sources": {"errors", "names", "origin", "validation"},
    "journal": {"explanation", "policy"},
    "tags": {"errors", "names", "policy"},
    "regexes": {"origin"},
    "translation": {"errors", "names", "origin", "regexes", "validation"},
    "explanation": {"errors", "names", "negotiation", "origin", "paths", "policy"},
    "wsgi": {"journal", "names", "negotiation", "paths", "policy", "tags"},
}
# The browser's half, which hangs off the engine. It knows what the standard fixes and how origins and sites read, and
# judges what a server sends by nothing else; only its advice knows policies, to name the line to change.
BROWSER = {
    "browser.wire": set(),
    "browser.failures": {"browser.wire"},
    "browser.urls": {"origin", "suffixes"},
    "browser.headers": {"browser.wire", "names"},
    "browser.preflights": {"names"},
    "browser.cookies": {"browser.urls", "suffixes"},
    "browser.transports": {"browser.wire", "errors", "names", "origin"},
    "browser.fetching": {
        "browser.cookies",
        "browser.failures",
        "browser.headers",
        "browser.preflights",
        "browser.urls",
        "browser.wire",
        "names",
        "origin",
    },
    "browser.evidence": {
        "browser.failures",
        "browser.headers",
        "browser.urls",
        "browser.wire",
        "errors",
        "names",
        "origin",
    },
    "browser.console": {"browser.evidence", "browser.failures", "browser.headers", "names", "origin"},
    "browser.advice": {
        "browser.console",
        "browser.evidence",
        "browser.failures",
        "browser.headers",
        "browser.urls",
        "errors",
        "explanation",
        "names",
        "origin",
        "policy",
        "validation",
    },
    "browser.report": {"browser.advice", "browser.console", "browser.evidence", "browser.failures", "browser.wire"},
    "browser.page": {
        "browser.advice",
        "browser.console",
        "browser.cookies",
        "browser.failures",
        "browser.fetching",
        "browser.headers",
        "browser.preflights",
        "browser.report",
        "browser.transports",
        "browser.urls",
        "browser.wire",
        "names",
    },
    "browser": {
        "browser.cookies",
        "browser.failures",
        "browser.headers",
        "browser.page",
        "browser.transports",
        "browser.urls",
        "browser.wire",
    },
    "attacks": {"browser", "errors", "names", "origin", "suffixes"},
    "testing": {"attacks", "browser", "errors", "names"},
    "pytest_plugin": {"browser"},
}
# The command line: it asks the engine, the model and, for who has them, the adapters; nothing asks it.
COMMANDS = {
    "cli.printing": {"errors"},
    "cli.sarif": set(),
    "cli.lines": set(),
    "cli.connecting": {"browser.evidence", "browser.headers", "browser.urls", "browser.wire", "cli.printing"},
    "cli.loading": {
        "browser",
        "browser.transports",
        "cli.lines",
        "cli.printing",
        "configuration",
        "corsguard_django",
        "corsguard_django.middleware",
        "corsguard_flask",
        "errors",
        "names",
        "origin",
        "paths",
        "policy",
        "tags",
        "wsgi",
    },
    "cli.messages": {"browser", "browser.evidence", "browser.urls", "names", "origin"},
    "cli.rehearsal": {
        "browser",
        "browser.evidence",
        "browser.report",
        "cli.lines",
        "cli.loading",
        "errors",
        "explanation",
        "policy",
        "validation",
        "wsgi",
    },
    "cli.explain": {
        "browser",
        "browser.advice",
        "browser.evidence",
        "browser.failures",
        "browser.headers",
        "browser.report",
        "cli.connecting",
        "cli.lines",
        "cli.loading",
        "cli.messages",
        "cli.printing",
        "cli.rehearsal",
        "errors",
        "explanation",
        "names",
        "origin",
    },
    "cli.lint": {"cli.lines", "cli.loading", "cli.printing", "cli.sarif", "configuration", "errors"},
    "cli.faults": {
        "browser",
        "browser.evidence",
        "browser.failures",
        "browser.fetching",
        "browser.headers",
        "browser.report",
        "browser.urls",
        "browser.wire",
        "names",
    },
    "cli.checklist": {
        "browser",
        "browser.evidence",
        "browser.failures",
        "browser.headers",
        "browser.preflights",
        "browser.urls",
        "cli.faults",
        "names",
    },
    "cli.curl": {"browser", "browser.evidence", "browser.urls"},
    "cli.har": {
        "browser",
        "browser.evidence",
        "browser.fetching",
        "browser.headers",
        "browser.urls",
        "browser.wire",
        "cli.faults",
        "cli.messages",
        "cli.printing",
        "names",
        "origin",
    },
    "cli.check": {
        "browser",
        "browser.evidence",
        "browser.fetching",
        "browser.transports",
        "browser.wire",
        "cli.checklist",
        "cli.connecting",
        "cli.curl",
        "cli.explain",
        "cli.faults",
        "cli.har",
        "cli.lines",
        "cli.loading",
        "cli.messages",
        "cli.printing",
        "cli.rehearsal",
        "names",
        "origin",
    },
    "cli.rules": {"names"},
    "cli.probes": {"attacks", "browser.urls", "cli.rules", "origin", "suffixes"},
    "cli.asking": {"browser", "browser.evidence", "browser.failures", "browser.headers", "browser.wire", "names"},
    "cli.auditing": {
        "browser.evidence",
        "browser.headers",
        "browser.urls",
        "cli.asking",
        "cli.probes",
        "cli.rules",
        "names",
        "origin",
    },
    "cli.audit": {
        "browser",
        "browser.evidence",
        "browser.urls",
        "browser.wire",
        "cli.asking",
        "cli.auditing",
        "cli.connecting",
        "cli.loading",
        "cli.printing",
        "cli.probes",
        "cli.rules",
        "cli.sarif",
        "errors",
        "names",
        "origin",
    },
    "cli.group": {"cli.audit", "cli.check", "cli.explain", "cli.lint", "cli.printing", "errors"},
    "cli": {"cli.group"},
    "__main__": {"cli"},
}
# The one arrow that goes up: taken inside a function, when someone has made a mistake.
GOES_UP = {"origin": {"mistakes"}}
DRAWING = ROOMS | BROWSER | COMMANDS
# What may come from outside the standard library, and where.
THIRD_PARTY = {
    "mistakes": {"idna"},
    "suffixes": {"publicsuffixlist"},
    "browser.cookies": {"ada_url"},
    "browser.transports": {"ada_url", "httpx"},
    "browser.urls": {"ada_url"},
    "cli.audit": {"click"},
    "cli.check": {"click"},
    "cli.connecting": {"click"},
    "cli.explain": {"click"},
    "cli.group": {"click"},
    "cli.lint": {"click"},
    "cli.loading": {"click", "django", "flask"},
    "cli.printing": {"click", "rich"},
    "pytest_plugin": {"django", "pytest"},
}
FRAMEWORKS = {"corsguard_flask": {"blinker", "flask", "werkzeug"}, "corsguard_django": {"asgiref", "django"}}


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports(path):
    """
    Return every name that *path* imports from, relative ones made absolute; those for type checkers only are marked.
    """
    package = [*path.parent.relative_to(ROOT).parts]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and isinstance(branch.test, ast.Name) and branch.test.id == "TYPE_CHECKING"
        for child in branch.body
        for node in ast.walk(child)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            # `from . import room` names a room, `from .room import name` what is in it.
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield ".".join([*base, name]), node in typing_only


def file_of(room):
    path = ROOT.joinpath("corsguard", *room.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def rooms_imported_by(room):
    """
    Return the rooms that *room* imports, and what it imports from outside.
    """
    found = {name for name, _ in imports(file_of(room))}
    ours = {name for name in found if name.split(".")[0] in PACKAGES}
    return {name.removeprefix("corsguard.") for name in ours}, {name.split(".")[0] for name in found - ours}


def test_every_room_is_in_the_drawing():
    assert {*sources("corsguard")} == {ROOT / "corsguard" / "__init__.py", *map(file_of, DRAWING)}


@pytest.mark.parametrize("room", DRAWING)
def test_a_room_imports_what_the_drawing_says(room):
    # All of it and no more: an arrow that nobody takes is as wrong as one that nobody drew.
    ours, outside = rooms_imported_by(room)
    assert ours == DRAWING[room] | GOES_UP.get(room, set())
    assert outside - sys.stdlib_module_names <= THIRD_PARTY.get(room, set()) | {"_typeshed"}


def test_nothing_of_the_engine_knows_what_hangs_off_it():
    assert not [room for room, others in ROOMS.items() if others & (BROWSER | COMMANDS).keys()]
    assert not [room for room, others in BROWSER.items() if others & COMMANDS.keys()]


def test_the_drawing_has_no_cycle():
    left = dict(DRAWING)
    while left:
        leaves = {room for room, others in left.items() if not others & left.keys()}
        assert leaves
        left = {room: others for room, others in left.items() if room not in leaves}


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_an_adapter_imports_only_the_door_and_its_framework(package):
    assert sources(package)
    for path in sources(package):
        for name, typing_only in imports(path):
            top = name.split(".")[0]
            if top == "corsguard":
                # The doors, and none of the rooms behind them: a third party could write the same.
                assert name in {"corsguard", "corsguard.configuration", "corsguard.translation"}, (
                    f"{path.name} imports {name}"
                )
            elif top != package and not (typing_only and top == "_typeshed"):
                assert top in FRAMEWORKS[package] | sys.stdlib_module_names, f"{path.name} imports {name}"


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_an_adapter_takes_from_the_door_only_what_is_on_it(package):
    for path in sources(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "corsguard":
                assert {alias.name for alias in node.names} <= set(corsguard.__all__)


def test_the_door_shows_what_it_exports_and_has_no_logic():
    tree = ast.parse((ROOT / "corsguard" / "__init__.py").read_text(encoding="utf-8"))
    docstring, *body = tree.body
    assert isinstance(docstring, ast.Expr)
    *reexports, listing = body
    assert all(isinstance(node, ast.ImportFrom) for node in reexports)
    assert isinstance(listing, ast.Assign)
    exported = [alias.asname for node in reexports for alias in node.names]
    assert None not in exported
    assert sorted(exported) == sorted(corsguard.__all__)
    assert len(corsguard.__all__) == len(set(corsguard.__all__))
    assert all(hasattr(corsguard, name) for name in corsguard.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_begins_with_its_law(package):
    for path in sources(package):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")), clean=False)
        assert docstring is not None, path
        assert docstring.startswith("\n"), path


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package):
    importlib.import_module(package)
    assert files(package).joinpath("py.typed").read_bytes() == b""


def loaded_by(code):
    """
    Return the modules that *code* loads in a fresh interpreter.
    """
    printed = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)",
        ],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return set(printed.split())


# What is not needed to guard an application, or not before someone has made a mistake.
HEAVY = {
    "ada_url",
    "asyncio",
    "click",
    "corsguard.browser",
    "corsguard.cli",
    "corsguard.configuration",
    "corsguard.mistakes",
    "corsguard.sources",
    "corsguard.testing",
    "corsguard.translation",
    "difflib",
    "django",
    "encodings.idna",
    "flask",
    "httpx",
    "idna",
    "ipaddress",
    "publicsuffixlist",
    "socket",
    "tomllib",
    "unittest",
    "urllib.parse",
    "werkzeug",
    "wsgiref",
}


def test_the_engine_loads_no_framework_and_nothing_heavy():
    loaded = loaded_by("import corsguard")
    assert "corsguard.wsgi" in loaded
    assert loaded & HEAVY == set()
    assert not {name for name in loaded if name.split(".")[0] in {"flask", "django", "werkzeug", "asgiref"}}


def test_a_policy_of_exact_origins_loads_nothing_more():
    code = "import corsguard; corsguard.Policy(allow_origins=['https://app.example.com', 'http://localhost:3000'])"
    assert loaded_by(code) == loaded_by("import corsguard")


def test_the_public_suffix_list_is_read_when_a_wildcard_is_configured_and_not_when_a_request_comes():
    configured = "import corsguard; p = corsguard.Policy(allow_origins=['https://*.example.com'])"
    asked = f"{configured}; corsguard.negotiate(p, {{'HTTP_ORIGIN': 'https://a.example.com'}})"
    assert "publicsuffixlist" in loaded_by(configured)
    assert loaded_by(asked) == loaded_by(configured)


@pytest.mark.parametrize(
    "origins",
    [
        ["https://app.example.com", "https://*.example.com"],
        ["https://app.example.com"],
    ],
)
def test_no_request_loads_anything(origins):
    # But for `ipaddress`, which a host in brackets needs.
    configured = f"import corsguard; p = corsguard.Policy(allow_origins={origins})"
    asked = "; ".join(
        f"corsguard.negotiate(p, {{'REQUEST_METHOD': 'OPTIONS', 'HTTP_ORIGIN': {origin!r}, **more}})"
        for origin in (
            "null",
            "",
            "https://a.example.com",
            "https://evil.example",
            "https://\xe9",
            "x" * 999,
            "http://127.1",
        )
    )
    code = f"{configured}; more = {{'HTTP_ACCESS_CONTROL_REQUEST_METHOD': 'PUT'}}; {asked}"
    assert loaded_by(code) == loaded_by(configured)


# Names of settings that others chose.
NAMED_BY_OTHERS = re.compile(r"cors_origin_(regex_)?whitelist")
# Words that the house does not use; each has one that says more (design, "Words").
BANNED = ("whitelist", "blacklist", "simple request", "actual request", "cors error", "acao")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_words_are_those_of_the_standard(package):
    for path in sources(package):
        text = NAMED_BY_OTHERS.sub("", path.read_text(encoding="utf-8").lower())
        assert [word for word in BANNED if word in text] == [], path
        assert path.stem not in {"common", "utils", "helpers", "misc"}
