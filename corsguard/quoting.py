"""
How to show values that an operator wrote or that came from the network.

They may come from anywhere. So their length is bounded, they stay on one line, they cannot control a terminal, and an
exception in one of their methods does not leave this module.
"""

import json
from collections.abc import Iterable
from typing import Final, cast

# Messages quote the wrong value, but a pasted file or a list of a million entries must not fill the screen.
LONGEST_QUOTE: Final = 200
MOST_ITEMS: Final = 30


def quoted(value: object, longest: int = LONGEST_QUOTE) -> str:
    """
    Return *value*, which an operator wrote, in a form that is valid in Python and in JSON if possible.

    It is cut to *longest* characters, printable, and on one line. Never raises, whatever *value* is.
    """
    text = text_of(value)
    if text is None and issubclass(type(value), list | tuple):
        items = _strings_of(cast("list[object]", value))
        if items is not None:
            more = f", and {len(items) - MOST_ITEMS} more" if len(items) > MOST_ITEMS else ""
            return f"[{', '.join(map(quoted, items[:MOST_ITEMS]))}{more}]"
    # Cut first, so that a long value does not cost time.
    written = repr_of(value) if text is None else json.dumps(text[: longest + 1], ensure_ascii=False)
    written = printable(written[: longest + 1])
    return written if len(written) <= longest else written[:longest] + "..."


def shown(text: object) -> str:
    """
    Return *text*, which came from the network, in printable ASCII and cut, so it cannot forge a log line.
    """
    plain = text_of(text)
    return ascii((repr_of(text) if plain is None else plain)[:LONGEST_QUOTE])[1:-1][:LONGEST_QUOTE]


def printable(text: str, keep: str = "") -> str:
    """
    Return *text* with each unprintable character escaped as in Python and JSON, except those in *keep*.

    Unprintable are line ends, control characters, characters that change the direction of writing, and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(ord(char)) for char in text)


def text_of(value: object) -> str | None:
    """
    Return *value* as a plain str if it is a string of any class, otherwise None. Its own methods are not called.
    """
    return str.__str__(cast("str", value)) if issubclass(type(value), str) else None


def kind_of(value: object) -> str:
    """
    Return the type of *value* with an article: `an int`, `a dict_keys`.
    """
    name = name_of(type(value))
    return f"{'an' if name.startswith(tuple('aeiouAEIOU')) else 'a'} {name}"


def name_of(cls: type) -> str:
    """
    Return the name of *cls*, printable and cut, even if its metaclass changes `__name__`.
    """
    return printable(str(type.__dict__["__name__"].__get__(cls))[:LONGEST_QUOTE])


def _strings_of(value: Iterable[object]) -> list[str] | None:
    """
    Return the items of *value* if all of them are strings, otherwise None.
    """
    try:
        texts = [*map(text_of, value)]
    except Exception:  # noqa: BLE001 - a subclass of list may raise anything
        return None
    strings = [text for text in texts if text is not None]
    return strings if len(strings) == len(texts) else None


def repr_of(value: object) -> str:
    try:
        return str.__str__(repr(value))
    except Exception:  # noqa: BLE001 - a value that cannot even be shown is still a problem to report
        return f"<{name_of(type(value))}>"


def _escape(point: int) -> str:
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"
