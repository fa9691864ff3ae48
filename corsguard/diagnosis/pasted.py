"""
Turns pasted text into what the console printed: without markup, escapes, typographic quotation marks and line prefixes.

People paste from issues (Markdown, HTML), from logs (JSON) and from word processors. The result always has straight
quotation marks and single spaces.
"""

import html
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from .cores import CORES, LOGS, Core, first_core
from .languages import messages_in

# How many messages of one paste are read.
_MOST_PARTS: Final = 40
# How many lines are looked at for what failed.
_MOST_LINES: Final = 200
# How many characters of the lines before it a line is compared with.
_LONGEST_GROUP: Final = 4096

_STRAIGHT: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`\u201c\u201d\u201e\u201f\u00ab\u00bb", "'"),
        **dict.fromkeys("\u300c\u300d\u300e\u300f", '"'),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"),
        "\u2026": "...",
    }
)
_ENTITY: Final = re.compile(
    r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|quot|apos|lt|gt|amp|nbsp|[lr][sd]quo|[lr]aquo|hellip);", re.IGNORECASE
)
_CARET: Final = re.compile(r"\^([\"^&%{}<>|!()])")
_CARET_AT_END: Final = re.compile(r"\^(?=\r?\n)")
_TAG: Final = re.compile(r"</?(?:a|b|br|code|div|em|i|kbd|li|p|pre|span|strong)(?: [^<>]{0,400})?/?>", re.IGNORECASE)
# Escapes of JSON, a shell or Markdown, but not the backslashes in a Windows path.
_ESCAPE: Final = re.compile(
    r"(?P<path>(?<![A-Za-z])[A-Za-z]:\\(?=[\w.$-]{1,200}\\)[^\s'\"<>|]{1,2048})|"
    r"\\(?:u(?P<code>[0-9a-fA-F]{4})|(?P<end>[nrt])|(?P<char>[\"'`/_*<>\[\]\\]))"
)
# Marks of bold text. Three stars in a row, or two in a URL, belong to the text.
_FENCE: Final = re.compile(r"```(?:\w{0,20}(?=[ \t]*(?:\n|$)))?|(?<![\w*/'])\*\*(?=[^\s*])|(?<=[^\s*])\*\*(?![\w*/'])")
# Marks of bold text within a URL: around a host, or what follows it.
_BOLD_PART: Final = re.compile(
    r"(?<=://)\*\*(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}(?::\d{1,5})?)\*\*(?=[/?#:'\"\s]|$)|"
    r"(?<=[\w'\"])\*\*(?P<rest>(?:[a-z]{2,5}:/)?/[^\s'\"*]{1,2048})\*\*(?=['\"\s]|$)"
)
# Marks of italics around words that begin after a space, or around a whole line. A `*` may be a value.
_ITALICS: Final = re.compile(
    r"(?<!\S)\*(?=[^\W_])(?P<words>(?:'\*'|[^*\n]){1,4096}[^\s*/])\*(?=[\s.,:;)]|$)|"
    r"^[ \t]*_(?=[^\W_])(?P<line>[^\n]{1,4096}[^\s_/])_(?=[ \t\r]*$)",
    re.MULTILINE,
)
_QUOTE: Final = re.compile(r"^[ \t]*(?:> ?|(?://+|\*|#)[ \t]+|\+[ \t]?(?=[A-Za-z'\"]))+", re.MULTILINE)
# Somebody prevented that a link is made of a URL.
_LOOSE: Final = re.compile(
    r"\b(https?|wss?)(?: ?: ?//(?=\S)|(?: : ?| ?: )// ?(?=\S)|(?<!['\"]http)(?<!['\"]https):/(?=[^/\s]))"
)
# A translation puts a space before the port.
_LOOSE_PORT: Final = re.compile(r"(?<=://)([\w.-]{1,253}): (?=\d{2,5}(?:['\"/]|$))")
# Where a line was empty.
_SPACES: Final = re.compile(r" {2,}")
# A quotation whose lines were joined.
_STRAY: Final = re.compile(r"(?<= )>(?=[A-Za-z])")
# A name that was wrapped at its hyphens, or got spaces around them.
_SPLIT: Final = re.compile(
    r"Access(?:\s?-\s?|\s)Control(?:\s?-\s?|\s)(Allow|Expose|Max|Request)(?:\s?-\s?|\s)"
    r"(?=(?:Age|Credentials|Headers?|Methods?|Origin)\b)",
    re.IGNORECASE,
)
# Firefox's console has no space between the type of a row, the method and the URL.
_ROW: Final = re.compile(r"\b(?:XHR|HR)?(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) ?(?=https?://)")
# Nor has it one between the URL and the name of the failure.
_GLUED: Final = re.compile(
    r"(?<=[^\s'\"(\[])(?=CORS (?:Allow|Did|Disabled|External|Failed|Invalid|Method|Missing|Multiple|No|Not|Origin|"
    r"Preflight|Request) ?[A-Z])"
)
# It marks an item of a list, in the result.
_ITEM_MARK: Final = "\x1d"
# Items of a list: each is a message of its own. The options of a command are not items.
_ITEM: Final = re.compile(r"^(?:[\u2022\u2717\u2718\u274c]|-(?!-|[A-Za-z] )|\d{1,2}[.)])(?= ?\S)[ \u274c]*")
# Italics end after the name of an error.
_ITALIC_END: Final = re.compile(r"\b(ERR_[A-Z0-9_]{0,60}[A-Z0-9])_+(?!\w)")
# The first letter of the row of a request was not copied.
_METHODS: Final = {"OST": "POST", "ATCH": "PATCH", "ELETE": "DELETE"}
_BEHEADED: Final = re.compile(rf"^(?:{'|'.join(_METHODS)})(?= https?://)")
# A link whose text is a URL is that URL. For any other link, such as [Learn More], the text stays.
_LINK: Final = re.compile(
    r"\[(?P<text>[^\[\]]{1,2048})\]\([^()\s]{1,2048}(?: ['\"][^'\"()]{0,200}['\"])?\)|"
    # Its target was cut.
    r"\[(?P<url>https?://[^\[\]\s]{1,2048})\]\(https?://[^()\s]{0,2048}?(?:\.{3}|\u2026)(?=[\s'\"]|$)"
)
_AUTOLINK: Final = re.compile(r"<(?P<url>(?:https?|wss?)://[^<>\s]{1,2048})>")
# Of two different quotation marks next to each other, one was added by the paste; '' alone is an empty value.
_DOUBLED: Final = re.compile(r"'{3,}|(?<=[^\s'(])''(?=[\s.,)])|(?<=[\s(])''(?=[A-Za-z*])")
# Two values, each between quotation marks of its own.
_ONE: Final = r"(?:\*|null|[a-z][a-z0-9+.-]{1,30}://[^\s'\"/,]{1,253})"
_SEVERAL: Final = re.compile(rf"(?<=['\"])({_ONE})['\"], ?['\"](?={_ONE}['\"])")
# Somebody wrote double quotation marks in place of single ones. After a name in JSON there is a colon.
_MARKED: Final = re.compile(
    r'\bAccess to [\w ]{1,40} at "[^"\']{1,2048}"|\bRedirect from "|"Access-Control-[A-Za-z-]{1,40}"(?= [a-z])|'
    r'\bis not allowed by "Access-Control-'
)
_MARKS: Final = re.compile(r'(?<=[\s(])"([^"\']{0,2048})"(?=[\s.,;:)]|$)(?! ?: ?["{\[\dtfn])')

# People write about themselves, browsers do not.
_PROSE: Final = re.compile(r"\b(?:I|I'm|I've|[Ww]e|[Mm]y|[Oo]ur|[Tt]hanks)\b|\?$")
# What tells the line of a log from a heading.
_LOGGED: Final = re.compile(r"https?://|\bnull\b|\d\d:\d\d|\[|(?i:err|exception|warn|info)")
# No sentence ends with these.
_OPEN_END: Final = re.compile(r" (?:an?|and|are|as|at|by|for|from|in|is|not|of|on|or|that|the|to|with)$")
# The row of a request: the line before it, and the line after it, are about something else.
_ROW_LINE: Final = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) https?://\S{1,2048} (?:net::ERR_[A-Z_]{1,40}|[45]\d\d\b|\[HTTP/)|"
    r"['\"]OPTIONS /\S{0,2048} HTTP/[\d.]{1,3}['\"] [45]\d\d\b|"
    r"Failed to load resource: (?:the server responded with a status of |net::ERR_(?!FAILED\b))"
)
# What stands for the URLs in the heading of a group of lines.
_HIDDEN: Final = "<URL>"
# The number of its lines, or the place of one of them.
_PREFIX: Final = re.compile(r"^(?:\d{1,6} ?(?=[A-Z])|[\w.-]{1,200}:\d{1,7} )")
_URLS: Final = re.compile(r"\b(?:https?|wss?|file)://[^\s'\"]+")
_SAID_OF_URL: Final = re.compile(r"(?P<words>(?:\S{1,40} ){3})(?P<url>https?://\S{1,2048})$")
# Where a message begins, if several are pasted together. A message of Safari is recognized by its end.
_BEGIN: Final = re.compile(
    r"(?=Access to \S{1,40}(?: \S{1,40}){0,3}? (?:at )?['\[{<][^'\]}>]{0,2048}['\]}>] )|"
    r"(?=Cross-Origin Request (?:Blocked|Warning))|(?=WebSocket connection to ')|(?=\b[A-Z]\w{1,20} can't establish)|"
    r"(?=The connection to wss?:)|(?=(?:Font|Image|Script|Redirect|Stylesheet) (?:from|at) origin ')|"
    r"(?=(?:\[Report Only\] )?Refused to [a-z]{2,12} )(?<!Only\] )|(?=Mixed Content: The page)|"
    r"(?=Content[ -]Security[ -]Policy: (?:\(Report-Only policy\) )?The page)|"
    r"(?=\b[A-Z][a-z]{3,10}ing (?:\w{1,20} ){0,4}?(?:'[^']{1,2048}' )?violates the )|"
    r"(?=\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) https?://[^\s']{1,2048} (?:\S{1,2} )?CORS [A-Z])|"
    r"(?<!\[Error\] )"
    r"(?=(?:\[Error\] )?(?:XMLHttpRequest cannot load|Failed to load) https?://[^\s']{1,2048}+ ?+(?!due to)\S)|"
    r"(?=\bFailed to execute '\w{1,40}' on ')|(?=Blocked loading mixed )|(?=The resource at ['\"]https?:)|"
    r"(?=\band https?://\S{1,2048} with MIME type )|(?=downloadable font: )|"
    r"(?=Storage access auto)|(?=Loading failed for the )|(?=Sandbox access violation)|"
    r"(?=\bDisallowed CORS (?:origin|method|headers?)\b)|"
    r"(?<!origin )(?<!at )(?<!to )(?<!from )(?=(?<!\S)'[^']{1,2048}' has been blocked by CORS policy)"
)
_END: Final = re.compile(
    r"(?<=due to access control checks\.)|(?=\[(?:Warning|Log|Info)\] )|(?=Cancelled load to https?:)"
)


def without_carets(text: str) -> str:
    """
    Return *text* with the escapes of Windows' command line, in which `^` is what a backslash is elsewhere, as those of
    other shells.
    """
    return _CARET.sub(r"\1", _CARET_AT_END.sub(r"\\", text)) if '^"' in text else text


def plain(text: str) -> str:
    """
    Return *text* as a console prints it, with straight quotation marks. A line of Firefox in another language is
    between two record separators, and an item of a list begins with a group separator.
    """
    text = _ENTITY.sub(lambda found: html.unescape(found[0]), without_carets(text))
    text = _ESCAPE.sub(_unescaped, text)
    text = _TAG.sub(" ", _QUOTE.sub("", _FENCE.sub("", _BOLD_PART.sub(_within, text))))
    text = _LINK.sub(_within, _AUTOLINK.sub(_within, _ITALICS.sub(_within, text)))
    lines = [_in_words(re.sub(r"\s+", " ", line.translate(_STRAIGHT)).strip()) for line in text.split("\n")]
    joined = _SPLIT.sub(r"Access-Control-\1-", " ".join(_separated(_marked(_ungrouped(lines)))))
    whole = _DOUBLED.sub("'", _ROW.sub(r"\1 ", _STRAY.sub("", _SPACES.sub(" ", joined)))).strip(" ")
    whole = _MARKS.sub(r"'\1'", whole) if _MARKED.search(whole) else whole
    return _SEVERAL.sub(r"\1, ", whole)


def _within(found: re.Match[str]) -> str:
    """
    Return the text between the marks that were *found*.
    """
    text: str = next(filter(None, found.groups()))
    return text


def _in_words(line: str) -> str:
    line = _LOOSE_PORT.sub(r"\1:", _LOOSE.sub(r"\1://", _ROW.sub(r"\1 ", line)))
    line = _BEHEADED.sub(lambda found: _METHODS[found[0]], _ITALIC_END.sub(r"\1", line))
    return _GLUED.sub(" ", line) if "CORS " in line else line


def _ungrouped(lines: list[str]) -> list[str]:
    """
    Return *lines* without the headings of groups in Chromium's console, if a line of the group is there, too.
    """
    shapes = {_PREFIX.sub("", _URLS.sub(_HIDDEN, line)) for line in lines if _HIDDEN not in line}
    return [line for line in lines if _HIDDEN not in line or _PREFIX.sub("", line) not in shapes]


def _marked(lines: list[str]) -> Iterator[str]:
    """
    Yield *lines* with a record separator before each item of a list, and around each line of Firefox in another
    language.
    """
    has_items, before = sum(map(bool, map(_ITEM.match, lines))) > 1, ""
    for line, is_translated in messages_in(lines):
        rest = _ITEM.sub(" ", line)
        # A block that shows changes has a mark before each line.
        is_item = has_items and rest != line and not (_continues(rest.strip(), before) and _core_in(rest) is None)
        mark = _ITEM_MARK if is_item else ""
        yield f"\x1e{mark}{line}\x1e" if is_translated else f"\x1e{mark}{rest}" if is_item else rest
        before = rest.strip() or before


def parts(text: str) -> Iterator[tuple[str, int]]:
    """
    Yield the messages in *text*, which is plain, each with the number of its item in a list (0 before the first one).
    """
    pieces = ((piece, number) for number, item in enumerate(text.split(_ITEM_MARK)) for piece in item.split("\x1e"))
    split = (
        (part, number)
        for piece, number in pieces
        for part in (_BEGIN if _BEGIN.search(piece) else _END).split(piece)
        if part.strip()
    )
    yield from islice(split, _MOST_PARTS)


def _separated(lines: Iterable[str]) -> Iterator[str]:
    """
    Yield *lines*, with a record separator before each that begins another message: it says by itself what failed, and
    the lines before it say something else, or name another URL.
    """
    group, before, told = "", "", None
    for number, line in enumerate(lines):
        begins = "\x1e" in line or bool(before and (_ROW_LINE.search(before) or _ROW_LINE.search(line)))
        is_read = number < _MOST_LINES and not _continues(line, before)
        own = _core_in(line) if is_read or begins else None
        is_prose = not begins and _PROSE.search(line) is not None
        if own is not None and is_prose:
            # A person may quote another message.
            begins = told is not None and _names_another(own, line, group)
            own = own if begins else None
        elif own is not None and not begins and (own not in LOGS or _LOGGED.search(line)):
            # Lines that say nothing alone may do so together.
            told = told or _core_in(group)
            begins = told is not None and _tells_more(own, line, told, group)
        begins = begins or (own is None and told is not None and _repeats(line, group))
        yield f"\x1e{line}" if begins else line
        group = line if begins else f"{group} {line}"[-_LONGEST_GROUP:]
        told = own if begins else told or own
        before = line or before


def _core_in(text: str) -> Core | None:
    found = first_core(CORES, text)
    return None if found is None else found[0]


def _tells_more(own: Core, line: str, told: Core, group: str) -> bool:
    """
    Return whether *line* says something else than the *group* of lines before it, or the same of another URL. *own* and
    *told* are their cores.
    """
    # These list all possible causes.
    if told.means == "not_told":
        return False
    if "due to access control checks" in group:
        # Safari repeats the first of its lines in the third one.
        return "Failed to load resource" not in line
    if own.means == told.means:
        urls, others = {*_URLS.findall(line)}, {*_URLS.findall(group)}
        return (bool(others) and not urls <= others) or _names_another(own, line, group)
    return told.core.search(line) is None


def _repeats(line: str, group: str) -> bool:
    """
    Return whether *line* says of another URL what the *group* of lines before it says of one.
    """
    said = _SAID_OF_URL.search(line)
    return said is not None and f"{said['words']}http" in group and said["url"] not in group


def _names_another(own: Core, line: str, group: str) -> bool:
    """
    Return whether *line*, whose core is *own*, names another header or method than the *group* of lines before it does
    with the same core.
    """
    names, others = ({*map(_named_by, own.core.finditer(text))} - {""} for text in (line, group))
    return bool(others) and not names <= others


def _named_by(found: re.Match[str]) -> str:
    named = (value for name, value in found.groupdict().items() if name.startswith(("header", "method")) and value)
    return next(named, "").lower()


def _continues(line: str, before: str) -> bool:
    """
    Return whether *line* is the rest of the line *before* it.
    """
    if _OPEN_END.search(before):
        return True
    is_within = line[:1].islower() and (before[-1:].isalpha() or before.endswith((",", "'", '"', "-", "/")))
    is_rest = before.endswith("CORS policy") and line.startswith("Response to preflight request")
    return before.endswith(":") or line.startswith("(Reason") or is_within or is_rest


def _unescaped(found: re.Match[str]) -> str:
    if found["path"]:
        return found[0]
    if found["end"]:
        return " " if found["end"] == "t" else "\n"
    if found["code"]:
        char = chr(int(found["code"], 16))
        # A surrogate alone is not a character.
        return found[0] if "\ud800" <= char <= "\udfff" else char
    return found["char"]
