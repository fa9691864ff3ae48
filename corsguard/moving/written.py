"""
Reads Python source: which expression gives a name its value, where a name is used, and how a call is written.

Source files of loaded modules are parsed; nothing is imported or run. Nothing here raises: what cannot be read is
treated as unknown.
"""

import ast
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Final, Literal, NamedTuple, cast

# A longer file is data, or generated.
_MOST_BYTES: Final = 1_000_000
# The maximum length of a chain of names and imports.
_MOST_STEPS: Final = 8
_PURE: Final = frozenset("bool dict float frozenset int list max min set sorted str sum tuple".split())

# The two stars before a mapping of arguments.
UNPACKED: Final = "**"

# What takes settings as keywords, what takes a name as its second argument, and what returns a mapping of names.
_SETTING: Final = frozenset({"configure", "override_settings", "settings", "update"})
_BY_NAME: Final = frozenset({"delattr", "getattr", "hasattr", "setattr"})
_NAMESPACES: Final = frozenset({"globals", "locals", "vars"})

Kind = Literal["assigned", "used", "text", "imported"]


class Written(NamedTuple):
    """
    A place that gives a name its value.

    *text* is the expression that is assigned (*how* is "=") or added ("+="); for anything else, such as `.append(...)`
    or a method, it is the statement, and *how* is empty. *condition* says when the statement runs, if not always.
    *is_fixed* is True if the value is known to be the same in every process. *within* is the class around it.
    """

    file: str
    line: int
    text: str
    how: Literal["=", "+=", ""]
    is_fixed: bool
    condition: str = ""
    within: str = ""


class Mention(NamedTuple):
    """
    A place in a source file where *name* is assigned, used (as a name or an attribute), part of a text, or imported.

    *of* is the name that the statement around it assigns, if any, and *within* the class around it.
    """

    file: str
    line: int
    name: str
    kind: Kind
    of: str = ""
    within: str = ""


class _Bound(NamedTuple):
    """
    A statement that binds a name in *scope*: *value* is the expression, if it is a plain assignment.
    """

    scope: "_Scope"
    node: ast.stmt
    value: ast.expr | None
    condition: str
    # The module that an import binds, or takes the name *taken* from.
    module: str = ""
    taken: str = ""


class _Scope(NamedTuple):
    """
    The body of a module, of a class in it (*outer* is the module then), or of a function with its *parameters*.
    """

    module: ModuleType
    file: str
    body: tuple[ast.stmt, ...]
    name: str = ""
    outer: "_Scope | None" = None
    parameters: frozenset[str] = frozenset()

    def bound(self, name: str, steps: int = _MOST_STEPS) -> tuple[_Bound, ...]:
        """
        Return the statements that may give *name* its value: the last unconditional one, and those after it.
        """
        found: list[_Bound] = []
        for bound in self._all(name, self.body, "", steps):
            if not bound.condition and not isinstance(bound.node, ast.AugAssign | ast.Expr):
                found.clear()
            found.append(bound)
        return tuple(found)

    def _all(self, name: str, body: Iterable[ast.stmt], condition: str, steps: int) -> Iterator[_Bound]:
        for node in body:
            match node:
                case ast.ImportFrom() | ast.Import():
                    for bound in self._of_import(name, node, steps):
                        yield bound._replace(condition=_both(condition, bound.condition))
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    if node.name == name:
                        yield _Bound(self, node, None, condition)
                case ast.Expr(value=ast.Call(func=ast.Name(id="include"), args=arguments)):
                    for bound in self._included(name, arguments, steps):
                        yield bound._replace(condition=_both(condition, bound.condition))
                case _:
                    if (value := _value_for(name, node)) is not None:
                        yield _Bound(self, node, value[0], condition)
                    for inner, when in _branches(node):
                        yield from self._all(name, inner, _both(condition, when), steps)

    def _of_import(self, name: str, node: ast.ImportFrom | ast.Import, steps: int) -> Iterator[_Bound]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield _Bound(self, node, None, "", module)
            return
        module = _imported(self.module, node)
        for alias in node.names:
            if alias.name == "*":
                there = _scope_of(module) if steps else None
                yield from () if there is None else there.bound(name, steps - 1)
            elif (alias.asname or alias.name) == name:
                yield _Bound(self, node, None, "", module, alias.name)

    def _included(self, name: str, arguments: Iterable[ast.expr], steps: int) -> Iterator[_Bound]:
        """
        Yield the statements of the files that `include` of django-split-settings runs here.
        """
        for node in chain.from_iterable(map(ast.walk, arguments)):
            # A name that is computed does not show which file it means.
            when = "this file is included" if isinstance(node, ast.JoinedStr) else ""
            for file in _matching(Path(self.file).parent, _pattern_of(node)) if steps else ():
                tree = _tree_of(file)
                body = () if tree is None else tuple(tree.body)
                for bound in _Scope(self.module, file, body, "", self).bound(name, steps - 1):
                    yield bound._replace(condition=_both(when, bound.condition))

    def is_fixed(self, node: ast.AST | None, steps: int = _MOST_STEPS, known: frozenset[str] = frozenset()) -> bool:
        """
        Return whether the expression *node* has the same value in every process. *known* are names that it binds
        itself.
        """
        if node is None or not steps:
            return False
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in known or self.is_name_fixed(name, steps - 1)
            case ast.Attribute():
                followed = self._followed(node)
                return followed is not None and followed[0].scope.is_fixed(followed[0].value, steps - 1)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                inner = [*arguments, *(keyword.value for keyword in keywords)]
                return self._is_pure(function, steps, known) and all(self.is_fixed(one, steps, known) for one in inner)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                bound = {name.id for one in node.generators for name in ast.walk(one.target) if type(name) is ast.Name}
                inner = [node.elt, *chain.from_iterable([one.iter, *one.ifs] for one in node.generators)]
                return all(self.is_fixed(part, steps, known | bound) for part in inner)
            case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.Lambda() | ast.NamedExpr() | ast.DictComp():
                return False
            case _:
                inner = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
                return all(self.is_fixed(part, steps, known) for part in inner)

    def _is_pure(self, function: ast.expr, steps: int, known: frozenset[str]) -> bool:
        if isinstance(function, ast.Name):
            return function.id in _PURE and not self.bound(function.id)
        if not isinstance(function, ast.Attribute):
            return False
        if function.attr == "compile" and isinstance(function.value, ast.Name):
            return any(bound.module == "re" for bound in self._here_or_outside(function.value.id))
        # A method of a fixed value, such as `str.split`.
        return self.is_fixed(function.value, steps - 1, known)

    def is_name_fixed(self, name: str, steps: int) -> bool:
        """
        Return whether *name* has the same value in every process.
        """
        bound = self._here_or_outside(name)
        if len(bound) != 1 or bound[0].condition or not steps:
            return False
        (only,) = bound
        if only.taken:
            there = _scope_of(only.module)
            return there is not None and there.is_name_fixed(only.taken, steps - 1)
        return only.scope.is_fixed(only.value, steps)

    def _here_or_outside(self, name: str) -> tuple[_Bound, ...]:
        here = self.bound(name)
        return here if here or name in self.parameters or self.outer is None else self.outer.bound(name)

    def _followed(self, node: ast.Attribute) -> tuple[_Bound, ...] | None:
        """
        Return the statements that bind the attribute *node* of a module or a class, if they are certain.
        """
        if not isinstance(node.value, ast.Name):
            return None
        owners = [one for bound in self._here_or_outside(node.value.id) for one in _imports_followed(bound)]
        if len(owners) != 1:
            return None
        (owner,) = owners
        if isinstance(owner.node, ast.ClassDef):
            there: _Scope | None = _within(owner.scope, owner.node)
        else:
            there = _scope_of(f"{owner.module}.{owner.taken}" if owner.taken else owner.module)
        found = () if there is None else there.bound(node.attr)
        return found if len(found) == 1 and not found[0].condition else None


def assigned(module: str, names: Collection[str], class_name: str = "") -> dict[str, tuple[Written, ...]]:
    """
    Return the statements that give each of *names* its value. They are in the loaded *module* or in modules that it
    imports from, or in its class *class_name* and the bases of that.

    There is more than one if the value is changed later, or depends on a condition. Names that are not found are
    missing.
    """
    found: dict[str, tuple[Written, ...]] = {}
    top = _scope_of(module)
    scopes = [*_classes(module, class_name), *([] if top is None else [top])]
    for name in names:
        bound = next(filter(None, (scope.bound(name) for scope in scopes)), ())
        # An expression may be too deeply nested to be walked.
        with suppress(RecursionError):
            if bound:
                found[name] = tuple(_written(one) for each in bound for one in _imports_followed(each))
    return found


def expression_of(places: Iterable[Written], otherwise: str) -> str | None:
    """
    Return *places*, in order, as one expression; None if that is not possible.

    *otherwise* is the expression if no condition is true.
    """
    whole: ast.expr | None = None
    try:
        default = ast.parse(otherwise, mode="eval").body
        for place in places:
            if not place.how:
                return None
            value = ast.parse(place.text, mode="eval").body
            if place.how == "+=":
                value = ast.List([*_items(whole or default), *_items(value)])
            if place.condition:
                value = ast.IfExp(ast.parse(place.condition, mode="eval").body, value, whole or default)
            whole = value
        return None if whole is None else ast.unparse(whole)
    except (SyntaxError, ValueError, RecursionError):
        return None


def choice(condition: str, then: str, otherwise: str) -> str:
    """
    Return the expression that is *then* if *condition* is true, else *otherwise*. Raises SyntaxError if one of them is
    not an expression.
    """
    test, *branches = (ast.parse(text, mode="eval").body for text in (condition, then, otherwise))
    match test:
        case ast.IfExp(test=inner, body=ast.Constant(value=True), orelse=ast.Constant(value=False)):
            test = inner
        case _:
            pass
    return ast.unparse(ast.IfExp(test, *branches))


def joined(first: str, second: str) -> str:
    """
    Return the expression of a list with the items of both others. Raises SyntaxError if one of them is not an
    expression.
    """
    parts = [ast.parse(text, mode="eval").body for text in (first, second)]
    return ast.unparse(ast.List([*_items(parts[0]), *_items(parts[1])]))


def with_star(expression: str) -> str:
    """
    Return *expression*, a list, with `"*"` in place of each list that has only this. A policy takes no other form.
    """
    try:
        return ast.unparse(_starred(ast.parse(expression, mode="eval").body))
    except (SyntaxError, ValueError, RecursionError):
        return expression


def _starred(node: ast.expr) -> ast.expr:
    match node:
        case ast.List(elts=[ast.Constant(value="*") as star]) | ast.Tuple(elts=[ast.Constant(value="*") as star]):
            return star
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return ast.IfExp(test, _starred(body), _starred(otherwise))
        case ast.BoolOp(op=op, values=values):
            return ast.BoolOp(op, [*map(_starred, values)])
        case _:
            return node


def names_in(expression: str) -> frozenset[str]:
    """
    Return the names and attributes in *expression*; none if it cannot be parsed.
    """
    try:
        nodes = [*ast.walk(ast.parse(expression, mode="eval"))]
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return frozenset(names | {node.attr for node in nodes if isinstance(node, ast.Attribute)})


def of_call(frame: FrameType | None, names: Iterable[str] = ()) -> dict[str, Written]:
    """
    Return how the keyword arguments of the current call in *frame* are written; none if that is not known. The name of
    a mapping of arguments is UNPACKED. *names* are those of the positional arguments; without them, these are missing.
    """
    try:
        call, scope = _call_in(frame)
    except Exception:  # noqa: BLE001 - frames and sources may be anything
        return {}
    if call is None or scope is None:
        return {}
    condition = _condition_at(call.lineno, scope.body)
    given: list[tuple[str, ast.expr]] = []
    if not any(isinstance(value, ast.Starred) for value in call.args):
        given += zip(names, call.args, strict=False)
    given += [(keyword.arg or UNPACKED, keyword.value) for keyword in call.keywords]
    return {
        name: Written(
            file=shown_path(scope.file),
            line=value.lineno,
            text=ast.unparse(value),
            how="=",
            is_fixed=scope.is_fixed(value),
            condition=condition,
        )
        for name, value in given
    }


def files_of(module: str) -> tuple[Path, ...]:
    """
    Return the source files of the project that the loaded *module* belongs to. They are next to it, in its package, or
    are loaded from the same folder of packages. Installed packages do not count.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(file, str):
        return ()
    here = Path(file).resolve()
    root = here.parents[min(module.count(".") + (here.name == "__init__.py"), len(here.parents) - 1)]
    loaded = (getattr(one, "__file__", None) for one in [*sys.modules.values()])
    theirs = {Path(one).resolve() for one in loaded if isinstance(one, str) and one.endswith(".py")}
    theirs |= {*(here.parent.rglob("*.py") if here.name == "__init__.py" else here.parent.glob("*.py"))}
    return tuple(sorted(one for one in theirs if one.is_relative_to(root) and not _is_installed(one)))


def mentions(files: Iterable[Path], names: Collection[str], package: str) -> list[Mention]:
    """
    Return where *files* use any of *names*, import *package*, or have a text that names something in it.
    """
    return [mention for file in files for mention in _mentions_in(str(file), frozenset(names), package)]


def _mentions_in(file: str, names: frozenset[str], package: str) -> Iterator[Mention]:
    tree = _tree_of(file) if _has_any(file, [*names, package]) else None
    shown = shown_path(file)
    # Each node with the name assigned around it, the class, and whether its text is only an item of a list.
    pending: list[tuple[ast.AST, str, str, bool]] = [] if tree is None else [(tree, "", "", False)]
    while pending:
        node, of, within, is_listed = pending.pop()
        match node:
            case ast.ClassDef():
                within = node.name
            case ast.Assign(targets=[ast.Name(id=of)]) | ast.AnnAssign(target=ast.Name(id=of)):
                is_listed = True
            case ast.AugAssign(target=ast.Name(id=of)):
                is_listed = False
            case ast.Call() | ast.Subscript():
                is_listed = False
            case _:
                pass
        for name, kind in _named_in(node, names, package):
            if not (kind == "text" and is_listed):
                yield Mention(shown, getattr(node, "lineno", 1), name, kind, of, within)
        pending += [(child, of, within, is_listed) for child in reversed([*ast.iter_child_nodes(node)])]


def _named_in(node: ast.AST, names: frozenset[str], package: str) -> Iterator[tuple[str, Kind]]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in names:
            yield name, "assigned" if isinstance(node.ctx, ast.Store) else "used"
        case ast.Call() | ast.Subscript():
            yield from _by_text(node, names)
        case ast.Constant(value=str(text)) if _is_of(package, text):
            yield text, "text"
        case ast.Import(names=aliases):
            for alias in aliases:
                if _is_of(package, alias.name):
                    yield alias.name, "imported"
        case ast.ImportFrom(module=str(module), level=0) if _is_of(package, module):
            yield module, "imported"
        case _:
            pass


def _by_text(node: ast.Call | ast.Subscript, names: frozenset[str]) -> Iterator[tuple[str, Kind]]:
    """
    Yield those of *names* that *node* uses as keywords or as texts: `getattr(settings, "A")`, but not
    `os.environ.get("A")` and `Env(A=list)`, because a variable may have the same name.
    """
    match node:
        case ast.Call(func=function, args=arguments, keywords=keywords):
            called = getattr(function, "id", getattr(function, "attr", ""))
            if called in _SETTING:
                for word in keywords:
                    if word.arg in names:
                        yield word.arg, "used"
            texts = arguments[1:2] if called in _BY_NAME else []
        case ast.Subscript(value=ast.Call(func=ast.Name(id=called)), slice=text):
            texts = [text] if called in _NAMESPACES else []
        case _:
            texts = []
    for one in texts:
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value in names:
            yield one.value, "text"


def _is_of(package: str, name: str) -> bool:
    return f"{name}.".startswith(f"{package}.") and name.isprintable() and " " not in name


def shown_path(file: str) -> str:
    """
    Return *file* relative to the current directory, if it is below it.
    """
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file


# Reading.


def _tree_of(file: str) -> ast.Module | None:
    try:
        stat = Path(file).stat()
    except (OSError, ValueError):
        return None
    return _parsed(file, stat.st_mtime_ns, stat.st_size) if stat.st_size <= _MOST_BYTES else None


@lru_cache(64)
def _parsed(file: str, _changed: int, _size: int) -> ast.Module | None:
    try:
        return ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _items(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List | ast.Tuple) else [ast.Starred(node)]


def _has_any(file: str, names: Iterable[str]) -> bool:
    """
    Return whether *file* contains any of *names*. Reading it is much faster than parsing it.
    """
    try:
        text = Path(file).read_bytes()
    except (OSError, ValueError):
        return False
    return any(name.encode() in text for name in names)


def _scope_of(module: str) -> _Scope | None:
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    tree = _tree_of(file) if isinstance(file, str) and file.endswith(".py") else None
    return None if tree is None or loaded is None else _Scope(loaded, cast("str", file), tuple(tree.body))


def _within(outer: _Scope, node: ast.ClassDef) -> _Scope:
    return _Scope(outer.module, outer.file, tuple(node.body), node.name, outer)


def _classes(module: str, class_name: str) -> Iterator[_Scope]:
    """
    Yield the bodies of the class and of its bases, in Python's lookup order.
    """
    found = getattr(sys.modules.get(module), class_name, None) if class_name else None
    for kind in found.__mro__ if isinstance(found, type) else ():
        scope = _scope_of(kind.__module__)
        bound = () if scope is None else scope.bound(kind.__name__)
        for one in bound:
            if isinstance(one.node, ast.ClassDef):
                yield _within(one.scope, one.node)


def _imported(module: ModuleType, node: ast.ImportFrom) -> str:
    """
    Return the full name of the module that *node* imports from; empty if it leads out of the package.
    """
    if not node.level:
        return node.module or ""
    package = (getattr(module, "__package__", None) or "").split(".")
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])]) if base else ""


def _both(condition: str, more: str) -> str:
    return f"({condition}) and ({more})" if condition and more else condition or more


def _pattern_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern_of(part) or "*" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _matching(folder: Path, pattern: str) -> list[str]:
    """
    Return the source files in *folder* that *pattern* names, in the order in which django-split-settings runs them.
    """
    if not pattern.endswith(".py"):
        return []
    try:
        return sorted(str(path) for path in folder.glob(pattern))
    except (OSError, ValueError, NotImplementedError):
        return []


def _value_for(name: str, node: ast.stmt) -> tuple[ast.expr | None] | None:
    """
    Return the expression that the statement *node* assigns to *name*, or (None,) if it is not a plain assignment.
    """
    match node:
        case ast.Assign(targets=targets, value=value):
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return (value,)
            stored = (one for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))
            return (None,) if any(one.id == name and isinstance(one.ctx, ast.Store) for one in stored) else None
        case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
            return (value,)
        case ast.AugAssign(target=ast.Name(id=found)) if found == name:
            return (None,)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=found)))) if found == name:
            return (None,)
        case _:
            return None


def _branches(node: ast.stmt) -> Iterator[tuple[list[ast.stmt], str]]:
    """
    Yield the statements inside *node*, and the condition under which they run (empty if they always do).
    """
    match node:
        case ast.If(test=test):
            yield node.body, ast.unparse(test)
            yield node.orelse, ast.unparse(ast.UnaryOp(ast.Not(), test))
        case ast.With():
            # An expression may have another value outside of it: `with env.prefixed("SHOP_"):`.
            yield node.body, "this with is entered"
        case ast.Try():
            yield node.body, "this try succeeds"
            for handler in node.handlers:
                yield handler.body, "this exception comes"
            yield node.orelse, "this try succeeds"
            yield node.finalbody, ""
        case ast.For() | ast.While():
            yield node.body, "this loop runs"
            yield node.orelse, "this loop runs"
        case ast.Match():
            for case in node.cases:
                yield case.body, "this case is met"
        case _:
            pass


def _imports_followed(bound: _Bound, steps: int = _MOST_STEPS) -> tuple[_Bound, ...]:
    """
    Return the statements in the other module, if *bound* only imports the name from there.
    """
    there = _scope_of(bound.module) if bound.taken and steps else None
    found = () if there is None else there.bound(bound.taken)
    if not found:
        return (bound,)
    followed = chain.from_iterable(_imports_followed(one, steps - 1) for one in found)
    return tuple(one._replace(condition=_both(bound.condition, one.condition)) for one in followed)


def _written(bound: _Bound) -> Written:
    scope, node = bound.scope, bound.node
    how: Literal["=", "+=", ""] = "="
    if bound.value is not None:
        text, parts = ast.unparse(bound.value), [bound.value]
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        how, text, parts = "+=", ast.unparse(node.value), [node.value]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        how, text, parts = "", ast.unparse(node), node.value.args
    else:
        how, text, parts = "", ast.unparse(node).partition(":\n")[0], []
    is_fixed = bool(parts) and not bound.condition and all(map(scope.is_fixed, parts))
    return Written(shown_path(scope.file), node.lineno, text, how, is_fixed, bound.condition, scope.name)


def _is_installed(path: Path) -> bool:
    installed = {"site-packages", "dist-packages"}
    return not installed.isdisjoint(path.parts) or path.is_relative_to(Path(sys.prefix).resolve() / "lib")


def _call_in(frame: FrameType | None) -> tuple[ast.Call | None, _Scope | None]:
    """
    Return the current call in *frame*, and the scope in which its names are looked up.
    """
    if frame is None or frame.f_lasti < 0:
        return None, None
    tree = _tree_of(frame.f_code.co_filename)
    module = sys.modules.get(frame.f_globals.get("__name__", ""))
    if tree is None or module is None:
        return None, None
    place = _position(frame.f_code, frame.f_lasti)
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == place
    ]
    top = _Scope(module, frame.f_code.co_filename, tuple(tree.body))
    line = frame.f_code.co_firstlineno
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    around = next((node for node in functions if _first_line(node) == line and frame.f_code.co_name == node.name), None)
    if around is None:
        return (calls[0] if calls else None), top
    parameters = frozenset(node.arg for node in ast.walk(around.args) if isinstance(node, ast.arg))
    return (calls[0] if calls else None), _Scope(module, top.file, tuple(around.body), "", top, parameters)


def _condition_at(line: int, body: Iterable[ast.stmt]) -> str:
    """
    Return the condition under which *line*, somewhere in *body*, runs; empty if it always does.
    """
    for node in body:
        for inner, when in _branches(node):
            if inner and inner[0].lineno <= line <= (inner[-1].end_lineno or 0):
                # What is written in place of the call is in the same `with`.
                return _both("" if isinstance(node, ast.With) else when, _condition_at(line, inner))
    return ""


def _position(code: CodeType, offset: int) -> tuple[int | None, int | None, int | None, int | None]:
    return [*code.co_positions()][offset // 2]


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min(one.lineno for one in (node, *node.decorator_list))
