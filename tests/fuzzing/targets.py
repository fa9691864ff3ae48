"""
What is fuzzed: one row for each kind of input, with its values and what must hold for all of them.

A check only raises AssertionError: it catches the documented exceptions of the function that it calls, and no others.
Hypothesis and atheris call the same checks.
"""

import json
import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

from ada_url import URL
from hypothesis import strategies as st
from kit.configuring import KEYS, VALUES
from kit.corpus import HOSTILE_LISTS, HOSTILE_ORIGINS, WIDE_POLICY
from kit.pasted_lines import FOUND, LINES

from corsguard import (
    Configuration,
    CrossOriginProtection,
    Origin,
    OriginPattern,
    Policies,
    Policy,
    PolicyError,
    RequestKind,
    explain,
    negotiate,
)
from corsguard.diagnosis import Malformed, read_har, read_message
from corsguard.diagnosis.linting import lint
from corsguard.expressions import patterns_of, prefixes_of
from corsguard.negotiation import merge_vary
from corsguard.origin import DEFAULT_PORTS, NULL
from corsguard.protection import judge

APP = "https://app.victim.example"
SURROGATE = re.compile(r"\\+ud[89a-f]", re.IGNORECASE)


class Target(NamedTuple):
    """
    A kind of input: its *values*, the *check* of one value, and *growing* functions, which make a value of any size.
    """

    values: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    growing: st.SearchStrategy[Callable[[int], Any]]


# URLs, headers, paths, regular expressions and configurations are made of these.
SIGNS = st.text("ahtps:/.*-_,;%@[]{}()+?\\|^$01 \"'=\t\r\n\x00\x1b\x7f\xe9\u212a\uff0e\u202e\ud800", max_size=12)
PIECES = st.text(max_size=12) | SIGNS | st.sampled_from(["https://", APP, "localhost", "example.com", "*.", ":*", "//"])
TEXTS = st.lists(PIECES, max_size=6).map("".join)
# Drawing a long value letter by letter takes too long, so a long value repeats itself.
LONG_TEXTS = st.builds(
    lambda before, piece, times, after: before + piece * times + after,
    PIECES,
    PIECES,
    st.integers(0, 5_000),
    PIECES,
)


def repeated(pieces: st.SearchStrategy[str]) -> st.SearchStrategy[Callable[[int], str]]:
    """
    Return a strategy for functions that repeat one of *pieces* between two others.
    """
    return st.builds(lambda before, piece, after: lambda times: before + piece * times + after, PIECES, pieces, PIECES)


def refuse(*_):
    raise RuntimeError("This object answers nothing.")


class Hostile:
    """
    Each of its methods raises.
    """

    __bool__ = __contains__ = __eq__ = __iter__ = __len__ = __repr__ = __str__ = __getitem__ = refuse
    __hash__ = object.__hash__


PLAIN = VALUES | TEXTS | st.binary(max_size=8) | st.tuples(VALUES) | st.frozensets(TEXTS, max_size=3)
ANYTHING = PLAIN | st.builds(Hostile)


# Policies from any mapping, file and variables.

MAPPINGS = (
    st.dictionaries(KEYS | TEXTS | st.integers() | st.none(), ANYTHING, max_size=5)
    | st.dictionaries(KEYS, VALUES, max_size=5)
    | ANYTHING
)


def check_mapping(said: Any) -> None:
    for read in Policies, Policy.from_mapping, Configuration.from_mapping, CrossOriginProtection.of:
        # Values that are not mappings are not accepted there.
        if read != Policy.from_mapping or isinstance(said, dict):
            check_read(read, said)


def check_read(read: Callable[[Any], Any], said: Any) -> None:
    try:
        found = read(said)
    except PolicyError as error:
        problems = error.problems
    else:
        problems = ()
        # Without policies it guards nothing, says so if it is asked, and has nothing to write.
        if isinstance(found, Configuration) and found.policies:
            again = Configuration.from_mapping(tomllib.loads(str(found)))
            # TOML has no lone surrogates. A reason may have some.
            assert again.policies == found.policies or SURROGATE.search(repr(found.policies))
    assert all(problem.fix and str(problem) for problem in problems)
    json.dumps([problem.data() for problem in problems])


def large_list(keyword: str, entry: str) -> Callable[[int], Any]:
    return lambda count: {"allow_origins": "*", keyword: [entry.replace("#", str(number)) for number in range(count)]}


def large_table(keyword: str, entry: str) -> Callable[[int], Any]:
    return lambda count: {"allow_origins": [APP], keyword: {entry.replace("#", str(n)): "why" for n in range(count)}}


# Without regular expressions: each is read for a proposal, which takes long enough for a row of its own.
ENTRIES = st.sampled_from(
    """
    https://a#.example https://*.a#.example https://a#.example/ http://a# X-# GET# get# #:* * null https://*-#.co.uk
    https://APP#.example.com/ a#.com https://a#.example:443 /a#/ /a#
    """.split()
) | TEXTS.filter(lambda text: not set("\\^$|(){}+[").intersection(text)).map("{}#".format)
LARGE = st.builds(
    lambda form, keyword, entry: form(keyword, entry),
    st.sampled_from([large_list, large_table]),
    st.sampled_from("allow_origins allow_methods allow_headers expose_headers allow_unsafe_origins paths".split()),
    ENTRIES,
)

TOML_PIECES = st.sampled_from(
    """
    allow_origins = [ ] "*" "https://app.example.com" { } [policies.a] [policies.b] extends "a" "b" [paths] "/api"
    "none" [environments.live] production true false 1979-05-27 0x1 1e9 inf nan ''' # allow_unsafe_origins max_age
    [protection] mode exempt "report" , . allow_credentials [[policies]] "\\u0000" "\\ud800"
    """.split()
)
TOMLS = (
    st.lists(TOML_PIECES | st.just("\n") | PIECES, max_size=25).map(" ".join)
    | LONG_TEXTS
    | LARGE.map(lambda of: toml_of(of(3)))
)


def toml_of(said: Any) -> str:
    return "".join(
        f"{keyword} = {json.dumps(value)}\n"
        if not isinstance(value, dict)
        else f"[{keyword}]\n" + "".join(f"{json.dumps(key)} = {json.dumps(entry)}\n" for key, entry in value.items())
        for keyword, value in said.items()
    )


def check_toml(text: str) -> None:
    with NamedTemporaryFile(suffix=".toml") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        check_read(Configuration.from_file, file.name)
        for placed in lint(file.name).problems:
            assert placed.fix
            json.dumps(placed.data())


VARIABLE_NAMES = st.sampled_from(
    """
    CORSGUARD_ALLOW_ORIGINS CORSGUARD_ALLOW_METHODS CORSGUARD_ALLOW_HEADERS CORSGUARD_MAX_AGE CORSGUARD_
    CORSGUARD_ALLOW_CREDENTIALS CORSGUARD_ALLOW_UNSAFE_ORIGINS CORSGUARD_PREFLIGHT_STATUS CORSGUARD_EXPOSE_HEADERS
    CORSGUARD_PROTECTION_MODE CORSGUARD_PROTECTION_EXEMPT CORSGUARD_PROTECTION_METHODS corsguard_x PATH
    """.split()
)
WRITTEN = st.sampled_from(["true", "none", "1", f"{APP},", '{"a": "b"}', '{"http://a.example": "why"}', "[" * 2000])
VARIABLES = st.dictionaries(VARIABLE_NAMES | TEXTS.map("CORSGUARD_{}".format), WRITTEN | LONG_TEXTS | ANYTHING)


def check_variables(variables: Any) -> None:
    check_read(Configuration.from_variables, variables)


def large_variable(name: str, entry: str) -> Callable[[int], Any]:
    return lambda count: {name: ",".join(entry.replace("#", str(number)) for number in range(count))}


# Requests

ENVIRON_KEYS = st.sampled_from(
    """
    REQUEST_METHOD PATH_INFO HTTP_ORIGIN HTTP_HOST HTTP_SEC_FETCH_SITE HTTP_UPGRADE HTTP_CONNECTION wsgi.url_scheme
    HTTP_ACCESS_CONTROL_REQUEST_METHOD HTTP_ACCESS_CONTROL_REQUEST_HEADERS HTTP_COOKIE
    """.split()
)
HEADER_VALUES = st.sampled_from(
    [
        *("GET", "OPTIONS", "POST", "null", APP, "https://a.victim.example", "same-origin", "cross-site", "websocket"),
        *("http", "https", "app.victim.example", "app.victim.example:443", "/", "//a", "/%2e%2e/a", "/admin"),
        *HOSTILE_ORIGINS.values(),
        *HOSTILE_LISTS.values(),
    ]
)
ENVIRONS = st.dictionaries(ENVIRON_KEYS | TEXTS, HEADER_VALUES | LONG_TEXTS | PLAIN, max_size=8)


class Source:
    """
    Grants only valid origins, and must not be asked about other texts.
    """

    def __contains__(self, origin):
        assert str(Origin.parse(origin)) == origin
        return origin.endswith(".granted.example")


ASKED_POLICIES = [
    Policy(allow_origins="*"),
    Policy(**WIDE_POLICY),
    Policy(allow_origins=[APP], allow_credentials=True, allow_methods=["PUT"], allow_headers=["X-A"]),
    Policy(allow_origins=Source()),
    Policy(allow_origins=Source(), allow_credentials=True),
    Policy(allow_unsafe_origins={NULL: "for the fuzzer"}),
]
PATHS = {"/": ASKED_POLICIES[1], "/admin": None, "/api": ASKED_POLICIES[0], "/old": "unguarded"}
BY_PATH = Policies(PATHS)
BY_HOST = Policies({"hosts": {"app.victim.example": ASKED_POLICIES[1], "*.victim.example": {"/admin": None}}})
PROTECTION = CrossOriginProtection(exempt=["/hooks"], methods="all")


def check_environ(environ: Any) -> None:
    """
    No value raises, each header is either in the policy or a valid origin, and the explanation has the same decision.
    """
    for policy in ASKED_POLICIES:
        decision = negotiate(policy, environ)
        assert decision.error is None
        constants = {line for granted in (True, False) for line in constants_of(policy, granted=granted)}
        for line in decision.headers:
            assert line in constants or line == ("Access-Control-Allow-Origin", valid_origin(environ["HTTP_ORIGIN"]))
        told = explain(policy, environ)
        # The guard judges a handshake, so it is not part of CORS.
        if told.kind is not RequestKind.HANDSHAKE:
            assert (told.status, told.headers) == (decision.status, decision.headers)
        assert judge(policy, environ).reason
    assert judge(None, environ).reason
    for policies in BY_PATH, BY_HOST:
        assert explain(policies, environ, PROTECTION).verdict


def constants_of(policy: Policy, *, granted: bool) -> tuple[tuple[str, str], ...]:
    known = {None: {}, True: {"HTTP_ORIGIN": "https://a.granted.example"}, False: {"HTTP_ORIGIN": "x"}}
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT", "REQUEST_METHOD": "OPTIONS"}
    lines = [negotiate(policy, {**known[granted], **more}).headers for more in ({}, asked)]
    for origin in (APP, NULL):
        lines += [negotiate(policy, {"HTTP_ORIGIN": origin, **more}).headers for more in ({}, asked)]
    lines.append(negotiate(policy, {}).headers)
    return tuple(
        line for found in lines for line in found if line[0] != "Access-Control-Allow-Origin" or line[1] == "*"
    )


def valid_origin(origin: Any) -> str:
    assert isinstance(origin, str)
    assert origin == NULL or str(Origin.parse(origin)) == origin
    return origin


def large_header(name: str, of: Callable[[int], str]) -> Callable[[int], Any]:
    asked = {"REQUEST_METHOD": "OPTIONS", "HTTP_ORIGIN": APP, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    return lambda times: {**asked, name: of(times)}


def check_path(path: str) -> None:
    # New ones, which do not remember a path from an earlier question.
    assert Policies(PATHS).policy_for(path) in (*ASKED_POLICIES[:2], None, "unguarded")


def check_vary(text: str) -> None:
    merged = merge_vary(*text.split("\n"))
    names = [name.strip().lower() for name in merged.split(",")] if merged else []
    given = {name.strip().lower() for name in text.replace("\n", ",").split(",")} - {""}
    assert sorted(names) == (["*"] if "*" in given else sorted(given))
    assert merge_vary(merged) == merge_vary(merged, merged) == merged


# Patterns, compared with the URL library.

SCHEMES = st.sampled_from(["https", "http", "ws", "app", "file", "blob", "capacitor", "HTTPS"])
LABELS = st.sampled_from(["a", "xn--a", "xn--4gbrim", "0x1", "1", "127", "-", "_", "A", "a" * 63, "a" * 64, "%61", "*"])
HOSTS = st.lists(LABELS, min_size=1, max_size=5).map(".".join) | st.sampled_from(
    ["[::1]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:7:8]", "[1::]", "127.0.0.1", "1.2.3.256", "localhost", "a..b", ""]
)
ENDS = st.sampled_from(["", ".", "/", ":", ":0", ":80", ":443", ":8443", ":65536", ":*", "@b", "?", "#", "\\"])
URLS = st.builds("{}://{}{}".format, SCHEMES, HOSTS | TEXTS, ENDS) | TEXTS | LONG_TEXTS


def check_pattern(text: str) -> None:
    """
    The grammar accepts what the URL library accepts, and the other way round, except hosts that cannot exist.
    """
    origin = Origin.parse(text)
    try:
        pattern = OriginPattern.parse(text)
    except PolicyError as error:
        (problem,) = error.problems
        assert str(problem)
        for entry in problem.fix.entries:
            OriginPattern.parse(entry)
    else:
        assert str(pattern) == text
        assert not pattern.is_exact or origin is not None
    try:
        serialized = URL(text).origin
    except ValueError:
        # The grammar does not decode punycode. There is a warning about broken names.
        assert origin is None or "xn--" in text
        return
    if origin is not None and origin.scheme in DEFAULT_PORTS:
        assert serialized == text
    elif origin is None and serialized == text and not is_left_out(text):
        raise AssertionError(f"a browser sends {text!a}")


def is_left_out(serialized: str) -> bool:
    """
    Return whether the grammar does not accept *serialized*, which a browser may send.
    """
    scheme, _, rest = serialized.partition("://")
    host = rest.rpartition(":")[0] if rest.rpartition(":")[2].isdigit() else rest
    labels = host.removesuffix(".").split(".")
    return (
        serialized == NULL
        or scheme in {"ftp", "ws", "wss"}
        or rest.endswith(":0")
        or len(host.removesuffix(".")) > 253
        or any(not label or len(label) > 63 for label in labels)
        or not set(host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.[]:")
    )


EXPRESSIONS = st.lists(
    st.sampled_from(
        r"^ $ \A \Z . .* .+ \. (a|b) (www\.)? (.*\.)? [a-z] [^.] \d+ (:\d+)? {1,3} * + ? https?:// com \w+ ( )".split()
    )
    | SIGNS,
    max_size=10,
).map("".join)


def check_expression(text: str) -> None:
    for read in patterns_of, prefixes_of:
        with suppress(ValueError):
            read(text)


# Consoles and HARs

CONSOLE_TEXTS = st.sampled_from([line.text for line in LINES] + [found["line"] for found in FOUND])
CUT_LINES = st.builds(lambda text, start, end: text[start:end], CONSOLE_TEXTS, st.integers(0, 60), st.integers(0, 400))
CONSOLES = st.lists(CONSOLE_TEXTS | CUT_LINES | TEXTS | st.just("\n"), max_size=5).map(" ".join) | LONG_TEXTS


def check_console(text: str) -> None:
    for meaning in read_message(text, policy=ASKED_POLICIES[2]):
        assert meaning.title
        assert meaning.fix
        assert meaning.next_command.isprintable()
        json.dumps(meaning.data())


HAR_KEYS = st.sampled_from(
    """
    log entries pages request response method url headers name value status _error creator browser id title pageref
    content text postData redirectURL _resourceType statusText startedDateTime _charlesStatus cookies version
    """.split()
)
HAR_TEXTS = st.sampled_from(
    ["GET", "OPTIONS", "PUT", f"{APP}/a", "https://b.example", "Origin", "Location", "*", "WebInspector"]
)
HAR_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | LONG_TEXTS | HAR_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HAR_KEYS | TEXTS, inner, max_size=6),
    max_leaves=20,
)


def exchange(method: str, url: str, status: Any, request: Any, response: Any) -> Any:
    return {
        "request": {"method": method, "url": url, "headers": request},
        "response": {"status": status, "headers": response},
    }


def lines(names: list[str]) -> st.SearchStrategy[Any]:
    values = st.sampled_from(["*", APP, "null", "true", "PUT", "x-a", "/b"]) | TEXTS
    return st.lists(st.fixed_dictionaries({"name": st.sampled_from(names), "value": values}), max_size=5) | HAR_VALUES


EXCHANGES = st.builds(
    exchange,
    st.sampled_from(["GET", "OPTIONS", "PUT"]) | TEXTS,
    st.sampled_from([f"{APP}/a", "https://b.example/b", "wss://b.example/", "data:,"]) | TEXTS,
    st.sampled_from([0, 101, 200, 204, 302, 304, 401, 403, 500]) | HAR_VALUES,
    lines(["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers", "Cookie", "X-A"]),
    lines(["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Vary", "Location", "Server"]),
)
HARS = (
    st.lists(EXCHANGES | HAR_VALUES, max_size=4).map(lambda entries: json.dumps({"log": {"entries": entries}}))
    | HAR_VALUES.map(lambda log: json.dumps({"log": log}))
    | LONG_TEXTS
)


def large_har(entries: list[Any]) -> Callable[[int], str]:
    return lambda times: json.dumps({"log": {"entries": entries * times}})


def check_har(text: str) -> None:
    with NamedTemporaryFile(suffix=".har") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        with suppress(Malformed):
            json.dumps(read_har(file.name).data())


TARGETS = {
    "mapping": Target(MAPPINGS, check_mapping, LARGE),
    "toml": Target(TOMLS, check_toml, LARGE.map(lambda of: lambda count: toml_of(of(count))) | repeated(TOML_PIECES)),
    "variables": Target(VARIABLES, check_variables, st.builds(large_variable, VARIABLE_NAMES, ENTRIES)),
    "environ": Target(ENVIRONS, check_environ, st.builds(large_header, ENVIRON_KEYS, repeated(PIECES))),
    "path": Target(TEXTS | LONG_TEXTS | st.text("/.%25ecf\\a"), check_path, repeated(SIGNS)),
    "vary": Target(TEXTS | LONG_TEXTS | st.text("*,aA \n\t"), check_vary, repeated(SIGNS)),
    "pattern": Target(URLS, check_pattern, repeated(PIECES)),
    "expression": Target(EXPRESSIONS, check_expression, repeated(SIGNS)),
    "console": Target(CONSOLES, check_console, repeated(PIECES | CONSOLE_TEXTS)),
    "har": Target(HARS, check_har, st.builds(large_har, st.lists(EXCHANGES, min_size=1, max_size=2))),
}
