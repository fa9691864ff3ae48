"""
How a view says which policy guards it.

A tag is only an attribute of the view: it changes no call, and `functools.wraps` copies it to outer decorators. It has
an effect where an adapter looks for it. This module knows functions, classes, and the consequences for views that share
a URL. It sees no requests.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from inspect import Parameter, Signature
from itertools import count, permutations
from threading import Lock
from types import EllipsisType, MethodType
from typing import Any, Final, NamedTuple, TypeVar, Unpack, cast, overload

from .names import EXAMPLE_ORIGIN, SAFELISTED_METHODS, permits_method
from .policies import Assignment
from .policy import PARAMETERS, Policy, PolicyKeywords
from .quoting import kind_of, quoted

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE: Final = "corsguard_tag"
_numbers: Final = count()
_ON_CLASS: Final = (
    'in a Flask view, `decorators = [cors(...)]`; on a Django view, `@method_decorator(cors(...), name="dispatch")`'
)
_EXAMPLE: Final = f'@cors(allow_origins=["{EXAMPLE_ORIGIN}"])'

# A parameter in a URL of Werkzeug or Starlette. It has a name, and may have a converter.
_PARAMETER: Final = re.compile(r"<[^>]*>|{[^}]*}")

_made = 0


_lock: Final = Lock()


@overload
def cors(policy: Policy | None) -> Callable[[View], View]: ...
@overload
def cors(**keywords: Unpack[PolicyKeywords]) -> Callable[[View], View]: ...
def cors(policy: Policy | EllipsisType | None = ..., **keywords: Unpack[PolicyKeywords]) -> Callable[[View], View]:
    """
    Return a decorator that gives a view a policy of its own: *policy*, or `Policy(**keywords)`. None closes the view.

    Write it directly under the route. It returns the view itself. The policy applies at every URL of the view.

    Raises TypeError unless there is either *policy* or *keywords*, and PolicyError if the keywords are refused. The
    decorator raises TypeError for anything that is not a view, such as a class, and ValueError for a second, different
    policy.
    """
    given = cast("object", policy)
    if not isinstance(given, Policy | EllipsisType | None):
        raise TypeError(_instead_of(given))
    if (given is ...) is not bool(keywords):
        raise TypeError(f"@cors takes either a policy (None closes the view) or the keywords of one: {_EXAMPLE}.")
    tagged = Policy(**keywords) if isinstance(given, EllipsisType) else given
    attribute = f"{_ATTRIBUTE}_{next(_numbers)}"

    def decorate(view: View) -> View:
        global _made  # noqa: PLW0603 - it counts for the process, as tags are on functions of the process
        _require_view(view)
        former = _own_tag_of(view)
        if (former is not None and former.policy == tagged) or _is_redecorated(view):
            return view
        if former is not None:
            raise ValueError(
                f"{_name_of(view)} is already tagged with another policy, and a view has only one. Remove one @cors."
            )
        try:
            setattr(view, attribute, Assignment(tagged, _name_of(view)))
        except AttributeError:
            raise TypeError(
                f"{_name_of(view)} is {kind_of(view)}, which cannot have a tag. Put @cors on the function that it "
                f"calls, or on the view that a class makes: {_ON_CLASS}."
            ) from None
        with _lock:
            _made += 1
        return view

    return decorate


vars()["cors"].__signature__ = Signature(
    [Parameter("policy", Parameter.POSITIONAL_OR_KEYWORD, default=..., annotation=Policy | None), *PARAMETERS]
)


def tags_made() -> int:
    """
    Return how many tags this process has put on views so far. While it is 0, no view has one.
    """
    return _made


def tag_of(view: object) -> Assignment | None:
    """
    Return the tag of *view*, or None if it has none. A class inherits the tag of its nearest base class.
    """
    kinds = view.__mro__ if isinstance(view, type) else (view,)
    return next((tag for kind in kinds if (tag := _own_tag_of(kind)) is not None), None)


def _own_tag_of(view: object) -> Assignment | None:
    # If a tagged method overrides a tagged one, `method_decorator` gives it both tags, its own one first.
    for value in getattr(view, "__dict__", {}).values():
        if isinstance(value, Assignment):
            return value
    return tag_of(view.func) if isinstance(view, partial) else None


def misplaced_tags(view: object) -> tuple[str, ...]:
    """
    Return the methods of the class of *view* that have a tag which the view itself does not have.

    A guard sees views and never their methods, so it would miss such a tag. It would also miss a tag on an overridden
    method, or on a function that a method calls, which is what `@api_view` makes. Flask and Django keep the class as
    `view_class`, Django REST framework as `cls`, and an endpoint of Starlette may be a class itself.
    """
    tag = tag_of(view)
    cls = view if isinstance(view, type) else getattr(view, "view_class", None) or getattr(view, "cls", None)
    members: dict[str, object] = {}
    for base in reversed(cls.__mro__ if isinstance(cls, type) else ()):
        for name, member in vars(base).items():
            if tag is not None or name not in members or tag_of(members[name]) is None:
                # A static method or a class method holds the function that has the tag.
                members[name] = getattr(member, "__func__", member)
    # Outside Django REST framework, a handler method may call a tagged view on purpose.
    look = tag_of if getattr(view, "cls", None) is None else _tag_within
    found = {name: look(member) for name, member in members.items()}
    policy = None if tag is None else tag.policy
    return tuple(name for name, other in found.items() if other is not None and (tag is None or other.policy != policy))


def _is_redecorated(view: object) -> bool:
    # Django's `method_decorator` has already copied the tag to the class. It also decorates a partial at each call.
    is_partial_of_method = isinstance(view, partial) and isinstance(cast("partial[object]", view).func, MethodType)
    return is_partial_of_method and hasattr(view, "__wrapped__")


def _tag_within(member: object) -> Assignment | None:
    tag = tag_of(member)
    for cell in () if tag is not None else getattr(member, "__closure__", None) or ():
        # A cell may still be empty.
        with suppress(ValueError):
            tag = tag or tag_of(cell.cell_contents)
    return tag


class ServedView(NamedTuple):
    """
    A view that serves *methods* at *url* under *policy*, if it has one. If *methods* is None, it serves every method.
    """

    url: str
    name: str
    methods: Collection[str] | None
    policy: Policy | None


class Opening(NamedTuple):
    """
    The *methods* of the view *other* that a preflight for the view *name* opens at the *url* of both.
    """

    url: str
    name: str
    methods: tuple[str, ...]
    other: str


def openings_of(views: Iterable[ServedView]) -> Iterator[Opening]:
    """
    Yield the methods that the views at one URL open of each other.

    A browser caches the answer to a preflight by URL, not by view (Fetch, "CORS-preflight cache"). Safelisted methods
    need no preflight.
    """
    by_url: dict[str, list[ServedView]] = {}
    for view in views:
        by_url.setdefault(_PARAMETER.sub("<>", view.url), []).append(view)
    for view, other in (pair for there in by_url.values() for pair in permutations(there, 2)):
        if view.policy is None or view.policy == other.policy:
            continue
        granted = view.policy.allow_methods
        served = granted if other.methods is None else other.methods
        # Frameworks answer OPTIONS everywhere, without any effect.
        safe = {*SAFELISTED_METHODS, "OPTIONS"}
        opened = sorted(method for method in {*served} - safe if permits_method(granted, method))
        if opened:
            yield Opening(view.url, view.name, (*opened,), other.name)


def _require_view(view: object) -> None:
    # The only class that a router calls is an endpoint of Starlette: its instances are awaited.
    if isinstance(view, type) and not hasattr(view, "__await__"):
        raise TypeError(
            f"@cors tags a view, and {view.__name__} is a class. Tag what its as_view() returns: {_ON_CLASS}."
        )
    if isinstance(view, staticmethod | classmethod):
        kind = kind_of(cast("object", view))
        raise TypeError(f"@cors is above {kind}, which does not keep the tag. Put it directly on the function.")
    if not callable(view):
        raise TypeError(f"@cors tags a view, and {quoted(view)} is {kind_of(view)}.")


def _instead_of(given: object) -> str:
    """
    Return the message for *given*, which was passed as the policy.
    """
    if callable(given):
        return f"@cors is written without parentheses on {_name_of(given)}. Write {_EXAMPLE}."
    if isinstance(given, Mapping):
        return "@cors takes the keywords of a policy as keywords. Write @cors(**{...})."
    if isinstance(given, str | list | tuple):
        origins = cast("object", [given] if isinstance(given, str) and given != "*" else given)
        return f"@cors takes its origins by keyword. Write @cors(allow_origins={quoted(origins)})."
    return f"Expected @cors to get a Policy or None, got {quoted(given)} ({kind_of(given)}). Write {_EXAMPLE}."


def name_of(view: object) -> str:
    """
    Return the usual name of *view*, with its module: the name of its class, or of the function.
    """
    named = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    while isinstance(named, partial):
        named = named.func
    of: Any = named if hasattr(named, "__qualname__") else type(named)
    # If a class is renamed later, as `@api_view` does, only `__name__` has the new name.
    return ".".join(filter(None, (of.__module__, of.__qualname__.rpartition(".")[0], of.__name__)))


def _name_of(view: object) -> str:
    return str(getattr(view, "__qualname__", None) or quoted(view))
