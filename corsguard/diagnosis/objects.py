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
import time
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
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
# The share of the time in which something that loads uses the processor at least.
_COMPUTES: Final = 0.1
# The folders of installed libraries.
_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})
# What Python calls the code of a module.
_TOP_LEVEL: Final = "<module>"
_BELOW: Final = 'put that below if __name__ == "__main__":'
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


def load_application(text: str, seconds: float = LONGEST_IMPORT) -> Application:
    """
    Return the WSGI or ASGI application that *text* names: `module:attribute`, or `module:factory()`. A module that does
    not compute, but waits, is given up after *seconds*.

    Raises LoadError.
    """
    if not names_object(text):
        raise LoadError(
            f"{quoted(text)} is not the name of an application. Write module:attribute, such as shop.wsgi:application, "
            "or module:factory() to call the function that makes it."
        )
    with quiet():
        found = cast("Application", object_of(text, seconds))
    call = "" if text.endswith(")") else f" If it makes the application, {_how_to_call(text, found)}."
    if call and isinstance(found, FunctionType) and not found.__code__.co_argcount:
        raise LoadError(f"{text} is a function without arguments, not an application.{call}")
    if isinstance(cast("object", found), Mapping):
        raise LoadError(f"{text} is {kind_of(found)}, not a WSGI or ASGI application.")
    try:
        transport = transport_for(found)
    except (TypeError, ValueError) as error:
        if isinstance(cast("object", found), type):
            others = contents_of(import_module(text.partition(":")[0]))
            raise LoadError(f"{text} is a class: name an application, which is an instance.{others}") from None
        others = call if callable(found) else contents_of(import_module(text.partition(":")[0]))
        raise LoadError(f"{text} is not an application: {error}{others}") from None
    if cast("object", transport) is found:
        raise LoadError(f"{text} takes one argument. A WSGI application takes two, an ASGI application three.{call}")
    return found


def _how_to_call(text: str, found: object) -> str:
    needs = isinstance(found, FunctionType) and found.__code__.co_argcount > len(found.__defaults__ or ())
    return "write a function without arguments that calls it, and name that one" if needs else f"write '{text}()'"


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


def object_of(text: str, seconds: float = LONGEST_IMPORT) -> object:
    match = _ATTRIBUTE.fullmatch(text)
    module, path, call = match.groups() if match else (text, "", None)
    with _not_serving(module, seconds):
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
    except PolicyError as error:
        error.add_note(f"{module} was found, and makes a policy that is refused ({_place(error)})")
        raise
    except LoadError:
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
    Ends the import of a module, which was in the *frame*; a BaseException, so that hardly any code handles it.
    """

    def __init__(self, frame: FrameType | None) -> None:
        super().__init__()
        self.frame = frame


@contextmanager
def _not_serving(module: str, seconds: float = LONGEST_IMPORT) -> Generator[None]:
    """
    Do not let *module* start a server while it is imported, or write into our output. Raises LoadError if it waits for
    *seconds*, or takes far too long.

    Only the main thread can be interrupted.
    """
    seconds = min(seconds, LONGEST_IMPORT)
    begun = time.monotonic()
    # The times of the clock and of the processor, at each look.
    looks = [(begun, time.process_time())]
    before = os.environ.get(_IGNORES_RUN)
    # Flask itself ignores app.run() then, and says so.
    os.environ[_IGNORES_RUN] = "true"
    is_ours = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    is_ours = is_ours and not signal.getitimer(signal.ITIMER_REAL)[0]

    def give_up(_: int, frame: FrameType | None) -> None:
        before, worked = looks[-1]
        looks.append((time.monotonic(), time.process_time()))
        now, works = looks[-1]
        # What loads slowly computes, and a server waits. On a busy computer, others compute, too.
        if now - begun > LONGEST_IMPORT or works - worked < (now - before) * _COMPUTES:
            raise _TooLong(frame)

    handler = signal.signal(signal.SIGALRM, give_up) if is_ours else None
    try:
        if is_ours:
            # It repeats, because code may catch everything.
            signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
        with redirect_stdout(sys.stderr):
            yield
    except _TooLong as late:
        raise LoadError(
            f"{module} was not loaded after {time.monotonic() - begun:.0f} seconds{_line_of(late.frame)}. If it only "
            f"needs more time: --timeout. If it starts a server when it is imported, {_BELOW}"
        ) from None
    finally:
        if is_ours:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
        if before is None:
            del os.environ[_IGNORES_RUN]
        else:
            os.environ[_IGNORES_RUN] = before


def _line_of(frame: FrameType | None) -> str:
    """
    Return the line of a module that *frame* was called from, as the rest of a sentence; empty if there is none.
    """
    while frame is not None:
        if frame.f_code.co_name == _TOP_LEVEL and not frame.f_code.co_filename.startswith("<"):
            return f", because of {frame.f_code.co_filename}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""


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
    place = _place(error)
    ends = f" It ends the process while it is imported: {_BELOW}" if isinstance(error, SystemExit) else ""
    return f"{name} cannot be loaded: {said}{f' ({place})' if place else ''}{ends}"


def _place(error: BaseException) -> str:
    """
    Return the file and the line of the user's code that *error* comes from.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    file, line = _place_of_exit(error) if isinstance(error, SystemExit) else place_of(error)
    return f"{file}, line {line}" if file else ""


def _place_of_exit(error: SystemExit) -> tuple[str, int]:
    """
    Return the line of a module that led to *error*, which most often is raised by a library (argparse).
    """
    frames = traceback.extract_tb(error.__traceback__)
    modules = [frame for frame in frames if frame.name == _TOP_LEVEL and not frame.filename.startswith("<")]
    return (modules[-1].filename, modules[-1].lineno or 1) if modules else place_of(error)


def place_of(error: BaseException) -> tuple[str, int]:
    """
    Return the last file and line that *error* went through in the user's own code, or else outside of this library and
    of the import system.
    """
    ours = tuple(
        str(Path(__file__).parents[2] / name) + os.sep for name in ("corsguard", "corsguard_flask", "corsguard_django")
    )
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith((*ours, "<"))]
    theirs = [frame for frame in theirs if not frame.filename.startswith(str(Path(importlib.__file__).parent))]
    last = ([frame for frame in theirs if not _is_installed(frame.filename)] or theirs)[-1:]
    return next(((frame.filename, frame.lineno or 1) for frame in last), ("", 1))


def _is_installed(file: str) -> bool:
    """
    Whether *file* is of a library, or of Python itself.
    """
    return file.startswith(str(Path(os.__file__).parent) + os.sep) or not _PACKAGES.isdisjoint(Path(file).parts)


def _shown_of(found: object) -> str:
    return f"the module {found.__name__}" if isinstance(found, ModuleType) else kind_of(found)
