"""
A browser's cookies: what is stored, what is sent, and why each of the others is not.
"""

import copy
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsguard.browser.cookies import CookieJar, parse_date

API = "https://api.example.com"
SITE = "https://example.com"
STRANGER = "https://stranger.example"


class Clock:
    """
    A clock that only moves when a test moves it.
    """

    now = 1_750_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def jar(clock):
    return CookieJar(clock)


def receive(jar, *lines, url=f"{API}/", same_site=True, top_level_site=SITE):
    return jar.receive(url, lines, same_site=same_site, top_level_site=top_level_site)


def sent(jar, url=f"{API}/", *, same_site=True, top_level_site=SITE):
    """
    Return the cookies that go to *url*. Fail if one is withheld.
    """
    header, withheld = jar.cookies_for(url, same_site=same_site, top_level_site=top_level_site)
    assert withheld == []
    return header


def withheld(jar, url=f"{API}/", *, same_site=True, top_level_site=SITE):
    """
    Return why the one cookie of the host of *url* is not sent to it.
    """
    header, reasons = jar.cookies_for(url, same_site=same_site, top_level_site=top_level_site)
    assert header is None
    (reason,) = reasons
    return reason


PAIRS = {
    # Set-Cookie: Cookie
    "a=1": "a=1",
    " a\t=\t1 ; Secure": "a=1",
    "a=b=c": "a=b=c",
    "Q=Q": "Q=Q",
    "a=": "a=",
    "=1": "1",
    "1": "1",
    'a="x y"': 'a="x y"',
    "a=\xe9": "a=\xe9",
    "a=1;;;nonsense; =x; Secure=no": "a=1",
    "a=1; Path": "a=1",
    f"a={'x' * 4095}": f"a={'x' * 4095}",
    f"a=1; Domain={'x' * 1025}": "a=1",
    "a=1; Domain=": "a=1",
    "a=1; Max-Age=x": "a=1",
    "a=1; Max-Age=": "a=1",
    "a=1; Max-Age=\u00b2": "a=1",
    "a=1; Max-Age=-0; Max-Age=1": "a=1",
    "a=1; Expires=never": "a=1",
    "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60": "a=1",
    "a=1; SameSite=Strict": "a=1",
    "__Secure-a=1; secure": "__Secure-a=1",
    "__Host-a=1; Path=/; SECURE": "__Host-a=1",
    "__HOST-a=1; Path=/; Secure": "__HOST-a=1",
    "a=1; Domain=example.com": "a=1",
    "a=1; Domain=.EXAMPLE.com": "a=1",
    "a=1; Domain=api.example.com": "a=1",
}


@pytest.mark.parametrize(("line", "header"), PAIRS.items())
def test_a_cookie_that_is_received_is_sent(jar, line, header):
    assert receive(jar, line) == []
    assert sent(jar) == header


@pytest.mark.parametrize(
    "line",
    [
        "a=1; Max-Age=0",
        "a=1; Max-Age=-1",
        "a=1; max-age=-" + "9" * 1000,
        "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=1; Max-Age=60; Max-Age=0",
        "a=1; Max-Age=0; Max-Age=x",
        "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=never",
        "a=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=0",
    ],
)
def test_a_cookie_with_a_past_date_deletes(jar, line):
    receive(jar, "a=old")
    assert receive(jar, line) == []
    assert sent(jar) is None
    assert list(jar) == []


REFUSED = {
    "a=1\0": 'Cookie "a" was refused: it has a control character, or one that is not an octet; encode the value',
    "a=1\r\nSet-Cookie: b=2": (
        'Cookie "a" was refused: it has a control character, or one that is not an octet; encode the value'
    ),
    "a=\u0100": 'Cookie "a" was refused: it has a control character, or one that is not an octet; encode the value',
    "": "A cookie without a name was refused: it has neither name nor value; write name=value",
    "=; Secure": "A cookie without a name was refused: it has neither name nor value; write name=value",
    f"a={'x' * 4096}": 'Cookie "a" was refused: its name and value have 4097 octets, and a browser keeps 4096; store '
    "less in it",
    "a=1; Domain=ex\xe4mple.com": 'Cookie "a" was refused: its Domain is "ex\\u00e4mple.com"; write it in ASCII, with '
    "xn--",
    "a=1; Domain=com": 'Cookie "a" was refused: its Domain is "com", under which anyone can register; leave Domain out',
    "a=1; Domain=ple.com": 'Cookie "a" was refused: its Domain is "ple.com", which does not cover "api.example.com"; '
    "leave Domain out",
    "a=1; Domain=www.api.example.com": 'Cookie "a" was refused: its Domain is "www.api.example.com", which does not '
    'cover "api.example.com"; leave Domain out',
    "a=1; SameSite=None": 'Cookie "a" was refused: it is SameSite=None without Secure; add Secure',
    "a=1; Partitioned": 'Cookie "a" was refused: it is Partitioned without Secure; add Secure',
    "__Secure-a=1": 'Cookie "__Secure-a" was refused: its name begins with __Secure-; add Secure',
    "__Host-a=1; Path=/": 'Cookie "__Host-a" was refused: its name begins with __Host-; set it with Path=/; Secure and '
    "without Domain",
    "__host-a=1; Secure": 'Cookie "__host-a" was refused: its name begins with __Host-; set it with Path=/; Secure and '
    "without Domain",
    "__Host-a=1; Secure; Path=/x": 'Cookie "__Host-a" was refused: its name begins with __Host-; set it with Path=/; '
    "Secure and without Domain",
    "__Host-a=1; Secure; Path=/; Domain=example.com": 'Cookie "__Host-a" was refused: its name begins with __Host-; '
    "set it with Path=/; Secure and without Domain",
    f"{'x' * 80}=1; Partitioned": f'Cookie "{"x" * 80}" was refused: it is Partitioned without Secure; add Secure',
    f"{'x' * 81}=1; Partitioned": f'Cookie "{"x" * 80}..." was refused: it is Partitioned without Secure; add Secure',
    "=__secure-a=1": (
        "A cookie without a name was refused: it has no name, and the server would read the start of its value as a "
        "prefix; name it"
    ),
    "=__Host-a=1": (
        "A cookie without a name was refused: it has no name, and the server would read the start of its value as a "
        "prefix; name it"
    ),
}


@pytest.mark.parametrize(("line", "reason"), REFUSED.items())
def test_a_cookie_that_is_refused_says_why(jar, line, reason):
    assert receive(jar, line) == [reason]
    assert list(jar) == []


def test_a_refused_cookie_does_not_stop_the_next(jar):
    assert len(receive(jar, "a=1; SameSite=None", "b=2")) == 1
    assert sent(jar) == "b=2"


@pytest.mark.parametrize(
    ("url", "is_kept"),
    {
        "https://api.example.com": True,
        "http://localhost:3000": True,
        "http://a.localhost": True,
        "http://127.0.0.1": True,
        "http://[::1]": True,
        "http://api.example.com": False,
    }.items(),
)
def test_secure_is_for_https_and_this_machine(jar, url, is_kept):
    reasons = receive(jar, "a=1; Secure", url=url)
    why = 'Cookie "a" was refused: it is Secure, but came over plain http; serve it over https'
    assert reasons == ([] if is_kept else [why])
    assert sent(jar, url) == ("a=1" if is_kept else None)


def test_a_secure_cookie_is_not_sent_over_plain_http(jar):
    receive(jar, "a=1; Secure")
    assert withheld(jar, "http://api.example.com/") == (
        'Cookie "a" was not sent: it is Secure, but the request goes to http://api.example.com; use https'
    )


@pytest.mark.parametrize(
    ("old", "new", "is_kept"),
    [
        ("a=1; Secure", "a=2", False),
        ("a=1; Secure; Domain=example.com", "a=2", False),
        ("a=1; Secure", "a=2; Domain=example.com", False),
        ("a=1; Secure; Path=/login", "a=2; Path=/login/en", False),
        ("a=1; Secure; Path=/login", "a=2; Path=/", True),
        ("a=1; Secure", "b=2", True),
        ("a=1", "a=2", True),
    ],
)
def test_a_cookie_from_plain_http_does_not_hide_a_secure_one(jar, old, new, is_kept):
    receive(jar, old)
    why = (
        'Cookie "a" was refused: it came over plain http and would hide a Secure cookie of the same name; '
        "serve it over https"
    )
    assert receive(jar, new, url="http://api.example.com/") == ([] if is_kept else [why])
    assert receive(jar, new) == []


HOSTS = {
    # (received from, Domain): {sent to: whether}
    ("https://api.example.com", ""): {"https://api.example.com:8443": True, "https://www.api.example.com": False},
    ("https://api.example.com", "example.com"): {
        "https://example.com": True,
        "https://www.example.com": True,
        "https://evilexample.com": False,
    },
    ("https://127.0.0.1", "127.0.0.1"): {"https://127.0.0.1": True},
    ("https://example.com", ""): {"https://api.example.com": False},
    ("https://me.github.io", ""): {"https://github.io": False},
    ("https://github.io", "github.io"): {"https://github.io": True, "https://me.github.io": False},
    ("https://a.foo.ck", "a.foo.ck"): {"https://b.a.foo.ck": True},
    ("https://www.ck", "www.ck"): {"https://a.www.ck": True},
    ("http://api.corp.internal", "corp.internal"): {"http://www.corp.internal": True},
    ("http://localhost", "localhost"): {"http://localhost": True, "http://a.localhost": False},
}


@pytest.mark.parametrize(("source", "domain"), HOSTS)
def test_a_cookie_is_sent_to_the_hosts_of_its_domain(jar, source, domain):
    assert receive(jar, f"a=1; Domain={domain}", url=source) == []
    for target, is_sent in HOSTS[source, domain].items():
        assert sent(jar, target) == ("a=1" if is_sent else None), target


@pytest.mark.parametrize(
    ("source", "domain"),
    [
        ("https://me.github.io", "github.io"),
        ("https://a.co.uk", "co.uk"),
        ("https://a.foo.ck", "foo.ck"),
        ("https://a.com", "com."),
        ("https://a.com.", "com."),
        ("https://127.0.0.1", "0.0.1"),
        ("https://127.0.0.1", "1"),
        ("http://a.internal", "internal"),
        ("http://a.localhost", "localhost"),
        ("https://[::1]", ":1]"),
    ],
)
def test_no_domain_attribute_reaches_the_sites_of_others(jar, source, domain):
    (reason,) = receive(jar, f"a=1; Domain={domain}", url=source)
    assert reason.startswith(f'Cookie "a" was refused: its Domain is "{domain}"')


PATHS = {
    # (received from, Path): {sent to: whether}
    ("/", ""): {"/": True, "/x/y": True},
    ("/login", ""): {"/": True, "/me": True},
    ("/account/login", ""): {"/account": True, "/account/": True, "/account/me": True, "/accounts": False},
    ("/account/", ""): {"/account": True, "/account/me": True, "/": False},
    ("/x", "/account/"): {"/account/": True, "/account/me": True, "/account": False},
    ("/x/y", "account"): {"/x": True, "/account": False},
    ("/", f"/{'x' * 1023}"): {"/": False},
    ("/", f"/{'x' * 1024}"): {"/": True},
    ("/", "/Q"): {"/Q": True, "/": False},
    ("/", "/a%20b"): {"/a b": True, "/a+b": False},
}


@pytest.mark.parametrize(("source", "path"), PATHS)
def test_a_cookie_is_sent_to_the_paths_below_its_own(jar, source, path):
    assert receive(jar, f"a=1; Path={path}", url=API + source) == []
    for target, is_sent in PATHS[source, path].items():
        header, reasons = jar.cookies_for(API + target, same_site=True, top_level_site=SITE)
        assert (header, len(reasons)) == (("a=1", 0) if is_sent else (None, 1)), target


def test_a_cookie_of_another_path_says_so(jar):
    receive(jar, "a=1", url=f"{API}/login/form")
    assert withheld(jar, f"{API}/me?x") == (
        'Cookie "a" was not sent: its Path is "/login", but the request goes to "/me"; set it with Path=/'
    )


ACROSS = {
    # attributes: what keeps the cookie from cross-site requests
    "": "it has no valid SameSite, which means Lax,",
    "SameSite=nonsense": "it has no valid SameSite, which means Lax,",
    "SameSite": "it has no valid SameSite, which means Lax,",
    "SameSite=None; Secure; SameSite=LAX": "it is SameSite=Lax",
    "SameSite=Strict": "it is SameSite=Strict",
}


@pytest.mark.parametrize(("attributes", "what"), ACROSS.items())
def test_a_same_site_cookie_is_not_sent_across_sites(jar, attributes, what):
    why = f"{what} and the request is cross-site; set it with SameSite=None; Secure"
    line = f"session=1; {attributes}"
    assert receive(jar, line, same_site=False, top_level_site=STRANGER) == [f'Cookie "session" was refused: {why}']
    assert receive(jar, line) == []
    assert sent(jar) == "session=1"
    assert withheld(jar, same_site=False, top_level_site=STRANGER) == f'Cookie "session" was not sent: {why}'


def test_a_cookie_with_same_site_none_is_sent_across_sites(jar):
    assert receive(jar, "a=1; SameSite=None; Secure", same_site=False, top_level_site=STRANGER) == []
    assert sent(jar, same_site=False, top_level_site=STRANGER) == "a=1"
    assert sent(jar) == "a=1"


def test_third_party_cookies_can_be_blocked(jar):
    receive(jar, "a=1; SameSite=None; Secure")
    jar.third_party = False
    why = "third-party cookies are blocked; set it with SameSite=None; Secure; Partitioned"
    assert sent(jar) == "a=1"
    assert withheld(jar, same_site=False, top_level_site=STRANGER) == f'Cookie "a" was not sent: {why}'
    line = "b=1; SameSite=None; Secure"
    assert receive(jar, line, same_site=False, top_level_site=STRANGER) == [f'Cookie "b" was refused: {why}']
    (reason,) = receive(jar, "c=1", same_site=False, top_level_site=STRANGER)
    assert reason.endswith("set it with SameSite=None; Secure; Partitioned")
    assert receive(jar, f"{line}; Partitioned", same_site=False, top_level_site=STRANGER) == []
    header, _ = jar.cookies_for(API, same_site=False, top_level_site=STRANGER)
    assert header == "b=1"


def test_a_partitioned_cookie_differs_under_each_site(jar):
    for value, site in enumerate((SITE, STRANGER)):
        line = f"a={value}; SameSite=None; Secure; Partitioned"
        assert receive(jar, line, same_site=site == SITE, top_level_site=site) == []
    assert len(list(jar)) == 2
    header, (reason,) = jar.cookies_for(API, same_site=False, top_level_site=STRANGER)
    assert header == "a=1"
    assert reason == (
        f'Cookie "a" was not sent: it is Partitioned and belongs to pages under {SITE}, not {STRANGER}; '
        "set it on this page too"
    )


def test_cookies_last_as_long_as_they_say_and_400_days_at_most(jar, clock):
    day = 24 * 60 * 60
    receive(jar, "a=1; Max-Age=60", f"b=2; Max-Age={'9' * 1000}", "c=3; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "d=4")
    clock.now += 59.5
    assert sent(jar) == "a=1; b=2; c=3; d=4"
    clock.now += 0.5
    assert [cookie.name for cookie in jar] == ["b", "c", "d"]
    header, reasons = jar.cookies_for(API, same_site=True, top_level_site=SITE)
    assert header == "b=2; c=3; d=4"
    assert reasons == ['Cookie "a" was not sent: it has expired; log in again, or set it with a longer Max-Age']
    assert sent(jar) == header
    clock.now += 400 * day - 60
    assert jar.cookies_for(API, same_site=True, top_level_site=SITE)[0] == "d=4"


def test_longer_paths_come_first_and_then_older_cookies(jar):
    receive(jar, "c=3", "a=1", "a=5; Path=/x", "b=2")
    # A replaced cookie keeps its place. A deleted one loses it.
    receive(jar, "c=4", "a=0; Max-Age=0")
    receive(jar, "a=1")
    assert sent(jar, f"{API}/x/y") == "a=5; c=4; b=2; a=1"


def test_name_domain_path_and_partition_identify_a_cookie(jar):
    receive(jar, "a=1", "a=2; Path=/x", "a=3; Domain=example.com", "a=4; Domain=api.example.com", "A=5")
    receive(jar, "a=6; Path=/; SameSite=Strict")
    assert sent(jar, f"{API}/x") == "a=2; a=6; a=3; a=4; A=5"


def test_a_site_keeps_180_cookies(jar):
    """
    Secure cookies and recently used ones are kept longest.
    """
    receive(jar, "secure=1; Secure", "used=1; Path=/used", *(f"a{number}=1" for number in range(178)))
    receive(jar, "other=1", url="https://elsewhere.example")
    assert len(list(jar)) == 181
    jar.cookies_for(f"{API}/used", same_site=True, top_level_site=SITE)
    receive(jar, *(f"b{number}=1" for number in range(178)), url="https://www.example.com")
    assert len(list(jar)) == 181
    assert {"secure", "other", "b0", "b177"} <= {cookie.name for cookie in jar}
    assert not {"a0", "a175"} & {cookie.name for cookie in jar}
    assert sent(jar, "https://elsewhere.example") == "other=1"


def test_a_log_in_can_be_made_beforehand(jar):
    jar.set(API, "session=1; SameSite=None; Secure; HttpOnly; Max-Age=60; Domain=example.com")
    jar.set(f"{API}/x/y", "theme=d\xe4rk\ud800")
    jar.set(API, "part=1; Secure; SameSite=None; Partitioned", top_level="https://www.stranger.com/page")
    assert [str(cookie) for cookie in jar] == [
        "session=1; Domain=example.com; Path=/; Expires=Sun, 15 Jun 2025 15:07:40 GMT; Secure; HttpOnly; SameSite=None",
        "theme=d\xc3\xa4rk?; Path=/x",
        "part=1; Path=/; Secure; SameSite=None; Partitioned",
    ]
    assert [cookie.partition for cookie in jar] == [None, None, "https://stranger.com"]
    jar.clear()
    assert list(jar) == []


def test_the_text_of_a_cookie_stores_it_again(jar, clock):
    lines = ["a=1; Secure; Max-Age=3600", "b=2; Domain=example.com; HttpOnly; SameSite=Lax; Path=/x"]
    receive(jar, *lines)
    again = CookieJar(clock)
    receive(again, *map(str, jar))
    assert [str(cookie) for cookie in again] == [str(cookie) for cookie in jar]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((API, "a=1; SameSite=None"), 'Cookie "a" was refused: it is SameSite=None without Secure; add Secure'),
        (
            ("http://api.example.com", "a=1; Secure"),
            'Cookie "a" was refused: it is Secure, but came over plain http; serve it over https',
        ),
        (
            ("api.example.com", "a=1"),
            "'api.example.com' is not an absolute http or https URL, such as \"https://api.example.com\".",
        ),
        (("data:,", "a=1"), "'data:,' is not an absolute http or https URL, such as \"https://api.example.com\"."),
    ],
)
def test_a_cookie_that_cannot_be_set_is_an_error(jar, arguments, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        jar.set(*arguments)
    assert str(caught.value) == message


def test_a_page_that_is_not_a_url_is_an_error(jar):
    with pytest.raises(ValueError, match=r"^'stranger' is not an absolute http or https URL"):
        jar.set(API, "a=1", top_level="stranger")


DATES = {
    "Wed, 21 Oct 2015 07:28:00 GMT": (2015, 10, 21, 7, 28, 0),
    "Wednesday, 21-Oct-15 07:28:00 GMT": (2015, 10, 21, 7, 28, 0),
    "Wed Oct 21 07:28:00 2015": (2015, 10, 21, 7, 28, 0),
    "21 OCTOBER 2015 7:8:9": (2015, 10, 21, 7, 8, 9),
    "1 jan 69 0:0:0": (2069, 1, 1, 0, 0, 0),
    "1 jan 70 0:0:0": (1970, 1, 1, 0, 0, 0),
    "1 jan 99 0:0:0": (1999, 1, 1, 0, 0, 0),
    "1 jan 100 0:0:0": None,
    "1 jan 1600 0:0:0": None,
    "1 jan 1601 0:0:0": (1601, 1, 1, 0, 0, 0),
    "1 jan 20150 0:0:0": None,
    "29 feb 2015 0:0:0": None,
    "29 feb 2016 0:0:0": (2016, 2, 29, 0, 0, 0),
    "0 jan 2015 0:0:0": None,
    "32 jan 2015 0:0:0": None,
    "1 jan 2015 24:0:0": None,
    "1 jan 2015 23:60:0": None,
    "1 jan 2015 23:59:60": None,
    "1 jan 2015 23:59": None,
    "1 jan 2015 23:59:590": None,
    "1st jan 2015th 01:02:03am": (2015, 1, 1, 1, 2, 3),
    "jan 2015 01:02:03": None,
    "1 2015 01:02:03": None,
    "1 jan 01:02:03": None,
    "2015 1 jan 01:02:03": (2015, 1, 1, 1, 2, 3),
    "12 13 jan 01:02:03": (2013, 1, 12, 1, 2, 3),
    "1 jan 2015 1:1:1 2 feb 2016 2:2:2": (2015, 1, 1, 1, 1, 1),
    "\xb2 jan 2015 01:02:03": None,
    "": None,
}


@pytest.mark.parametrize(("text", "date"), DATES.items())
def test_a_date_is_read_as_browsers_do(text, date):
    assert parse_date(text) == (None if date is None else datetime(*date, tzinfo=UTC).timestamp())


def test_every_month_name_is_read():
    names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    for month, name in enumerate(names, 1):
        assert parse_date(f"1 {name} 2015 0:0:0") == datetime(2015, month, 1, tzinfo=UTC).timestamp()


OCTETS = st.text(st.characters(max_codepoint=255), max_size=30)
ATTRIBUTES = st.builds(
    "{}={}".format,
    st.sampled_from(["Expires", "Max-Age", "Domain", "Path", "Secure", "HttpOnly", "SameSite", "Partitioned", "x", ""]),
    OCTETS | st.sampled_from(["example.com", "com", "/x", "None", "lax", "-1", "60", "1 jan 2099 0:0:0"]),
)
LINES = st.builds(
    "{}{}={}; {}".format,
    st.sampled_from(["", "__Host-", "__secure-"]),
    OCTETS,
    OCTETS,
    st.lists(ATTRIBUTES).map("; ".join),
)
URLS = st.sampled_from(
    [API, f"{API}/x/y", "http://api.example.com", "https://com", "http://127.0.0.1", "https://[::1]/x"]
)


@given(
    st.lists(st.tuples(URLS, LINES | OCTETS | st.text(max_size=20), st.booleans())), URLS, st.booleans(), st.booleans()
)
def test_hostile_cookies_never_raise_and_never_break_a_line(received, url, same_site, third_party):
    jar = CookieJar(Clock(), third_party=third_party)
    reasons = []
    for source, line, is_same_site in received:
        told = receive(jar, line, url=source, same_site=is_same_site, top_level_site=SITE)
        assert len(told) <= 1
        reasons += told
    header, told = jar.cookies_for(url, same_site=same_site, top_level_site=SITE)
    for text in [*reasons, *told]:
        assert text.isascii()
        assert text.isprintable()
        assert len(text) < 500
    assert header is None or header.encode("latin-1").translate(None, b"\0\r\n") == header.encode("latin-1")


@given(st.lists(st.tuples(URLS, LINES)), URLS, st.booleans())
def test_a_cookie_sent_across_sites_was_set_for_it(received, url, third_party):
    jar = CookieJar(Clock(), third_party=third_party)
    for source, line in received:
        receive(jar, line, url=source)
    header, _ = jar.cookies_for(url, same_site=False, top_level_site=SITE)
    crossing = {
        cookie.pair
        for cookie in jar
        if cookie.same_site == "None" and cookie.secure and (third_party or cookie.partition == SITE)
    }
    assert set((header or "").split("; ")) - {""} <= {part for pair in crossing for part in pair.split("; ")}


def test_the_reason_for_not_sending_a_cookie_has_a_line_and_its_parts(jar):
    (refused,) = receive(jar, "a=1; SameSite=None")
    assert refused == 'Cookie "a" was refused: it is SameSite=None without Secure; add Secure'
    assert (refused.kind, refused.what) == ("cookie", 'Cookie "a" was refused: it is SameSite=None without Secure')
    assert refused.change == "add Secure"
    jar.set(API, "b=1; Path=/x")
    kept = withheld(jar)
    assert f"{kept.what}; {kept.change}" == str(kept)
    for same in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert (same, same.kind, same.what, same.change) == (kept, "cookie", kept.what, kept.change)
