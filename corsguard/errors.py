"""
What can be wrong with a policy, as data.

Every refusal (`E...`) and every warning (`W...`) is one row of RULES: the sentence, the fix and a configuration that
shows it. The README's tables, the Django checks and the tests are made from these rows. The rooms that find a fault
only name its code; no other room words one.

How a value is quoted is decided here, too. What a message quotes may come from a file or from the network, so it is
bounded, stays on its line, never reaches a terminal as an order, and none of its own methods can raise through here.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from math import isfinite
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from .names import CHROMIUM_MAX_AGE, EXAMPLE_ORIGIN, FIREFOX_MAX_AGE, SAFARI_MAX_AGE

# A message quotes what it is about, but a pasted file or a list of a million entries must not fill the screen.
LONGEST_QUOTE: Final = 200
_LONGEST_SENTENCE: Final = 2000
_MOST_ITEMS_QUOTED: Final = 30
_LINE_END: Final = "\n"
_LONGEST_INTEGER: Final = 1024  # bits
_MOST_PROBLEMS_PRINTED: Final = 50


class Rule(NamedTuple):
    """
    One way in which a policy can be wrong (`E...`), or risky or probably unintended (`W...`).

    *message* and *fix* are format strings; *example* is a Python expression that breaks this rule and no other.
    """

    message: str
    fix: str
    example: str


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        # What a list is.
        "E101": Rule(
            "No origins are given, so nobody could ever read anything. There is no default.",
            f'allow_origins=["{EXAMPLE_ORIGIN}"]',
            "Policy()",
        ),
        "E102": Rule(
            "{value} is a string where a list is meant; Python would read it letter by letter.",
            "{field}={meant}",
            'Policy(allow_origins="https://app.example.com")',
        ),
        "E103": Rule(
            "{value} is {kind}, where a list, tuple, set or frozenset of strings is meant.",
            "{field}={meant}",
            'Policy(allow_origins={"https://app.example.com": True}.keys())',
        ),
        "E104": Rule(
            "{value} is {kind}, where a string is meant.",
            "{meant}",
            'Policy(allow_origins=["https://app.example.com", None])',
        ),
        "E105": Rule(
            '"*" stands alone or not at all: in a list it would silently decide for every other entry.',
            "{field}={meant}",
            'Policy(allow_origins=["*", "https://app.example.com"])',
        ),
        "E106": Rule(
            "A policy has no keyword {value}.",
            "{meant}",
            'Policy.from_mapping({"allow_origin": ["https://app.example.com"]})',
        ),
        "E107": Rule(
            '{value} has a `*` in it. "*" alone stands for every name, and nothing stands for some of them: a browser '
            "would take this for one name, letter by letter.",
            "{field}={meant}",
            'Policy(allow_origins="*", allow_headers=["X-*", "X-Request-Id"])',
        ),
        # Origin patterns: what a browser would never send, and so could never match.
        "E201": Rule(
            "{value} has a space, a comma, a quotation mark or a control character, or is empty; each origin is "
            "an entry of its own (is a comma missing?).",
            "{meant}",
            'Policy(allow_origins=["https://a.example, https://b.example"])',
        ),
        "E202": Rule(
            "{value} does not begin with a scheme in lower case and `://`, as every origin that a browser sends.",
            "{meant}",
            'Policy(allow_origins=["app.example.com"])',
        ),
        "E203": Rule(
            "{value} has more than scheme, host and port. An origin has no trailing slash, no path and no query, so "
            "this would never match.",
            "{meant}",
            'Policy(allow_origins=["https://app.example.com/"])',
        ),
        "E204": Rule(
            "{value} has upper-case letters. Browsers send origins in lower case and the comparison is exact, so "
            "this would never match.",
            "{meant}",
            'Policy(allow_origins=["https://App.Example.com"])',
        ),
        "E205": Rule(
            "{value} spells out the default port of its scheme. Browsers leave it out, so this would never match.",
            "{meant}",
            'Policy(allow_origins=["https://app.example.com:443"])',
        ),
        "E206": Rule(
            "{value} has no valid port after the colon: a port is 1 to 65535 without leading zeros, or `*` for any.",
            "{meant}",
            'Policy(allow_origins=["http://localhost:99999"])',
        ),
        "E207": Rule(
            "{value} has a user name or password before an `@`. Browsers never send these, so this would never match.",
            "{meant}",
            'Policy(allow_origins=["https://user@app.example.com"])',
        ),
        "E208": Rule(
            "{value} has letters beyond ASCII. Browsers send the ASCII form of a host, so this would never match.",
            "{meant}",
            'Policy(allow_origins=["https://élève.example"])',
        ),
        "E209": Rule(
            "{value} has an IP address, or a last label that is a number, in a form that browsers do not send, so "
            "this would never match.",
            "{meant}",
            'Policy(allow_origins=["http://127.1:3000"])',
        ),
        "E210": Rule(
            "{value} has no valid host: 1 to 253 characters, in labels of 1 to 63 `a-z 0-9 - _` between dots.",
            "{meant}",
            'Policy(allow_origins=["https://app..example.com"])',
        ),
        "E211": Rule(
            "{value} is no origin pattern. One `*` may stand for whole labels at the front "
            "(`https://*.example.com`) or inside one label other than the last (`https://pr-*.example.com`); `:*` is "
            "any port. There are no other wildcards and no regular expressions.",
            "{meant}",
            'Policy(allow_origins=["https://app.*"])',
        ),
        "E212": Rule(
            '"null" is the origin of every sandboxed frame, so any web site can send it.',
            f'"{EXAMPLE_ORIGIN}"  # serve the page from a real origin; without credentials, '
            'allow_origins="*" covers null too',
            'Policy(allow_origins=["null"])',
        ),
        "E213": Rule(
            '{value} is never sent: browsers give pages from files the origin "null", which any web site can send too.',
            '"http://localhost:8000"  # serve the page: python -m http.server 8000',
            'Policy(allow_origins=["file:///home/me/index.html"])',
        ),
        # What is dangerous.
        "E301": Rule(
            '"*" and allow_credentials=True never meet: {cause}.',
            "{field}={meant}",
            'Policy(allow_origins="*", allow_credentials=True)',
        ),
        "E302": Rule(
            "{value} is plain http and the policy allows credentials: whoever sits on the network can put a "
            "script into that page and read the user's data.",
            '{meant}  # or, one origin at a time and with your reason: allow_unsafe_origins={{{value}: "who '
            'needs this, and until when"}}',
            'Policy(allow_origins=["http://app.example.com"], allow_credentials=True)',
        ),
        "E303": Rule(
            "{value} is a wildcard directly under {suffix}, where anyone can register a name, and the policy "
            "allows credentials: anyone can read the user's data.",
            '{meant}  # or, one origin at a time and with your reason: allow_unsafe_origins={{{value}: "who '
            'needs this, and until when"}}',
            'Policy(allow_origins=["https://*.github.io"], allow_credentials=True)',
        ),
        # The dangerous door.
        "E311": Rule(
            "{value} is {kind}, where a mapping from origin pattern to reason is meant.",
            "{field}={meant}",
            'Policy(allow_unsafe_origins=["http://kiosk.corp.example"])',
        ),
        "E312": Rule(
            "{value} has no reason. Whoever reads this next year needs to know why it is there and when it can go.",
            "{field}={meant}",
            'Policy(allow_unsafe_origins={"http://kiosk.corp.example": ""})',
        ),
        "E313": Rule(
            "{value} is not dangerous under this policy and does not belong among the unsafe origins.",
            "{meant}",
            'Policy(allow_unsafe_origins={"https://app.example.com": "it is ours"})',
        ),
        "E314": Rule(
            'allow_unsafe_origins says nothing beside allow_origins="*", which shares with everyone.',
            'allow_origins="*", allow_unsafe_origins={{}}',
            'Policy(allow_origins="*", allow_unsafe_origins={"null": "a kiosk opens files"})',
        ),
        "E315": Rule(
            '"null" is the origin of every sandboxed frame, and the policy allows credentials: any web site could '
            "read the user's data.",
            "allow_credentials=False",
            'Policy(allow_unsafe_origins={"null": "a kiosk opens files"}, allow_credentials=True)',
        ),
        # Origin sources.
        "E321": Rule(
            "{value} is a class; a source is asked as an instance.",
            "allow_origins={meant}",
            'Policy(allow_origins=type("Tenants", (), {"__contains__": lambda self, origin: False}))',
        ),
        "E322": Rule(
            "The __contains__ of {value} is asynchronous. It is called and not awaited, and a coroutine would "
            "count as yes.",
            "def __contains__(self, origin: str) -> bool:",
            "Policy(allow_origins=async_source)",
        ),
        # Methods.
        "E401": Rule(
            "{value} is not a method name (a token of RFC 9110).",
            "{field}={meant}",
            'Policy(allow_origins="*", allow_methods=["GET, PUT"])',
        ),
        "E402": Rule(
            "{value} is a method that browsers never let a script send.",
            "{field}={meant}",
            'Policy(allow_origins="*", allow_methods=["GET", "TRACE"])',
        ),
        "E403": Rule(
            "{value} is not {upper}: methods are compared case by case, so this would refuse what it was meant to "
            "allow.",
            "{meant}",
            'Policy(allow_origins="*", allow_methods=["patch"], allow_headers=["Content-Type"])',
        ),
        # Request headers.
        "E501": Rule(
            "{value} is not a header name (a token of RFC 9110).",
            "{field}={meant}",
            'Policy(allow_origins="*", allow_headers=["X-One, X-Two"])',
        ),
        "E502": Rule(
            "{value} is a request header that browsers never let a script set.",
            "{field}={meant}",
            'Policy(allow_origins="*", allow_headers=["Cookie", "X-Request-Id"])',
        ),
        "E503": Rule(
            "{value} is a response header of CORS itself. A page that sends it as a request header is the page's "
            "mistake.",
            "{field}={meant}",
            'Policy(allow_origins="*", allow_headers=["Access-Control-Allow-Origin"])',
        ),
        # Response headers.
        "E601": Rule(
            "{value} can never be read by a script, whatever is exposed.",
            "{field}={meant}",
            'Policy(allow_origins="*", expose_headers=["Set-Cookie", "ETag"])',
        ),
        # Single values.
        "E701": Rule(
            '{value} is not a bool. Python takes any text, "false" too, for true.',
            "allow_credentials={meant}",
            'Policy(allow_origins=["https://app.example.com"], allow_credentials="false")',
        ),
        "E702": Rule(
            "{value} is not a whole number of seconds, a timedelta of whole seconds or None.",
            "max_age={meant}",
            'Policy(allow_origins="*", max_age="600")',
        ),
        "E703": Rule(
            f"{{value}} is not between 0 and {FIREFOX_MAX_AGE} seconds, the most that any browser honours; 0 turns the "
            "preflight cache off.",
            "max_age={meant}",
            'Policy(allow_origins="*", max_age=-1)',
        ),
        "E704": Rule(
            "{value} is neither 204 nor 200.",
            "preflight_status=204",
            'Policy(allow_origins="*", preflight_status=403)',
        ),
        # Policies by path.
        "E801": Rule(
            "{value} is {kind}, where a Policy, a mapping of a policy's keywords, or a mapping from path prefix "
            "to these is meant.",
            "{meant}",
            'CORSMiddleware(app, ["https://app.example.com"])',
        ),
        "E802": Rule(
            "{value} is not a path prefix: it begins with `/`, does not end with one, and has no `.` or `..`, no empty "
            "segment, and no wildcards, converters, percent-encoding or regular expressions. It covers everything "
            "below it.",
            "{meant}",
            'CORSMiddleware(app, {"/api/*": Policy(allow_origins="*")})',
        ),
        "E803": Rule(
            '{value} stands beside "paths". Nothing is inherited: each path has its whole policy.',
            "{meant}",
            'CORSMiddleware(app, {"paths": {"/api": None}, "max_age": 60})',
        ),
        # Files and environment variables.
        "E811": Rule(
            "{value} cannot be read: {cause}.",
            "{meant}",
            'Configuration.from_file("/etc/nowhere/cors.toml")',
        ),
        "E812": Rule(
            "{value} means nothing here.",
            "{meant}",
            'Configuration.from_mapping({"allow_origins": ["https://app.example.com"], "enviroments": {}})',
        ),
        "E813": Rule(
            "{value} is {kind}, where {what} is meant.",
            "{meant}",
            'Configuration.from_mapping({"policies": ["app"]})',
        ),
        "E814": Rule(
            "{value} is not {what}: {there}.",
            "{meant}",
            'Configuration.from_mapping({"allow_origins": "*", "environments": {"staging": {}}}, "stagging")',
        ),
        "E815": Rule(
            "{value} extends itself: {chain}.",
            "{meant}",
            'Configuration.from_mapping({"policies": {"app": {"extends": "app", "allow_origins": "*"}}})',
        ),
        "E816": Rule(
            "{value} is empty, or has an empty entry. Is a variable unset that it is made from?",
            "{meant}",
            'Configuration.from_variables({"CORSGUARD_ALLOW_ORIGINS": ""})',
        ),
        "E817": Rule(
            "There is no variable {value}.",
            "{meant}",
            'Configuration.from_variables({"CORSGUARD_ALLOW_ORIGIN": "https://app.example.com"})',
        ),
        "E818": Rule(
            "There are policies ({names}) and no paths, so nothing says what they guard.",
            "{meant}",
            'CORSMiddleware(app, Configuration.from_mapping({"policies": {"app": {"allow_origins": "*"}}}))',
        ),
        # Valid, but risky or probably unintended.
        "W101": Rule(
            "{value} trusts every host it covers with the user's credentials: one forgotten or taken-over host "
            "there is enough, and SameSite cookies do not help.",
            "{meant}",
            'Policy(allow_origins=["https://*.example.com"], allow_credentials=True)',
        ),
        "W102": Rule(
            "{value} trusts whatever listens on any port of that host with the user's credentials.",
            "{meant}",
            'Policy(allow_origins=["https://app.example.com:*"], allow_credentials=True)',
        ),
        "W103": Rule(
            "{value} is plain http: whoever sits on the network can read along and act as that page.",
            "{meant}",
            'Policy(allow_origins=["http://app.example.com"])',
        ),
        "W104": Rule(
            "{value} is a development origin beside production ones: any program on a user's machine can listen there.",
            "allow_origins={meant}",
            'Policy(allow_origins=["https://app.example.com", "http://localhost:3000"])',
        ),
        "W105": Rule(
            "{value} is covered by {other} already.",
            "{other}",
            'Policy(allow_origins=["https://*.example.com", "https://app.example.com"])',
        ),
        "W106": Rule(
            "{value} is not dangerous while the policy allows no credentials, and needs no reason.",
            "{meant}",
            'Policy(allow_unsafe_origins={"http://kiosk.corp.example": "kiosks have no TLS, OPS-12"})',
        ),
        "W107": Rule(
            "{value} is a wildcard directly under {suffix}, where anyone can register a name: this shares with "
            "everyone who cares to.",
            "{meant}",
            'Policy(allow_origins=["https://*.github.io"])',
        ),
        "W108": Rule(
            "{value} ends in a dot. That is another origin than the one without it, and rarely the one meant.",
            "{meant}",
            'Policy(allow_origins=["https://app.example.com."])',
        ),
        "W201": Rule(
            "OPTIONS is listed. Preflights do not need it; only a page that itself sends OPTIONS does.",
            "allow_methods={meant}",
            'Policy(allow_origins="*", allow_methods=["GET", "OPTIONS"])',
        ),
        "W202": Rule(
            "{value} may carry a body, but Content-Type is not among the allowed headers, so pages cannot send JSON.",
            "allow_headers={meant}",
            'Policy(allow_origins="*", allow_methods=["GET", "PUT"])',
        ),
        "W301": Rule(
            f"{{value}} seconds are more than Chromium's cap of {CHROMIUM_MAX_AGE} (Firefox {FIREFOX_MAX_AGE}, Safari "
            f"{SAFARI_MAX_AGE}); the rest has no effect.",
            f"max_age={CHROMIUM_MAX_AGE}",
            'Policy(allow_origins="*", max_age=86400)',
        ),
        # Legal, but not meant for production.
        "W401": Rule(
            "{value} is a development origin, in production: any program on a user's machine can listen there.",
            "allow_origins={meant}",
            'Configuration.from_mapping({"allow_origins": ["http://localhost:3000"], '
            '"environments": {"production": {}}}, "production").guarded',
        ),
        "W402": Rule(
            "{value} is plain http, in production: whoever sits on the network can read along and act as that page."
            "{cause}",
            "{meant}",
            'Configuration.from_mapping({"allow_origins": ["http://app.example.com"], '
            '"environments": {"production": {}}}, "production").guarded',
        ),
        "W403": Rule(
            '"*" shares with every site, in production, beside what is shared with cookies ({others}): does nothing '
            "here depend on who asks?",
            "allow_origins={meant}",
            'Configuration.from_mapping({"policies": {"open": {"allow_origins": "*"}, "app": {"allow_origins": '
            '["https://app.example.com"], "allow_credentials": True}}, "environments": {"production": {}}}, '
            '"production").policies["open"]',
        ),
    }
)


class Problem(NamedTuple):
    """
    One fault of a policy, as plain data: `_asdict()` gives what JSON can hold.

    *code* is stable. *field* is the keyword at fault, *value* what stood there (its `repr` where JSON has no such
    value). *fix* can be pasted: `keyword=value` replaces that keyword, anything else the value itself.
    """

    code: str
    field: str
    value: str | int | float | bool | None
    message: str
    fix: str

    @classmethod
    def of(cls, code: str, field: str, value: object, **details: object) -> "Problem":
        """
        Word the rule *code* for *value*; *details* fill the other blanks of its sentences.
        """
        rule = RULES[code]
        blanks = {"field": field, "value": quoted(value), **details}
        message, fix = rule.message.format(**blanks), rule.fix.format(**blanks)
        return cls(code, printable(field), _plain(value), printable(message), printable(fix))

    def __str__(self) -> str:
        # Anyone can make a Problem, and one that was located in a file may have a fix of several lines.
        said = f"{self.code} {printable(self.field)}: {printable(self.message)}"
        return f"{said}\n    fix: {printable(self.fix, keep=_LINE_END)}"


class PolicyError(ValueError):
    """
    A policy was refused. *problems* are all its faults; no policy object exists.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [
            f"this policy has {count} problem{'s' if count > 1 else ''}",
            *map(str, self.problems[:_MOST_PROBLEMS_PRINTED]),
        ]
        if count > _MOST_PROBLEMS_PRINTED:
            lines.append(f"... and {count - _MOST_PROBLEMS_PRINTED} more, in .problems")
        return "\n".join(lines)


def quoted(value: object, longest: int = LONGEST_QUOTE) -> str:
    """
    Return *value*, which an operator wrote, as one writes it in Python and JSON alike where it can be.

    It is cut to the *longest* that a reader wants, printable, and on one line. Never raises, whatever *value* is.
    """
    text = text_of(value)
    if text is None and issubclass(type(value), list | tuple):
        items = _strings_of(cast("list[object]", value))
        if items is not None:
            return quoted_list(items, len(items))
    # Not even the work depends on what is cut away.
    written = _repr(value) if text is None else json.dumps(text[: longest + 1], ensure_ascii=False)
    written = printable(written[: longest + 1])
    return written if len(written) <= longest else written[:longest] + "..."


def quoted_list(items: Iterable[str], count: int) -> str:
    """
    Return a list of *count* items as `quoted` writes it. No more of *items* is read than is shown.
    """
    return f"[{_listed(map(quoted, items), count)}]"


def quoted_mapping(items: Iterable[tuple[object, object]], count: int) -> str:
    """
    Return a mapping of *count* pairs in the way of `quoted_list`. Its values, such as reasons, are cut later.
    """
    pairs = (f"{quoted(key)}: {quoted(value, _LONGEST_SENTENCE)}" for key, value in items)
    return f"{{{_listed(pairs, count)}}}"


def shown(text: object) -> str:
    """
    Return *text*, which came from the network, in printable ASCII and cut: it can forge no line.
    """
    plain = text_of(text)
    return ascii((_repr(text) if plain is None else plain)[:LONGEST_QUOTE])[1:-1][:LONGEST_QUOTE]


def printable(text: str, keep: str = "") -> str:
    """
    Return *text* with an escape of Python and JSON for each character that has no shape, but for those to *keep*.

    Without a shape are line ends, what a terminal obeys, what turns the direction of writing, and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(ord(char)) for char in text)


def text_of(value: object) -> str | None:
    """
    Return *value* as a plain str if it is a string of whatever class, else None. None of its own methods is called.
    """
    return str.__str__(cast("str", value)) if issubclass(type(value), str) else None


def kind_of(value: object) -> str:
    """
    Return what *value* is, with its article: `an int`, `a dict_keys`.
    """
    if value is None:
        return "nothing at all"
    name = name_of(type(value))
    return f"{'an' if name.startswith(tuple('aeiouAEIOU')) else 'a'} {name}"


def name_of(cls: type) -> str:
    """
    Return the name of *cls*, printable and cut, whatever its metaclass makes of `__name__`.
    """
    return printable(str(type.__dict__["__name__"].__get__(cls))[:LONGEST_QUOTE])


def _plain(value: object) -> str | int | float | bool | None:
    """
    Return *value*, or its text where JSON has no such value.
    """
    if value is None or value is True or value is False:
        return value
    text = text_of(value)
    if text is not None:
        return text
    if issubclass(type(value), int):
        number = int.__int__(cast("int", value))
        # Python itself refuses to write an integer of more than some thousand digits.
        return number if number.bit_length() <= _LONGEST_INTEGER else _repr(value)
    if issubclass(type(value), float) and isfinite(fraction := float.__float__(cast("float", value))):
        return fraction
    return _repr(value)


def _listed(items: Iterable[str], count: int) -> str:
    more = count - _MOST_ITEMS_QUOTED
    return f"{', '.join(islice(items, _MOST_ITEMS_QUOTED))}{f', and {more} more' if more > 0 else ''}"


def _strings_of(value: Iterable[object]) -> list[str] | None:
    """
    Return the items of *value* if all are strings, else None.
    """
    try:
        texts = [*map(text_of, value)]
    except Exception:  # noqa: BLE001 - a list of somebody's own class may raise anything
        return None
    strings = [text for text in texts if text is not None]
    return strings if len(strings) == len(texts) else None


def _repr(value: object) -> str:
    try:
        return str.__str__(repr(value))
    except Exception:  # noqa: BLE001 - a value that cannot even be shown is still a problem to report
        return f"<{name_of(type(value))}>"


def _escape(point: int) -> str:
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"
