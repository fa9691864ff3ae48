"""
What a command line names, as objects: an application, or what guards one.

A name is a TOML file, `module:attribute`, or a Django settings module. The names of modules are found from the current
directory, frameworks are imported only if the user's own code does. What cannot be loaded is a usage error that names
the cause and the fix; a policy that is refused stays a PolicyError, for it is what the command was asked about.
"""

import importlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import click

from corsguard.browser import Application
from corsguard.browser.transports import transport_for
from corsguard.configuration import Configuration
from corsguard.configuration.layers import ENVIRONMENTS, PATHS, POLICIES
from corsguard.errors import PolicyError, Problem
from corsguard.fixes import Form
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL, Origin, OriginPattern
from corsguard.policies import UNCOVERED, Assignment, Configured, Policies, PoliciesLike
from corsguard.policy import Policy
from corsguard.quoting import kind_of, quoted
from corsguard.tags import tag_of
from corsguard.wsgi import CORSMiddleware

from .lines import line_of
from .printing import printable

if TYPE_CHECKING:
    from flask import Flask

Finder = Callable[[Mapping[str, Any]], Assignment]

# What is taken where nothing is named.
DEFAULT_FILE: Final = "cors.toml"
_SETTINGS: Final = "DJANGO_SETTINGS_MODULE"

FORMS: Final = """\
  cors.toml          a TOML file (with --env NAME for one of its environments)
  shop.policies:API  module:attribute: a Policy, a mapping, a guarded WSGI or Flask application
  shop:create_app()  what a factory returns
  mysite.settings    a Django settings module"""

# What Django's own list of defaults has not.
_OWN_SETTINGS: Final = frozenset({"CORSGUARD", "ROOT_URLCONF"})

# The check that finds that nothing is guarded at all.
NO_MIDDLEWARE: Final = "W901"

_ATTRIBUTE: Final = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)(\(\))?", re.ASCII)
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
# How deep a guard may lie under other middlewares.
_MOST_LAYERS: Final = 16
_LAYERS: Final = ("app", "wsgi_app", "application")


class Place(NamedTuple):
    """
    Where a keyword of a policy is said, or would be: its *name* for people, and the *form* it is said in.
    """

    name: str
    form: Form


@dataclass(frozen=True, kw_only=True)
class Guard:
    """
    What a command line named: which policy guards which request.

    *name* is as it was given. *find* takes a WSGI environ and knows the views that have a policy of their own;
    *place_of* takes one of the policies and a keyword. *problems* are what smells: of every policy, and around them.
    """

    name: str
    find: Finder
    place_of: Callable[[Policy, str], Place]
    problems: tuple[Problem, ...]


def load_application(text: str) -> Application:
    """
    Return the WSGI or ASGI application that *text* names: `module:attribute`, or `module:factory()`.

    Raises click.UsageError.
    """
    if _ATTRIBUTE.fullmatch(text) is None:
        raise click.UsageError(
            f"{quoted(text)} names no application. Write module:attribute, such as shop.wsgi:application, or "
            "module:factory() to call what makes it."
        )
    with quiet():
        found = cast("Application", _named(text))
    call = f" If it makes the application, call it: '{text}()'." if not text.endswith(")") else ""
    if call and isinstance(found, FunctionType) and not found.__code__.co_argcount:
        raise click.UsageError(f"{text} is a function without arguments, and no application.{call}")
    if isinstance(cast("object", found), Mapping):
        raise click.UsageError(f"{text} is {kind_of(found)}, and no WSGI or ASGI application.")
    try:
        transport = transport_for(found)
    except (TypeError, ValueError) as error:
        raise click.UsageError(
            printable(f"{text} is no application: {error}{call if callable(found) else ''}")
        ) from None
    if cast("object", transport) is found:
        raise click.UsageError(f"{text} takes one argument, and a WSGI application two, an ASGI one three.{call}")
    return found


def load_guarded(text: str | None = None, environment: str | None = None) -> Guard:
    """
    Return what *text* names, for one *environment* of a TOML file; None names what is found in the current directory.

    Raises click.UsageError, and PolicyError if a policy is refused.
    """
    text = default_policy() if text is None else text
    if is_file(text):
        with quiet():
            return _of_toml(text, environment)
    if environment is not None:
        raise click.UsageError(f"--env {environment} chooses an environment of a TOML file, and {text} is none.")
    if _ATTRIBUTE.fullmatch(text):
        with quiet():
            return _of_object(text, _named(text))
    if _MODULE.fullmatch(text):
        with quiet():
            return _of_settings(text)
    raise click.UsageError(f"{quoted(text)} names no policy. Write one of\n\n{FORMS}")


def guard_of(name: str, application: object) -> Guard | None:
    """
    Return what guards *application*, which `load_application` has returned for *name*; None if nothing known does.
    """
    try:
        with quiet():
            return _of_object(name, application)
    except (click.UsageError, PolicyError):
        # Nothing guards it, or not as we do; what a page gets is told without it.
        return None


def framework_of(application: object) -> Form | None:
    """
    Return whose words *application* is written in, if that is a framework that has an adapter.
    """
    if "flask" in sys.modules and isinstance(application, sys.modules["flask"].Flask):
        return "flask"
    return "django" if type(application).__module__.startswith("django.") else None


def default_policy() -> str:
    """
    Return what is meant where nothing is named. Raises click.UsageError if nothing is there.
    """
    if Path(DEFAULT_FILE).is_file():
        return DEFAULT_FILE
    settings = os.environ.get(_SETTINGS, "")
    if settings:
        return settings
    raise click.UsageError(
        f"There is no {DEFAULT_FILE} in {Path.cwd()}, and {_SETTINGS} is not set. Say where the policy is:\n\n{FORMS}"
    )


def is_module(name: str) -> bool:
    """
    Whether there is a module *name* in the current directory; nothing is imported.
    """
    path = Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def is_file(text: str) -> bool:
    """
    Whether *text* is meant to be a TOML file.
    """
    refuse_python(text)
    with suppress(OSError, ValueError):
        return text.endswith(".toml") or os.sep in text or Path(text).is_file()
    return False


def refuse_python(text: str, attribute: str = "") -> None:
    """
    Raise click.UsageError if *text* names a file of Python, for its module is meant; *attribute* stands for what is
    missing.
    """
    if text.endswith(".py") or ".py:" in text:
        module, _, named = text.partition(".py")
        meant = f"{module.strip('./').replace(os.sep, '.').removesuffix('.__init__')}{named or attribute}"
        raise click.UsageError(f"{quoted(text)} is a file of Python: write the name of its module, {meant}.")


def check_origin(origin: str) -> None:
    """
    Raise click.BadParameter if no page has *origin*.
    """
    if origin == NULL or Origin.parse(origin) is not None:
        return
    try:
        OriginPattern.parse(origin)
    except PolicyError as error:
        problem = error.problems[0]
        message = printable(f"{problem.message} Write {problem.fix}")
        raise click.BadParameter(message, param_hint="--origin") from None
    raise click.BadParameter(f'"{origin}" is a pattern; a page has one origin.', param_hint="--origin")


def there_is_no(file: str) -> click.UsageError:
    """
    Return the error for a *file* that is not there.
    """
    near = get_close_matches(Path(file).stem, [path.stem for path in Path.cwd().glob("*.toml")], 1)
    meant = f" Did you mean {near[0]}.toml?" if near else ""
    return click.UsageError(printable(f"There is no file {file} in {Path.cwd()}.{meant}"))


@contextmanager
def quiet(name: str = "corsguard") -> Generator[None]:
    """
    Keep the log *name*, which says while it is written what the command says itself, from a terminal.

    Where logging is set up, it is written as always.
    """
    logger, handler = logging.getLogger(name), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# Each form


def _of_toml(file: str, environment: str | None) -> Guard:
    if not Path(file).is_file():
        raise there_is_no(file)
    environments = Configuration.environments_of(file)
    if environment not in environments:
        names = [name for name in environments if name is not None]
        if not names:
            raise click.UsageError(f"{file} has no environments. Leave out --env {environment}.")
        near = get_close_matches(environment or "", names, 1) or names
        said = "and none is chosen" if environment is None else f"and none is called {quoted(environment)}"
        raise click.UsageError(f"{file} has the environments {', '.join(names)}, {said}. Write --env {near[0]}.")
    configuration = environments[environment]
    return Guard(
        name=file,
        find=_by_path(configuration.guarded),
        place_of=partial(_place_in_file, configuration, Path(file).read_text(encoding="utf-8")),
        problems=configuration.warnings,
    )


def _place_in_file(configuration: Configuration, text: str, policy: Policy, keyword: str) -> Place:
    """
    Return the line that has the last word on *keyword*, or that of the table where it would stand.
    """
    root: tuple[str, ...] = ()
    if configuration.paths is not None:
        name = next(name for name, other in configuration.policies.items() if other is policy)
        root = (PATHS if name in configuration.paths else POLICIES, name)
    places = [(*root, keyword)]
    if configuration.environment is not None:
        places.insert(0, (ENVIRONMENTS, configuration.environment, *root, keyword))
    said = [line for place in places if (line := line_of(text, place, exact=True)) is not None]
    table = line_of(text, places[-1])
    where = f"line {said[0]}" if said else "at the top" if table is None else f"below line {table}"
    return Place(f"{configuration.source}, {where}", "toml")


def _of_object(name: str, found: object) -> Guard:
    framework = framework_of(found)
    if framework == "flask":
        return _of_flask(name, cast("Flask", found))
    if framework == "django":
        # Whatever made it has set Django up.
        return _of_django(name)
    middleware = _layer(found)
    if middleware is not None:
        return Guard(
            name=name,
            find=middleware.find,
            place_of=_place_of(Place(name, "wsgi")),
            problems=_warnings(("", policy) for policy in middleware.guard.policies.named.values()),
        )
    if isinstance(found, Policy | Policies | Configured | Mapping):
        policies = Policies(cast("PoliciesLike", found))
        return Guard(
            name=name,
            find=_by_path(policies),
            place_of=_place_of(Place(name, "wsgi")),
            problems=_warnings(("", policy) for policy in policies.named.values()),
        )
    raise click.UsageError(_not_guarding(name, found))


def _of_flask(name: str, app: "Flask") -> Guard:
    from corsguard_flask import CORSGuard

    middleware = _layer(app)
    if middleware is None:
        raise click.UsageError(
            f"{name} is a Flask application that nothing guards. Write CORSGuard(app, "
            f'{{"allow_origins": ["{EXAMPLE_ORIGIN}"]}}), or name the policy itself.'
        )
    words: Form = "flask" if isinstance(app.extensions.get("corsguard"), CORSGuard) else "wsgi"
    views = _policies_of_views(app.view_functions.items())
    return Guard(
        name=name,
        find=middleware.find,
        place_of=_place_of(Place(name, words), views),
        problems=_warnings([*(("", policy) for policy in middleware.guard.policies.named.values()), *views]),
    )


def _of_settings(module: str) -> Guard:
    try:
        import django
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
    except ImportError:
        raise click.UsageError(
            f"{module} would be a Django settings module, and Django is not installed here. For an attribute of a "
            f"module write {module}:NAME, for a file its path."
        ) from None
    found = _import(module)
    if settings.configured and os.environ.get(_SETTINGS) != module:
        raise click.UsageError(f"{module}: other settings of Django are loaded already. Give it a run of its own.")
    if not _has_settings(found):
        raise click.UsageError(
            f"{module} is a module without a setting of Django. Name what is in it, such as {module}:app or "
            f"'{module}:create_app()'."
        )
    os.environ[_SETTINGS] = module
    try:
        django.setup()
        return _of_django(module)
    except PolicyError:
        raise
    except ImproperlyConfigured as error:
        raise click.UsageError(printable(f"{module}: Django says: {error}")) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise click.UsageError(_failed(module, error)) from None


def _has_settings(module: ModuleType) -> bool:
    from django.conf import global_settings

    return any(name in _OWN_SETTINGS or hasattr(global_settings, name) for name in dir(module) if name.isupper())


def _of_django(name: str) -> Guard:
    """
    Return what guards this process, with what Django's system checks say of it.
    """
    from django.conf import settings
    from django.urls import get_resolver

    from corsguard_django import checks
    from corsguard_django.middleware import find, name_of, views_of

    problems = checks.problems()
    if any(problem.is_error for problem in problems):
        # With the warnings: whoever mends the errors wants to see them in the same run.
        raise PolicyError(problems)
    views = (
        view for view in (views_of(get_resolver()) if hasattr(settings, "ROOT_URLCONF") else ()) if view is not None
    )
    tagged = _policies_of_views((name_of(view), view) for view in views)
    place_of = _place_of(Place(getattr(settings, "SETTINGS_MODULE", None) or name, "django"), tagged)
    is_absent = any(problem.code == NO_MIDDLEWARE for problem in problems)
    finder: Finder = (lambda _: UNCOVERED) if is_absent else find
    return Guard(name=name, find=finder, place_of=place_of, problems=problems)


def _policies_of_views(views: Iterable[tuple[str, object]]) -> list[tuple[str, Policy]]:
    tags = [(f"view {name}", tag_of(view)) for name, view in views]
    return [(view, tag.policy) for view, tag in tags if tag is not None and isinstance(tag.policy, Policy)]


def _place_of(otherwise: Place, views: Iterable[tuple[str, Policy]] = ()) -> Callable[[Policy, str], Place]:
    tagged = {policy: Place(view, "view") for view, policy in views}
    return lambda policy, _: tagged.get(policy, otherwise)


def _warnings(policies: Iterable[tuple[str, Policy]]) -> tuple[Problem, ...]:
    """
    Return the warnings of *policies*, each of which comes with its place (empty if that goes without saying).
    """
    found = (
        replace(warning, field=f"{place}: {warning.field}") if place else warning
        for place, policy in policies
        for warning in policy.warnings
    )
    return tuple(dict.fromkeys(found))


def _by_path(policies: Policies) -> Finder:
    return CORSMiddleware(_no_application, policies).find


def _no_application(_environ: object, _start_response: object) -> list[bytes]:
    return []


def _layer(found: object) -> CORSMiddleware | None:
    """
    Return the guard in *found*, which other middlewares may lie around.
    """
    for _ in range(_MOST_LAYERS):
        found = getattr(found, "__self__", found)
        if isinstance(found, CORSMiddleware):
            return found
        layers = (vars(found).get(name) for name in _LAYERS) if hasattr(found, "__dict__") else ()
        found = next((layer for layer in layers if layer is not None), None)
    return None


def _not_guarding(name: str, found: object) -> str:
    what = f"{name} is {kind_of(found)}, and guards nothing. "
    if isinstance(found, ModuleType):
        return f"{what}Name an attribute of the module: {name}.policy"
    if callable(found) and not name.endswith(")"):
        return (
            f"{what}If it makes the application, call it: '{name}()'; if it is the application, wrap it: "
            f'CORSMiddleware(application, {{"allow_origins": ["{EXAMPLE_ORIGIN}"]}}).'
        )
    return f"{what}Write one of\n\n{FORMS}"


# Modules and attributes


def _named(text: str) -> object:
    match = _ATTRIBUTE.fullmatch(text)
    module, path, call = match.groups() if match else (text, "", None)
    found: object = _import(module)
    for name in path.split("."):
        if not hasattr(found, name):
            near = get_close_matches(name, [other for other in dir(found) if not other.startswith("__")], 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"{text}: {_shown_of(found)} has no {name}.{meant}")
        found = getattr(found, name)
    if not call:
        return found
    if not callable(found):
        raise click.UsageError(f"{text}: {path} is {kind_of(found)} and cannot be called. Leave out the parentheses.")
    try:
        return found()
    except PolicyError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise click.UsageError(_failed(text, error)) from None


def _import(module: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(module)
    except PolicyError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{module}.".startswith(f"{missing}."):
            raise click.UsageError(_no_module(module, missing)) from None
        raise click.UsageError(
            f"{module} was found, but imports {missing}, which is not there. Install it, or run the command with the "
            f"Python of the application. ({_place(error)})"
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise click.UsageError(_failed(module, error)) from None


def _no_module(module: str, missing: str) -> str:
    there = sorted(
        path.stem for path in Path.cwd().iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    )
    near = get_close_matches(missing, there, 1)
    meant = f" Did you mean {near[0]}?" if near else " Run the command where the module is, or set PYTHONPATH."
    which = "" if missing == module else f" for {module}"
    return f"There is no module {missing}{which} in {Path.cwd()}, nor among what is installed.{meant}"


def _failed(name: str, error: BaseException) -> str:
    last = "".join(traceback.format_exception_only(error)).strip().split("\n")[-1]
    return printable(f"{name} cannot be loaded: {last} ({_place(error)})")


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
