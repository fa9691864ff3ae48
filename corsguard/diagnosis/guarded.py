"""
Loads what guards an application: which policy covers a request, and where that policy is written.

Its name is a TOML file, `module:attribute`, or a Django settings module. Frameworks are imported only if the user's own
code imports them. Raises LoadError for what cannot be loaded; a refused policy raises PolicyError as usual.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from corsguard import asgi
from corsguard.applications import is_async, layers_of
from corsguard.browser.urls import Url
from corsguard.configuration import Configuration
from corsguard.configuration.layers import ENVIRONMENTS, POLICIES
from corsguard.configuration.positions import Positions
from corsguard.errors import PolicyError, Problem
from corsguard.fixes import Fix, Form
from corsguard.hosts import StoredHosts
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.policies import (
    NAMELESS,
    UNCOVERED,
    Assignment,
    Configured,
    Guarding,
    Policies,
    PoliciesLike,
    text_of_path,
)
from corsguard.policy import Policy
from corsguard.protection import CrossOriginProtection, is_handshake
from corsguard.quoting import kind_of, quoted
from corsguard.tags import name_of, tag_of
from corsguard.wsgi import CORSMiddleware

from .objects import (
    LoadError,
    contents_of,
    failed,
    import_module,
    message_of_error,
    names_module,
    names_object,
    object_of,
    quiet,
    refuse_python,
)
from .predecessors import library_in, predecessor_of

if TYPE_CHECKING:
    from flask import Flask
    from starlette.applications import Starlette

Finder = Callable[[Mapping[str, Any]], Assignment]

# The defaults, if no name is given.
DEFAULT_FILE: Final = "cors.toml"
_SETTINGS: Final = "DJANGO_SETTINGS_MODULE"
_CONFIGURATION: Final = "DJANGO_CONFIGURATION"

FORMS: Final = """\
  cors.toml          a TOML file
  shop.policies:API  module:attribute: a Policy, a mapping, an application
  shop:create_app()  the result of a factory
  mysite.settings    a Django settings module"""

# Settings that Django's own defaults do not have.
_OWN_SETTINGS: Final = frozenset({"CORSGUARD", "ROOT_URLCONF"})

# The system check that reports that nothing is guarded.
_NO_MIDDLEWARE: Final = "W901"
# The one that finds a tag that has no effect.
_MISPLACED_TAG: Final = "E901"

_FRAMEWORKS: Final[Mapping[Form, str]] = {"flask": "Flask", "fastapi": "FastAPI or Starlette"}


class Place(NamedTuple):
    """
    Where a keyword of a policy is written, or would be: its *name* for people, and the *form* that it is written in.
    *table* are the keys that lead there.
    """

    name: str
    form: Form
    table: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """
    What a name stands for: which policy guards which request.

    *name* is the name as it was given. *find* takes a WSGI environ and knows the views that have their own policy;
    *place_of* takes what *find* returns and a keyword. *problems* are the warnings of every policy; *around* those that
    only a framework can know. *absent* is the warning that nothing uses the policies at all. *protection* decides which
    requests may act, if there is any. *policies* are those by path or host, without views; *tagged* are the views that
    have their own. *other_layer* is a library that sets CORS headers, too.
    """

    name: str
    find: Finder
    place_of: Callable[[Assignment, str], Place]
    problems: tuple[Problem, ...]
    around: tuple[Problem, ...] = ()
    absent: Problem | None = None
    protection: CrossOriginProtection | None = None
    policies: Policies = field(default_factory=Policies)
    tagged: tuple[str, ...] = ()
    other_layer: str = ""

    @property
    def store(self) -> str:
        """
        What is called for the policy of a host, such as `shop.Tenants.policy_of`; empty if the hosts are listed.
        """
        return _store_of(self.policies)

    def host_in(self, url: Url | None) -> str | None:
        """
        Return the host of *url*, with its port, if the policies depend on the host.
        """
        goes_by_host = self.policies.table.hosts is not None
        return url.origin.partition("://")[2] or None if goes_by_host and url is not None else None


def load_guarded(text: str | None = None, environment: str | None = None) -> Guarded:
    """
    Return what *text* names, for one *environment* of a TOML file; None names what is found in the current directory.

    Raises LoadError, and PolicyError if a policy is refused.
    """
    text = default_policy() if text is None else text
    if is_file(text):
        with quiet():
            return _of_toml(text, environment)
    if environment is not None:
        raise LoadError(f"--env {environment} chooses an environment of a TOML file, and {text} is not a TOML file.")
    if names_object(text):
        with quiet():
            return _of_object(text, object_of(text))
    if names_module(text):
        with quiet():
            return _of_settings(text)
    raise LoadError(f"{quoted(text)} is not the name of a policy. Write one of\n\n{FORMS}")


def guarded_by(policy: Guarded | PoliciesLike | str, environment: str | None = None) -> Guarded:
    """
    Return the Guarded for *policy*: a Guarded itself, policies, or a name. Raises LoadError and PolicyError.
    """
    if isinstance(policy, Guarded):
        return policy
    return load_guarded(policy, environment) if isinstance(policy, str) else _of_object("the policy", policy)


def guard_of(name: str, application: object) -> Guarded | None:
    """
    Return what guards *application*, which `load_application` has returned for *name*; None if nothing known does.

    Raises LoadError if Django cannot load the URLconf, or anything else of the project, because it then answers no
    request.
    """
    # A diagnosis works without a guard.
    with quiet():
        if framework_of(application) == "django":
            with _loading_django(name), suppress(PolicyError):
                return _served_by_django(name)
            return None
        with suppress(LoadError, PolicyError):
            return _of_object(name, application)
        return None


def framework_of(application: object) -> Form | None:
    """
    Return the framework of *application*, if it is one that has an adapter.
    """
    if "flask" in sys.modules and isinstance(application, sys.modules["flask"].Flask):
        return "flask"
    if _is_starlette(application):
        return "fastapi"
    return "django" if type(application).__module__.startswith("django.") else None


def default_policy() -> str:
    """
    Return the name that is used if none is given. Raises LoadError if there is no default.
    """
    if Path(DEFAULT_FILE).is_file():
        return DEFAULT_FILE
    settings = os.environ.get(_SETTINGS, "")
    if settings:
        return settings
    raise LoadError(
        f"There is no {DEFAULT_FILE} in {Path.cwd()}, and {_SETTINGS} is not set. Say where the policy is:\n\n{FORMS}"
    )


def is_file(text: str) -> bool:
    """
    Whether *text* is meant to be a TOML file.
    """
    refuse_python(text)
    with suppress(OSError, ValueError):
        return text.endswith(".toml") or os.sep in text or Path(text).is_file()
    return False


def missing_file(file: str) -> LoadError:
    """
    Return the error for a *file* that does not exist.
    """
    near = get_close_matches(Path(file).stem, [path.stem for path in Path.cwd().glob("*.toml")], 1)
    meant = f" Did you mean {near[0]}.toml?" if near else ""
    return LoadError(f"There is no file {file} in {Path.cwd()}.{meant}")


# Each form


def _of_toml(file: str, environment: str | None) -> Guarded:
    if not Path(file).is_file():
        raise missing_file(file)
    environments = Configuration.environments_of(file)
    return _of_environment(file, environments, Path(file).read_text(encoding="utf-8"), environment)


def guarded_in(text: str, name: str, environment: str | None = None) -> Guarded:
    """
    Return the Guarded for the TOML *text* with the name *name*, for one *environment* of it.

    Raises LoadError if there is no such environment, and PolicyError if a policy is refused.
    """
    return _of_environment(name, Configuration.environments_in(text, name), text, environment)


def _of_environment(
    file: str, environments: Mapping[str | None, Configuration], text: str, environment: str | None
) -> Guarded:
    if environment not in environments:
        names = [name for name in environments if name is not None]
        if not names:
            raise LoadError(f"{file} has no environments. Leave out --env {environment}.")
        near = get_close_matches(environment or "", names, 1) or names
        said = "and none is chosen" if environment is None else f"and none is called {quoted(environment)}"
        raise LoadError(f"{file} has the environments {', '.join(names)}, {said}. Write --env {near[0]}.")
    configuration = environments[environment]
    return Guarded(
        name=file,
        find=_by_path(configuration.guarded),
        place_of=partial(_place_in_file, configuration, text),
        problems=configuration.warnings,
        protection=configuration.protection,
        policies=configuration.guarded,
    )


def _place_in_file(configuration: Configuration, text: str, there: Assignment, keyword: str) -> Place:
    """
    Return the line that decides *keyword*, or the line of the table where it would stand.
    """
    name = next(name for name, other in configuration.policies.items() if other is there.policy)
    places = [(*configuration.places[name], keyword)]
    if configuration.environment is not None:
        override = (POLICIES, name) if configuration.places[name] else ()
        places.insert(0, (ENVIRONMENTS, configuration.environment, *override, keyword))
    positions = Positions(text)
    said = [(line, place) for place in places if (line := positions.line_of(place, exact=True)) is not None]
    table = positions.line_of(places[-1])
    where = f"line {said[0][0]}" if said else "at the top" if table is None else f"below line {table}"
    return Place(f"{configuration.source}, {where}", "toml", (said[0][1] if said else places[-1])[:-1])


def _of_object(name: str, found: object) -> Guarded:
    framework = framework_of(found)
    if framework == "django":
        # The code that made it has set up Django.
        with _loading_django(name):
            return _of_django(name)
    layer = _layer(name, found)
    if layer is not None:
        guarded = _of_layer(name, layer) if framework != "flask" else _of_flask(name, layer, cast("Flask", found))
        return replace(guarded, other_layer=library_in(found))
    if framework is not None:
        if predecessor := predecessor_of(found, name):
            raise LoadError(f"{name} is a {_FRAMEWORKS[framework]} application. {predecessor.advice}")
        if not is_known(found):
            raise LoadError(
                f"{name} is a {_FRAMEWORKS[framework]} application, and what guards it is not known, because the "
                f"command cannot look into {kind_of(vars(found)['wsgi_app'])} around it. Give the name of the policy "
                "itself."
            )
        raise LoadError(
            f"{name} is a {_FRAMEWORKS[framework]} application that nothing guards. Write "
            f"{'; '.join(lines_for_tagged_views(found)) or _begun(framework)}, or give "
            "the name of the policy itself."
        )
    if isinstance(found, Policy | Policies | Configured | Mapping):
        policies = Policies(cast("PoliciesLike", found))
        return Guarded(
            name=name,
            find=_by_path(policies),
            place_of=_place_of(Place(name, "wsgi"), policies),
            problems=_warnings(("", policy) for policy in policies.named.values()),
            protection=_protection_of(policies),
            policies=policies,
        )
    raise LoadError(_not_guarding(name, found))


def _protection_of(policies: Policies) -> CrossOriginProtection | None:
    said = policies.table.protection
    return said if isinstance(said, CrossOriginProtection) else None


class _Layer(NamedTuple):
    """
    The guard in an application, the *form* that its policy is written in, and the *views* by name, which may have their
    own policies.
    """

    middleware: CORSMiddleware | asgi.CORSMiddleware
    form: Form
    views: Iterable[tuple[str, object]] = ()


def _of_layer(name: str, layer: _Layer) -> Guarded:
    middleware, tagged = layer.middleware, _policies_of_views(layer.views)
    policies = middleware.guard.policies
    return Guarded(
        name=name,
        find=middleware.find if isinstance(middleware, CORSMiddleware) else partial(_find_in_asgi, middleware),
        place_of=_place_of(Place(name, layer.form), policies, tagged),
        problems=_warnings([*(("", policy) for policy in policies.named.values()), *tagged]),
        protection=middleware.guard.protection,
        policies=policies,
        tagged=_names_of(tagged),
    )


def _of_flask(name: str, layer: _Layer, app: "Flask") -> Guarded:
    from corsguard_flask import CORSGuard
    from corsguard_flask.predecessor import unread

    is_extension = isinstance(app.extensions.get("corsguard"), CORSGuard)
    form: Form = "flask" if is_extension else "wsgi"
    guarded = _of_layer(name, layer._replace(form=form, views=app.view_functions.items()))
    around = tuple(unread(app, has_policy=layer.middleware.guard.policies.policy is not None))
    return replace(guarded, problems=(*guarded.problems, *around), around=around)


def _is_starlette(application: object) -> bool:
    applications = sys.modules.get("starlette.applications")
    return applications is not None and isinstance(application, applications.Starlette)


def _in_starlette(name: str, app: "Starlette") -> _Layer | None:
    """
    Return the guard of *app*, or the one that was added to it. Starlette creates an added one only when *app* is first
    called.
    """
    guard = getattr(app.state, "corsguard", None)
    if isinstance(guard, asgi.CORSMiddleware):
        return _Layer(guard, "fastapi", _endpoints_of(app))
    for added, arguments, keywords in app.user_middleware:
        if isinstance(added, type) and issubclass(added, asgi.CORSMiddleware) and added is not asgi.CORSGuard:
            try:
                middleware = added(app, *arguments, **keywords)
            except TypeError as error:
                raise LoadError(
                    f"{name}: app.add_middleware(CORSMiddleware, ...) has wrong arguments: {error}"
                ) from None
            except PolicyError:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a subclass is the user's code
                raise LoadError(failed(name, error)) from None
            return _Layer(middleware, "add_middleware", _endpoints_of(app))
    return None


def _endpoints_of(app: object) -> Iterable[tuple[str, object]]:
    if "starlette.applications" not in sys.modules:
        return ()
    from corsguard.endpoints import routing_of, served_by

    routing = routing_of(app)
    return () if routing is None else ((name_of(endpoint), endpoint) for _, _, endpoint in served_by(routing))


def _find_in_asgi(middleware: asgi.CORSMiddleware, environ: Mapping[str, Any]) -> Assignment:
    """
    Return the policy for the request *environ*, which an ASGI server would pass as a scope.
    """
    headers = [
        (key.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin-1", "replace"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    return middleware.find(
        {
            "type": "websocket" if is_handshake(environ) else "http",
            "method": environ["REQUEST_METHOD"],
            "path": text_of_path(environ.get("PATH_INFO", "")),
            "headers": headers,
        }
    )


def set_up_django(module: str) -> None:
    """
    Set up Django with the settings *module*. Raises LoadError, and PolicyError if the settings raise it.
    """
    try:
        import django
        from django.conf import settings
    except ImportError:
        raise LoadError(
            f"{module} would be a Django settings module, and Django is not installed here. Name what is in it, such "
            f"as {module}:app or '{module}:create_app()'."
        ) from None
    if os.environ.get(_CONFIGURATION) and not settings.configured:
        _install_configurations(module)
    found = import_module(module)
    if settings.configured and os.environ.get(_SETTINGS) != module:
        raise LoadError(
            f"{module}: other Django settings are loaded already. Run the command once for each settings module."
        )
    if not _has_settings(found):
        raise LoadError(
            f"{module} is a module without any Django setting. Name something in it, such as {module}:app or "
            f"'{module}:create_app()'.{contents_of(found)}"
        )
    os.environ[_SETTINGS] = module
    with _loading_django(module):
        django.setup()


def _of_settings(module: str) -> Guarded:
    set_up_django(module)
    with _loading_django(module):
        return _of_django(module)


@contextmanager
def _loading_django(module: str) -> Generator[None]:
    """
    Turn each exception inside, except PolicyError, into a LoadError that names *module*.
    """
    from django.core.exceptions import ImproperlyConfigured

    try:
        yield
    except PolicyError:
        raise
    except ImproperlyConfigured as error:
        raise LoadError(f"{module}: {message_of_error(error)}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        raise LoadError(failed(module, error)) from None


def _install_configurations(module: str) -> None:
    """
    Let django-configurations create the settings from a class in *module*, as its own `manage.py` does.
    """
    os.environ[_SETTINGS] = module
    with suppress(ImportError):
        import_module("configurations.importer").install()


def _has_settings(module: ModuleType) -> bool:
    from django.conf import global_settings

    return any(name in _OWN_SETTINGS or hasattr(global_settings, name) for name in dir(module) if name.isupper())


def _of_django(name: str) -> Guarded:
    """
    Return what guards this process, with the results of Django's system checks. Raises PolicyError for their errors.
    """
    from corsguard_django import checks

    problems = checks.problems()
    if any(problem.is_error for problem in problems):
        # The warnings too: anyone who fixes the errors wants to see them in the same run.
        raise PolicyError(problems)
    return _of_checks(name, problems)


def _served_by_django(name: str) -> Guarded:
    """
    Return the same if the checks find an error in a view. The guard closes that view, and guards all others.
    """
    from corsguard_django import checks

    problems = checks.problems()
    if any(problem.is_error and problem.code != _MISPLACED_TAG for problem in problems):
        raise PolicyError(problems)
    return _of_checks(name, problems)


def _of_checks(name: str, problems: tuple[Problem, ...]) -> Guarded:
    from django.conf import settings
    from django.urls import get_resolver

    from corsguard_django import checks
    from corsguard_django.conf import process
    from corsguard_django.middleware import find, views_of

    views = (
        view for view in (views_of(get_resolver()) if hasattr(settings, "ROOT_URLCONF") else ()) if view is not None
    )
    tagged = _policies_of_views((name_of(view), view) for view in views)
    place, policies = Place(getattr(settings, "SETTINGS_MODULE", None) or name, "django"), process.guard.policies
    absent = next((problem for problem in problems if problem.code == _NO_MIDDLEWARE), None)
    finder: Finder = find if absent is None else (lambda _: UNCOVERED)
    return Guarded(
        name=name,
        find=finder,
        place_of=_place_of(place, policies, tagged),
        problems=problems,
        around=tuple(problem for problem in problems if problem.code in checks.RULES),
        absent=absent,
        protection=process.guard.protection if absent is None else None,
        policies=policies,
        tagged=_names_of(tagged),
    )


def _policies_of_views(views: Iterable[tuple[str, object]]) -> list[tuple[str, Policy]]:
    tags = [(f"view {name}", tag_of(view)) for name, view in views]
    return [(view, tag.policy) for view, tag in tags if tag is not None and isinstance(tag.policy, Policy)]


def _names_of(tagged: Iterable[tuple[str, Policy]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(view.removeprefix("view ") for view, _ in tagged))


def _place_of(
    otherwise: Place, policies: Policies, views: Iterable[tuple[str, Policy]] = ()
) -> Callable[[Assignment, str], Place]:
    tagged: dict[Guarding, Place] = {policy: Place(view, "view") for view, policy in views}
    store = _store_of(policies)

    def place_of(there: Assignment, _: str) -> Place:
        of_host = Place(f"what {store} returns for {there.name}", "python")
        return tagged.get(there.policy) or (of_host if store else _within(otherwise, policies, there))

    return place_of


def _within(place: Place, policies: Policies, there: Assignment) -> Place:
    """
    Return where the policy of *there* is among the *policies* at *place*.
    """
    for host, table in policies.table.by_host.items():
        of_host = ("hosts", host) if host else ()
        for prefix, other in table.by_prefix.items():
            if (other.name, other.policy) != (there.name, there.policy):
                continue
            if there.name in {NAMELESS, host}:
                return place._replace(table=of_host)
            if there.name == f"{host}{prefix}":
                return place._replace(table=(*of_host, "paths", prefix))
            # Only a configuration gives other names.
            return Place(f"the policy {there.name} of {place.name}", "python")
    return place


def _store_of(policies: Policies) -> str:
    hosts = policies.table.hosts
    return f"{name_of(type(hosts.store))}.policy_of" if isinstance(hosts, StoredHosts) else ""


def _warnings(policies: Iterable[tuple[str, Policy]]) -> tuple[Problem, ...]:
    """
    Return the warnings of *policies*, which are pairs of place and policy (the place is empty if there is only one).
    """
    found = (
        replace(warning, field=f"{place}: {warning.field}") if place else warning
        for place, policy in policies
        for warning in policy.warnings
    )
    return tuple(dict.fromkeys(found))


def _by_path(policies: Policies) -> Finder:
    return lambda environ: policies.table.ask(environ.get("HTTP_HOST")).find(text_of_path(environ.get("PATH_INFO", "")))


def _layer(name: str, found: object) -> _Layer | None:
    """
    Return the guard in *found*, also from under other middlewares.
    """
    for layer in layers_of(found):
        if isinstance(layer, CORSMiddleware):
            return _Layer(layer, "wsgi")
        if isinstance(layer, asgi.CORSMiddleware):
            form: Form = "fastapi" if isinstance(layer, asgi.CORSGuard) else "asgi"
            return _Layer(layer, form, _endpoints_of(layer.app))
        if _is_starlette(layer):
            return _in_starlette(name, cast("Starlette", layer))
        if _dispatches(layer):
            return None
    return None


def _dispatches(found: object) -> bool:
    """
    Whether *found* passes requests on to several applications, such as Werkzeug's DispatcherMiddleware.
    """
    return hasattr(found, "__dict__") and isinstance(vars(found).get("mounts"), Mapping)


def is_known(application: object) -> bool:
    """
    Return whether the layers around *application*, an application of a framework, can be inspected.
    """
    # A replacement of Flask's own method may be anything.
    return not hasattr(application, "__dict__") or "wsgi_app" not in vars(application)


def lines_for_tagged_views(application: object) -> tuple[str, ...]:
    """
    Return the lines that an application of Flask, FastAPI or Starlette still needs if its views have policies of their
    own. Return nothing if none has.
    """
    form = framework_of(application)
    if form is None or form not in _FRAMEWORKS:
        return ()
    views = cast("Flask", application).view_functions.items() if form == "flask" else _endpoints_of(application)
    if all(tag_of(view) is None for _, view in views):
        return ()
    return *Fix(form=form).begun()[:-1], "CORSGuard(app)  # its views have policies of their own by @cors"


def _begun(form: Form) -> str:
    return "; ".join(Fix(policy={"allow_origins": [EXAMPLE_ORIGIN]}, form=form).begun())


def _not_guarding(name: str, found: object) -> str:
    what = f"{name} is {kind_of(found)}, and does not guard anything. "
    if callable(found) and (predecessor := predecessor_of(found, name)):
        return f"{name} is {kind_of(found)}. {predecessor.advice}"
    if isinstance(found, ModuleType):
        return f"{what}Name an attribute of the module: {name}.policy"
    if callable(found) and not isinstance(found, type):
        # A callable may have any layers inside.
        what = f"{name} is {kind_of(found)}, and what guards it is not known, because the command cannot look into it. "
    if callable(found) and not name.endswith(")"):
        return (
            f"{what}If it makes the application, write '{name}()'. If it is the application, wrap it: "
            f"{_begun('asgi' if is_async(found) else 'wsgi')}."
        )
    return f"{what}Write one of\n\n{FORMS}"
