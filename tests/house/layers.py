"""
The layers of the house: the layer of each module, and what each module may import from outside.

A module is a file of `corsguard`, or a folder with everything in it, or one of the two other packages. A new file in a
folder that is listed needs no line here.
"""

from pathlib import Path

import corsguard

ROOT = Path(corsguard.__file__).parent.parent
PACKAGES = ("corsguard", "corsguard_django", "corsguard_flask")

# From low to high: a module imports from its own layer and from lower ones, never from higher ones. Within a layer no
# files import each other in a circle. A listed module need not exist.
LAYERS = {
    "facts": "applications errors fixes names quoting suffixes manual",
    "policy": "origin memory hosts expressions mistakes audience validation policy",
    "decisions": "negotiation policies protection tags explanation journal",
    "guard": "guard",
    "carriers": "endpoints wsgi asgi",
    "loaded when asked": "sources redis_origins configuration moving",
    "doors": "__init__ adapters",
    "frameworks": "corsguard_flask corsguard_django",
    "gateways": "gateways",
    "browser": "attacks browser",
    "judges": "diagnosis audit testing pytest_plugin",
    "commands": "cli playground __main__",
}
# The one exception to the direction: the grammar asks what an operator meant by a text outside of it.
GOES_UP = {("origin", "mistakes")}
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules.split()}
# Packages that a module may import, apart from ours and Python's own.
THIRD_PARTY = {
    "origin": "idna",
    "mistakes": "idna",
    "suffixes": "publicsuffixlist",
    "browser": "ada_url httpx",
    "redis_origins": "redis",
    "endpoints": "starlette",
    "pytest_plugin": "django pytest",
    "corsguard_flask": "blinker flask werkzeug",
    "corsguard_django": "asgiref django",
    "diagnosis": "django flask starlette",
    "cli": "click rich",
}
# All that the package of a framework may import of ours. A third party could write the same. It is imported at the head
# of a file, in a function, or in the package's own translation, which is only loaded when somebody asks for it.
DOORS = {"corsguard", "corsguard.adapters"}
LAZY_DOORS = {"corsguard.configuration", "corsguard.moving"}


def files(*packages):
    """
    Return every Python file of *packages*, or of all of ours.
    """
    return sorted(path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path):
    """
    Return the name of the file *path* in the tables: "browser.page", "browser" for its door, "__init__" for ours.
    """
    package, *rest = path.relative_to(ROOT).with_suffix("").parts
    parts = [*([] if package == "corsguard" else [package]), *rest]
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def module_of(name):
    """
    Return the module that the file *name* is in.
    """
    return name.partition(".")[0]
