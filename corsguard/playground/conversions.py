"""
Writes one configuration in the form of each framework and gateway, as code to paste.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from corsguard.configuration import Configuration
from corsguard.errors import PolicyError
from corsguard.gateways import Source, export
from corsguard.policies import UNGUARDED
from corsguard.policy import Policy
from corsguard.validation import DEFAULTS

_WIDTH: Final = 88
_PROTECTION: Final = ("mode", "exempt", "methods")
_PYTHON: Final = {
    "Flask": "from flask import Flask\n\nfrom corsguard_flask import CORSGuard\n\napp = Flask(__name__)\n"
    "CORSGuard(app, {policy}{protection})",
    "Django": 'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]\nCORSGUARD = {policy}{setting}',
    "FastAPI": "from fastapi import FastAPI\n\nfrom corsguard.asgi import CORSGuard\n\napp = FastAPI()\n"
    "CORSGuard(app, {policy}{protection})",
    "WSGI": "from corsguard import CORSMiddleware\n\napplication = CORSMiddleware(application, {policy}{protection})",
}


class Conversion(NamedTuple):
    """
    The *text* to paste for the framework or gateway *title*; if it *is_refused*, the reason why there is none.
    """

    title: str
    text: str
    is_refused: bool = False


def conversions(configuration: Configuration) -> Iterator[Conversion]:
    """
    Yield *configuration* for Flask, Django, FastAPI, WSGI, and for nginx in front of any of these.
    """
    try:
        policies = configuration.guarded
    except PolicyError as error:
        yield Conversion("Python", str(error), is_refused=True)
        return
    protection = configuration.protection
    said = None if protection is None else {name: _plain(getattr(protection, name)) for name in _PROTECTION}
    words = {
        "policy": _laid_out(_mapping(configuration)),
        "protection": "" if said is None else f", protection={_laid_out(said)}",
        "setting": "" if said is None else f"\nCORSGUARD_PROTECTION = {_laid_out(said)}",
    }
    for title, template in _PYTHON.items():
        text = template
        for name, value in words.items():
            text = text.replace(f"{{{name}}}", value)
        yield Conversion(title, text)
    try:
        files = export("nginx", policies, Source(configuration.source, configuration.environment))
    except PolicyError as error:
        yield Conversion("nginx", str(error), is_refused=True)
    else:
        yield Conversion("nginx", "\n".join(f"# ==> {name} <==\n{text}" for name, text in files.items()))


def toml_of(policies: Any) -> str:  # noqa: ANN401 - what Policies holds
    """
    Return *policies* as TOML: a Policy, or a mapping from path prefix or from host.

    Raises TypeError if only Python can express them: an origin source, or a store of hosts.
    """
    configuration = Configuration.from_mapping(_keywords(policies))
    return str(configuration).partition("\n")[2].lstrip("\n") + "\n"


def _keywords(there: Any) -> Any:  # noqa: ANN401 - what Policies holds
    match there:
        case Policy():
            said = _said(there)
            if not isinstance(said.get("allow_origins", []), str | list):
                raise TypeError(
                    "The policy has an origin source, which only Python can express. Name a policy with a list, or "
                    "use corsguard explain, which asks the source."
                )
            return said
        case Mapping() if "hosts" in there:
            hosts = there["hosts"]
            if not isinstance(hosts, Mapping):
                raise TypeError(
                    "The policies of hosts come from a store, which only Python can express. Name a policy, or use "
                    "corsguard explain, which asks the store."
                )
            return {"hosts": {host: _keywords(below) for host, below in hosts.items()}}
        case Mapping():
            return {"paths": {prefix: _keywords(below) for prefix, below in there.items()}}
        case None:
            return "none"
        case _:
            return there


def _mapping(configuration: Configuration) -> dict[str, Any]:
    """
    Return the form that every carrier takes: the keywords of the one policy, or those of each path or host.
    """

    def at(name: str | None) -> Any:  # noqa: ANN401 - what is at a path
        return name if name is None or name == UNGUARDED else _said(configuration.policies[name])

    if configuration.hosts is not None:
        hosts = {
            host: {"paths": {prefix: at(name) for prefix, name in there.items()}}
            if isinstance(there, Mapping)
            else at(there)
            for host, there in configuration.hosts.items()
        }
        return {"hosts": hosts}
    if configuration.paths is not None:
        return {"paths": {prefix: at(name) for prefix, name in configuration.paths.items()}}
    return _said(*configuration.policies.values())


def _said(policy: Policy) -> dict[str, Any]:
    return {
        name: _plain(getattr(policy, name)) for name, default in DEFAULTS.items() if _differs(policy, name, default)
    }


def _differs(policy: Policy, name: str, default: object) -> bool:
    return bool(getattr(policy, name) != default)


def _plain(value: Any) -> Any:  # noqa: ANN401 - what a policy holds
    if isinstance(value, Mapping):
        return dict(value)
    return [*value] if isinstance(value, tuple | frozenset) else value


def _laid_out(value: object, indent: str = "") -> str:
    """
    Return *value* as Python, on one line if it is short.
    """
    flat = _flat(value)
    if len(indent) + len(flat) <= _WIDTH and not (isinstance(value, dict) and len(value) > 1 and not indent):
        return flat
    inner = f"{indent}    "
    items: Iterable[str]
    if isinstance(value, dict):
        items = (f"{inner}{_flat(key)}: {_laid_out(item, inner)},\n" for key, item in value.items())
        return f"{{\n{''.join(items)}{indent}}}"
    if isinstance(value, list):
        items = (f"{inner}{_laid_out(item, inner)},\n" for item in value)
        return f"[\n{''.join(items)}{indent}]"
    return flat


def _flat(value: object) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return f"{{{', '.join(f'{_flat(key)}: {_flat(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flat, value))}]"
        case _:
            return repr(value)
