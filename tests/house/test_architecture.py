"""
The house is built as its plan says: which file may import which, and what the doors export.
"""

import ast
import graphlib
import importlib
import importlib.resources
import re
import subprocess
import sys
from functools import cache

import pytest
from layers import (
    DOORS,
    GOES_UP,
    LAYER_OF,
    LAYERS,
    LAZY_DOORS,
    PACKAGES,
    ROOT,
    THIRD_PARTY,
    files,
    module_of,
    name_of,
)

import corsguard
import corsguard_django
import corsguard_flask
from corsguard import adapters

FRAMEWORKS = LAYERS["frameworks"].split()


@cache
def imports(path):
    """
    Return every imported name of *path*, made absolute, and whether loading *path* does not import it.
    """
    return [*_imports(ast.parse(path.read_text(encoding="utf-8")), [*path.parent.relative_to(ROOT).parts], False)]


def _imports(node, package, is_lazy):
    if isinstance(node, ast.Import):
        yield from ((alias.name, is_lazy) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        # `from . import module` names a module, `from .module import name` what is in it.
        for name in [node.module] if node.module else [alias.name for alias in node.names]:
            yield ".".join([*base, name]), is_lazy
    elif isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_lazy = True
        is_for_types = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else ():
                if isinstance(child, ast.AST):
                    yield from _imports(child, package, is_lazy or (is_for_types and name == "body"))


def imported_by(path):
    """
    Return the names of our files that *path* imports, as the tables have them, and its imports from outside.
    """
    found = {name for name, _ in imports(path)}
    ours = {name for name in found if name.split(".")[0] in PACKAGES}
    named = {"__init__" if name == "corsguard" else name.removeprefix("corsguard.") for name in ours}
    return named, {name.split(".")[0] for name in found - ours}


@pytest.fixture(scope="module")
def house():
    """
    Return each of our files by its name, and what it imports of the others.
    """
    return {name_of(path): imported_by(path)[0] for path in files()}


def test_every_module_has_a_layer(house):
    assert {module_of(name) for name in house} - LAYER_OF.keys() == set()
    # It has only one.
    assert sorted(LAYER_OF) == sorted(" ".join(LAYERS.values()).split())


def test_imports_go_down_only(house):
    height = {layer: number for number, layer in enumerate(LAYERS)}
    up = [
        f"{name} ({layer}) imports {other} ({above})"
        for name, others in house.items()
        for other in others
        if height[layer := LAYER_OF[module_of(name)]] < height[above := LAYER_OF[module_of(other)]]
    ]
    assert up == []


def test_only_the_guard_and_the_explanation_know_both_sharing_and_protection(house):
    # The explanation of a request is not on the path of a request. The door only re-exports.
    assert {name for name, others in house.items() if {"negotiation", "protection"} <= others} == {
        "__init__",
        "explanation",
        "guard",
    }
    assert "negotiation" not in house["protection"]
    assert "protection" not in house["negotiation"]


def test_no_files_import_each_other_in_a_circle(house):
    assert {(name, other) for name, others in house.items() for other in others} >= GOES_UP
    # It raises CycleError, which names them.
    graphlib.TopologicalSorter(
        {name: [other for other in others if (name, other) not in GOES_UP] for name, others in house.items()}
    ).prepare()


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_a_module_imports_only_the_listed_packages_from_outside(path):
    allowed = THIRD_PARTY.get(module_of(name_of(path)), "").split()
    # `_typeshed` is only for type checkers.
    assert imported_by(path)[1] - sys.stdlib_module_names - {"_typeshed"} <= {*allowed}


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_framework_packages_only_use_the_doors(package):
    assert files(package)
    for path in files(package):
        doors = DOORS | LAZY_DOORS if path.stem == "translation" else DOORS
        for name, is_lazy in imports(path):
            if name.split(".")[0] == "corsguard":
                assert name in (doors | LAZY_DOORS if is_lazy else doors), f"{path.name} imports {name}"
            else:
                assert name.split(".")[0] not in {*PACKAGES} - {package}, f"{path.name} imports {name}"


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_framework_packages_only_use_exported_names_of_the_doors(package):
    for path in files(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in DOORS:
                assert {alias.name for alias in node.names} <= {*importlib.import_module(node.module).__all__}


TYPING = "from typing import TYPE_CHECKING"


def test_the_door_exports_names_and_has_no_logic():
    tree = ast.parse((ROOT / "corsguard" / "__init__.py").read_text(encoding="utf-8"))
    docstring, *body = tree.body
    assert isinstance(docstring, ast.Expr)
    # Heavy names are imported for type checkers here, and by the one function when somebody asks for them.
    *reexports, for_checkers, listing, lazy, otherwise = body
    assert isinstance(for_checkers, ast.If)
    assert isinstance(otherwise, ast.If)
    assert [type(node) for node in otherwise.body] == [ast.FunctionDef]
    assert isinstance(listing, ast.Assign)
    assert isinstance(lazy, ast.Assign)
    reexports = [node for node in [*reexports, *for_checkers.body] if ast.unparse(node) != TYPING]
    assert all(isinstance(node, ast.ImportFrom) for node in reexports)
    exported = [alias.asname for node in reexports for alias in node.names]
    assert None not in exported
    assert sorted(exported) == sorted(corsguard.__all__)
    assert len(corsguard.__all__) == len(set(corsguard.__all__))
    assert all(hasattr(corsguard, name) for name in corsguard.__all__)
    assert sorted(ast.literal_eval(lazy.value)) == sorted(
        alias.name for node in for_checkers.body for alias in node.names
    )


def test_the_second_door_re_exports_and_nothing_else():
    tree = ast.parse((ROOT / "corsguard" / "adapters.py").read_text(encoding="utf-8"))
    docstring, *reexports, listing = tree.body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in reexports)
    assert isinstance(listing, ast.Assign)
    assert sorted(alias.name for node in reexports for alias in node.names) == sorted(adapters.__all__)


def test_the_doors_of_the_frameworks_have_the_same_names():
    # A Flask application has a guard of its own, so there the last two are methods of it.
    assert {"cors", "cors_event", "translate"} <= {*corsguard_flask.__all__} & {*corsguard_django.__all__}
    for name in ("policy_for", "set_policy"):
        assert callable(getattr(corsguard_flask.CORSGuard, name))
        assert callable(getattr(corsguard_django, name))


def test_the_door_gives_the_guards_of_the_frameworks():
    with pytest.raises(ImportError) as refused:
        exec("from corsguard import CORSGuard")
    for place in ("corsguard.asgi import CORSGuard", "corsguard_flask import CORSGuard", "corsguard_django.middleware"):
        assert place in str(refused.value)


@pytest.mark.parametrize(("package", "needs"), [("corsguard_flask", "Flask"), ("corsguard_django", "Django")])
def test_a_package_without_its_framework_names_the_extra(package, needs):
    extra = needs.lower()
    code = f"import sys; sys.modules['{extra}'] = None; import {package}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr.splitlines()[-1] == (
        f'ModuleNotFoundError: {package} needs {needs}. Fix: pip install "corsguard[{extra}]"'
    )
    # A missing dependency of the framework itself is another error.
    code = f"import sys; sys.modules['asgiref' if '{extra}' == 'django' else 'werkzeug'] = None; import {package}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "Fix:" not in result.stderr
    assert "ModuleNotFoundError" in result.stderr


def test_no_name_is_in_two_doors():
    assert {*corsguard.__all__} & {*adapters.__all__} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_begins_with_its_law(package):
    for path in files(package):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")), clean=False)
        assert docstring is not None, path
        assert docstring.startswith("\n"), path


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package):
    importlib.import_module(package)
    assert importlib.resources.files(package).joinpath("py.typed").read_bytes() == b""


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


# These are not needed to guard an application, or only after a mistake.
HEAVY = {
    "ada_url",
    "asyncio",
    "click",
    "corsguard.attacks",
    "corsguard.audit",
    "corsguard.browser",
    "corsguard.cli",
    "corsguard.configuration",
    "corsguard.diagnosis",
    "corsguard.gateways",
    "corsguard.moving",
    "corsguard.redis_origins",
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


WORKERS = {
    "corsguard_flask": "import corsguard_flask",
    "corsguard_django": (
        "from django.conf import settings; import django; settings.configure(INSTALLED_APPS=['corsguard_django']); "
        "django.setup(); import corsguard_django.middleware"
    ),
}


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_a_worker_loads_nothing_that_it_does_not_need(package):
    # Neither may load `corsguard.moving`. `corsguard.translation` is today's name.
    assert loaded_by(WORKERS[package]) & (LAZY_DOORS - {"corsguard.translation"}) == set()


def test_a_policy_of_exact_origins_loads_nothing_more():
    code = "import corsguard; corsguard.Policy(allow_origins=['https://app.example.com', 'http://localhost:3000'])"
    assert loaded_by(code) == loaded_by("import corsguard")


def test_the_public_suffix_list_is_read_when_a_wildcard_is_configured():
    """
    It is not read when a request comes.
    """
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
    # The exception is `ipaddress`, which a host in brackets needs.
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


# Names of settings of other software.
NAMED_BY_OTHERS = re.compile(r"cors_origin_(regex_)?whitelist")
# Words that the house does not use, each with a better word (design, "Words").
BANNED = ("whitelist", "blacklist", "simple request", "actual request", "cors error", "acao")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_forbidden_word_is_used(package):
    for path in files(package):
        text = NAMED_BY_OTHERS.sub("", path.read_text(encoding="utf-8").lower())
        assert [word for word in BANNED if word in text] == [], path
        assert path.stem not in {"common", "utils", "helpers", "misc"}


# Names that more than one class has, and the reason.
SHARED_NAMES = {
    "CORSGuard": "what guards an application of a framework, and leaves it what it is",
    "CORSMiddleware": "the one name under which every carrier is imported",
}


def test_no_two_classes_have_one_name():
    """
    One word has one meaning in the whole house, private or not.
    """
    names = [
        node.name.lstrip("_")
        for path in files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert {name for name in names if names.count(name) > 1} == {*SHARED_NAMES}


def test_the_command_line_is_small_and_judges_nothing():
    """
    No file of it searches for a pattern in a text.
    """
    modules = [path for path in files() if module_of(name_of(path)) == "cli"]
    assert [name_of(path) for path in modules if "re" in imported_by(path)[1]] == []
