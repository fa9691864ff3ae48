"""
No code parses a text that we wrote. The data that it needs is a field.
"""

import ast

import pytest
from layers import files, name_of

# The fields that hold our sentences and lines.
OURS = frozenset(
    "chromium firefox fix instead look message note notes reasons safari send title unseen verdict why words".split()
)
READING = frozenset(
    "count endswith find findall finditer fullmatch index literal_eval loads match parse partition removeprefix "
    "removesuffix rfind rindex rpartition rsplit search split splitlines startswith sub subn".split()
)


def texts_in(function):
    """
    Return the names in *function* that hold texts of ours.
    """
    names = set()
    for node in ast.walk(function):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if targets and node.value is not None and is_ours(node.value, frozenset()):
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names)


def is_ours(node, names):
    """
    Whether *node* is a text of ours, or contains one.
    """
    match node:
        case ast.Attribute(attr=attr):
            return attr in OURS
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Name(id="str" | "repr" | "printable"), args=[first, *_]):
            return is_ours(first, names)
        case ast.Call(func=ast.Attribute(value=value, attr="lower" | "strip" | "rstrip" | "lstrip" | "replace")):
            return is_ours(value, names)
        case ast.JoinedStr(values=values):
            return any(is_ours(value.value, names) for value in values if isinstance(value, ast.FormattedValue))
    return False


def read_back(tree):
    """
    Yield the line of each place in *tree* where a text of ours is parsed.
    """
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        names = texts_in(function)
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr=attr), args=args) if attr in READING:
                    found = any(is_ours(there, names) for there in (value, *args))
                case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[right]):
                    found = is_ours(right, names)
                case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                    sides = (left, right)
                    is_literal = any(isinstance(side, ast.Constant) and side.value for side in sides)
                    found = is_literal and any(is_ours(side, names) for side in sides)
                case ast.Subscript(value=value):
                    found = is_ours(value, names)
                case _:
                    found = False
            if found:
                yield node.lineno


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_no_code_parses_our_own_text(path):
    """
    It does so neither with `ast`, `re`, `split`, `partition`, `startswith` or `in`, nor by its letters.
    """
    assert not {*read_back(ast.parse(path.read_text(encoding="utf-8")))}


@pytest.mark.parametrize(
    "code",
    [
        "error.fix.split()",
        "str(error.fix).partition(': ')",
        "re.search('x', problem.message)",
        "ast.parse(f'f({step.fix})')",
        "'listed' in step.verdict",
        "text = problem.message; text.startswith('No')",
        "problem.message.lower().startswith('no')",
        "note.why[0]",
        "notes = told.notes; 'x' not in notes",
        "step.message == 'It is not listed.'",
    ],
)
def test_each_way_of_parsing_is_found(code):
    assert {*read_back(ast.parse(f"def f():\n    {code}"))}


@pytest.mark.parametrize(
    "code", ["print(error.fix)", "error.message == other.message", "x in error.codes", "f'{fix.words}'"]
)
def test_printing_and_comparing_is_not_parsing(code):
    assert not {*read_back(ast.parse(f"def f():\n    {code}"))}
