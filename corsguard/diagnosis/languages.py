# ruff: noqa: RUF001 - letters of other alphabets look like Latin ones
"""
Recognizes Firefox's lines about CORS in languages other than English, by the parts that no translator changes, and by a
few words.

The names of headers, the URL, `*`, `true`, `http` and the status are the same in every language. If these are not
enough, one or two words of each language decide. In a language without a row, only the former count.
"""

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from corsguard.browser import Reason

# The most lines that one message may have.
_MOST_LINES: Final = 5
_MOST_WRAPPED: Final = 3
# How many characters of a line are read after its URL.
_LONGEST_REST: Final = 400


class Words(NamedTuple):
    """
    The words that distinguish the lines of one language, as parts of regular expressions.
    """

    # Words for "a request across origins was blocked". The other words only count after these, or next to "CORS".
    blocked: str
    # Words of lines without the name of a header: CORS did not succeed, is disabled, was redirected, or failed in the
    # preflight.
    failed: str = ""
    disabled: str = ""
    redirected: str = ""
    preflight: str = "preflight"
    # Words of lines about Access-Control-Allow-Origin: it is missing, or there are several.
    missing: str = ""
    several: str = ""
    # Words of lines about a list in a preflight's answer: one item is not a name.
    invalid: str = ""
    # Words of lines about mixed content.
    mixed: str = ""


# Firefox 153, language by language. The words after a `|` are from other regions or older releases.
WORDS: Final = {
    "ar": Words("", mixed="نشط مختلط"),
    "bg": Words(
        "извън източника", "", "изключен", "пренасочване", "preflight", "липсва", "множество", "невалиден", "смесено"
    ),
    "ca": Words("multiorigen", "", "inhabilitat", "redirecció", "preflight", "", "diverses", "vàlid", "contingut mixt"),
    "cs": Words(
        "zablokov", "nebyl úspěšný", "vypnutý", "přesměrování", "preflight", "chybí", "vícenásobn", "neplatný", "smíšen"
    ),
    "da": Words(
        "fremmed websted", "mislykkedes", "deaktiveret", "redirects", "preflight", "findes ikke", "Multiple", "ugyldig",
        "blandet aktivt",
    ),
    "de": Words(
        "Quellübergreifende|Gleiche-Quelle|Same-Origin-Regel", "schlug fehl|fehlgeschlagen|erfolgreich",
        "deaktiviert", "Weiterleitung",
        "preflight", "fehlt", "nur ein|Mehrere", "ungültig", "gemischten",
    ),
    "el": Words(
        "πολλαπλών προελεύσεων", "επιτυχές", "απενεργοποιήθηκε", "ανακατεύθυνση", "προκαταρκτικού", "απουσιάζει",
        "πολλαπλού", "έγκυρο", "μικτού",
    ),
    "es": Words(
        "or[ií]gen(?:es)? cruzado|desde otro origen", "falló|sin éxito|con éxito|no exitosa",
        "deshabilitado|desactivado", "redirec", "preflight|verificación previa|preliminar", "falta",
        "múltiples|no esta permitido", "inválido|no válido", "mixto",
    ),
    "fa": Words(
        "Cross-Origin مسدود", "موفقیت", "غیرفعال", "تغییر مسیر", "preflight", "وجود ندارد", "چندین", "نامعتبر", "ترکیبی"
    ),
    "fi": Words("", mixed="suojaamattoman"),
    "fr": Words(
        "multiorigine|multi-origines", "échec|n'a pas (?:réussi|abouti)", "désactivé", "redirection",
        "pré-vérification|preflight", "manquant", "plusieurs", "invalide", "mixte",
    ),
    "hr": Words(
        "višestrukog podrijetla", "", "onemogućen", "preusmj", "preflight", "nedostaje", "", "neispravan", "miješanog"
    ),
    "hu": Words(
        "Cross-Origin kérés", "sikertelen", "kikapcsolva", "átirányítás", "előzetes", "hiányzik", "több", "érvénytelen",
        "vegyes",
    ),
    "id": Words(
        "Permintaan (?:Cross-Origin|Lintas Asal)", "tidak berhasil", "dinonaktifkan", "pengalihan", "praluncur",
        "tidak ada", "multipel", "tidak valid", "campuran",
    ),
    "it": Words(
        "richiesta multiorigine", "non riuscita", "disattivato", "redirect", "preflight", "mancante", "multipli",
        "non valido", "misto",
    ),
    "ja": Words(
        "クロスオリジン要求", "成功しな", "が無効", "リダイレクト", "プリフライト", "足りない", "複数", "不正な", "混在"
    ),
    "ko": Words(
        "교차 출처|교차 원본", "성공하지", "비활성화", "리다이렉트", "사전 점검", "없음", "여러", "유효하지", "혼합된"
    ),
    "nb": Words(
        "kryssende opprinnelse", "lyktes ikke", "avslått", "omdirigering", "preflight", "mangler", "flere", "ugyldig",
        "blandet",
    ),
    "nl": Words(
        "Origin-aanvraag", "niet gelukt", "uitgeschakeld", "omleiding", "preflight", "ontbreekt", "meerdere",
        "ongeldig", "gemengde",
    ),
    "pl": Words(
        "innego pochodzenia", "nieudane", "wyłączone", "przekierowanie", "preflight|OPTIONS", "brakujący|brak nagłówka",
        "powtórzenie", "nieprawidłowy", "mieszanych",
    ),
    "pt": Words(
        "Requisição cross-origin|origem cruzada", "falha na requisição|bem sucedido", "desativado", "redirecionamento",
        "preflight|pré-conexão", "falta|não está presente", "vários|múltiplos", "inválido", "misto",
    ),
    "ro": Words(
        "origine încrucișată|Cererea Cross-Origin", "Cerere CORS eșuat", "dezactivat", "redirecționarea", "prealabilă",
        "lipsă", "multiplu", "nevalid", "conținut activ mixt",
    ),
    "ru": Words(
        "постороннего источника", "не удалось", "отключ[её]н", "перенаправление", "preflight", "отсутствует",
        "несколько", "некорректный", "смешанного",
    ),
    "sk": Words(
        "zablokovan", "nebola úspešná", "vypnutý", "presmerovanie", "preflight", "chýba", "viaceré", "neplatný",
        "zmiešan",
    ),
    "sv": Words(
        "Cross-Origin begäran", "lyckades inte", "inaktiverad", "omdirigering", "preflight", "saknas", "Fler",
        "ogiltigt", "blandat",
    ),
    "th": Words(
        "คำขอ Cross-Origin", "ไม่สำเร็จ", "ปิดใช้งาน", "เปลี่ยนเส้นทาง", "preflight", "ขาดหายไป",
        "หลายอัน", "ไม่ถูกต้อง", "แบบ mixed",
    ),
    "tr": Words(
        "Çapraz (?:köken|kaynak)", "başarısız", "devre dışı", "yönlendir", "preflight", "eksik", "Birden fazla",
        "geçersiz", "karma",
    ),
    "uk": Words(
        "стороннього джерела", "не вдався", "вимкнено", "перенаправлення", "preflight", "відсутній", "Численні",
        "недійсний", "змішаного",
    ),
    "vi": Words(
        "Yêu cầu Cross-Origin", "không thành công", "vô hiệu", "chuyển hướng", "preflight", "thiếu", "Nhiều",
        "không hợp lệ", "trộn lẫn",
    ),
    "zh-cn": Words("跨源请求", "未能成功|失败", "未启用|已禁用", "重定向", "预检", "缺少", "多个", "无效", "混合活动"),
    "zh-tw": Words("跨來源請求", "未成功|失敗", "停用", "重導", "preflight", "缺少", "多個", "無效", "混和的主動"),
}  # fmt: skip


def _any(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(filter(None, (getattr(words, kind) for words in WORDS.values()))), re.IGNORECASE)


_WORDS: Final = {kind: _any(kind) for kind in Words._fields}


class _Clue(NamedTuple):
    """
    The meaning of a line that names *header*, with a *value* of this kind next to it, and with *word*. Empty fields do
    not count.
    """

    means: Reason | str
    header: str = ""
    value: str = ""
    word: str = ""


# The first match counts. `other` is any value, `list` is one with a comma, `none` means that there is no value,
# `uncovered` that Authorization is a value next to `*`.
_CLUES: Final = (
    _Clue(Reason.HEADER_NOT_ALLOWED, "headers", "uncovered"),
    _Clue(Reason.WILDCARD_WITH_CREDENTIALS, value="*"),
    _Clue(Reason.ALLOW_CREDENTIALS_NOT_TRUE, "credentials"),
    _Clue(Reason.ALLOW_METHODS_UNPARSABLE, "methods", "other"),
    _Clue(Reason.METHOD_NOT_ALLOWED, "methods"),
    _Clue(Reason.ALLOW_HEADERS_UNPARSABLE, "headers", "other", "invalid"),
    _Clue(Reason.HEADER_NOT_ALLOWED, "headers", "other"),
    _Clue(Reason.MULTIPLE_ALLOW_ORIGIN, "origin", "list"),
    _Clue(Reason.ALLOW_ORIGIN_MISMATCH, "origin", "other"),
    _Clue(Reason.MULTIPLE_ALLOW_ORIGIN, "origin", "none", "several"),
    _Clue(Reason.MISSING_ALLOW_ORIGIN, "origin", "none", "missing"),
    _Clue(Reason.MISSING_ALLOW_ORIGIN, "origin", "none", "status"),
    _Clue("origin_not_added", "none", "origin"),
    _Clue("origin_not_added", "none", "origen"),
    _Clue(Reason.BAD_SCHEME, "none", word="http"),
    _Clue(Reason.PREFLIGHT_STATUS, "none", word="preflight"),
    _Clue(Reason.PREFLIGHT_REDIRECT, "none", word="redirected"),
    _Clue("disabled", "none", word="disabled"),
    _Clue(Reason.UNREACHABLE, "none", word="failed"),
    _Clue(Reason.UNREACHABLE, "none", word="no_status"),
)
# A URL is printed in ASCII, and in some languages a letter follows it. People use block characters to black out parts.
_URL: Final = re.compile(
    r"(?<![A-Za-z])(?P<url>[a-z][a-z0-9+.-]{1,30}:(?://)?[!#-&(-~\u2580-\u259f]{1,2048})(?: ?['\"])?", re.IGNORECASE
)
_MIXED_URL: Final = re.compile(r"['\"] ?(?P<url>http://[!#-&(-~]{1,2048})", re.IGNORECASE)
# A header followed by a value comes from a pasted request, response or setting, not from Firefox.
_HEADER: Final = re.compile(r"['\"]? ?Access-Control-Allow-(?P<name>[A-Za-z]+)\b(?!['\"]? ?[:=]) ?['\"]?")
# An apostrophe between two letters is not a quotation mark: l'en-tête.
_APOSTROPHE: Final = re.compile(r"(?<=[A-Za-z\u00c0-\u00ff])'(?=[A-Za-z\u00c0-\u00ff])")
# If the quotation marks were typed again, the opening one and the closing one may differ.
_QUOTED: Final = re.compile(r"['\"] ?(?P<value>[^'\"]{0,200}?) ?['\"]")
# The reason, before what somebody wrote after it.
_IN_BRACKETS: Final = re.compile(r"[\s.'\"]{0,4}[(\uff08](?:[^()\uff08\uff09]|\(null\))*[)\uff09]")
_OF_REASON: Final = re.compile(r"CORS(?![a-z/])|Access-Control-")
_SENTENCE_END: Final = re.compile(r"[.\u3002](?![\w.])")
# The words before a reason, if nothing else was copied.
_BECAUSE: Final = re.compile("(?:Grund|Raison|Razón|Motivo|Причина|Powód|理由|原因) ?[:\uff1a]", re.IGNORECASE)
# The first reason, and the header that it names if only its first words were copied. Polish has no word for "reason".
_SHORT: Final = re.compile(
    rf"(?:[(\uff08] ?(?:[^\s()'\":\uff1a]{{2,12}}(?: [^\s()'\":\uff1a]{{2,4}})? ?[:\uff1a]|niedozwolony )|"
    rf"{_BECAUSE.pattern})(?:(?P<before>[^'\"():\uff1a/]{{0,60}})['\"] ?"
    r"(?P<value>(?!(?:Access-|Allow-|(?:Origin|http|preflight|true|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b))"
    r"[A-Za-z][A-Za-z0-9-]{0,100}) ?['\"](?P<behind>[^'\"():\uff1a.]{0,60}))?",
    re.IGNORECASE,
)
# Words for "blocked", and words about origins. One of each is next to the words of a language.
BLOCKED: Final = re.compile(
    "blo[ck]|bloqu|拦截|阻止|封鎖|封锁|ブロック|차단|блок|engel|letilt|chặn|บล็อก|مسدود|αποκλ", re.IGNORECASE
)
_ABOUT: Final = re.compile(r"Cross-Origin|\bCORS\b|Access-Control-|Same Origin", re.IGNORECASE)
# The parts of a reason that are the same in every language.
_REASON: Final = re.compile(r"\bCORS(?![a-z/])|Access-Control-|\(null\)")
_STATUS_LINE: Final = re.compile(r"\W{0,3}[^:\uff1a]{3,30}[:\uff1a] ?(?:\d{3}|\(null\))[.。]?\W{0,3}")
_STATUS: Final = re.compile(r"[:\uff1a] ?(?P<status>\d{3})\b")
# What Firefox itself prints behind the reason.
_BEHIND: Final = frozenset({"status", "no_status"})
_TERMS: Final = {
    **_WORDS,
    "http": re.compile(r"(?<![A-Za-z])http(?![A-Za-z])", re.IGNORECASE),
    "status": _STATUS,
    "no_status": re.compile(r"\(null\)"),
}
_CUT_FILE: Final = re.compile(r"\bfile:(?=['\"\s]*$)")
# The name of the policy itself, which some languages quote.
_NO_VALUES: Final = frozenset({"", "preflight", "true", "same origin", "same origin policy"})


class Translated(NamedTuple):
    """
    The meaning of a line in another language, and the values that it names (empty if none).
    """

    means: Reason | str
    url: str
    value: str = ""
    status: str = ""


def messages_in(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """
    Yield each of *lines*, in straight quotation marks, and whether it is a line of Firefox about CORS in a language
    that has a row. If such a line continues in the next ones, they are joined.
    """
    rest = deque(lines)
    while rest:
        line = rest.popleft()
        if _blocked(line) is None:
            yield line, False
            continue
        if rest and not _URL.search(line) and _URL.match(rest[0]):
            line = f"{line} {rest.popleft()}"
        for count in range(_MOST_LINES):
            whole = " ".join([line, *islice(rest, count)])
            if _has_reason(whole):
                line = whole
                for _ in range(count):
                    rest.popleft()
                break
            if count < len(rest) and _blocked(rest[count]):
                break
        if not _URL.search(line):
            # It was wrapped, and cut off after the URL.
            line = " ".join([line, *(rest.popleft() for _ in range(_lines_to_url(rest)))])
        if rest and _STATUS_LINE.fullmatch(rest[0]):
            line = f"{line} {rest.popleft()}"
        yield line, True


def _lines_to_url(lines: deque[str]) -> int:
    """
    Return how many of *lines* belong to the line before them, up to the one with the URL; 0 if that is not told.
    """
    for count, line in enumerate(islice(lines, _MOST_WRAPPED), 1):
        if not line or _blocked(line):
            return 0
        if _URL.search(line):
            return count
    return 0


def _blocked(text: str) -> re.Match[str] | None:
    """
    Return the words of a language if *text* is about a blocked request across origins. It needs words for "blocked" and
    words for "across origins".
    """
    found = _WORDS["blocked"].search(text)
    if found is None or _ABOUT.search(text):
        return found
    return found if BLOCKED.search(f"{text[: found.start()]}\0{text[found.end() :]}") else None


def _has_reason(text: str) -> bool:
    blocked = _blocked(text)
    if blocked is None:
        return False
    rest = _URL.sub(" ", text[blocked.end() :])
    return _REASON.search(rest) is not None or _short(rest) is not None


def translated(text: str) -> Translated | None:
    """
    Return what *text*, with straight quotation marks, means, if it is a line of Firefox about CORS in another language.
    """
    if "CORS" not in text and _WORDS["mixed"].search(text) and (content := _MIXED_URL.search(text)):
        return Translated(Reason.MIXED_CONTENT, content["url"])
    blocked = _blocked(text)
    url = _URL.search(text, 0 if blocked is None else blocked.start())
    if url is not None and _is_in_reason(text, url.start()):
        url = None
    before = url or blocked or _BECAUSE.search(text)
    if before is None:
        return None
    rest = text[before.end() :][:_LONGEST_REST]
    named = _HEADER.search(rest)
    # Words that nobody knows count only in the form of Firefox: in prose, anything may be between quotation marks.
    is_reason = "CORS" in rest and (_IN_BRACKETS.match(rest) or _BECAUSE.search(text))
    if blocked is None and (named is None or "'\"".find(named[0][0]) < 0 or not is_reason):
        return None
    if named is None and (short := _short(rest)) is not None:
        return Translated(Reason.HEADER_NOT_ALLOWED, "" if url is None else url["url"], short["value"])
    if url is None and _CUT_FILE.search(rest):
        return Translated(Reason.BAD_SCHEME, "")
    if url is None and named is None and "CORS" not in rest:
        return Translated("cut_off", "")
    return _told(rest, "" if url is None else url["url"], is_whole=blocked is not None)


def _told(rest: str, url: str, *, is_whole: bool) -> Translated | None:
    reason, behind = _reason_in(rest)
    headers = {found["name"].lower().rstrip("s") for found in _HEADER.finditer(reason)}
    said = _APOSTROPHE.sub(" ", _HEADER.sub(" ", reason))
    quoted = [found["value"] for found in _QUOTED.finditer(said)]
    values = [value for value in quoted if value.lower() not in _NO_VALUES]
    status = _STATUS.search(f"{reason}{behind}")
    for clue in _CLUES:
        if clue.header and clue.header.rstrip("s") not in (headers or {"none"}):
            continue
        fitting, heard = [*_fitting(clue.value, values)], f"{said}{behind}" if clue.word in _BEHIND else said
        if fitting and (not clue.word or _TERMS[clue.word].search(heard)):
            return Translated(clue.means, url, fitting[0], "" if status is None else status["status"])
    return Translated("cut_off", url) if is_whole else None


def _short(rest: str) -> re.Match[str] | None:
    """
    Return the first words of the reason in *rest*, if they name a header of the request.
    """
    found = _SHORT.search(_APOSTROPHE.sub(" ", rest))
    if found is None or not found["value"]:
        return None
    if any(_WORDS[kind].search(found["before"] + found["behind"]) for kind in ("missing", "invalid")):
        return None
    return found


def _is_in_reason(text: str, start: int) -> bool:
    """
    Return whether a URL at *start* is the value of a header in the reason: that of the request was not copied.
    """
    within = [found for found in _IN_BRACKETS.finditer(text) if found.start() < start < found.end()]
    begins = [found.start() for found in (*within, *_BECAUSE.finditer(text, 0, start))]
    return bool(begins) and _OF_REASON.search(text, min(begins), start) is not None


def _reason_in(rest: str) -> tuple[str, str]:
    """
    Return the reason in *rest*, the text after the URL, and the status that Firefox prints behind it. Whatever follows
    was written by a person.
    """
    first = _OF_REASON.search(rest)
    within = _IN_BRACKETS.match(rest)
    if first is not None:
        brackets = (found for found in _IN_BRACKETS.finditer(rest) if found.end() > first.start())
        within = next((found for found in brackets if found.start() < first.start()), None)
        if within is None and _BECAUSE.search(rest):
            # Some languages have no brackets.
            within = _SENTENCE_END.search(rest, first.end())
    if within is None:
        return rest, ""
    status = _STATUS_LINE.match(rest, within.end())
    begin = 0 if within.re is _SENTENCE_END else within.start()
    return rest[begin : within.end()], "" if status is None else status[0]


def _fitting(kind: str, values: list[str]) -> Iterator[str]:
    """
    Yield the *values* of this *kind*, or one empty value if the kind does not matter.
    """
    match kind:
        case "" | "none":
            yield from [""] if not kind or not values else []
        case "other":
            yield from values
        case "uncovered":
            # The only warning: what `*` does not cover, in a list that is `*`.
            yield from ["*"] if {"*", "authorization"} <= {value.lower() for value in values} else []
        case "list":
            yield from (value for value in values if "," in value)
        case literal:
            yield from (literal for value in values if value.lower() == literal)
