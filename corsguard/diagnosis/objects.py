"""
Loads Python objects by their names on a command line: `module:attribute`, and `module:factory()` for what it returns.

Modules are searched from the current directory. An object that cannot be loaded raises LoadError with the cause and the
fix. A policy that is refused while it is loaded raises PolicyError as usual, because that is what the user asked about.
"""

import importlib
import logging
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final, cast

from corsguard.browser import Application
from corsguard.browser.transports import transport_for
from corsguard.errors import PolicyError
from corsguard.policy import Policy
from corsguard.quoting import kind_of, printable, quoted

_ATTRIBUTE: Final = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)(\(\))?", re.ASCII)
# These names are imported everywhere, and are not guards.
_NO_POLICIES: Final = frozenset({"builtins", "typing", "werkzeug.local", "__future__"})
_MOST_NAMES: Final = 8
_IGNORES_RUN: Final = "FLASK_RUN_FROM_CLI"
_LONGEST_NAME: Final = 200
# Seconds.
LONGEST_IMPORT: Final = 60.0
# What only the settings of Django have.
_OF_SETTINGS: Final = re.compile(r"^(?:ROOT_URLCONF|INSTALLED_APPS|WSGI_APPLICATION)\s*[:=]", re.MULTILINE)
_WSGI_APPLICATION: Final = re.compile(r"^WSGI_APPLICATION\s*=\s*['\"]([\w.]+)\.(\w+)['\"]", re.MULTILINE)
_SETTINGS: Final = "DJANGO_SETTINGS_MODULE"
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class LoadError(Exception):
    """
    The named object cannot be loaded, or is of the wrong kind; the text says what to write instead.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text, keep="\n\t"))


def names_object(text: str) -> bool:
    """
    Return whether *text* has the form `module:attribute` or `module:factory()`; nothing is imported.
    """
    return _ATTRIBUTE.fullmatch(text) is not None


def names_module(text: str) -> bool:
    """
    Return whether *text* has the form of a module's name; nothing is imported.
    """
    return _MODULE.fullmatch(text) is not None


def load_application(text: str) -> Application:
    """
    Return the WSGI or ASGI application that *text* names: `module:attribute`, or `module:factory()`.

    Raises LoadError.
    """
    if not names_object(text):
        raise LoadError(
            f"{quoted(text)} is not the name of an application. Write module:attribute, such as shop.wsgi:application, "
            "or module:factory() to call the function that makes it."
        )
    with quiet():
        found = cast("Application", object_of(text))
    call = f" If it makes the application, write '{text}()'." if not text.endswith(")") else ""
    if call and isinstance(found, FunctionType) and not found.__code__.co_argcount:
        raise LoadError(f"{text} is a function without arguments, not an application.{call}")
    if isinstance(cast("object", found), Mapping):
        raise LoadError(f"{text} is {kind_of(found)}, not a WSGI or ASGI application.")
    try:
        transport = transport_for(found)
    except (TypeError, ValueError) as error:
        raise LoadError(f"{text} is not an application: {error}{call if callable(found) else ''}") from None
    if cast("object", transport) is found:
        raise LoadError(f"{text} takes one argument. A WSGI application takes two, an ASGI application three.{call}")
    return found


def is_module(name: str) -> bool:
    """
    Whether there is a module *name* in the current directory; nothing is imported.
    """
    if not names_module(name) or len(name) > _LONGEST_NAME:
        return False
    path = Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def application_near(module: str) -> str:
    """
    Return what to write in place of *module*, a module in the current directory, to name an application. Nothing is
    imported.
    """
    path = Path(*module.split("."))
    source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
    text = source.read_text(encoding="utf-8", errors="replace")
    if _OF_SETTINGS.search(text):
        named = _WSGI_APPLICATION.search(text)
        neighbour = f"{module.rpartition('.')[0]}.wsgi"
        near = f"{neighbour if is_module(neighbour) else 'mysite.wsgi'}:application"
        return (
            f"{module} has the settings of Django. Name its application: {':'.join(named.groups()) if named else near}."
        )
    neighbour = f"{module.rpartition('.')[0]}.wsgi"
    near = f"{neighbour}:application" if is_module(neighbour) else f"{module}:app, or '{module}:create_app()'"
    return f"{module} is a module, not an application. Name one, such as {near}."


def refuse_python(text: str, attribute: str = "") -> None:
    """
    Raise LoadError if *text* is the name of a Python file, because a module is expected. *attribute* completes the
    proposal.
    """
    if text.endswith(".py") or ".py:" in text:
        module, _, named = text.partition(".py")
        meant = f"{module.strip('./').replace(os.sep, '.').removesuffix('.__init__')}{named or attribute}"
        alone = "" if named or attribute else f":NAME, with the name in it. For Django settings, write {meant}"
        raise LoadError(f"{quoted(text)} is a Python file: write the name of its module, {meant}{alone}.")


@contextmanager
def quiet(name: str = "corsguard") -> Generator[None]:
    """
    Do not print the log *name* on the terminal, because the command itself says the same.

    If the application has configured logging, it is written as usual.
    """
    logger, handler = logging.getLogger(name), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def object_of(text: str) -> object:
    match = _ATTRIBUTE.fullmatch(text)
    module, path, call = match.groups() if match else (text, "", None)
    with _not_serving(module):
        return _attribute_of(text, module, path, is_called=bool(call))


def _attribute_of(text: str, module: str, path: str, *, is_called: bool) -> object:
    found: object = import_module(module)
    for name in path.split("."):
        if not hasattr(found, name):
            near = get_close_matches(name, [other for other in dir(found) if not other.startswith("__")], 1)
            meant = f" Did you mean {near[0]}?" if near else contents_of(found)
            raise LoadError(f"{text}: {_shown_of(found)} has no {name}.{meant}")
        found = getattr(found, name)
    if not is_called:
        return found
    if not callable(found):
        raise LoadError(f"{text}: {path} is {kind_of(found)} and cannot be called. Leave out the parentheses.")
    try:
        return found()
    except PolicyError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise LoadError(failed(text, error)) from None


def contents_of(found: object) -> str:
    """
    Return which applications and policies the module *found* may have, as a sentence, or nothing.
    """
    if not isinstance(found, ModuleType):
        return ""
    objects, factories = list[str](), list[str]()
    for name, value in vars(found).items():
        # Only its type is asked, because a value may be a proxy that raises.
        kind = type(value)
        if name.startswith("_") or issubclass(kind, ModuleType | type):
            continue
        if kind is FunctionType:
            factories += [name] * (value.__module__ == found.__name__)
        elif issubclass(kind, Mapping | Policy) or (callable(value) and kind.__module__ not in _NO_POLICIES):
            objects.append(name)
    names = [*objects, *factories]
    return f" It has {', '.join(names[:_MOST_NAMES])}." if names else ""


def import_module(module: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        with _not_serving(module):
            return importlib.import_module(module)
    except (PolicyError, LoadError):
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{module}.".startswith(f"{missing}."):
            raise LoadError(f"{_no_module(module, missing)} ({message_of_error(error)})") from None
        settings = os.environ.get(_SETTINGS, "")
        if f"{settings}.".startswith(f"{missing}."):
            raise LoadError(
                f"{module} was found, but {_SETTINGS} is {quoted(settings)}, and there is no such module: "
                f"{message_of_error(error)}. {_meant(missing)}"
            ) from None
        raise LoadError(
            f"{module} was found, but imports {missing}, which is not installed. Install it, or run the command with "
            f"the Python of the application. ({message_of_error(error)}; {_place(error)})"
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise LoadError(failed(module, error)) from None


class _TooLong(BaseException):
    """
    Ends the import of a module; a BaseException, so that hardly any code handles it.
    """


@contextmanager
def _not_serving(module: str) -> Generator[None]:
    """
    Do not let *module* start a server while it is imported, or write into our output. Raises LoadError if it takes too
    long.

    Only the main thread can be interrupted.
    """
    before = os.environ.get(_IGNORES_RUN)
    # Flask itself ignores app.run() then, and says so.
    os.environ[_IGNORES_RUN] = "true"
    is_ours = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    is_ours = is_ours and not signal.getitimer(signal.ITIMER_REAL)[0]

    def give_up(*_: object) -> None:
        raise _TooLong

    handler = signal.signal(signal.SIGALRM, give_up) if is_ours else None
    try:
        if is_ours:
            # It repeats, because code may catch everything.
            signal.setitimer(signal.ITIMER_REAL, LONGEST_IMPORT, 1.0)
        with redirect_stdout(sys.stderr):
            yield
    except _TooLong:
        raise LoadError(
            f"{module} was not loaded after {LONGEST_IMPORT:g} seconds. If it starts a server when it is imported, put "
            "that below if __name__ == '__main__':"
        ) from None
    finally:
        if is_ours:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
        if before is None:
            del os.environ[_IGNORES_RUN]
        else:
            os.environ[_IGNORES_RUN] = before


def _no_module(module: str, missing: str) -> str:
    which = "" if missing == module else f" for {module}"
    return f"There is no module {missing}{which} in {Path.cwd()} or in the installed packages. {_meant(missing)}"


def _meant(missing: str) -> str:
    """
    Return the module that is probably meant by *missing*, as a question, or the folder in which to run the command.
    """
    if missing.endswith(".py"):
        return f"Did you mean {missing.removesuffix('.py')}? The name of a module has no .py."
    package, _, name = missing.rpartition(".")
    folder = Path(*package.split(".")) if package else Path.cwd()
    there = sorted(
        path.stem
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    )
    near = get_close_matches(name, there, 1)
    if not near:
        return "Run the command where the module is, or set PYTHONPATH."
    return f"Did you mean {package}{'.' * bool(package)}{near[0]}?"


def message_of_error(error: BaseException) -> str:
    """
    Return the message of *error* with its type, on one line.
    """
    return " ".join("".join(traceback.format_exception_only(error)).split())


def failed(name: str, error: BaseException) -> str:
    # The text of a SyntaxError begins with its place, which is added at the end anyway.
    said = f"SyntaxError: {error.msg}" if isinstance(error, SyntaxError) else message_of_error(error)
    return f"{name} cannot be loaded: {said} ({_place(error)})"


def _place(error: BaseException) -> str:
    """
    Return the file and the line of the user's code that *error* comes from.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    file, line = place_of(error)
    return f"{file}, line {line}" if file else "before any line of it"


def place_of(error: BaseException) -> tuple[str, int]:
    """
    Return the last file and line, outside of this library and of the import system, that *error* went through.
    """
    ours = tuple(
        str(Path(__file__).parents[2] / name) + os.sep for name in ("corsguard", "corsguard_flask", "corsguard_django")
    )
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith((*ours, "<"))]
    theirs = [frame for frame in theirs if not frame.filename.startswith(str(Path(importlib.__file__).parent))]
    return (theirs[-1].filename, theirs[-1].lineno or 1) if theirs else ("", 1)


def _shown_of(found: object) -> str:
    return f"the module {found.__name__}" if isinstance(found, ModuleType) else kind_of(found)
