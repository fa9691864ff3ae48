"""
What Python source says: where a name gets its value, where it is used, and how a call is written.
"""

import importlib
import inspect
import itertools
import sys
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest

from corsguard.moving import assigned, choice, expression_of, files_of, mentions, names_in, of_call
from corsguard.moving.written import with_star

NAMES = (f"written_{number}" for number in itertools.count())


@pytest.fixture
def package(tmp_path, monkeypatch):
    """
    Return a function that writes a package, imports all of its modules, and returns its name.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = []

    def write(**modules):
        name = next(NAMES)
        made.append(name)
        (tmp_path / name).mkdir()
        for module, text in {"__init__": "", **modules}.items():
            (tmp_path / name / f"{module}.py").write_text(dedent(text))
        for module in modules:
            importlib.import_module(f"{name}.{module}")
        return name

    yield write
    for module in [*sys.modules]:
        if module.partition(".")[0] in made:
            del sys.modules[module]


def shown(found):
    return [(place.line, place.text, place.how, place.is_fixed, place.condition) for place in found]


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("A = ['x']", [(1, "['x']", "=", True, "")]),
        ("A: list[str] = ['x']", [(1, "['x']", "=", True, "")]),
        ("A = 1\nA = ['x']", [(2, "['x']", "=", True, "")]),
        ("A = B = ['x']", [(1, "['x']", "=", True, "")]),
        ("import os\nA = os.environ", [(2, "os.environ", "=", False, "")]),
        ("A = []\nA += ['x']", [(1, "[]", "=", True, ""), (2, "['x']", "+=", True, "")]),
        ("A = []\nA.append('x')", [(1, "[]", "=", True, ""), (2, "A.append('x')", "", True, "")]),
        ("A, B = 1, 2", [(1, "A, B = (1, 2)", "", False, "")]),
        (
            "D = len('x')\nif D:\n    A = 1\nelse:\n    A = 2",
            [(3, "1", "=", False, "D"), (5, "2", "=", False, "not D")],
        ),
        ("with open(__file__):\n    A = 1", [(2, "1", "=", False, "this with is entered")]),
        (
            "try:\n    A = 1\nexcept ValueError:\n    A = 2",
            [(2, "1", "=", False, "this try succeeds"), (4, "2", "=", False, "this exception comes")],
        ),
        ("for A in [1]:\n    A = 2", [(2, "2", "=", False, "this loop runs")]),
        ("def A(): pass", [(1, "def A()", "", False, "")]),
        ("globals()['A'] = 1", []),
    ],
)
def test_the_statements_that_may_give_a_name_its_value_are_found(package, source, places):
    """
    Each comes with what it depends on.
    """
    name = package(settings=source)
    assert shown(assigned(f"{name}.settings", ["A"]).get("A", ())) == places


@pytest.mark.parametrize(
    ("expression", "is_fixed"),
    [
        ("['x', 1, None, *('y',)]", True),
        ("f'{FIXED}.example'", True),
        ("FIXED + ['x']", True),
        ("[x for x in FIXED if x]", True),
        ("tuple(FIXED)", True),
        ("'x,y'.split(',')", True),
        ("re.compile('x')", True),
        ("other.FIXED", True),
        ("Base.FIXED", True),
        ("renamed", True),
        ("1 if FIXED else 2", True),
        ("OPEN", False),
        ("[*FIXED, OPEN]", False),
        ("f'{OPEN}'", False),
        ("FIXED if OPEN else []", False),
        ("[x for x in OPEN]", False),
        ("open('x').read()", False),
        ("unknown", False),
        ("os.environ.get('x', 'y')", False),
        ("dict.fromkeys(FIXED)", False),
        ("lambda: 1", False),
        ("CHANGED", False),
        ("other.OPEN", False),
        ("Base.OPEN", False),
        ("open", False),
    ],
)
def test_a_literal_expression_is_the_same_in_each_process(package, expression, is_fixed):
    text = f"""
        import os
        import re
        from . import other
        from .other import FIXED as renamed
        FIXED = ["x"]
        OPEN = os.environ.get("OPEN", "")
        CHANGED = []
        CHANGED.append(1)
        class Base:
            FIXED = ["x"]
            OPEN = os.environ.get("OPEN", "")
        def unused():
            A = {expression}
    """
    name = package(other="import os\nFIXED = ['x']\nOPEN = os.environ.get('OPEN', '')\n", settings=text)
    # Its value does not matter, so it is not run.
    path = Path(sys.modules[f"{name}.settings"].__file__)
    path.write_text(f"{path.read_text()}A = {expression}\n")
    ((place,),) = assigned(f"{name}.settings", ["A"]).values()
    assert place.is_fixed is is_fixed


def test_imports_are_followed(package):
    """
    An imported name is found where it gets its value, with `import *` too.
    """
    name = package(
        base="A = ['x']\nB = 1\nC = 1\n",
        more="C = 3\n",
        settings="from .base import *\nfrom .base import A as D\nB = 2\nif B:\n    from .more import *\n",
    )
    found = assigned(f"{name}.settings", "ABCDE")
    assert [(place.file, place.line) for place in found["A"]] == [(f"{name}/base.py", 1)]
    assert [(place.file, place.line) for place in found["B"]] == [(f"{name}/settings.py", 3)]
    assert [(place.file, place.condition) for place in found["C"]] == [
        (f"{name}/base.py", ""),
        (f"{name}/more.py", "B"),
    ]
    assert found["D"] == found["A"]
    assert "E" not in found


INCLUDING = """
def include(*_): pass
def optional(name): return name
def name(): return "live"
include("first.py", "more_*.py", optional("missing.py"), 5, "../", "/no/such.py")
if include:
    include(f"of_{name()}.py")
"""


def test_files_that_are_included_are_followed(package):
    """
    `include` of django-split-settings runs the files, and they are read in its order. A computed file name is unknown.
    """
    name = package(settings=INCLUDING)
    files = {
        "first": "A = ['x']\nB = A\nC = 1\n",
        "more_b": "C = B\n",
        "more_a": "C = 2\n",
        "of_b": "A = 1\n",
        "of_a": "A = 2\n",
    }
    for file, text in files.items():
        (Path(name) / f"{file}.py").write_text(text)
    found = assigned(f"{name}.settings", "ABC")
    assert [(place.file, place.is_fixed) for place in found["C"]] == [(f"{name}/more_b.py", True)]
    assert [(place.file, place.is_fixed) for place in found["B"]] == [(f"{name}/first.py", True)]
    assert [(place.file, place.condition) for place in found["A"]] == [
        (f"{name}/first.py", ""),
        (f"{name}/of_a.py", "(include) and (this file is included)"),
        (f"{name}/of_b.py", "(include) and (this file is included)"),
    ]
    assert expression_of(found["A"], "[]") is None


def test_a_circle_of_imports_ends(package):
    name = package(one="from .two import *\n", two="from .one import *\nA = 1\n")
    assert [place.line for place in assigned(f"{name}.one", ["A"])["A"]] == [2]


def test_attributes_of_a_class_are_found_in_its_bases(package):
    name = package(
        base="class Base:\n    A = ['x']\n    B = 1\n",
        settings="from .base import Base\nclass Mixin:\n    B = 2\nclass Live(Mixin, Base):\n    C = Base.A\nD = 1\n",
    )
    found = assigned(f"{name}.settings", "ABCD", "Live")
    assert [(found[each][0].file, found[each][0].line, found[each][0].within) for each in "ABCD"] == [
        (f"{name}/base.py", 2, "Base"),
        (f"{name}/settings.py", 3, "Mixin"),
        (f"{name}/settings.py", 5, "Live"),
        (f"{name}/settings.py", 6, ""),
    ]
    assert found["C"][0].is_fixed


@pytest.mark.parametrize("module", ["", "no.such.module", "sys", "zipimport"])
def test_a_module_without_source_is_unknown(module):
    assert assigned(module, ["A"]) == {}
    assert files_of("no.such.module") == ()


@pytest.mark.parametrize(
    "text", [b"A = (", b"\xff\xfe", b"\0", b"A = " + 30_000 * b"-" + b"1", b"A = 1" + 1_000 * b"+1"]
)
def test_no_source_raises(package, text):
    """
    A file that cannot be parsed, or is nested too deeply, is unknown.
    """
    name = package(settings="A = 1\n")
    Path(sys.modules[f"{name}.settings"].__file__).write_bytes(text)
    assert {*assigned(f"{name}.settings", ["A"])} <= {"A"}
    assert [one for one in mentions(files_of(f"{name}.settings"), ["B"], "b") if one] == []


@pytest.mark.parametrize(
    ("source", "expression"),
    [
        ("A = ['x']", "['x']"),
        ("A = ['x']\nA += ['y']", "['x', 'y']"),
        ("A = [*B]\nA += B", "[*B, *B]"),
        ("if D:\n    A = 1", "1 if D else None"),
        ("A = 0\nif D:\n    A = 1\nelif E:\n    A = 2", "2 if not D and E else 1 if D else 0"),
        ("A = []\nA.append(1)", None),
        ("try:\n    A = 1\nexcept ValueError:\n    pass", None),
        ("A, B = B", None),
    ],
)
def test_several_statements_are_joined_to_one_expression(package, source, expression):
    name = package(settings=f"B = (1, 2)\nD = E = 1\n{source}\n")
    assert expression_of(assigned(f"{name}.settings", ["A"])["A"], "None") == expression


def test_a_conditional_value_is_one_expression():
    assert choice("DEBUG", '"*"', "[]") == "'*' if DEBUG else []"
    assert choice("True if DEBUG else False", '"*"', "[]") == "'*' if DEBUG else []"
    assert choice("1 if DEBUG else 0", "2", "3 if X else 4") == "2 if (1 if DEBUG else 0) else 3 if X else 4"


@pytest.mark.parametrize(
    ("expression", "instead"),
    [
        ("['*'] if DEBUG else A", "'*' if DEBUG else A"),
        ("A if B else ['*'] if C else ('*',)", "A if B else '*' if C else '*'"),
        ("A or ['*']", "A or '*'"),
        ("f(['*'])", "f(['*'])"),
        ("['*', 'x']", "['*', 'x']"),
        ("(", "("),
    ],
)
def test_a_list_of_everyone_becomes_a_star(expression, instead):
    assert with_star(expression) == instead


def test_the_names_in_an_expression_are_found():
    assert names_in("f(a.b, [c for c in d])") == {"f", "a", "b", "c", "d"}
    assert names_in("(") == frozenset()


MENTIONS = """\
from old.defaults import x
import old, older
LIST = ["old.Middleware", "A"]
LIST = [one for one in LIST if one != "old.Middleware"]
A = [1]
B = A
if "old.Middleware" in LIST:
    LIST.remove("old.Middleware")
LIST += ["old"]
class Live:
    A = 1
configure(A=getattr(B, "A"), c=B.A)
# A
"older.Middleware", "old is a word"
globals()["A"], vars()["A"]
Env(A=list)("A"), environ["A"], environ.get("A")
f(1, "A"), [getattr(B, "B"), getattr(B, A.b)]
"""


def test_mentions_of_names_are_found(package):
    """
    A name is mentioned if it is assigned, used, imported, or part of a text that is not only listed, and is not that of
    a variable.
    """
    name = package(settings="")
    Path(sys.modules[f"{name}.settings"].__file__).write_text(MENTIONS)
    found = mentions(files_of(f"{name}.settings"), ["A"], "old")
    assert [(one.line, one.name, one.kind, one.of, one.within) for one in found] == [
        (1, "old.defaults", "imported", "", ""),
        (2, "old", "imported", "", ""),
        (5, "A", "assigned", "A", ""),
        (6, "A", "used", "B", ""),
        (7, "old.Middleware", "text", "", ""),
        (8, "old.Middleware", "text", "", ""),
        (9, "old", "text", "LIST", ""),
        (11, "A", "assigned", "A", "Live"),
        (12, "A", "used", "", ""),
        (12, "A", "text", "", ""),
        (12, "A", "used", "", ""),
        (15, "A", "text", "", ""),
        (15, "A", "text", "", ""),
        (17, "A", "used", "", ""),
    ]


def test_an_installed_package_is_not_part_of_the_project():
    assert all("site-packages" not in str(file) for file in files_of(__name__))
    assert files_of("pytest") == ()


GLOBAL = ["x"]
OPEN = sys.argv
LATER = {"e": 1}


def called(**_):
    return {name: (place.text, place.is_fixed) for name, place in of_call(inspect.currentframe().f_back).items()}


def test_the_arguments_of_a_call_are_read():
    """
    Each keyword argument, and a mapping of them, is read as it is written. Its names are followed to where they get
    their values.
    """
    local = ["y"]
    found = called(
        a=GLOBAL,
        b=[*GLOBAL, *OPEN],
        c=local,
        d=OPEN,
        **LATER,
    )
    assert found == {
        "a": ("GLOBAL", True),
        "b": ("[*GLOBAL, *OPEN]", False),
        "c": ("local", True),
        "d": ("OPEN", False),
        "**": ("LATER", True),
    }


def test_an_argument_of_the_enclosing_function_is_unknown():
    def around(dedent):
        return called(a=dedent, b=LATER)

    assert around(["z"]) == {"a": ("dedent", False), "b": ("LATER", True)}


def test_the_right_one_of_several_calls_in_a_line_is_found():
    assert (called(a=1), called(b=2)) == ({"a": ("1", True)}, {"b": ("2", True)})


def test_the_condition_of_a_call_is_read():
    def condition(a):
        return [place.condition for place in of_call(inspect.currentframe().f_back).values()]

    found = {}
    for number in range(3):
        if number == 0:
            found[number] = condition(a=1)
        elif number == 1:
            with suppress(KeyError):
                found[number] = condition(a=1)
    assert found == {
        0: ["(this loop runs) and (number == 0)"],
        1: ["(this loop runs) and ((not number == 0) and (number == 1))"],
    }
    assert condition(a=1) == [""]


def test_positional_arguments_are_read_by_their_names():
    def named(*_, **__):
        return {name: there.text for name, there in of_call(inspect.currentframe().f_back, ("", "a", "b")).items()}

    assert named(GLOBAL, OPEN, c=1) == {"": "GLOBAL", "a": "OPEN", "c": "1"}
    # It is unknown how many there are before the others.
    assert named(*GLOBAL, OPEN, c=1) == {"c": "1"}


def test_a_call_without_source_is_unknown():
    assert eval("called(a=1)") == {}
    assert of_call(None) == {}
