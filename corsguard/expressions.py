"""
What a regular expression covers, in origin patterns and in path prefixes.

What might have been meant is spelled out, and then compared with the expression as two sets of strings, character by
character: nothing is taken for the expression that covers one origin more. An expression that this room cannot read
(look-around, back references) is not read at all.

Expressions are matched as `re.match` does, from the start and not to the end, because the libraries that take them do.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, punctuation
from typing import Final, NamedTuple

from .origin import NULL, Origin, OriginPattern, pattern_of

# In this order, so that examples look like what people write.
_ALPHABET: Final = ascii_lowercase + digits + "-_" + ascii_uppercase + "".join(sorted({*punctuation} - {*"-_"}))
_ANY: Final = frozenset(_ALPHABET)
_ESCAPES: Final = {"d": frozenset(digits), "w": frozenset(ascii_letters + digits + "_"), "s": frozenset[str]()}
_QUANTIFIER: Final = re.compile(r"([*+?]|\{([0-9]*)(,?)([0-9]*)\})\??")
_GROUP: Final = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
_FLAGS: Final = re.compile(r"\(\?[aimsu]+\)")

# A set of so few characters is spelled out; a larger one is what a star stands for.
_FEW: Final = 10
_MOST_SPELLINGS: Final = 60
_MOST_REPEATS: Final = 300
# Expressions are short, and one that needs more is not worth the wait: about half a second.
_MOST_WORK: Final = 1_000_000

# What people put in the place of a star, and what a stranger puts behind an origin.
_SAMPLES: Final = ("a", "1", "a-b", "a.b", "a_b")
_STRANGER: Final = ".evil.example"

# What a browser serializes, anywhere and for ordinary pages; and the paths that a mapping of prefixes has a policy for.
_HOST: Final = r"([a-z0-9_\-]{1,63}\.)*[a-z0-9_\-]{1,63}\.?(:[1-9][0-9]{0,4})?$"
_ORIGIN: Final = rf"[a-z][a-z0-9+.\-]*://{_HOST}"
_PAGE_ORIGIN: Final = rf"https?://{_HOST}"
_PATH: Final = r"/$|(/[A-Za-z0-9_~\-][A-Za-z0-9._~\-]*)+/?$"
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~\-][A-Za-z0-9._~\-]*)+")


class Covered(NamedTuple):
    """
    What an expression covers: *all* there is, or what *spellings* say (patterns or prefixes).

    *wider* are spellings that cover more, each with an example of that; *lost* is an example of what the expression
    covers and none of them does. A pattern that is wider is none of the *spellings*.
    """

    all: bool = False
    spellings: tuple[str, ...] = ()
    wider: tuple[tuple[str, str], ...] = ()
    lost: str | None = None


def patterns_of(expression: str | re.Pattern[str], *, ignore_case: bool = False) -> Covered:
    """
    Return the origin patterns that cover nothing but what *expression* covers.

    Raises ValueError, which says why, if *expression* cannot be read.
    """
    compared, language = _Comparison(), _read(expression, ignore_case=ignore_case)
    if compared.example([_read(_ORIGIN)], [language]) is None:
        return Covered(all=True)
    as_written = expression.pattern if isinstance(expression, re.Pattern) else expression
    patterns = {str(pattern): pattern for pattern in _patterns_meant([*_spellings(language), as_written])}
    languages = {text: _read(_expression_of(pattern)) for text, pattern in patterns.items()}
    surplus = {text: _surplus(compared, pattern, languages[text], language) for text, pattern in patterns.items()}
    exact = _necessary(compared, [text for text in patterns if surplus[text] is None], languages, [])
    wider = _necessary(compared, [text for text in patterns if surplus[text] is not None], languages, exact)
    named = [*exact, *wider]
    lost = _lost(compared, [patterns[text] for text in named], language, [languages[text] for text in named])
    return Covered(False, exact, tuple((text, surplus[text] or "") for text in wider), lost)


def prefixes_of(expression: str | re.Pattern[str]) -> Covered:
    """
    Return the path prefixes of whole segments that *expression* means.

    A prefix is taken if the expression covers all below it, or the path itself; what it covers beyond is in *wider*,
    where prefixes stand too that were not taken. Raises ValueError, which says why, if *expression* cannot be read.
    """
    compared, language, paths = _Comparison(), _read(expression), _read(_PATH)
    if compared.example([paths], [language]) is None:
        return Covered(all=True)
    heads = (text.partition("*")[0].rstrip("/") for text in _spellings(language))
    taken: list[str] = []
    wider: list[tuple[str, str]] = []
    for prefix in sorted({head for head in heads if _PREFIX.fullmatch(head)}, key=lambda head: (len(head), head)):
        if any(prefix.startswith(f"{other}/") for other in taken):
            continue
        itself = [text for text in (prefix, f"{prefix}/") if not compared.has(language, text)]
        deeper = compared.example([paths, _read(f"{re.escape(prefix)}/.+")], [language])
        if len(itself) < 2 or deeper is None:
            taken.append(prefix)
        if itself or deeper is not None:
            wider.append((prefix, deeper or itself[0]))
    lost = compared.example([language, paths], [_read(below(prefix)) for prefix in taken])
    return Covered(False, tuple(taken), tuple(wider), lost)


def path_of(within: Iterable[str | re.Pattern[str]], outside: Iterable[str | re.Pattern[str]]) -> str | None:
    """
    Return the shortest path that all of *within* match and none of *outside* does, or None if there is none.

    Raises ValueError, which says why, if one of the expressions cannot be read.
    """
    return _Comparison().example([_read(_PATH), *map(_read, within)], [*map(_read, outside)])


def below(prefix: str) -> str:
    """
    Return an expression that matches the paths that *prefix* covers. An empty prefix covers all.
    """
    return f"{re.escape(prefix)}(/.*)?$"


def _patterns_meant(spellings: Iterable[str]) -> Iterator[OriginPattern]:
    texts = dict.fromkeys(text for text in spellings if text != NULL)
    for text in texts:
        # `.*` before the name of a host crosses its dots: what was meant is below that host, or is the host itself.
        if re.search(r"\*[^.:*]", text) and text.replace("*", "*.", 1) in texts:
            continue
        for scheme in ("",) if "://" in text else ("https://", "http://"):
            pattern = pattern_of(scheme + text)
            if pattern is None:
                continue
            # A label may begin or end with a hyphen, but where nothing stands in the place of a star nobody means it.
            if not re.search(r"-(\.|$)|(^|\.)-", pattern.host.replace("*", "x")):
                yield pattern


def _expression_of(pattern: OriginPattern) -> str:
    """
    Return *pattern* as an expression that covers at least as much.
    """
    label = next((label for label in pattern.host.split(".") if "*" in label), "")
    star = r"([a-z0-9_\-]{1,63}\.)*[a-z0-9_\-]{1,63}" if label == "*" else rf"[a-z0-9_\-]{{1,{64 - len(label)}}}"
    host = re.escape(pattern.host).replace(r"\*", star)
    port = "" if pattern.port is None else "(:[1-9][0-9]{0,4})?" if pattern.port == "*" else f":{pattern.port}"
    return f"{re.escape(pattern.scheme)}://{host}{port}$"


def _surplus(
    compared: "_Comparison", pattern: OriginPattern, covered: "_Sequence", language: "_Sequence"
) -> str | None:
    """
    Return an example of what *pattern* covers and *language* does not, one that people would think of if there is.
    """
    surplus = compared.example([covered], [language])
    if surplus is None:
        return None
    ports = (None, 8443) if pattern.port == "*" else (pattern.port,)
    samples = (pattern._replace(host=_filled(pattern, sample), port=port) for sample in _SAMPLES for port in ports)
    return next((str(sample) for sample in samples if not compared.has(language, str(sample))), surplus)


def _lost(
    compared: "_Comparison", patterns: Iterable[OriginPattern], language: "_Sequence", named: list["_Sequence"]
) -> str | None:
    """
    Return an example of what *language* covers and none of *named* does; a stranger's origin if there is one.
    """
    lost = compared.example([language, _read(_PAGE_ORIGIN)], named)
    if lost is None:
        return None
    one_of_each = [str(pattern._replace(host=_filled(pattern, "a"))).removesuffix(":*") for pattern in patterns]
    strangers = [origin + _STRANGER for origin in one_of_each]
    unescaped = [f"{origin[:dot]}x{origin[dot + 1 :]}" for origin in one_of_each for dot in _dots(origin)]
    texts = (text for text in (*strangers, *unescaped) if Origin.parse(text) and compared.has(language, text))
    return next((text for text in texts if not any(compared.has(other, text) for other in named)), lost)


def _filled(pattern: OriginPattern, sample: str) -> str:
    return pattern.host.replace("*", sample)


def _dots(text: str) -> Iterator[int]:
    return (at for at, char in enumerate(text) if char == ".")


def _necessary(
    compared: "_Comparison", texts: list[str], languages: Mapping[str, "_Sequence"], before: Iterable[str]
) -> tuple[str, ...]:
    """
    Return *texts* without those that another one, or one of *before*, covers.
    """
    kept = list(texts)
    for text in texts:
        others = [languages[other] for other in (*before, *kept) if other != text]
        if compared.example([languages[text]], others) is None:
            kept.remove(text)
    return tuple(kept)


# Sets of strings. A sequence is what an expression is made of; what is left of it while a string is read is one, too.


class _Chars(NamedTuple):
    """
    One character of a set.
    """

    chars: frozenset[str]


class _Edge(NamedTuple):
    """
    The place before the first character, or behind the last.
    """

    is_start: bool


class _Choice(NamedTuple):
    """
    One of several sequences.
    """

    options: "tuple[_Sequence, ...]"


class _Repeat(NamedTuple):
    """
    *body*, *least* times or more often, *most* times at most; None is as often as one likes.
    """

    body: "_Sequence"
    least: int
    most: int | None


_Sequence = tuple[_Chars | _Edge | _Choice | _Repeat, ...]
# What may be left of each language, by number; the last is that of all which a string must not be in.
_State = tuple[frozenset[int], ...]


class _Comparison:
    """
    Sets of strings, compared; all that is compared together does a bounded amount of *work*.

    Sequences have numbers there, which are quick to compare, and what may come next of each is kept.
    """

    def __init__(self) -> None:
        self.work = 0
        self._numbers: dict[_Sequence, int] = {}
        self._next: dict[tuple[int, bool], tuple[bool, list[tuple[frozenset[str], int]]]] = {}
        self._sequences: list[_Sequence] = []

    def of(self, sequence: _Sequence) -> int:
        number = self._numbers.setdefault(sequence, len(self._sequences))
        if number == len(self._sequences):
            self._sequences.append(sequence)
        return number

    def next(self, number: int, *, is_start: bool) -> tuple[bool, list[tuple[frozenset[str], int]]]:
        """
        Return whether the sequence may end here, and the characters that may come next, with what is left behind each.
        """
        known = self._next.get((number, is_start))
        if known is None:
            sequence = self._sequences[number]
            ends = () in _heads(sequence, is_start=is_start, is_end=True)
            heads = _heads(sequence, is_start=is_start, is_end=False)
            steps = [(head[0].chars, self.of(head[1:])) for head in heads if head and isinstance(head[0], _Chars)]
            known = self._next[number, is_start] = ends, steps
        return known

    def example(self, within: list[_Sequence], outside: list[_Sequence]) -> str | None:
        """
        Return the shortest string that all of *within* have and none of *outside*, or None if there is none.
        """
        classes = _character_classes([*within, *outside])
        start: _State = (*(frozenset([self.of(one)]) for one in within), frozenset(map(self.of, outside)))
        seen: set[_State] = {start}
        waiting: deque[tuple[str, _State]] = deque([("", start)])
        while waiting:
            text, state = waiting.popleft()
            found = [[self.next(left, is_start=text == "") for left in lefts] for lefts in state]
            *inner, outer = [any(ends for ends, _ in of_one) for of_one in found]
            if all(inner) and not outer:
                return text
            steps = [[step for _, steps in of_one for step in steps] for of_one in found]
            for char in classes:
                following = tuple(frozenset(left for chars, left in of_one if char in chars) for of_one in steps)
                if all(following[:-1]) and following not in seen:
                    seen.add(following)
                    waiting.append((text + char, following))
            self.work += len(classes) * sum(map(len, steps))
            if self.work > _MOST_WORK:
                raise ValueError("it is too long")
        return None

    def has(self, language: _Sequence, text: str) -> bool:
        """
        Return whether *language* has *text*.
        """
        return self.example([_read(f"{re.escape(text)}$")], [language]) is None


def _heads(sequence: _Sequence, *, is_start: bool, is_end: bool) -> set[_Sequence]:
    """
    Return what *sequence* can be at this place: nothing more, or sequences that begin with characters.
    """
    heads: set[_Sequence] = set()
    seen: set[_Sequence] = set()
    waiting = [sequence]
    while waiting:
        left = waiting.pop()
        if left in seen:
            continue
        seen.add(left)
        if not left or isinstance(left[0], _Chars):
            heads.add(left)
            continue
        first, rest = left[0], left[1:]
        if isinstance(first, _Edge):
            waiting += [rest] if (is_start if first.is_start else is_end) else []
        elif isinstance(first, _Choice):
            waiting += [option + rest for option in first.options]
        else:
            body, least, most = first
            if least == 0:
                waiting.append(rest)
            if most != 0:
                waiting.append((*body, _Repeat(body, max(least - 1, 0), None if most is None else most - 1), *rest))
    return heads


def _character_classes(languages: Iterable[_Sequence]) -> list[str]:
    """
    Return one character for all those that no set of *languages* tells apart.
    """
    sets = {chars for language in languages for chars in _sets(language)}
    return [*{tuple(char in chars for chars in sets): char for char in reversed(_ALPHABET)}.values()][::-1]


def _sets(sequence: _Sequence) -> Iterator[frozenset[str]]:
    for item in sequence:
        if isinstance(item, _Chars):
            yield item.chars
        elif isinstance(item, _Choice):
            yield from (chars for option in item.options for chars in _sets(option))
        elif isinstance(item, _Repeat):
            yield from _sets(item.body)


# What might have been meant: texts of literal characters, with a star for what is not.


def _spellings(sequence: _Sequence) -> list[str]:
    """
    Return the texts that *sequence* may be meant as.

    Raises ValueError if they are too many.
    """
    texts = [*islice(_texts(sequence), _MOST_SPELLINGS * 4)]
    texts = [*dict.fromkeys(re.sub(r"(\*\.?)*\*", "*", text) for text in texts)]
    if len(texts) > _MOST_SPELLINGS:
        raise ValueError("it means too many things to list them")
    return texts


def _texts(sequence: _Sequence) -> Iterator[str]:
    return map("".join, product(*map(_texts_of, sequence)))


def _texts_of(item: _Chars | _Edge | _Choice | _Repeat) -> list[str]:
    if isinstance(item, _Edge):
        return [""]
    if isinstance(item, _Chars):
        # A dot that nobody escaped is meant as a dot, and where case is ignored, lower case is what browsers send.
        few = {char.lower() if char.lower() in item.chars else char for char in item.chars}
        return ["."] if item.chars == _ANY else sorted(few) if len(few) <= _FEW else ["*"]
    if isinstance(item, _Choice):
        return [text for option in item.options for text in islice(_texts(option), _MOST_SPELLINGS)]
    body, least, most = item
    once = [*islice(_texts(body), _MOST_SPELLINGS)]
    if most != 1:
        crosses_dots = len(body) == 1 and isinstance(body[0], _Chars) and {".", "a"} <= body[0].chars
        is_literal = len(once) == 1 and once[0] != "." and "*" not in once[0]
        if crosses_dots:
            once = ["*", "*."]
        elif not is_literal:
            once = ["*." if all(text.endswith(".") for text in once) else "*"]
    return once if least else ["", *once]


# Expressions, read.


def _read(expression: str | re.Pattern[str], *, ignore_case: bool = False) -> _Sequence:
    """
    Return what `re.match` would look for.

    Raises ValueError, which says why, if *expression* cannot be read.
    """
    try:
        compiled = re.compile(expression) if isinstance(expression, str) else expression
    except re.error as error:
        raise ValueError(f"it is not a regular expression: {error}") from None
    text: object = compiled.pattern
    if not isinstance(text, str) or compiled.flags & re.VERBOSE:
        raise ValueError("it is written in bytes, or verbosely")
    flags = _FLAGS.match(text)
    reader = _Reader(text[flags.end() if flags else 0 :])
    reader.ignore_case = ignore_case or bool(compiled.flags & re.IGNORECASE)
    return (*reader.alternatives(), _Repeat((_Chars(_ANY),), 0, None))


class _Reader:
    """
    One reading of the text of an expression, of which `re` has said already that it is one.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.ignore_case = False

    def alternatives(self) -> _Sequence:
        options = [self.sequence()]
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            options.append(self.sequence())
        return options[0] if len(options) == 1 else (_Choice(tuple(options)),)

    def sequence(self) -> _Sequence:
        items: list[_Chars | _Edge | _Choice | _Repeat] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            item = self.item()
            quantifier = _QUANTIFIER.match(self.text, self.at)
            if quantifier is None:
                items += item
                continue
            self.at = quantifier.end()
            if self.text[self.at : self.at + 1] == "+":
                raise ValueError("it has a possessive quantifier")
            repeated = _repeat(item, quantifier)
            # What may be repeated for ever says no more if it is said again.
            if items[-1:] != [repeated] or repeated[1:] != (0, None):
                items.append(repeated)
        return tuple(items)

    def item(self) -> _Sequence:
        char = self.text[self.at]
        if char == "(":
            return self.group()
        self.at += 1
        if char == "^":
            return (_Edge(is_start=True),)
        if char == "$":
            return (_Edge(is_start=False),)
        if char == ".":
            return (_Chars(_ANY),)
        if char == "[":
            return (_Chars(self.set()),)
        if char != "\\":
            return (_Chars(self.literal(char)),)
        escaped = self.text[self.at]
        self.at += 1
        if escaped in "AZ":
            return (_Edge(is_start=escaped == "A"),)
        return (_Chars(self.escape(escaped)),)

    def group(self) -> _Sequence:
        opening = _GROUP.match(self.text, self.at)
        if opening is None:
            raise ValueError("it looks ahead or behind, or has another extension in parentheses")
        self.at = opening.end()
        inner = self.alternatives()
        self.at += 1
        return (_Choice((inner,)),)

    def escape(self, char: str) -> frozenset[str]:
        if char.lower() in _ESCAPES:
            return _ESCAPES[char] if char.islower() else _ANY - _ESCAPES[char.lower()]
        if char.isalnum():
            raise ValueError(f"it has \\{char} in it")
        return self.literal(char)

    def literal(self, char: str) -> frozenset[str]:
        return frozenset({char.lower(), char.upper()} if self.ignore_case else char)

    def set(self) -> frozenset[str]:
        negated = self.text[self.at] == "^"
        self.at += negated
        chars: frozenset[str] = frozenset()
        first = True
        while first or self.text[self.at] != "]":
            first = False
            low = self.member()
            if self.text[self.at] == "-" and self.text[self.at + 1] != "]":
                self.at += 1
                (start,), (end,) = low, self.member()
                low = frozenset(char for char in _ALPHABET if start <= char <= end)
            chars |= low
        self.at += 1
        if self.ignore_case:
            chars |= frozenset(char.swapcase() for char in chars)
        return _ANY - chars if negated else chars

    def member(self) -> frozenset[str]:
        char = self.text[self.at]
        self.at += 1
        if char != "\\":
            return frozenset(char)
        escaped = self.text[self.at]
        self.at += 1
        if escaped.lower() in _ESCAPES:
            return self.escape(escaped)
        if escaped.isalnum():
            raise ValueError(f"it has \\{escaped} in it")
        return frozenset(escaped)


def _repeat(body: _Sequence, quantifier: re.Match[str]) -> _Repeat:
    sign, least, comma, most = quantifier.groups()
    if sign in "*+?":
        return _Repeat(body, 1 if sign == "+" else 0, 1 if sign == "?" else None)
    if not least and not comma:
        raise ValueError("it has braces that are not a quantifier")
    low = int(least or 0)
    high = int(most) if most else None if comma else low
    if max(low, high or 0) > _MOST_REPEATS:
        raise ValueError("it repeats too often")
    return _Repeat(body, low, high)
