"""
What a browser sends as an origin, what an operator may write as a pattern, and what each pattern covers.
"""

import json
from pathlib import Path

import pytest

from corsguard import Origin, OriginPattern, Policy, PolicyError, RequestKind, negotiate
from corsguard.audience import OriginIndex
from corsguard.origin import NEVER_ORIGINS, pattern_of

# Origins that a browser serializes, byte for byte.

SERIALIZED = {
    "https://app.example.com": ("https", "app.example.com", None),
    "http://localhost:3000": ("http", "localhost", 3000),
    "http://localhost.": ("http", "localhost.", None),
    "https://a.localhost": ("https", "a.localhost", None),
    "http://127.0.0.1:8080": ("http", "127.0.0.1", 8080),
    "http://255.255.255.255": ("http", "255.255.255.255", None),
    "http://[::1]:3000": ("http", "[::1]", 3000),
    "http://[::]": ("http", "[::]", None),
    "http://[2001:db8::1]": ("http", "[2001:db8::1]", None),
    "http://[1:0:0:2::3]": ("http", "[1:0:0:2::3]", None),
    "http://[1::2:0:0:3:4]": ("http", "[1::2:0:0:3:4]", None),
    "http://[1:2:3:4:5:6:7:8]": ("http", "[1:2:3:4:5:6:7:8]", None),
    "http://[1:0:2:3:4:5:6:7]": ("http", "[1:0:2:3:4:5:6:7]", None),
    # The URL standard never prints an embedded IPv4 address in dotted form. `ipaddress` does.
    "http://[::ffff:102:304]": ("http", "[::ffff:102:304]", None),
    "http://[::102:304]": ("http", "[::102:304]", None),
    "https://app.example.com:1": ("https", "app.example.com", 1),
    "https://app.example.com:65535": ("https", "app.example.com", 65535),
    "https://app.example.com:80": ("https", "app.example.com", 80),
    "http://app.example.com:443": ("http", "app.example.com", 443),
    "capacitor://localhost": ("capacitor", "localhost", None),
    "app://-": ("app", "-", None),
    "app://3dviewer": ("app", "3dviewer", None),
    "tauri://localhost": ("tauri", "localhost", None),
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop": (
        "chrome-extension",
        "abcdefghijklmnopabcdefghijklmnop",
        None,
    ),
    "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc": (
        "moz-extension",
        "2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
        None,
    ),
    # The URL standard accepts these, and other grammars do not.
    "https://v2--shop.netlify.app": ("https", "v2--shop.netlify.app", None),
    "https://r3---sn-abc.example.com": ("https", "r3---sn-abc.example.com", None),
    "https://foo-.example.com": ("https", "foo-.example.com", None),
    "https://-foo.example.com": ("https", "-foo.example.com", None),
    "https://foo_bar.example.com": ("https", "foo_bar.example.com", None),
    "https://_.example.com": ("https", "_.example.com", None),
    "https://xn--lve-6lad.example": ("https", "xn--lve-6lad.example", None),
    "https://xn--f": ("https", "xn--f", None),
    "https://app.example.com.": ("https", "app.example.com.", None),
    "https://1.example": ("https", "1.example", None),
    "app://.": ("app", ".", None),
    "app://.:3000": ("app", ".", 3000),
    "https://a.1b": ("https", "a.1b", None),
    "https://a.0xg": ("https", "a.0xg", None),
    f"https://{'a' * 63}.example": ("https", f"{'a' * 63}.example", None),
    f"https://{'a.' * 126}a": ("https", f"{'a.' * 126}a", None),
    f"https://{'a.' * 126}a.": ("https", f"{'a.' * 126}a.", None),
    f"{'s' * 64}://{'a.' * 126}a.:65535": ("s" * 64, f"{'a.' * 126}a.", 65535),
}


@pytest.mark.parametrize(("text", "parts"), SERIALIZED.items(), ids=[text[:60] for text in SERIALIZED])
def test_a_serialized_origin_is_read(text, parts):
    origin = Origin.parse(text)
    assert origin == parts
    assert str(origin) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "*",
        "https://",
        "https:",
        "app.example.com",
        "//app.example.com",
        "https:/app.example.com",
        "https//app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?",
        "https://app.example.com#",
        "https://app.example.com\n",
        " https://app.example.com",
        "https://app.example.com ",
        "https://app.example.com, https://app.example.com",
        "https://app.example.com\x00",
        "HTTPS://app.example.com",
        "https://App.example.com",
        "https://app.example.com:",
        "https://app.example.com:0",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "wss://app.example.com:443",
        "ws://app.example.com:80",
        "ftp://app.example.com:21",
        "ws://app.example.com",
        "wss://app.example.com",
        "ftp://app.example.com",
        "blob://app.example.com",
        "data://app.example.com",
        "javascript://app.example.com",
        "about://blank",
        "http://.:3000",
        "file://.",
        "app://..",
        "https://app.example.com:0443",
        "https://app.example.com:65536",
        "https://app.example.com:100000",
        "https://app.example.com:\u0663",
        "https://app.example.com:8_0",
        "https://app.example.com:*",
        "https://user@app.example.com",
        "https://user:password@app.example.com",
        "https://*.example.com",
        "https://.example.com",
        "https://app..example.com",
        "https://.",
        "https://app.example.com..",
        "https://\u00e9l\u00e8ve.example",
        "https://app\uff0eexample.com",
        "https://app.example\u3002com",
        "https://\u212a.example",
        "https://a%41.example",
        "https://a b.example",
        "https://a,b.example",
        "http://127.1",
        "http://0x7f000001",
        "http://2130706433",
        "http://127.0.0.01",
        "http://127.0.0.256",
        "http://1.2.3.4.",
        "http://1.2.3.4.5",
        "https://foo.123",
        "https://foo.0x1f",
        "https://foo.0x",
        "https://foo.123.",
        "http://[",
        "http://[]",
        "http://[::1",
        "http://[::1]]",
        "http://[::1]x",
        "http://[::0001]",
        "http://[0:0:0:0:0:0:0:1]",
        "http://[2001:DB8::1]",
        "http://[2001:db8::1:0:0:0]",
        "http://[1::2:0:0:0:3]",
        "http://[1:0:0:2::3:4]",
        "http://[1:0::2]",
        "http://[::1.2.3.4]",
        "http://[::ffff:1.2.3.4]",
        "http://[fe80::1%25eth0]",
        "http://[fe80::1%eth0]",
        "http://[:::]",
        "http://[1]",
        "http://::1",
        "file://",
        "file:///home/me",
        "file://localhost",
        "1https://app.example.com",
        "ht_tps://app.example.com",
        "-://app.example.com",
        f"https://{'a' * 64}.example",
        f"https://{'a.' * 126}aa",
        f"{'s' * 65}://app.example.com",
        "https://" + "a" * 1_000_000,
        "\ud800",
        "https://\udcff.example",
    ],
    ids=lambda text: ascii(text[:60]),
)
def test_a_text_that_no_browser_serializes_is_not_an_origin(text):
    assert Origin.parse(text) is None


@pytest.mark.parametrize(
    "given", [None, 5, 1.5, b"https://app.example.com", ["https://app.example.com"], str], ids=repr
)
def test_a_value_that_is_not_text_raises_nothing(given):
    assert Origin.parse(given) is None
    assert pattern_of(given) is None
    with pytest.raises(PolicyError) as refused:
        OriginPattern.parse(given)
    assert [problem.code for problem in refused.value.problems] == ["E104"]


@pytest.mark.parametrize(
    ("text", "loopback"),
    {
        "http://localhost": True,
        "http://localhost.": True,
        "http://localhost:3000": True,
        "https://a.b.localhost": True,
        "http://127.0.0.1": True,
        "http://127.255.0.9": True,
        "http://[::1]": True,
        "http://localhost.example.com": False,
        "http://alocalhost": False,
        "http://127.example.com": False,
        "http://128.0.0.1": False,
        "http://0.0.0.0": False,
        "http://192.168.0.1": False,
        "http://[::2]": False,
        "http://[::ffff:7f00:1]": False,
        "http://host.docker.internal": False,
    }.items(),
)
def test_an_origin_is_loopback_by_its_host_name_only(text, loopback):
    assert Origin.parse(text).is_loopback is loopback
    assert OriginPattern.parse(text).is_loopback is loopback


# The expectations of the URL standard.

ORIGINS = Path(__file__).parents[1] / "kit" / "origins.json"
BROWSERS = [tuple(row) for row in json.loads(ORIGINS.read_text(encoding="utf-8"))["origins"]]
# A browser can serialize these, and the grammar refuses them on purpose: hosts with other characters (valid names have
# none of them, and a comma would make two origins of one), hosts that only have dots, and port 0.
LEFT_OUT = {
    "http://!\"$&'()*+,-.;=_`{}~": "characters that no legal name has",
    "wss://!\"$&'()*+,-.;=_`{}~": "characters that no legal name has",
    "http://.": "a host without a label",
    "http://..": "a host without a label",
    "http://f:0": "port 0",
}


def test_no_expectation_of_the_url_standard_is_missing():
    assert len(BROWSERS) == 304
    assert len({origin for _, origin in BROWSERS}) == 76
    assert set(LEFT_OUT) <= {origin for _, origin in BROWSERS}


# No page has a URL with one of the other schemes.
SENT = {origin for _, origin in BROWSERS if origin.partition(":")[0] not in NEVER_ORIGINS} - {"null"} - set(LEFT_OUT)


@pytest.mark.parametrize("serialized", sorted(SENT))
def test_every_origin_of_the_url_standard_is_granted_byte_for_byte(serialized):
    assert str(Origin.parse(serialized)) == serialized
    assert str(OriginPattern.parse(serialized)) == serialized
    decision = negotiate(Policy(allow_origins=[serialized]), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": serialized})
    assert decision.kind is RequestKind.CORS
    assert decision.headers == (("Access-Control-Allow-Origin", serialized), ("Vary", "Origin"))


@pytest.mark.parametrize("serialized", sorted(LEFT_OUT))
def test_origins_that_the_grammar_refuses_on_purpose_are_refused(serialized):
    assert Origin.parse(serialized) is None
    with pytest.raises(PolicyError):
        OriginPattern.parse(serialized)


def test_no_url_with_an_opaque_origin_gives_an_accepted_origin():
    opaque = [href for href, origin in BROWSERS if origin == "null"]
    assert len(opaque) == 144
    assert Origin.parse("null") is None


@pytest.mark.parametrize("href", [href for href, origin in BROWSERS if origin != "null"])
def test_a_whole_url_is_not_an_origin(href):
    assert Origin.parse(href) is None


PATTERNS = {
    # pattern: (host, port, what has to be owned, exact)
    "https://app.example.com": ("app.example.com", None, "app.example.com", True),
    "https://app.example.com.": ("app.example.com.", None, "app.example.com.", True),
    "http://localhost:3000": ("localhost", 3000, "localhost", True),
    "http://[::1]:3000": ("[::1]", 3000, "[::1]", True),
    "capacitor://localhost": ("localhost", None, "localhost", True),
    "moz-extension://2c12ab-3": ("2c12ab-3", None, "2c12ab-3", True),
    "https://v2--shop.netlify.app": ("v2--shop.netlify.app", None, "v2--shop.netlify.app", True),
    "https://foo_bar.com": ("foo_bar.com", None, "foo_bar.com", True),
    "https://*.example.com": ("*.example.com", None, "example.com", False),
    "https://*.example.com.": ("*.example.com.", None, "example.com.", False),
    "https://*.com": ("*.com", None, "com", False),
    "https://*.localhost": ("*.localhost", None, "localhost", False),
    "http://*.localhost:*": ("*.localhost", "*", "localhost", False),
    "https://pr-*.example.com": ("pr-*.example.com", None, "example.com", False),
    "https://*--shop.netlify.app": ("*--shop.netlify.app", None, "netlify.app", False),
    "https://a*b.example.com": ("a*b.example.com", None, "example.com", False),
    "https://api.pr-*.example.com": ("api.pr-*.example.com", None, "example.com", False),
    "https://_*.example.com": ("_*.example.com", None, "example.com", False),
    "https://app.example.com:*": ("app.example.com", "*", "app.example.com", False),
    "http://localhost:*": ("localhost", "*", "localhost", False),
    "http://[::1]:*": ("[::1]", "*", "[::1]", False),
    "http://127.0.0.1:*": ("127.0.0.1", "*", "127.0.0.1", False),
    "https://*.example.com:*": ("*.example.com", "*", "example.com", False),
    "https://*.example.com:8443": ("*.example.com", 8443, "example.com", False),
    "https://pr-*.example.com:*": ("pr-*.example.com", "*", "example.com", False),
    "moz-extension://*.x": ("*.x", None, "x", False),
    "moz-extension://*": ("*", None, "", False),
    "app://.": (".", None, ".", True),
}


@pytest.mark.parametrize(("text", "parts"), PATTERNS.items(), ids=PATTERNS.keys())
def test_a_valid_pattern_is_kept_as_it_is_written(text, parts):
    pattern = OriginPattern.parse(text)
    host, port, base, exact = parts
    assert (pattern.scheme, pattern.host, pattern.port) == (text.partition("://")[0], host, port)
    assert (pattern.base, pattern.is_exact) == (base, exact)
    assert str(pattern) == text
    assert OriginPattern.parse(str(pattern)) == pattern


STAND_IN = '"https://app.example.com"'
CHECK = "  # check it, because it may cover more than what you wrote"

REFUSED = {
    "": ("E201", STAND_IN),
    " ": ("E201", STAND_IN),
    " https://a.example": ("E201", '"https://a.example"'),
    "https://a.example\n": ("E201", '"https://a.example"'),
    "https://a.example, https://b.example": ("E201", '"https://a.example", "https://b.example"'),
    "https://a.example,https://b.example/": ("E201", '"https://a.example", "https://b.example"'),
    "https://a.example;https://b.example": ("E201", '"https://a.example", "https://b.example"'),
    '"https://a.example"': ("E201", '"https://a.example"'),
    "'https://a.example'": ("E201", '"https://a.example"'),
    "https://a.example\x00": ("E201", '"https://a.example"'),
    "https://a.example\u00a0": ("E201", '"https://a.example"'),
    "app.example.com": ("E202", STAND_IN),
    "www.example.com:8443": ("E202", '"https://www.example.com:8443"'),
    "localhost": ("E202", '"http://localhost"'),
    "localhost:3000": ("E202", '"http://localhost:3000"'),
    "127.0.0.1:3000": ("E202", '"http://127.0.0.1:3000"'),
    "//a.example": ("E202", '"https://a.example"'),
    "https:/a.example": ("E202", '"https://a.example"'),
    "https//a.example": ("E202", '"https://a.example"'),
    "://a.example": ("E202", '"https://a.example"'),
    "https://a.example/": ("E203", '"https://a.example"'),
    "https://a.example/path?x#y": ("E203", '"https://a.example"'),
    "https://a.example?x": ("E203", '"https://a.example"'),
    "https://a.example#x": ("E203", '"https://a.example"'),
    "https://A.example:443/": ("E203", '"https://a.example"'),
    "https://*.a.example/": ("E203", '"https://*.a.example"'),
    "https://*.a.example/*": ("E203", '"https://*.a.example"'),
    "HTTPS://a.example": ("E204", '"https://a.example"'),
    "https://A.Example": ("E204", '"https://a.example"'),
    "http://[2001:DB8::1]": ("E204", '"http://[2001:db8::1]"'),
    "https://a.example:443": ("E205", '"https://a.example"'),
    "http://a.example:80": ("E205", '"http://a.example"'),
    "wss://a.example:443": ("E214", '"https://a.example"'),
    "ws://localhost:8000": ("E214", '"http://localhost:8000"'),
    "ftp://a.example": ("E214", '"https://a.example"'),
    "blob:https://a.example/1-2": ("E214", '"https://a.example"'),
    "javascript://a.example": ("E214", STAND_IN),
    "about:blank": ("E214", STAND_IN),
    "data:text/html,x": ("E214", STAND_IN),
    "htps://a.example": ("E215", '"https://a.example"'),
    "hhttps://a.example": ("E215", '"https://a.example"'),
    "htpp://localhost:3000": ("E215", '"http://localhost:3000"'),
    "HTTPSS://a.example/": ("E215", '"https://a.example"'),
    "htps://*": ("E215", STAND_IN),
    "https://*.a.example:443": ("E205", '"https://*.a.example"'),
    "https://a.example:": ("E206", '"https://a.example"'),
    "https://a.example:0": ("E206", '"https://a.example"'),
    "https://a.example:080": ("E206", '"https://a.example:80"'),
    "https://a.example:0443": ("E206", '"https://a.example"'),
    "https://a.example:65536": ("E206", '"https://a.example"'),
    "https://a.example:http": ("E206", '"https://a.example"'),
    "https://a.example:80-82": (
        "E206",
        '"https://a.example:80", "https://a.example:81", "https://a.example:82"',
    ),
    "https://a.example:80-9000": ("E206", '"https://a.example"'),
    "https://a.example:8*": ("E206", '"https://a.example"'),
    "https://user@a.example": ("E207", '"https://a.example"'),
    "https://user:pw@a.example:8443": ("E207", '"https://a.example:8443"'),
    "https://\u00e9l\u00e8ve.example": ("E208", '"https://xn--lve-6lad.example"'),
    "https://\u00c9l\u00e8ve.example:8443": ("E208", '"https://xn--lve-6lad.example:8443"'),
    "https://fa\u00df.example": ("E208", '"https://xn--fa-hia.example"'),
    "https://i\u2764.example": ("E208", '"https://xn--i-7iq.example"'),
    "https://\u212a.example": ("E208", '"https://k.example"'),
    "https://a\uff0eexample": ("E208", '"https://a.example"'),
    "https://*.\u00e9l\u00e8ve.example": ("E208", '"https://*.xn--lve-6lad.example"'),
    "http://127.1:3000": ("E209", '"http://127.0.0.1:3000"'),
    "http://0x7f000001": ("E209", '"http://127.0.0.1"'),
    "http://2130706433": ("E209", '"http://127.0.0.1"'),
    "http://127.0.0.01": ("E209", '"http://127.0.0.1"'),
    "http://1.2.3.4.": ("E209", '"http://1.2.3.4"'),
    "https://foo.123": ("E209", STAND_IN),
    "http://1.2.3.256": ("E209", STAND_IN),
    "http://[::0001]:3000": ("E209", '"http://[::1]:3000"'),
    "http://[0:0:0:0:0:0:0:1]": ("E209", '"http://[::1]"'),
    "http://[::ffff:1.2.3.4]": ("E209", '"http://[::ffff:102:304]"'),
    "http://[fe80::1%25eth0]:3000": ("E209", '"http://[fe80::1]:3000"'),
    "http://[fe80::1%eth0]": ("E209", '"http://[fe80::1]"'),
    "http://[::x]": ("E209", STAND_IN),
    "http://[]": ("E209", STAND_IN),
    "http://::1": ("E209", '"http://[::1]"'),
    "http://2001:db8::1": ("E209", '"http://[2001:db8::1]"'),
    "https://a..example": ("E210", '"https://a.example"'),
    "https://.a.example": ("E210", '"https://a.example"'),
    "https://a.example..": ("E210", '"https://a.example"'),
    "https://": ("E210", STAND_IN),
    "https://:8443": ("E210", STAND_IN),
    "https://a%41b.example": ("E210", STAND_IN),
    "https://a~b.example": ("E210", STAND_IN),
    f"https://{'a' * 64}.example": ("E210", STAND_IN),
    f"https://{'a.' * 126}aa": ("E210", STAND_IN),
    "https://*": ("E211", STAND_IN),
    "192.168.0.0/16": ("E211", STAND_IN),
    "HTTP://10.0.0.0/8": ("E211", STAND_IN),
    "https://*:*": ("E211", STAND_IN),
    "https://*:8443": ("E211", STAND_IN),
    "https://*.*": ("E211", STAND_IN),
    "https://*.*.com": ("E211", STAND_IN),
    "https://*.*.a.example": (
        "E211",
        '"https://*.a.example"' + CHECK,
    ),
    "https://a.*": ("E211", STAND_IN),
    "https://a.*.com": ("E211", STAND_IN),
    "https://a.*.b.example": (
        "E211",
        '"https://*.b.example"' + CHECK,
    ),
    "https://**.b.example": (
        "E211",
        '"https://*.b.example"' + CHECK,
    ),
    "https://a*b*.b.example": (
        "E211",
        '"https://*.b.example"' + CHECK,
    ),
    "https://a.b*": ("E211", STAND_IN),
    "https://*b": ("E211", STAND_IN),
    "*.a.example": ("E211", '"https://*.a.example"'),
    "*foo.example": ("E211", '"https://*.foo.example"'),
    "*://a.example": ("E211", '"https://a.example"'),
    "http*://a.example": ("E211", '"https://a.example"'),
    "h*": ("E211", STAND_IN),
    "http://192.168.*": ("E211", STAND_IN),
    "http://192.168.0.*": ("E211", STAND_IN),
    "http://192.*.0.1": ("E211", STAND_IN),
    "http://1*.168.0.1": ("E211", STAND_IN),
    "http://*.168.0.1": ("E211", STAND_IN),
    "http://[*]": ("E211", STAND_IN),
    "http://[::*]": ("E211", STAND_IN),
    "moz-extension://*:*": ("E211", STAND_IN),
    "moz-extension://**": ("E211", STAND_IN),
    "ws://*": ("E214", STAND_IN),
    "https://.": ("E210", STAND_IN),
    r"^https://.*\.a\.example$": ("E211", '"https://*.a.example"'),
    r"https://.*\.a\.example": ("E211", '"https://*.a.example"'),
    r"^https://\w+\.a\.example$": (
        "E211",
        '"https://*.a.example"' + CHECK,
    ),
    r"https://[a-z0-9-]+\.a\.example": (
        "E211",
        '"https://*.a.example"' + CHECK,
    ),
    r"^https://[a-z]+\.a\.example(:\d+)?$": ("E211", '"https://*.a.example:*"' + CHECK),
    r"^https?://([a-z]+\.)?a\.example$": (
        "E211",
        '"https://a.example", "https://*.a.example"' + CHECK,
    ),
    r"^https://(a|b)\.a\.example$": ("E211", '"https://a.a.example", "https://b.a.example"'),
    r"^https://(.*\.)?a\.example$": ("E211", '"https://a.example", "https://*.a.example"'),
    r"https://a\.example": ("E211", '"https://a.example"'),
    "https://a.example\\": ("E211", None),
    "null": ("E212", None),
    "NULL": ("E212", None),
    "file://": ("E213", None),
    "file:///home/me/index.html": ("E213", None),
    "FILE:///home": ("E213", None),
}


@pytest.mark.parametrize(("text", "verdict"), REFUSED.items(), ids=[ascii(text[:60]) for text in REFUSED])
def test_an_entry_outside_the_grammar_is_refused_with_the_form_that_was_meant(text, verdict):
    with pytest.raises(PolicyError) as refusal:
        OriginPattern.parse(text)
    (problem,) = refusal.value.problems
    code, fix = verdict
    assert problem.code == code
    assert problem.field == "allow_origins"
    assert problem.value == text
    if fix is not None:
        (_, told), *others = problem.fix.choices()
        # If it covers more than the expression does, it has an example.
        assert told == fix or (fix.endswith(CHECK) and told.startswith(f"{fix.removesuffix(CHECK)}  # this covers "))
        # If nothing is known about what was meant, the fix may remove the entry.
        assert [text for _, text in others] in ([], ["or remove it"]) or code == "E212"
    # Every pattern in a fix is valid.
    proposed = problem.fix.entries
    assert proposed
    for entry in proposed:
        assert str(OriginPattern.parse(entry)) == entry


# One pattern at a time. The table of cases and the properties test whole lists.


def grants(patterns, origin):
    decision = negotiate(Policy(allow_origins=patterns), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})
    assert decision.headers in ((("Vary", "Origin"),), (("Access-Control-Allow-Origin", origin), ("Vary", "Origin")))
    return decision.refusal is None


LONG_HOST = f"{'a.' * 119}example.com"  # 249 characters


@pytest.mark.parametrize(
    ("pattern", "origin", "granted"),
    [
        ("https://*.example.com", "https://a.example.com", True),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://1.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "https://a.example.com.", False),
        ("https://*.example.com", "https://a.example.comx", False),
        ("https://*.example.com.", "https://a.example.com.", True),
        ("https://*.example.com.", "https://a.example.com", False),
        ("https://*.example.com", "https://a.*.example.com", False),
        ("https://*.example.com", f"https://{LONG_HOST}", True),
        ("https://*.example.com", f"https://a.a.{LONG_HOST}", True),
        ("https://*.example.com", f"https://a.a.a.{LONG_HOST}", False),
        ("https://*.com", "https://example.com", True),
        ("https://*.com", "https://com", False),
        ("https://pr-*.example.com", "https://pr-1.example.com", True),
        ("https://pr-*.example.com", "https://pr--.example.com", True),
        ("https://pr-*.example.com", "https://pr-_.example.com", True),
        ("https://pr-*.example.com", "https://pr-.example.com", False),
        ("https://pr-*.example.com", "https://pr.example.com", False),
        ("https://pr-*.example.com", "https://xpr-1.example.com", False),
        ("https://pr-*.example.com", "https://pr-1.x.example.com", False),
        ("https://pr-*.example.com", "https://x.pr-1.example.com", False),
        ("https://pr-*.example.com", f"https://pr-{'a' * 60}.example.com", True),
        ("https://pr-*.example.com", f"https://pr-{'a' * 61}.example.com", False),
        ("https://a*a.example.com", "https://aaa.example.com", True),
        ("https://a*a.example.com", "https://aa.example.com", False),
        ("https://a*a.example.com", "https://a.example.com", False),
        ("https://ab*ab.example.com", "https://abab.example.com", False),
        ("https://ab*ab.example.com", "https://abaab.example.com", True),
        ("https://api.pr-*.example.com", "https://api.pr-1.example.com", True),
        ("https://api.pr-*.example.com", "https://pr-1.example.com", False),
        ("https://api.pr-*.example.com", "https://x.api.pr-1.example.com", False),
        ("https://app.example.com:*", "https://app.example.com", True),
        ("https://app.example.com:*", "https://app.example.com:8443", True),
        ("https://app.example.com:*", "https://app.example.com:443", False),
        ("https://app.example.com:*", "https://a.app.example.com", False),
        ("https://app.example.com:*", "http://app.example.com", False),
        ("https://*.example.com:8443", "https://a.example.com:8443", True),
        ("https://*.example.com:8443", "https://a.example.com", False),
        ("http://[::1]:*", "http://[::1]:3000", True),
        ("http://[::1]:*", "http://[::2]:3000", False),
        ("http://*.localhost:*", "http://a.localhost:5173", True),
        ("http://*.localhost:*", "http://localhost:5173", False),
    ],
)
def test_a_wildcard_covers_what_the_grammar_says_and_nothing_else(pattern, origin, granted):
    assert grants([pattern], origin) is granted


def test_two_patterns_do_not_cover_a_mixture_of_both():
    assert not grants(["https://foo.com", "https://bar.com"], "https://barfoo.com")
    assert not grants(["https://*.foo.com", "https://*.bar.com"], "https://a.barfoo.com")
    assert not grants(["https://*.foo.com", "https://bar.com"], "https://bar.com.foo")
    assert not grants(["https://foo.com:*", "https://*.foo.com"], "https://a.foo.com:8443")
    assert not grants(["https://foo.com:8443", "http://foo.com"], "http://foo.com:8443")


def test_patterns_with_shared_labels_are_all_found():
    patterns = [
        "https://a*.x.example.com",
        "https://a*c.example.com",
        "https://*c.example.com",
        "https://ab.*c.example.com",
        "https://*.ab.example.com",
        "https://ab.example.com:*",
        "https://x.pr-*.example.com",
        "https://y.pr-1.example.com:*",
    ]
    for origin in (
        "https://ab.x.example.com",
        "https://abc.example.com",
        "https://bc.example.com",
        "https://ab.cc.example.com",
        "https://x.y.ab.example.com",
        "https://ab.example.com:1",
        "https://x.pr-1.example.com",
        "https://y.pr-1.example.com",
    ):
        assert grants(patterns, origin), origin
    for origin in ("https://ab.b.example.com", "https://c.example.com", "https://b.x.example.com"):
        assert not grants(patterns, origin), origin


# The public interface does not show the difference between these.


@pytest.mark.parametrize(
    ("pattern", "first", "second"),
    [
        ("https://*.a.example", "https://0.z.a.example", "https://z.0.a.example"),
        ("https://pr-*.a.example:8443", "https://pr-0.a.example:8443", "https://pr-z.a.example:8443"),
        ("http://localhost:*", "http://localhost", "http://localhost:1"),
    ],
)
def test_two_samples_share_only_what_the_pattern_says(pattern, first, second):
    assert OriginPattern.parse(pattern).samples() == (Origin.parse(first), Origin.parse(second))


@pytest.mark.parametrize(
    ("pattern", "covered", "other"),
    [
        ("https://pr-*.a.example:8443", "https://pr-1.a.example:8443", "https://pr-1.a.example"),
        ("https://pr-*.a.example", "https://pr-1.a.example", "https://pr-1.a.example:8443"),
        ("https://*.a.example:8443", "https://b.a.example:8443", "https://b.a.example"),
        ("https://a.example:*", "https://a.example:8443", "https://b.example:8443"),
    ],
)
def test_a_pattern_covers_its_port_only_and_is_found_once(pattern, covered, other):
    index = OriginIndex([OriginPattern.parse(pattern)])
    assert (index.covers(covered), index.covers(other)) == (True, False)
    assert [*index.patterns_for(Origin.parse(covered))] == [pattern]
    assert [*index.patterns_for(Origin.parse(other))] == []


def test_all_patterns_that_cover_an_origin_are_found():
    covering = ["https://*.foo.com", "https://aa.foo.com:*", "https://a*.foo.com:*", "https://*a.foo.com"]
    others = ["https://*.aa.foo.com", "https://b.foo.com:*", "http://*.foo.com", "https://*.foo.com:8443"]
    index = OriginIndex([OriginPattern.parse(pattern) for pattern in (*covering, *others)])
    assert sorted(index.patterns_for(Origin.parse("https://aa.foo.com"))) == sorted(covering)


@pytest.mark.parametrize("host", ["[1:2:3:4:5:6:7:0]", "[1::2:3:4:0:0]", "[1:0:0:2::]", "[0:1:2:3:4:5:6:7]"])
def test_a_printed_address_leaves_out_the_first_longest_run_of_zeros(host):
    assert str(Origin.parse(f"http://{host}")) == f"http://{host}"


@pytest.mark.parametrize(
    ("origin", "is_covered"),
    {
        "moz-extension://0f1e-2d": True,
        "moz-extension://a.b.c": True,
        "moz-extension://a:1": False,
        "moz-extension://": False,
        "moz-extension://A": False,
        "moz-extension://a/": False,
        "chrome-extension://a": False,
        "https://a.example": False,
    }.items(),
)
def test_a_scheme_pattern_covers_every_host_of_an_opaque_scheme(origin, is_covered):
    """
    Each installation of an extension has a host of its own.
    """
    pattern = OriginPattern.parse("moz-extension://*")
    policy = Policy(allow_origins=["moz-extension://*"])
    granted = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).refusal is None
    found = Origin.parse(origin)
    assert granted is is_covered
    assert ([] if found is None else [*OriginIndex([pattern]).patterns_for(found)]) == (
        [str(pattern)] if is_covered else []
    )


def test_a_scheme_pattern_gets_credentials_only_through_allow_unsafe_origins():
    with pytest.raises(PolicyError, match="E303"):
        Policy(allow_origins=["moz-extension://*"], allow_credentials=True)
    policy = Policy(
        allow_origins=["https://a.example"], allow_unsafe_origins={"moz-extension://*": "ours"}, allow_credentials=True
    )
    assert negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": "moz-extension://x"}).refusal is None
