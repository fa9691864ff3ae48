"""
Finds the URLs in a text that no form of a line names: which of them a message is about, and which stand elsewhere.

A link that a person gives to somebody who reads the text is not a request.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# How many characters of one word of a message are read.
LONGEST_WORD: Final = 2048
# A place in a script is not a URL that something requests.
_URL: Final = re.compile(
    r"(?<!SourceMap: )(?<!source map: )(?<!sourceURL: ['\"])(?<!fileName: ['\"])(?<!xmlns=['\"])"
    # After a comma, a sentence goes on.
    r"\bhttps?://(?!user:pass@host)[^\s'\"()<>|]++(?<!,)",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r":\d+(?::\d+)?[.,)\]]?$")
USERINFO: Final = re.compile(r"(?<=://)[^/?#@\s]*@")
# How much of the text before a URL says what the URL is.
_LONGEST_LEAD: Final = 200
# A call in the code, a command, a note of Internet Explorer, or a person says that this is requested.
_REQUESTED: Final = re.compile(
    r"(?:\b(?:fetch|axios|requests?|\$http)|\.(?:ajax|delete|get|getJSON|head|load|patch|post|put|request|open))"
    r"\((?: ?['\"][A-Z]{3,7}['\"],)? ?['\"]$|"
    # Safari, after the name of the file.
    r"\([^\s()]{1,200}, line \d+\) +$|"
    r"\bcurl(?:\.exe)? [^|;]{0,180}$|--(?:endpoint|url)[= ]['\"]?$|\bSEC71\d\d: [^.:]{0,40}$|"
    r"(?i:\b(?:req(?:uest)?[ _-]?fail(?:ed|ure)?|(?:request|fetch|call)(?:s|es|ing|ed)?)\b"
    r"[^.!?:]{0,30}:? ?(?:\[[A-Z]{3,7}\] )?['\"(]?$)"
)
# The value of a header is not a request, with or without a colon.
_VALUE: Final = re.compile(
    r"(?i:\b(?:access-control-[\w-]{1,30}|(?:timing-)?allow-origin|host|location|origin|referr?er|vary)\b"
    r"['\"]?:? ?['\"]?$)"
)
# What people write before a link, and where links lead.
_LINKED: Final = re.compile(
    r"(?i:\b(?:article|cause|demo|documentation|docs?|found|homepage|issue|link|page|project|repo|repository|reproduced?|"
    r"sandbox|see|site|source|ticket|version|visit|website)\b[^.:]{0,20}:? ?['\"(]?$|"
    r"\b(?:here|with) ?:? ?$|\bimport (?:[^;]{0,100} from )?['\"]$)"
)
_LINK: Final = re.compile(
    r"https?://(?:developer\.mozilla|(?:www\.)?chromestatus|goo\.gl|fetch\.spec|web\.dev|go\.microsoft|xhr\.spec|"
    r"nodejs\.org|nextjs\.org|console\.(?:developers|cloud)\.google|(?:www\.)?(?:github|gitlab|bitbucket)\.(?:com|org)/|"
    r"gist\.|(?:[\w-]+\.)?(?:jsfiddle|codepen|codesandbox|stackblitz|plnkr|jsbin|stackoverflow|stackexchange|npmjs|"
    r"medium|wikipedia|w3|whatwg)\.|(?:blogs?|bugs?|bugzilla|docs?|forums?|i\.stack|issues|tickets?)\.)",
    re.IGNORECASE,
)
# What ends a sentence. After it, only brackets belong to the sentence.
_END: Final = re.compile(r"[.!?]['\")\]]* (?![(\[][\w :-]{0,40}$)")
# After a message, a URL belongs to it if it is in brackets, or if the sentence goes on.
_GOES_ON: Final = re.compile(
    r"^['\")\]]{0,2} ?(?:[:(\[,'\"=-]|(?:and|as|at|because|by|for|from|in|of|on|to|when|while|with)\b)|"
    r"(?<! is) at ['\"]?$|[(\[][\w :-]{0,40}$"
)


class LooseUrl(NamedTuple):
    """
    A *url*, where it starts, and whether it *is_tied* to the message.
    """

    url: str
    start: int
    is_tied: bool


def loose_urls(text: str, core: tuple[int, int]) -> Iterator[LooseUrl]:
    """
    Yield the URLs in *text* without links and places in scripts; the core of the message is at *core*.
    """
    for found in _URL.finditer(text):
        if _PLACE.search(found[0]) or found[0].endswith("/..."):
            continue
        lead = text[max(0, found.start() - _LONGEST_LEAD) : found.start()]
        if _VALUE.search(lead):
            continue
        is_requested = _REQUESTED.search(lead) is not None
        if is_requested or not (_LINK.match(found[0]) or _LINKED.search(lead)):
            url = USERINFO.sub("", found[0].rstrip(".,;:?]"))[:LONGEST_WORD]
            yield LooseUrl(url, found.start(), is_requested or _is_within(text, found, core))


def _is_within(text: str, url: re.Match[str], core: tuple[int, int]) -> bool:
    """
    Return whether *url* is in the sentence of the *core* of a message.
    """
    begin, end = core
    if url.start() < end:
        return begin - url.end() < _LONGEST_LEAD and _END.search(text[url.end() : begin]) is None
    between = text[end : url.start()]
    return _GOES_ON.search(between) is not None and _END.search(between) is None
