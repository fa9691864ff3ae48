"""
The manual: its pages, the part about a code, and a search.

The pages are next to this file, in Markdown, so they always belong to the installed version. A page is a topic, and its
headings divide it into parts. The page `contents` lists all others, in their order.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from math import log
from typing import Final

CONTENTS: Final = "contents"

# Long enough for a question, and for a line from a console that is pasted here by mistake.
LONGEST_QUERY: Final = 1000

_HEADING: Final = re.compile(r"(#{1,3}) (.+)")
_LINK: Final = re.compile(
    r"(?P<item>^\* )?(?P<before>\(|: )?\[(?P<text>[^]\n]+)\]\((?!https?:)(?:(?P<page>[\w-]+)\.md)?(?:#[\w-]+)?\)",
    re.MULTILINE,
)
_POINTER: Final = re.compile(r"\]\(([\w-]+\.md(?:#[\w-]+)?)\)")
# A text of one or two sentences.
_LONGEST_POINTER: Final = 200
_LISTED: Final = re.compile(r"^\* \[[^]]+\]\(([\w-]+)\.md\)", re.MULTILINE)
_CODE: Final = re.compile(r"\b(?:(?:corsguard\.)?[EW][0-9]{3}|CG-[A-Z][0-9]{3})\b", re.IGNORECASE)
_WORD: Final = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_SETTING: Final = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
_ENDINGS: Final = re.compile(r"(?:s|ing|ed)$")
_SHORTEST_STEM: Final = 3
# Words that every question has, and that do not distinguish topics.
_COMMON: Final = frozenset(
    "a am an and any are at be but by can do does for from have how i if in into is it its me my no of on or own so "
    "that the then there this to use was what when where which who why will with you your".split()
)
# Words for everything, which may be between the words of a name: "allow all headers".
_QUANTIFIERS: Final = frozenset({"all", "every"})
# Words that people write, by their stem, and the words of the manual for them.
_SAME: Final = {"duplicat": "twic", "option": "preflight"}
# How much of a misspelled word has to be right. A shorter word resembles too many others.
_LIKE: Final = 0.84
_SHORTEST_MISSPELT: Final = 5
# The first cell of a table's row, if it is a name. The row says what the name means.
_DEFINED: Final = re.compile(r"^\| `([\w-]+)` *\|", re.MULTILINE)
# Okapi BM25. A long example makes a part long, so its length counts less than usual. A word in a heading counts as
# this many words in the text. Some pages have a part for each code or case. Without a limit, these would take the
# places of explanations.
_SATURATION: Final = 1.2
_LENGTH: Final = 0.5
_IN_HEADING: Final = 3
_IN_TITLE: Final = 2
_IN_DEFINITION: Final = 8
# The other parts of the page count a little. A word that is the name of the page counts a little, too.
_OF_PAGE: Final = 0.2
_LENGTH_OF_PAGE: Final = 0.75
_IN_NAME: Final = 0.75
_OF_CODES: Final = frozenset({"errors", "findings", "reasons"})
_OF_CASES: Final = _OF_CODES | {"security"}
_LEVEL_OF_CASES: Final = 3
_WEIGHT_OF_CASES: Final = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """
    One heading of a page and the *text* below it, up to the next heading. The first part of a page has its *title*, and
    the *level* 1.
    """

    page: str
    title: str
    text: str
    level: int

    @property
    def markdown(self) -> str:
        """
        The part with its heading.
        """
        return f"## {self.title}\n\n{self.text}"


@cache
def topics() -> tuple[str, ...]:
    """
    Return the name of every page, in the order of the contents, which come first.
    """
    return CONTENTS, *_LISTED.findall(page_of(CONTENTS))


def page_of(topic: str) -> str:
    """
    Return the page of *topic*, one of `topics()`, in Markdown.
    """
    return files(__name__).joinpath(f"{topic}.md").read_text(encoding="utf-8")


def part_of_link(link: str) -> Part | None:
    """
    Return the part that a *link* such as `start.md#flask` names, or the first part of the page if it has no `#`.
    Return None if there is none.
    """
    page, _, anchor = link.partition("#")
    parts = (part for part in _parts() if part.page == page.removesuffix(".md"))
    return next((part for part in parts if not anchor or _anchor_of(part.title) == anchor.lower()), None)


def _anchor_of(heading: str) -> str:
    """
    Return the text after the `#` in a link to the part below *heading*, as GitHub makes it.
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def pointed_to(part: Part) -> Part | None:
    """
    Return the part to which *part* refers, if it is short and says little else.
    """
    links = _POINTER.findall(part.text) if len(part.text) <= _LONGEST_POINTER else []
    found = part_of_link(links[0]) if len(links) == 1 else None
    return None if found == part else found


def is_code(text: str) -> bool:
    """
    Whether *text* can only be a code, even if there is no such code.
    """
    return _CODE.fullmatch(text) is not None


def part_of_code(code: str) -> Part | None:
    """
    Return the part about *code*: `E203`, `corsguard.W902`, `CG-A001` or a reason, in upper or lower case.
    """
    codes = {part.title.lower(): part for part in _parts() if part.page in _OF_CODES and part.level == _LEVEL_OF_CASES}
    asked = code.lower()
    # A code of Django's checks may be written without its prefix, and a code of the engine with it.
    known = (title for title in (asked, f"corsguard.{asked}", asked.removeprefix("corsguard.")) if title in codes)
    return next((codes[title] for title in known), None)


def search(query: str, *, within: str | None = None) -> list[Part]:
    """
    Return the parts about *query*, the best first: of the page *within*, or of all pages except the contents. The
    part of a code in the query comes first.
    """
    query = query[:LONGEST_QUERY]
    named = [part for code in _CODE.findall(query) if (part := part_of_code(code)) is not None]
    scored = [
        (part in named, score, part)
        for part, score in zip(_parts(), _scores(_asked(query)), strict=True)
        if score > 0 and within in {part.page, None}
    ]
    return [part for *_, part in sorted(scored, key=lambda rated: rated[:2], reverse=True)]


def with_commands(markdown: str) -> str:
    """
    Return *markdown* for a terminal: each link to a page becomes the command that prints it.
    """
    return _LINK.sub(_as_command, markdown)


def _as_command(link: re.Match[str]) -> str:
    before = link["before"] or ""
    if link["page"] is None:
        return before + link["text"]
    if link["item"]:
        return f"{link['item']}**{link['text']}**"
    command = f"`corsguard manual {link['page']}`"
    if before and link["text"] == link["page"]:
        return before + command
    return f"({link['text']}: {command}" if before == "(" else f"{before}{link['text']} ({command})"


@cache
def _parts() -> tuple[Part, ...]:
    return tuple(part for topic in topics() if topic != CONTENTS for part in _parts_of(topic))


def _parts_of(topic: str) -> Iterator[Part]:
    title, level, text, in_code = "", 0, "", False
    for line in page_of(topic).splitlines(keepends=True):
        in_code ^= line.startswith("```")
        heading = None if in_code else _HEADING.match(line)
        if heading is None:
            text += line
            continue
        if title:
            yield Part(topic, title, text.strip(), level)
        title, level, text = heading[2].replace("`", ""), len(heading[1]), ""
    yield Part(topic, title, text.strip(), level)


def _words(text: str) -> list[str]:
    # The name of a Django setting is also there as it is written, because other names have the same letters in lower
    # case.
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON] + _SETTING.findall(text)


def _asked(query: str) -> list[str]:
    """
    Return the words to search for: those of *query* in the spelling of the manual, the manual's words for them, and
    names.
    """
    known = _vocabulary()
    words = [word if word in known else _spelt(word) for word in _words(query)]
    return words + [_SAME[word] for word in words if word in _SAME] + [one for one in _names(query) if one in known]


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(word for count in _counted() for word in count)


def _spelt(word: str) -> str:
    """
    Return the word of the manual that is most similar to *word*, or *word* itself if none is similar.
    """
    like = get_close_matches(word, sorted(_vocabulary()), 1, _LIKE) if len(word) >= _SHORTEST_MISSPELT else []
    return like[0] if like else word


def _names(query: str) -> list[str]:
    """
    Return names and compounds for words such as "max age" and "server sent": `max_age`, "server-sent".
    """
    words = _WORD.findall(query.lower())
    texts = {"_": [word for word in words if word not in _QUANTIFIERS], "-": words}
    pairs = ((joint, pair) for joint, text in texts.items() for pair in pairwise(text) if _COMMON.isdisjoint(pair))
    return [_stem(joint.join(pair)) for joint, pair in pairs]


def _stem(word: str) -> str:
    """
    Return the part that forms of a word share, such as "cookie" and "cookies", or "refuse" and "refused".
    """
    for _ in range(2):
        shorter = _ENDINGS.sub("", word)
        word = shorter if len(shorter) >= _SHORTEST_STEM else word
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word


@cache
def _counted() -> tuple[Counter[str], ...]:
    titles: dict[str, str] = {}
    return tuple(
        Counter(
            _IN_TITLE * _words(titles.setdefault(part.page, part.title))
            + _IN_HEADING * _words(part.title)
            + _IN_DEFINITION * _words(" ".join(_DEFINED.findall(part.text)))
            + _words(part.text)
        )
        for part in _parts()
    )


def _scores(asked: list[str]) -> Iterator[float]:
    counted, pages = _counted(), _counted_pages()
    of_parts, of_pages = _bm25(asked, counted, _LENGTH), _bm25(asked, [*pages.values()], _LENGTH_OF_PAGE)
    by_page = dict(zip(pages, of_pages, strict=True))
    rarity = _rarity(asked, counted)
    for part, score in zip(_parts(), of_parts, strict=True):
        named = sum(rarity[word] for word in {*asked}.intersection(_words(part.page)))
        is_case = part.page in _OF_CASES and part.level == _LEVEL_OF_CASES
        found = score + _OF_PAGE * by_page[part.page] + _IN_NAME * named if score > 0 else 0
        yield found * (_WEIGHT_OF_CASES if is_case else 1)


@cache
def _counted_pages() -> dict[str, Counter[str]]:
    pages: dict[str, Counter[str]] = {}
    for part, count in zip(_parts(), _counted(), strict=True):
        pages.setdefault(part.page, Counter()).update(count)
    return pages


def _rarity(asked: list[str], counted: Sequence[Counter[str]]) -> dict[str, float]:
    found = {word: sum(word in count for count in counted) for word in asked}
    return {word: log(1 + (len(counted) - found[word] + 0.5) / (found[word] + 0.5)) for word in asked}


def _bm25(asked: list[str], counted: Sequence[Counter[str]], shortened: float) -> Iterator[float]:
    mean = sum(count.total() for count in counted) / len(counted)
    rarity = _rarity(asked, counted)
    for count in counted:
        length = _SATURATION * (1 - shortened + shortened * count.total() / mean)
        yield sum(rarity[word] * count[word] * (_SATURATION + 1) / (count[word] + length) for word in asked)
