"""
Texts for people are plain English: they have none of the phrases at which an international reader stops.

The tests read the manual and the other pages, every comment, docstring and text in the code, and the comments and
docstrings of the tests.
"""

import io
import re
import tokenize

import pytest
from documents import PAGES, README, ROOT, text_of
from layers import files

# The second column has what to write.
PHRASES = {
    r"who(?:m)?ever|whosoever": "anyone who, the people who, each one that",
    r"mends?|mended|mending": "fix",
    r"beside": "next to, together with",
    r"smells?|smelt": "risky or probably unintended",
    r"lest": "so that ... not",
    r"hence|thus|thereby": "so",
    r"anew": "again",
    r"but for": "except",
    r"stumbles?|stumbled": "fail, not accept",
    r"(?<!there )is no (?!longer|more|such)\w+": "is not a",
    r"(?<!there )are no (?!longer|more|such)\w+": "are not",
    r"(?<!there )(?:is|are) (?-i:none)(?! of)": "does not exist, is not one",
    r", for (?:it|they|there|no|nobody|he|she)\b": ", because",
    r"says no more than": "only says",
    r"is told to": "is reported to",
    r"nothing but": "only",
    r"all (?:there|it) is": "the only ...",
    r"(?:and|or) (?:the|its|their) like": "and similar ones",
    r"upon": "on",
    r"speaks? of": "is about",
    r"warned of": "there is a warning about",
    r"seldom": "rarely",
    r"counts? more than": "takes the place of",
    r"stays? (?:at home|behind)": "is not sent",
    r"fit to be (?:seen|shown|printed)": "safe to print",
    r"called as one of": "whose name is one of",
    r"go(?:es)? without saying": "is the default",
    r"by the letter": "by the standard",
    r"(?:has|had|have) a say": "applies",
    r"(?:nobody|nobody else|somebody)'s (?:business|secret)": "is secret",
    r"once more": "again",
    r"all else": "everything else",
    r"besides": "also",
    r"tells? that": "says that",
    r"meanwhile": "during this",
    r"all the same": "anyway",
    r"now and then": "from time to time",
    r"mind the": "take care of",
    r"take(?:n|s)? for": "mistaken for",
    # Not "told apart".
    r"(?:is|are|was|were) told(?! apart)": "is reported, says, gets to know",
    r"(?:lacks|lacking)(?!\|)": "does not have",
    r"and so (?:do|does)(?! not)": "..., too",
    r"stands? (?:in|at|next|before|behind|above|below|between|inside|outside|without|there|where)": "is",
    r"(?:asks?|asked|load|loaded|served?|fetch|request) (?:\w+ ){0,2}by (?:https?|wss?)": "over https",
    r"for ever": "forever",
    r"nevertheless": "still",
    r"honou?rs?|honou?red": "obeys, keeps",
    r"out of turn": "at the wrong time",
    r"(?:redis|the database|the server|the store) is gone": "is down",
}
FORBIDDEN = re.compile("|".join(rf"(?P<p{n}>\b(?:{phrase})\b)" for n, phrase in enumerate(PHRASES)), re.IGNORECASE)
# The same without groups, which is seven times faster.
PROBABLE = re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in PHRASES), re.IGNORECASE)
# Names and quotations are not changed.
QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|https?://\S+")
DOCUMENTS = [README, *PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))]
SOURCES = [*files(), *sorted((ROOT / "examples").rglob("*.py"))]


def found_in(text):
    """
    Return each phrase in *text* that needs other words, with those words.
    """
    hits = FORBIDDEN.finditer(QUOTED.sub("", re.sub(r"\s+", " ", text)))
    return {hit[0]: [*PHRASES.values()][int(hit.lastgroup[1:])] for hit in hits}


def prose_of(path):
    """
    Yield the line and the words of each comment and each text in the Python file *path*, if one may have a phrase.
    """
    text = text_of(path)
    if PROBABLE.search(re.sub(r"\s+", " ", text)):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in {tokenize.COMMENT, tokenize.STRING} and " " in token.string:
                yield token.start[0], token.string


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_page_is_in_plain_english(path):
    text = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    assert found_in(text) == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_in_plain_english(path):
    found = {line: hits for line, words in prose_of(path) if (hits := found_in(words.strip("rbf\"'# ")))}
    assert found == {}


def test_comments_and_docstrings_of_the_tests_are_in_plain_english():
    found = {
        f"{path}:{line}": hits
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line, words in prose_of(path)
        if words.startswith(("#", '"""', 'r"""')) and (hits := found_in(words.strip('r"# ')))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "Who is refused is told to whoever listens.",
        "It stands beside the line.",
        "This is no list.",
        "They are no origins.",
        "It is refused, for it is dangerous.",
        "All but for one.",
        "It is read anew.",
        "Nothing but GET is sent.",
        "All there is is a line.",
        "404 and the like.",
        "It is built upon Flask.",
        "The page speaks of cookies.",
        "It is warned of.",
        "They are seldom the same.",
        "It counts more than the path.",
        "The cookie stays at home.",
        "The port goes without saying.",
        "CORS had a say in it.",
        "It asks once more.",
        "All else is refused.",
        "Besides, it is slow.",
        "It tells that the path is odd.",
        "Meanwhile it waits.",
        "It starts all the same.",
        "It changes now and then.",
        "Mind the order.",
        "It is taken for a URL.",
        "The page is told nothing.",
        "The policy lacks an origin.",
        "A sandboxed frame sends null, and so does a file.",
        "The guard stands outside the application.",
        "Load the page by https.",
        "A metric is kept for ever.",
        "It was answered nevertheless.",
        "No browser honours more.",
        "It was sent out of turn.",
        "If Redis is gone, the last origins stay.",
    ],
)
def test_a_forbidden_phrase_is_found(text):
    assert found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "There is no origin.",
        "It is no longer there.",
        "The word `beside` is quoted.",
        "so that",
        "A star stands for a dot.",
    ],
)
def test_plain_english_is_accepted(text):
    assert not found_in(text)
