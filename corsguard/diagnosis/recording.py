"""
Which calls of flask-cors a program makes while it is loaded: flask-cors itself keeps no arguments that can be read.

The calls do what they do otherwise.
"""

import importlib
import inspect
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, Final, NamedTuple

from corsguard.moving import Written, of_call

FLASK_CORS: Final = "flask_cors"
_PASSED: Final = frozenset({FLASK_CORS, "corsguard"})


class RecordedCall(NamedTuple):
    """
    A call of `CORS(app, ...)`, or of `cross_origin(...)` for the view *view*; with its *options*, how they are
    *written*, and where it stands.
    """

    app: Any
    view: str
    options: Mapping[str, Any]
    written: Mapping[str, Written]
    file: str
    line: int


@contextmanager
def recorded() -> Generator[list[RecordedCall]]:
    """
    Record the calls of flask-cors that are made inside. Where it is not installed there are none.
    """
    calls: list[RecordedCall] = []
    with ExitStack() as stack:
        try:
            library: Any = importlib.import_module(FLASK_CORS)
            decorator: Any = importlib.import_module(f"{FLASK_CORS}.decorator")
        except ImportError:
            yield calls
            return
        views = _recording_views(library.cross_origin, calls)
        for owner, name, recording in (
            (library.CORS, "init_app", _recording_init_app(library.CORS.init_app, calls)),
            (library, "cross_origin", views),
            (decorator, "cross_origin", views),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, recording)
        yield calls


def _recording_init_app(init_app: Callable[..., None], calls: list[RecordedCall]) -> Callable[..., None]:
    @wraps(init_app)
    def recording(extension: Any, app: Any, **options: Any) -> None:  # noqa: ANN401 - what flask-cors takes
        # What CORS(**options) was given before.
        given = getattr(extension, "_options", {})
        calls.append(RecordedCall(app, "", {**given, **options}, *_place_of_call()))
        init_app(extension, app, **options)

    return recording


def _recording_views(cross_origin: Callable[..., Any], calls: list[RecordedCall]) -> Callable[..., Any]:
    @wraps(cross_origin)
    def recording(*arguments: Any, **options: Any) -> Callable[..., Any]:  # noqa: ANN401 - what flask-cors takes
        place, decorator = _place_of_call(), cross_origin(*arguments, **options)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            calls.append(RecordedCall(None, getattr(view, "__name__", repr(view)), options, *place))
            decorated: Callable[..., Any] = decorator(view)
            return decorated

        return decorate

    return recording


def _place_of_call() -> tuple[Mapping[str, Written], str, int]:
    """
    Return how the call is written that is made outside of flask-cors, with its file and line.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED:
        frame = frame.f_back
    return ({}, "", 0) if frame is None else (of_call(frame), frame.f_code.co_filename, frame.f_lineno)
