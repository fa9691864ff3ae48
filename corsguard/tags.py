"""
How a view says which policy guards it.

A tag is an attribute of the view and nothing more: it changes no call, and `functools.wraps` carries it outwards
through other decorators. It takes effect where an adapter looks for it. This room knows functions and classes, no
requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final, TypeVar, cast, overload

from .errors import kind_of, quoted
from .policy import Policy

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE: Final = "corsguard_tag"
_EXAMPLE: Final = '@cors(allow_origins=["https://app.example.com"])'


@dataclass(frozen=True, slots=True)
class Tag:
    """
    What a view says: *policy* guards it, or None closes it, whatever its path.
    """

    policy: Policy | None


@overload
def cors(policy: Policy | None) -> Callable[[View], View]: ...
@overload
def cors(**keywords: object) -> Callable[[View], View]: ...
def cors(policy: Policy | EllipsisType | None = ..., **keywords: object) -> Callable[[View], View]:
    """
    Return a decorator that tags a view with a policy: *policy*, or the one that *keywords* make; None closes the view.

    The decorator returns the view itself. Put it directly under the route; it opens the view at every URL of it.

    Raises TypeError for anything but one of the two forms, and PolicyError if the keywords are refused. The decorator
    raises TypeError for what is no view, such as a class, and ValueError for a second, different policy.
    """
    given = cast("object", policy)
    if not isinstance(given, Policy | EllipsisType | None):
        raise TypeError(_instead_of(given))
    if (given is ...) is not bool(keywords):
        raise TypeError(f"@cors takes either a policy (None closes the view) or the keywords of one: {_EXAMPLE}.")
    tag = Tag(Policy.from_mapping(keywords) if isinstance(given, EllipsisType) else given)

    def decorate(view: View) -> View:
        _refuse_no_view(view)
        former = tag_of(view)
        if former is not None and former != tag:
            raise ValueError(
                f"{_name_of(view)} is tagged with another policy already, and a view has one. Take one @cors off."
            )
        try:
            setattr(view, _ATTRIBUTE, tag)
        except AttributeError:
            raise TypeError(
                f"{_name_of(view)} is {kind_of(view)}, which cannot carry a tag. Put @cors on the function behind it."
            ) from None
        return view

    return decorate


def tag_of(view: object) -> Tag | None:
    """
    Return the tag of *view*, or None if it has none.
    """
    tag = getattr(view, _ATTRIBUTE, None)
    return tag if isinstance(tag, Tag) else None


def misplaced_tags(view: object) -> tuple[str, ...]:
    """
    Return which methods of the class behind *view* carry a tag that the view itself does not.

    A guard sees views and never their methods, so it would miss such a tag. The class is what Flask and Django keep
    as `view_class` and Django REST framework as `cls`.
    """
    tag = tag_of(view)
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    members: dict[str, object] = {}
    for base in reversed(cls.__mro__ if isinstance(cls, type) else ()):
        members.update(vars(base))
    return tuple(name for name, member in members.items() if tag_of(member) not in (None, tag))


def _refuse_no_view(view: object) -> None:
    if isinstance(view, type):
        raise TypeError(
            f"@cors tags a view, and {view.__name__} is a class. Tag what its as_view() returns: in a Flask view, "
            '`decorators = [cors(...)]`; on a Django view, `@method_decorator(cors(...), name="dispatch")`.'
        )
    if isinstance(view, staticmethod | classmethod):
        raise TypeError(f"@cors stands above @{kind_of(view).split()[-1]}, where its tag would be lost. Put it below.")
    if not callable(view):
        raise TypeError(f"@cors tags a view, and {quoted(view)} is {kind_of(view)}.")


def _instead_of(given: object) -> str:
    """
    Return what to write where *given* was passed as the policy.
    """
    if callable(given):
        return f"@cors stands without parentheses on {_name_of(given)}. Write {_EXAMPLE}."
    if isinstance(given, Mapping):
        return "@cors takes the keywords of a policy as keywords. Write @cors(**{...})."
    if isinstance(given, str | list | tuple):
        origins = quoted(given if given == "*" or not isinstance(given, str) else [given])
        return f"@cors takes its origins by keyword. Write @cors(allow_origins={origins})."
    return f"{quoted(given)} is {kind_of(given)}, where @cors takes a Policy or None. Write {_EXAMPLE}."


def _name_of(view: object) -> str:
    return str(getattr(view, "__qualname__", None) or quoted(view))
