"""
Records the calls of flask-cors and of Starlette's CORSMiddleware that a program makes while it is loaded.

flask-cors does not keep its arguments, and neither library keeps how a value is written in the source.

The calls have their usual effect.
"""

import importlib
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, Final, NamedTuple

from corsguard.moving import Written, of_call
from corsguard.moving.starlette import MODULE, Recorded

FLASK_CORS: Final = "flask_cors"
_PASSED: Final = frozenset({FLASK_CORS, "corsguard", "fastapi", "starlette"})


class RecordedCall(NamedTuple):
    """
    A call of `CORS(app, ...)`, or of `cross_origin(...)` for the view *view*. It has its *options*, how they are
    *written*, its place in the source, and the *config* of the application at that time, which `CORS` reads.

    `cross_origin` ignores *unnamed* arguments. It makes *decorated* of *function*, perhaps for a class that *lists* its
    decorators.
    """

    app: Any
    view: str
    options: Mapping[str, Any]
    config: Mapping[str, Any]
    written: Mapping[str, Written]
    file: str
    line: int
    unnamed: tuple[Any, ...] = ()
    function: Any = None
    decorated: Any = None
    lists: bool = False


class EarlierCalls(NamedTuple):
    """
    The *calls* of flask-cors, and the *layers* of Starlette.
    """

    calls: list[RecordedCall]
    layers: list[Recorded]


@contextmanager
def recorded() -> Generator[EarlierCalls]:
    """
    Record the calls that are made in the `with` block. A library that is not installed has none.
    """
    recording = EarlierCalls([], [])
    with ExitStack() as stack:
        for owner, name, instead in (*_of_flask_cors(recording.calls), *_of_starlette(recording.layers)):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, instead)
        yield recording


def _of_flask_cors(calls: list[RecordedCall]) -> list[tuple[Any, str, Callable[..., Any]]]:
    try:
        library: Any = importlib.import_module(FLASK_CORS)
        decorator: Any = importlib.import_module(f"{FLASK_CORS}.decorator")
    except ImportError:
        return []
    views = _recording_views(library.cross_origin, calls)
    made: dict[int, Mapping[str, Written]] = {}
    return [
        (library.CORS, "__init__", _recording_init(library.CORS.__init__, made)),
        (library.CORS, "init_app", _recording_init_app(library.CORS.init_app, calls, made)),
        (library, "cross_origin", views),
        (decorator, "cross_origin", views),
    ]


def _of_starlette(layers: list[Recorded]) -> list[tuple[Any, str, Callable[..., Any]]]:
    try:
        theirs: Any = importlib.import_module(MODULE).CORSMiddleware
        to_add: Any = importlib.import_module(MODULE.rpartition(".")[0]).Middleware
    except ImportError:
        return []
    return [
        (theirs, "__init__", _recording_layer(theirs.__init__, lambda _: True, layers)),
        # The class that add_middleware and a list of middlewares use.
        (to_add, "__init__", _recording_layer(to_add.__init__, lambda cls: _is_a(cls, theirs), layers)),
    ]


def _is_a(cls: object, theirs: type) -> bool:
    return isinstance(cls, type) and issubclass(cls, theirs)


def _recording_layer(
    init: Callable[..., None], concerns: Callable[[object], bool], layers: list[Recorded]
) -> Callable[..., None]:
    @wraps(init)
    def recording(layer: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - what Starlette takes
        # The application or the class may be given by its keyword.
        first = next(iter(arguments), options.get("cls"))
        if concerns(first):
            names = inspect.signature(first if isinstance(first, type) else type(layer)).parameters
            layers.append(Recorded(layer, _place_of_call(names)[0]))
        init(layer, *arguments, **options)

    return recording


def _recording_init(init: Callable[..., None], made: dict[int, Mapping[str, Written]]) -> Callable[..., None]:
    @wraps(init)
    def recording(extension: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - what flask-cors takes
        made[id(extension)] = _place_of_call()[0]
        init(extension, *arguments, **options)

    return recording


def _recording_init_app(
    init_app: Callable[..., None], calls: list[RecordedCall], made: Mapping[int, Mapping[str, Written]]
) -> Callable[..., None]:
    @wraps(init_app)
    def recording(extension: Any, app: Any, **options: Any) -> None:  # noqa: ANN401 - what flask-cors takes
        # The options of an earlier CORS(**options).
        given = getattr(extension, "_options", {})
        config = {key: value for key, value in getattr(app, "config", {}).items() if key.startswith("CORS_")}
        written, file, line = _place_of_call()
        written = {**made.get(id(extension), {}), **written}
        calls.append(RecordedCall(app, "", {**given, **options}, config, written, file, line))
        init_app(extension, app, **options)

    return recording


def _recording_views(cross_origin: Callable[..., Any], calls: list[RecordedCall]) -> Callable[..., Any]:
    @wraps(cross_origin)
    def recording(*arguments: Any, **options: Any) -> Callable[..., Any]:  # noqa: ANN401 - what flask-cors takes
        place, decorator = _place_of_call(), cross_origin(*arguments, **options)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            name, lists = getattr(view, "__name__", repr(view)), _is_listed_by_class(view)
            decorated: Callable[..., Any] = decorator(view)
            calls.append(RecordedCall(None, name, options, {}, *place, arguments, view, decorated, lists))
            return decorated

        return decorate

    return recording


def _is_listed_by_class(view: Callable[..., Any]) -> bool:
    """
    Return whether *view* is what `View.as_view` of Flask decorates before it finishes it.
    """
    return getattr(view, "__qualname__", "").startswith("View.as_view.") and not hasattr(view, "view_class")


def _place_of_call(names: Iterable[str] = ()) -> tuple[Mapping[str, Written], str, int]:
    """
    Return how the call outside of these libraries is written, with its file and line. *names* are those of its
    positional arguments.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED:
        frame = frame.f_back
    return ({}, "", 0) if frame is None else (of_call(frame, names), frame.f_code.co_filename, frame.f_lineno)
