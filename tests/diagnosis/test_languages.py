"""
The lines of Firefox about CORS are read in any language.

`PYTHONPATH=tests python tests/diagnosis/test_languages.py` writes what real ones print to `kit/console_languages.json`.
It needs Debian's packages of languages (`apt-get install firefox-esr-l10n-de ...`). Of each line only the words that
distinguish it, its URL and the rest after that are kept.
"""

import json
import re
from pathlib import Path

import pytest
from kit import engines

from corsguard.browser import Reason, WireResponse
from corsguard.browser.wire import Unreachable
from corsguard.diagnosis.consoles import read
from corsguard.diagnosis.languages import BLOCKED, WORDS
from corsguard.diagnosis.messages import Known

CONSOLE_LANGUAGES = Path(__file__).parents[1] / "kit" / "console_languages.json"
LANGUAGES = """
    ar bg ca cs da de el es-AR es-ES es-MX fa fi fr he hr hu id it ja ko nb-NO nl pl pt-BR pt-PT ro ru sk sv-SE th tr uk
    vi zh-CN zh-TW
""".split()
PAGE, SITE, LAST = "https://page.example", "https://api.example", "https://last.example/end"

SHARED = ("Access-Control-Allow-Origin", PAGE)
INCLUDE, PUT, TOKEN = {"credentials": "include"}, {"method": "PUT"}, {"headers": {"x-token": "1"}}
# The path of each reason, and its answer.
CASES = {
    Reason.MISSING_ALLOW_ORIGIN: ({}, WireResponse(403)),
    Reason.MULTIPLE_ALLOW_ORIGIN: ({}, WireResponse(200, (SHARED, SHARED))),
    Reason.ALLOW_ORIGIN_MISMATCH: ({}, WireResponse(200, (("Access-Control-Allow-Origin", "https://b.example"),))),
    Reason.WILDCARD_WITH_CREDENTIALS: (INCLUDE, WireResponse(200, (("Access-Control-Allow-Origin", "*"),))),
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: (INCLUDE, WireResponse(200, (SHARED,))),
    Reason.PREFLIGHT_REDIRECT: (PUT, WireResponse(307, (SHARED, ("Location", "/elsewhere")))),
    Reason.PREFLIGHT_STATUS: (PUT, WireResponse(405, (SHARED,))),
    Reason.METHOD_NOT_ALLOWED: (PUT, WireResponse(200, (SHARED, ("Access-Control-Allow-Methods", "PATCH")))),
    Reason.ALLOW_METHODS_UNPARSABLE: (PUT, WireResponse(200, (SHARED, ("Access-Control-Allow-Methods", "A B")))),
    Reason.ALLOW_HEADERS_UNPARSABLE: (TOKEN, WireResponse(200, (SHARED, ("Access-Control-Allow-Headers", "A B")))),
    Reason.HEADER_NOT_ALLOWED: (TOKEN, WireResponse(200, (SHARED, ("Access-Control-Allow-Headers", "x-other")))),
    Reason.UNREACHABLE: ({}, None),
    Reason.MIXED_CONTENT: ({}, WireResponse(200)),
}
# What a line names in addition to its URL.
VALUES = {
    Reason.ALLOW_ORIGIN_MISMATCH: "https://b.example",
    Reason.ALLOW_METHODS_UNPARSABLE: "A B",
    Reason.ALLOW_HEADERS_UNPARSABLE: "A B",
    Reason.HEADER_NOT_ALLOWED: "x-token",
}
ENGLISH = re.compile(r"Cross-Origin Request Blocked|Blocked loading")
STATUSES = {Reason.MISSING_ALLOW_ORIGIN: 403, Reason.PREFLIGHT_STATUS: 405}
RECORDED = json.loads(CONSOLE_LANGUAGES.read_text(encoding="utf-8")) if CONSOLE_LANGUAGES.exists() else {}


def url_of(reason):
    site = SITE.replace("https", "http") if reason == Reason.MIXED_CONTENT else SITE
    return f"{site}/{reason}"


def answer(request):
    host, _, path = request.url.partition("://")[2].partition("/")
    if host == "api.example":
        response = CASES[Reason(path)][1]
        if response is None:
            raise Unreachable("nothing listens here")
        return response
    return WireResponse(200, (("Content-Type", "text/html"),), b"<!doctype html><link rel=icon href=data:,>")


def recorded(language):
    """
    Return what Firefox in *language* prints, by reason.
    """
    asked = [(url_of(reason), init) for reason, (init, _) in CASES.items()]
    with engines.proxied(answer) as port, engines.firefox(port, language) as tab:
        tab.visit(f"{PAGE}/")
        play = """async (asked) => {
            for (const [url, init] of asked) { try { await fetch(url, init); } catch {} }
        }"""
        tab.call(play, [*asked, (LAST, {})])
        tab.wait_for_console(LAST)
        lines = tab.console
    # The first line of a URL has the reason. After a preflight that failed, another line says that the request did not
    # succeed.
    said = {reason: next(line for line in lines if names(line, reason)) for reason in CASES}
    # Untranslated lines are printed in English.
    return {str(reason): kept(line) for reason, line in said.items() if not ENGLISH.match(line)}


def names(line, reason):
    # In some languages a letter follows the URL.
    return re.search(rf"{re.escape(url_of(reason))}\b", line, re.ASCII) is not None


def kept(line):
    """
    Return what distinguishes *line*: the words of its language, the URL and the rest.
    """
    url = re.search(r"https?://api\.example/\w+", line, re.ASCII)
    words = [*(one for row in WORDS.values() for one in (row.blocked, row.mixed) if one), BLOCKED.pattern]
    found = dict.fromkeys(match[0] for one in words if (match := re.search(one, line, re.IGNORECASE)))
    # A quotation mark may precede the URL.
    mark = re.search(r"[^\w\s]?\s*$", line[: url.start()])[0].strip()
    return f"{' '.join(found)} {mark}{line[url.start() :]}".strip()


@pytest.mark.parametrize(("language", "reason"), [(name, reason) for name, said in RECORDED.items() for reason in said])
def test_a_line_is_read_in_each_language(language, reason):
    (message,) = read(RECORDED[language][reason], Known())
    failure = message.failure
    assert (message.name, message.url, message.engine) == (reason, url_of(reason), "Firefox")
    assert reason not in VALUES or failure.value == VALUES[reason]
    assert reason not in STATUSES or failure.exchange.response.status == STATUSES[reason]


def reasons_of_cors():
    for language, said in RECORDED.items():
        # One line has no word that is the same in all languages, and of another one only what follows the URL is kept.
        lines = {reason: line for reason, line in said.items() if not line.startswith("'")}
        yield from ((language, reason) for reason in lines if re.search("CORS|Access-Control", lines[reason]))


@pytest.mark.parametrize(("language", "reason"), [*reasons_of_cors()])
def test_a_line_is_read_without_its_url_and_between_words_of_a_person(language, reason):
    line = RECORDED[language][reason]
    bare = re.sub(
        rf"['\"\u201c\u2018\u300c\u201e\u00ab]? ?{url_of(reason)}\b ?['\"\u201d\u201c\u2019\u300d\u00bb]?",
        "",
        line,
        flags=re.ASCII,
    )
    for text, url in ((bare, ""), (f"{line}\u300d\u3068`TypeError: 'x'`, see port: 300 (CORS 'a, b')", url_of(reason))):
        (message,) = read(text, Known())
        failure = message.failure
        assert (message.name, "" if "url" in message.assumed else message.url) == (reason, url)
        assert reason not in VALUES or failure.value == VALUES[reason]
        assert reason not in STATUSES or failure.exchange.response.status == STATUSES[reason]


def shortened():
    """
    Yield the first words of the reason, in each language in which they name the header.
    """
    for language, said in RECORDED.items():
        line = said.get(Reason.HEADER_NOT_ALLOWED, "")
        named = re.match(r"[^\n]*?x-token\W{1,2}", line)
        if named is not None and "Access-Control" not in named[0]:
            yield language, f"Cross-Origin {named[0]}"


@pytest.mark.parametrize(("language", "line"), [*shortened()])
def test_the_first_words_of_a_reason_name_the_header(language, line):
    url = url_of(Reason.HEADER_NOT_ALLOWED)
    for text in (line, f"{line}).", line.replace(url, "~"), f"{line} ...\nGrund: 'axios'"):
        (message,) = read(text, Known())
        assert (message.name, message.header) == ("header_not_allowed", "x-token"), language
        assert ("url" in message.assumed) == (url not in text)


def test_there_are_enough_languages():
    # Without its package of a language, Firefox prints English. No line of that is kept.
    assert sum(map(bool, RECORDED.values())) >= 20


def write():
    """
    Write the lines of the consoles.
    """
    lines = {}
    for language in LANGUAGES:
        lines[language] = recorded(language)
        CONSOLE_LANGUAGES.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
