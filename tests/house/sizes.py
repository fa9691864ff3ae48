"""
How many lines of code the house has, without blanks, comments and docstrings.

python tests/house/sizes.py
"""

import ast
import tokenize
from functools import cache
from typing import NamedTuple

from layers import LAYER_OF, LAYERS, files, module_of, name_of

# The modules that a request passes, with all their files except doors, code that runs at the start, and translations.
REQUEST_PATH = """
    guard policy paths policies negotiation audience origin validation tags journal explanation sources redis_origins
    protection
    wsgi asgi applications corsguard_flask corsguard_django
""".split()
NOT_ON_IT = """
    corsguard_django corsguard_django.apps corsguard_django.checks corsguard_django.predecessor
    corsguard_django.translation corsguard_flask corsguard_flask.translation
""".split()
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


class Size(NamedTuple):
    """
    The lines of code of a file, how many of them are in tables of data, and the lines of each class.
    """

    lines: int
    data: int
    classes: dict[str, int]


def size_of(path):
    """
    Return the Size of the file *path*. A table of data is what a file assigns to a name outside of any function.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    code = _code(path, tree)

    def lines_of(node):
        return code & {*range(node.lineno, node.end_lineno + 1)}

    data = [lines_of(node) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    classes = {node.name: len(lines_of(node)) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    return Size(len(code), sum(map(len, data)), classes)


def _code(path, tree):
    """
    Return the numbers of the lines of *path* that hold code.
    """
    with tokenize.open(path) as file:
        tokens = [token for token in tokenize.generate_tokens(file.readline) if token.type not in _NO_CODE]
    text = path.read_text(encoding="utf-8").splitlines()
    code = {number for token in tokens for number in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            code -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return {number for number in code if text[number - 1].strip()}


@cache
def sizes():
    """
    Return the Size of each of our files, by its name.
    """
    return {name_of(path): size_of(path) for path in files()}


def request_path(house):
    """
    Return those names of *house* that a request passes.
    """
    return [name for name in house if module_of(name) in REQUEST_PATH and name not in NOT_ON_IT]


def main():
    house = sizes()
    for layer in LAYERS:
        inside = {name: size for name, size in house.items() if LAYER_OF[module_of(name)] == layer}
        print(f"{layer:<40}{sum(size.lines for size in inside.values()):>7,}")
        for name, size in inside.items():
            largest = max(size.classes, key=size.classes.__getitem__, default=None)
            told = [f"{size.data} of data"] if size.data else []
            told += [f"{largest} {size.classes[largest]}"] if largest else []
            print(f"  {name:<38}{size.lines:>7,}  {', '.join(told)}".rstrip())
    print(f"{'request path':<40}{sum(house[name].lines for name in request_path(house)):>7,}")
    print(f"{'all':<40}{sum(size.lines for size in house.values()):>7,}")


if __name__ == "__main__":
    main()
