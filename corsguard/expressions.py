"""
What a regular expression covers, in origin patterns and in path prefixes.

First the patterns that might have been meant are listed. Each is then compared with the expression, as two sets of
strings: a pattern that covers even one more origin is not an exact translation. An expression with parts that this
module cannot read (look-around, back references), or that exceeds a bound, is not read at all. Nothing is cut off.

Expressions are matched as `re.match` does, from the start and not to the end, because the libraries that take them do.
"""

import re
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from string import ascii_lowercase, ascii_uppercase, digits, punctuation
from typing import Final, NamedTuple, TypeVar

from .audience import OriginIndex
from .names import PATH_PREFIX
from .origin import LABEL, NEVER_ORIGINS, NULL, Origin, OriginPattern, pattern_of

# In this order, so that examples look like what people write. A browser puts no other character into an origin.
_ALPHABET: Final = ascii_lowercase + digits + "-_" + ascii_uppercase + "".join(sorted({*punctuation} - {*"-_"}))
# A decoded path has other characters, too. These stand for all that an expression does not name: a space, a letter and
# a sign.
_OF_PATHS: Final = " é€"
_PLACES: Final = {char: place for place, char in enumerate(_ALPHABET)}
_QUANTIFIER: Final = re.compile(r"([*+?]|\{([0-9]*)(,?)([0-9]*)\})\??")
_GROUP: Final = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
# What stands for one character: a set, an escape that is not a place or a reference, or the character itself.
_ONE: Final = re.compile(
    r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[afnrtvdDsSwW]|[^a-zA-Z0-9])|[^\\]", re.DOTALL
)
_IGNORED: Final = r"\(\?(?:[aimsux]+|#[^)]*)\)"
_SKIPPED: Final = re.compile(rf"(?:{_IGNORED})*")
_SKIPPED_IF_VERBOSE: Final = re.compile(rf"(?:{_IGNORED}|[ \t\n\r\v\f]|#.*)*")

# A set of so few characters is spelled out, if that does not give too many texts. A larger set becomes a star.
_FEW: Final = 10
_MOST_SPELLINGS: Final = 60
_MOST_TEXTS: Final = 2_000
_MOST_REPEATS: Final = 300
_DEEPEST: Final = 40
_TOO_DEEP: Final = "its groups are too deep"
# The most work for one expression: about half a second. Expressions are short, so few need more.
_MOST_WORK: Final = 2_000_000
# The work to begin with a text, counted in letters.
_PER_TEXT: Final = 50

# What people write in place of a star, and what an attacker appends to an origin.
_SAMPLES: Final = ("a", "1", "a-b", "a.b", "a_b")
_STRANGER: Final = ".evil.example"

# The origins that browsers serialize. _NEVER_SENT excludes default ports, and schemes that have no origin. A little
# more is covered, where that is harmless: IPv6 addresses that are not canonical, and very long last labels.
_PORT: Final = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6([0-4][0-9]{3}|5([0-4][0-9]{2}|5([0-2][0-9]|3[0-5])))"
_OCTET: Final = r"([1-9]?[0-9]|1[0-9]{2}|2([0-4][0-9]|5[0-5]))"
_HOST: Final = rf"(({LABEL}\.)*[0-9]*[a-z_\-][a-z0-9_\-]*\.?|({_OCTET}\.){{3}}{_OCTET})"
_APP_ORIGIN: Final = rf"app://{_HOST}(:({_PORT}))?$"
_PAGE_ORIGIN: Final = rf"https?://({_HOST}|\[::1\])(:({_PORT}))?$"
# Most expressions that mean "every page" do not cover all of them: ports or addresses are missing.
_SECURE_ORIGIN: Final = rf"https://({LABEL}\.)+[a-z]{{2,63}}$"
_AUTHORITY: Final = rf"({_HOST}|\[[0-9a-f:]{{2,39}}\]|\.)(:({_PORT}))?$"
_ORIGIN: Final = rf"{NULL}$|[a-z][a-z0-9+.\-]*://{_AUTHORITY}"
# The scheme of an application may be a word, or its domain in reverse order. `example\.com` is not meant as a scheme.
_LIKELY_ORIGIN: Final = rf"{NULL}$|([a-z][a-z0-9+\-]*|(app|com|de|dev|io|net|org)\.[a-z0-9+.\-]+)://{_AUTHORITY}"
_NEVER_SENT: Final = rf"http://.*:80$|https://.*:443$|https?://\.(:|$)|({'|'.join(sorted(NEVER_ORIGINS))})://"
# A path that can be read in one way only, so it has the policy of its prefix.
_PATH: Final = r"/$|(/([^/.\\%]|\.[^/.\\%]|\.\.[^/\\%])[^/\\%]*)+/?$"

_Meant = TypeVar("_Meant", bound=Collection[object])


class Covered(NamedTuple):
    """
    What an expression covers: *all* origins or paths, *nothing*, or what *spellings* say (patterns or prefixes).

    *wider* are spellings that cover more than the expression, each with an example. A pattern that is wider is not one
    of the *spellings*. *lost* is an example of what the expression covers and no spelling does. *also_lost* has one
    example of each further alternative. If the expression covers *nothing*, *wider* says what was probably meant.
    *every_page* tells whether it covers all pages on https, which no pattern can say.
    """

    all: bool = False
    spellings: tuple[str, ...] = ()
    wider: tuple[tuple[str, str], ...] = ()
    lost: str | None = None
    also_lost: tuple[str, ...] = ()
    nothing: bool = False
    every_page: bool = False


def patterns_of(expression: str | re.Pattern[str], *, ignore_case: bool = False) -> Covered:
    """
    Return the origin patterns that cover what *expression* covers, and nothing else.

    Raises ValueError with the reason if *expression* cannot be read.
    """
    compared, language = _Comparison(), _read(expression, ignore_case=ignore_case)
    origins, never = _read(_ORIGIN), _read(_NEVER_SENT)
    if compared.example([origins], [language, never]) is None:
        return Covered(all=True)
    as_written = expression.pattern if isinstance(expression, re.Pattern) else expression
    patterns = _meant(
        compared,
        language,
        lambda texts: {str(pattern): pattern for pattern in _patterns_meant([*texts, as_written])},
    )
    # Pages of this machine usually have a port. If the expression has no end, any port is meant.
    on_any_port = [one._replace(port="*") for one in patterns.values() if _is_of_this_machine(one)]
    meant = (one for one in on_any_port if compared.example([_read(_expression_of(one))], [language, never]) is None)
    patterns |= {str(one): one for one in meant}
    languages = {text: _read(_expression_of(pattern)) for text, pattern in patterns.items()}
    surplus = {
        text: _surplus(compared, pattern, languages[text], [language, never]) for text, pattern in patterns.items()
    }
    indexes = {text: OriginIndex([pattern]) for text, pattern in patterns.items()}
    exact = _necessary(patterns, indexes, [text for text in patterns if surplus[text] is None], ())
    wider = _necessary(patterns, indexes, [text for text in patterns if surplus[text] is not None], exact)
    every_page = compared.example([_read(_SECURE_ORIGIN)], [language]) is None
    told = tuple((text, surplus[text] or "") for text in wider)
    covered = Covered(spellings=exact, wider=told, every_page=every_page)
    likely = _read(_LIKELY_ORIGIN)
    if not exact and compared.example([language, likely], [never]) is None:
        return covered._replace(nothing=True)
    named = [*exact, *wider]
    outside = [never, *(languages[text] for text in named)]
    lost = _lost(compared, [patterns[text] for text in named], language, outside)
    shapes = [_read(shape) for text in _spellings(compared, language, 1) for shape in _shapes_of_origins(text)]
    also_lost = _also_lost(compared, lost, [language, likely], outside, shapes)
    # Where nothing ends the expression, a port may follow.
    without = (pattern for pattern in map(patterns.__getitem__, exact) if pattern.port is None)
    ports = (str(one._replace(host=_filled(one, "a"), port=8443)) for one in without)
    others = (text for text in ports if lost and ":" not in lost.partition("://")[2] and compared.has(language, text))
    on_a_port = next((text for text in others if not any(compared.has(other, text) for other in outside)), None)
    return covered._replace(lost=lost, also_lost=(*also_lost, *([on_a_port] if on_a_port else [])))


def prefixes_of(expression: str | re.Pattern[str]) -> Covered:
    """
    Return the path prefixes of whole segments that *expression* means.

    A prefix is taken if the expression covers everything below it, or the path itself. What the prefix covers beyond
    that is in *wider*, which also has prefixes that were not taken. Raises ValueError with the reason if *expression*
    cannot be read.
    """
    alphabet = _alphabet_of_paths([expression])
    compared, language, paths = _Comparison(), _read(expression, alphabet=alphabet), _read(_PATH, alphabet=alphabet)
    if compared.example([paths], [language]) is None:
        return Covered(all=True)
    nothing = compared.example([language, paths], []) is None
    heads = _meant(compared, language, lambda texts: {*_heads_of_paths(texts)})
    inside = {head: _read(below(head), alphabet=alphabet) for pair in heads for head in pair}
    prefixes = {
        head if nothing or compared.example([language, paths, inside[head]], []) is not None else parent
        for head, parent in heads
    }
    taken: list[str] = []
    wider: list[tuple[str, str]] = []
    for prefix in sorted(filter(PATH_PREFIX.fullmatch, prefixes), key=lambda head: (len(head), head)):
        if any(prefix.startswith(f"{other}/") for other in {*taken} - {*dict(wider)}):
            continue
        itself = [text for text in (prefix, f"{prefix}/") if not compared.has(language, text)]
        deeper = compared.example([paths, _read(f"{re.escape(prefix)}/.+", alphabet=alphabet)], [language])
        if len(itself) < 2 or deeper is None:
            taken.append(prefix)
        if itself or deeper is not None:
            wider.append((prefix, prefix if nothing else deeper or itself[0]))
    if nothing:
        return Covered(wider=tuple(wider), nothing=True)
    outside = [inside[prefix] for prefix in taken]
    # The first example shows that the expression has no end.
    longer = (f"{prefix}a" for prefix in taken if compared.has(language, f"{prefix}a"))
    lost = next(
        (text for text in longer if not any(compared.has(other, text) for other in outside)),
        compared.example([language, paths], outside),
    )
    # A text that continues a taken prefix is not another alternative.
    texts = dict.fromkeys(re.sub(r"/\*?\.?$|\*\.$", "", text) for text in _spellings(compared, language, 1))
    shapes = [
        _read(re.escape(text).replace(r"\*", ".+") + "(/.*)?$", alphabet=alphabet)
        for text in texts
        if not compared.has((_Choice(tuple(outside)),), text.removesuffix("*"))
    ]
    also_lost = _also_lost(compared, lost, [language, paths], outside, shapes)
    return Covered(False, tuple(taken), tuple(wider), lost, also_lost)


def path_of(within: Iterable[str | re.Pattern[str]], outside: Iterable[str | re.Pattern[str]]) -> str | None:
    """
    Return the shortest path that all of *within* match and that none of *outside* matches, or None.

    Raises ValueError with the reason if one of the expressions cannot be read.
    """
    within, outside = [_PATH, *within], [*outside]
    read = partial(_read, alphabet=_alphabet_of_paths([*within, *outside]))
    return _Comparison().example([*map(read, within)], [*map(read, outside)])


def below(prefix: str) -> str:
    """
    Return an expression for the paths that *prefix* covers. An empty prefix covers all.
    """
    return f"{re.escape(prefix)}(/.*)?$"


def _alphabet_of_paths(expressions: Iterable[str | re.Pattern[str]]) -> str:
    written = [expression.pattern if isinstance(expression, re.Pattern) else expression for expression in expressions]
    return "".join(dict.fromkeys([*_ALPHABET, *_OF_PATHS, *filter(str.isprintable, "".join(map(str, written)))]))


def _meant(compared: "_Comparison", language: "_Sequence", meanings: Callable[[list[str]], _Meant]) -> _Meant:
    """
    Return the *meanings* of the texts that *language* may be written as. If there are too many, use more stars.

    Raises ValueError if there are still too many, or if listing them takes too long.
    """
    for few in (_FEW, 1):
        with suppress(_TooManyError):
            meant = meanings(_spellings(compared, language, few))
            if len(meant) <= _MOST_SPELLINGS:
                return meant
    raise _TooManyError


def _patterns_meant(spellings: Iterable[str]) -> Iterator[OriginPattern]:
    # A port with a star in it means any port.
    texts = dict.fromkeys(re.sub(r":\d*\*[\d*]*$", ":*", text) for text in spellings if text != NULL)
    # A star between hyphens is not meant to be empty.
    unmeant = {text.replace("*", "", 1) for text in texts if "-*-" in text}
    for text in texts:
        # `.*` before a host name crosses dots. It means the names below that host, or the host itself. No name begins
        # with a hyphen.
        crosses_dots = re.search(r"\*[^-.:*]", text) and text.replace("*", "*.", 1) in texts
        if crosses_dots or text in unmeant or "*.-" in text:
            continue
        for scheme in ("",) if "://" in text else ("https://", "http://"):
            pattern = pattern_of(scheme + text)
            if pattern is None:
                continue
            # A label may begin or end with a hyphen, but not only because a star is empty. That is not meant.
            if not re.search(r"-(\.|$)|(^|\.)-", pattern.host.replace("*", "x")):
                yield pattern


def _heads_of_paths(texts: list[str]) -> Iterator[tuple[str, str]]:
    """
    Yield the prefix at the start of each of *texts*, and the prefix above it if a star stands for the rest of a
    segment.
    """
    without_star = {text.replace("*", "", 1) for text in texts if "*" in text[:-1]}
    for text in texts:
        # `/files/.*\.json` is not meant as `/files/.json`.
        if "/." in f"/{text}" and text in without_star:
            continue
        literal, star, _ = text.partition("*")
        # Every path begins with a slash.
        literal = f"/{literal.lstrip('/')}"
        yield literal.rstrip("/"), literal.rpartition("/")[0] if star else ""


def _shapes_of_origins(text: str) -> Iterator[str]:
    """
    Yield expressions for the origins, with any port, that *text* means and no pattern can say.
    """
    if text == NULL:
        yield f"{NULL}$"
    origin = re.fullmatch(r"(.+://)?(\[[^/]+\]|(?!\.|.*\.(?:\.|:|$))[^/:]+)(:.*)?", text)
    if origin is None:
        return
    # What follows a name belongs to an attacker, and is not another alternative.
    name = origin[2].removesuffix("*") if "." in origin[2] else origin[2]
    if pattern_of(f"{origin[1] or 'https://'}{name}") is not None:
        return
    host = re.sub(r"\\\*$", r"[a-z0-9_.\-]+", re.escape(origin[2])).replace(r"\*", r"[a-z0-9_\-]+")
    for scheme in (origin[1],) if origin[1] else ("https://", "http://"):
        yield re.escape(scheme).replace(r"\*", "[a-z0-9+.-]+") + host + "(:[0-9]+)?$"


def _expression_of(pattern: OriginPattern) -> str:
    """
    Return *pattern* as an expression that covers at least as much.
    """
    label = next((label for label in pattern.host.split(".") if "*" in label), "")
    star = rf"({LABEL}\.)*{LABEL}" if label == "*" else rf"[a-z0-9_\-]{{1,{64 - len(label)}}}"
    host = rf"({_HOST}|\.)" if pattern.host == "*" else re.escape(pattern.host).replace(r"\*", star)
    port = "" if pattern.port is None else f"(:({_PORT}))?" if pattern.port == "*" else f":{pattern.port}"
    return f"{re.escape(pattern.scheme)}://{host}{port}$"


def _is_of_this_machine(pattern: OriginPattern) -> bool:
    return pattern.scheme in {"http", "https"} and pattern.is_loopback and pattern.port is None


def _surplus(
    compared: "_Comparison", pattern: OriginPattern, covered: "_Sequence", outside: list["_Sequence"]
) -> str | None:
    """
    Return an example of what *pattern* (as a language: *covered*) has and none of *outside* has.

    If possible, it is one that people would think of.
    """
    surplus = compared.example([covered], outside)
    if surplus is None:
        return None
    ports = (None, 8443) if pattern.port == "*" else (pattern.port,)
    samples = (pattern._replace(host=_filled(pattern, sample), port=port) for sample in _SAMPLES for port in ports)
    return next((str(sample) for sample in samples if not compared.has(outside[0], str(sample))), surplus)


def _lost(
    compared: "_Comparison", patterns: Iterable[OriginPattern], language: "_Sequence", outside: list["_Sequence"]
) -> str | None:
    """
    Return an example of what *language* covers and none of *outside* does: the origin of an attacker, if there is one.
    """
    lost = compared.example([language, _read(_PAGE_ORIGIN)], outside)
    if lost is None:
        others = (compared.example([language, _read(other)], outside) for other in (_APP_ORIGIN, _LIKELY_ORIGIN))
        return next((other for other in others if other is not None), None)
    named = [pattern._replace(host=_filled(pattern, sample)) for sample in ("a", "1") for pattern in patterns]
    one_of_each = [str(pattern).removesuffix(":*") for pattern in named]
    strangers = [origin + _STRANGER for origin in one_of_each]
    # As an expression, `https://*.` has no subdomain.
    above = [str(pattern._replace(host=pattern.host.removeprefix("*."))).removesuffix(":*") for pattern in patterns]
    unescaped = [f"{origin[:dot]}x{origin[dot + 1 :]}" for origin in one_of_each for dot in _dots(origin)]
    found = dict.fromkeys([*strangers, *above, *unescaped])
    texts = (text for text in found if Origin.parse(text) and compared.has(language, text))
    return next((text for text in texts if not any(compared.has(other, text) for other in outside)), lost)


def _also_lost(
    compared: "_Comparison",
    lost: str | None,
    within: list["_Sequence"],
    outside: list["_Sequence"],
    shapes: Iterable["_Sequence"],
) -> tuple[str, ...]:
    """
    Return an example of each of *shapes* that does not cover *lost*. All of *within* have it, and none of *outside*.
    """
    found: list[str] = []
    others = [*outside]
    for shape in shapes if lost is not None else ():
        if not any(compared.has(shape, text) for text in (lost, *found) if text is not None):
            example = compared.example([shape, *within], others)
            found += [] if example is None else [example]
        others.append(shape)
    return tuple(found)


def _filled(pattern: OriginPattern, sample: str) -> str:
    return pattern.host.replace("*", sample)


def _dots(text: str) -> Iterator[int]:
    return (at for at, char in enumerate(text) if char == ".")


def _necessary(
    patterns: Mapping[str, OriginPattern], indexes: Mapping[str, OriginIndex], texts: list[str], before: Iterable[str]
) -> tuple[str, ...]:
    """
    Return *texts* without those that another text, or one of *before*, covers.
    """
    kept = list(texts)
    for text in texts:
        samples = [str(sample) for sample in patterns[text].samples()]
        others = (indexes[other] for other in (*before, *kept) if other != text)
        if any(all(map(other.covers, samples)) for other in others):
            kept.remove(text)
    return tuple(kept)


# Sets of strings. An expression is a sequence. The part that is left while a string is read is a sequence, too.


class _Chars(NamedTuple):
    """
    Exactly one character, out of a set.
    """

    chars: frozenset[str]


class _Edge(NamedTuple):
    """
    The position before the first character, or after the last.
    """

    is_start: bool


class _Choice(NamedTuple):
    """
    One of several sequences.
    """

    options: "tuple[_Sequence, ...]"


class _Repeat(NamedTuple):
    """
    *body*, at least *least* times and at most *most* times. None means without a limit.
    """

    body: "_Sequence"
    least: int
    most: int | None


_Sequence = tuple[_Chars | _Edge | _Choice | _Repeat, ...]
# The numbers of the sequences that may be left of each language. The last entry is for the languages outside.
_State = tuple[frozenset[int], ...]


class _Comparison:
    """
    Compares sets of strings. All comparisons of one object share a bound on their *work*.

    Sequences are numbered, because numbers are compared quickly. What may come next in each sequence is kept.
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
        Return whether the sequence may end here, and the characters that may come next, each with the sequence that is
        left after it.
        """
        known = self._next.get((number, is_start))
        if known is None:
            sequence = self._sequences[number]
            ends = () in self.heads(sequence, is_start=is_start, is_end=True)
            heads = self.heads(sequence, is_start=is_start, is_end=False)
            steps = [(head[0].chars, self.of(head[1:])) for head in heads if head and isinstance(head[0], _Chars)]
            known = self._next[number, is_start] = ends, steps
        return known

    def example(self, within: list[_Sequence], outside: list[_Sequence]) -> str | None:
        """
        Return the shortest string that is in all of *within* and in none of *outside*, or None.
        """
        classes = _character_classes([*within, *outside])
        start: _State = (*(frozenset([self.of(one)]) for one in within), frozenset(map(self.of, outside)))
        seen: set[_State] = {start}
        firsts: dict[frozenset[frozenset[str]], list[str]] = {}
        waiting: deque[tuple[str, _State]] = deque([("", start)])
        while waiting:
            text, state = waiting.popleft()
            found = [[self.next(left, is_start=text == "") for left in lefts] for lefts in state]
            *inner, outer = [any(ends for ends, _ in of_one) for of_one in found]
            if all(inner) and not outer:
                return text
            steps = [[step for _, steps in of_one for step in steps] for of_one in found]
            sets = frozenset(chars for of_one in steps for chars, _ in of_one)
            if sets not in firsts:
                # What one of the others leads to, the first leads to.
                firsts[sets] = _first_of_each(classes, sets)
            for char in firsts[sets]:
                following = tuple(frozenset(left for chars, left in of_one if char in chars) for of_one in steps)
                if all(following[:-1]) and following not in seen:
                    seen.add(following)
                    waiting.append((text + char, following))
            self.spend(len(classes) * sum(map(len, steps)))
        return None

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > _MOST_WORK:
            raise ValueError("comparing it takes too long")

    def heads(self, sequence: _Sequence, *, is_start: bool, is_end: bool) -> set[_Sequence]:
        """
        Return what *sequence* can continue with at this position: an empty sequence, or sequences that begin with
        characters.
        """
        heads: set[_Sequence] = set()
        seen: set[_Sequence] = set()
        waiting = [sequence]
        while waiting:
            left = waiting.pop()
            if left in seen:
                continue
            seen.add(left)
            # Each step copies the rest of the sequence.
            self.spend(len(left))
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

    def has(self, language: _Sequence, text: str) -> bool:
        """
        Return whether *language* has *text*.
        """
        only: _Sequence = (*(_Chars(frozenset(char)) for char in text), _Edge(is_start=False))
        return self.example([only], [language]) is None


def _character_classes(languages: Iterable[_Sequence]) -> list[str]:
    """
    Return one character for each group of characters that *languages* do not distinguish.
    """
    sets = {chars for language in languages for chars in _sets(language)}
    known = sorted(frozenset[str]().union(*sets), key=lambda char: (_PLACES.get(char, len(_PLACES)), char))
    return _first_of_each(known, sets)


def _first_of_each(known: list[str], sets: Collection[frozenset[str]]) -> list[str]:
    """
    Return the first of each group of *known* characters that *sets* do not distinguish.
    """
    firsts = {tuple([char in chars for chars in sets]): char for char in reversed(known)}
    return sorted(firsts.values(), key=known.index)


def _sets(sequence: _Sequence) -> Iterator[frozenset[str]]:
    for item in sequence:
        if isinstance(item, _Chars):
            yield item.chars
        elif isinstance(item, _Choice):
            yield from (chars for option in item.options for chars in _sets(option))
        elif isinstance(item, _Repeat):
            yield from _sets(item.body)


# What might have been meant: texts of literal characters, with a star for every other part.


class _TooManyError(ValueError):
    def __str__(self) -> str:
        return "it means too many things to list them"


def _spellings(compared: _Comparison, language: _Sequence, few: int) -> list[str]:
    """
    Return the texts that an expression may mean. A set of up to *few* characters is spelled out.

    Raises ValueError if they are too many, or if listing them takes too long.
    """
    # The last item is the free end of every expression. It is meant only after a colon.
    texts = _texts(compared, language[:-1], few)
    return [*texts, *(f"{text}*" for text in texts if text.endswith(":"))]


def _texts(compared: _Comparison, sequence: _Sequence, few: int) -> list[str]:
    texts = [""]
    for item in sequence:
        ends = _texts_of(compared, item, few)
        if len(texts) * len(ends) > _MOST_TEXTS:
            raise _TooManyError
        # Each text is searched for stars, letter by letter.
        compared.spend(len(ends) * sum(len(text) + _PER_TEXT for text in texts))
        texts = [*dict.fromkeys(re.sub(r"(\*\.?)*\*", "*", text + end) for text in texts for end in ends)]
    return texts


def _texts_of(compared: _Comparison, item: _Chars | _Edge | _Choice | _Repeat, few: int) -> list[str]:
    if isinstance(item, _Edge):
        return [""]
    if isinstance(item, _Chars):
        # A dot without a backslash usually means a dot. If case is ignored, browsers send lower case.
        chars = sorted({char.lower() if char.lower() in item.chars else char for char in item.chars})
        return ["."] if {*_ALPHABET} <= item.chars else chars if len(chars) <= few else ["*"]
    if isinstance(item, _Choice):
        return [*dict.fromkeys(text for option in item.options for text in _texts(compared, option, few))]
    body, least, most = item
    once = _texts(compared, body, few)
    if most != 1:
        crosses_dots = len(body) == 1 and isinstance(body[0], _Chars) and {".", "a"} <= body[0].chars
        is_literal = len(once) == 1 and once[0] != "." and "*" not in once[0]
        if crosses_dots:
            once = ["*", "*."]
        elif not is_literal:
            once = ["*." if all(text.endswith(".") for text in once) else "*"]
        elif once[0] in ("/", ":"):
            # These are not meant to be repeated: in `//*` and `:*` the star means anything.
            once += [f"{once[0]}*"]
    return once if least else ["", *once]


# Expressions, read.


def _read(expression: str | re.Pattern[str], *, ignore_case: bool = False, alphabet: str = _ALPHABET) -> _Sequence:
    """
    Return the language of strings of *alphabet* that `re.match` accepts.

    Raises ValueError with the reason if *expression* cannot be read.
    """
    # The author of the expression got the warning when it was compiled.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        try:
            compiled = re.compile(expression) if isinstance(expression, str) else expression
        except (re.error, OverflowError) as error:
            raise ValueError(f"it is not a regular expression: {error}") from None
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None
        text: object = compiled.pattern
        if not isinstance(text, str):
            raise ValueError("it is written in bytes")  # noqa: TRY004 - one error for all that cannot be read
        reader = _Reader(text, compiled.flags | (re.IGNORECASE if ignore_case else 0), alphabet)
        return (*reader.alternatives(), _Repeat((_Chars(frozenset(alphabet)),), 0, None))


@lru_cache(maxsize=512)
def _chars(one: str, flags: int, alphabet: str) -> frozenset[str]:
    """
    Return the characters of *alphabet* that the expression *one* covers.
    """
    return frozenset(filter(re.compile(one, flags).fullmatch, alphabet))


class _Reader:
    """
    Reads the text of an expression that `re` has already accepted.
    """

    def __init__(self, text: str, flags: int, alphabet: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.flags = flags & (re.ASCII | re.DOTALL | re.IGNORECASE)
        self.skipped = _SKIPPED_IF_VERBOSE if flags & re.VERBOSE else _SKIPPED
        self.alphabet = alphabet

    def alternatives(self) -> _Sequence:
        options = [self.sequence()]
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            options.append(self.sequence())
        return options[0] if len(options) == 1 else (_Choice(tuple(options)),)

    def sequence(self) -> _Sequence:
        items: list[_Chars | _Edge | _Choice | _Repeat] = []
        while self.next() not in "|)":
            item = self.item()
            self.next()
            quantifier = _QUANTIFIER.match(self.text, self.at)
            if quantifier is None:
                items += item
                continue
            self.at = quantifier.end()
            if self.text[self.at : self.at + 1] == "+":
                raise ValueError("it has a possessive quantifier")
            repeated = _repeat(item, quantifier)
            # The same part twice, each without a limit, means the same as once.
            if items[-1:] != [repeated] or repeated[1:] != (0, None):
                items.append(repeated)
        return tuple(items)

    def next(self) -> str:
        """
        Skip what is ignored, and return the next character; an empty string at the end.
        """
        skipped = self.skipped.match(self.text, self.at)
        self.at = skipped.end() if skipped else self.at
        return self.text[self.at : self.at + 1]

    def item(self) -> _Sequence:
        char = self.text[self.at]
        if char == "(":
            return self.group()
        two = self.text[self.at : self.at + 2]
        if char in "^$" or two in (r"\A", r"\Z", r"\z"):
            self.at += len(two if char == "\\" else char)
            return (_Edge(is_start=char == "^" or two == r"\A"),)
        one = _ONE.match(self.text, self.at)
        if one is None:
            raise ValueError(f"it has {two} in it")
        self.at = one.end()
        return (_Chars(_chars(one[0], self.flags, self.alphabet)),)

    def group(self) -> _Sequence:
        opening = _GROUP.match(self.text, self.at)
        if opening is None:
            raise ValueError("it looks ahead or behind, or has another extension in parentheses")
        self.at = opening.end()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError(_TOO_DEEP)
        inner = self.alternatives()
        self.depth -= 1
        self.at += 1
        return inner


def _repeat(body: _Sequence, quantifier: re.Match[str]) -> _Repeat:
    sign, least, comma, most = quantifier.groups()
    if sign in "*+?":
        return _Repeat(body, 1 if sign == "+" else 0, 1 if sign == "?" else None)
    if not least and not comma:
        raise ValueError("it has braces that are not a quantifier")
    low = int(least or 0)
    high = int(most) if most else None if comma else low
    if max(low, high or 0) > _MOST_REPEATS:
        raise ValueError(f"it repeats something more often than {_MOST_REPEATS} times")
    return _Repeat(body, low, high)
