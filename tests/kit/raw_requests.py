"""
Requests byte by byte: 107 spellings of paths, and odd headers and bodies.

The spellings are of "/admin/users/1", of similar paths, and of paths that nobody can confuse with it.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

PARTNER = b"https://partner.example"
STRANGER = b"https://evil.example"
ASKS = b"Access-Control-Request-Method: DELETE"

# Every reading of these leads to a shared path.
SHARED = rb"""
    /users/1
    /users/1/
    /users//1
    /x/../users/1
    /a%20b/users/1
    /100%25/users/1
    /caf%C3%A9/%75sers/1
    /administrators/1
    /x/admin/users/1
""".split()
SPELLINGS = [
    *SHARED,
    *rb"""
    /admin/users/1
    /admin//users/1
    /admin/./users/1
    /admin/x/../users/1
    /admin/../users/1
    /admin/%2e%2e/users/1
    /admin%2fusers/1
    /admin%2Fusers%2F1
    /admin\users\1
    /admin%5cusers/1
    /admin%20/users/1
    /admin%00/users/1
    /admin%3bx/users/1
    /admin;x/users/1
    /%61dmin/users/1
    /adm%69n/users/1
    /%61%64%6D%69%6e/users/1
    /%61dmin/users/%31?%61dmin
    /%61dmin%2fusers%2f1
    //admin/users/1
    ///admin/users/1
    //x/admin/users/1
    /%2fadmin/users/1
    /%2Fadmin/users/1
    /./admin/users/1
    /.//admin/users/1
    /%2e/admin/users/1
    /../admin/users/1
    /.%2e/admin/users/1
    /%2e%2e/admin/users/1
    /x/../admin/users/1
    /x/..//admin/users/1
    /x//../admin/users/1
    /x/y/../../admin/users/1
    /x/.%2E/admin/users/1
    /x/%2e%2e/admin/users/1
    /x/..%2fadmin/users/1
    /x%2f..%2fadmin/users/1
    /x%2f%2e%2e%2f%61dmin%2fusers%2f1
    /x/..;/admin/users/1
    /\admin/users/1
    /%5cadmin/users/1
    /x\..\admin\users\1
    /x%5c..%5cadmin/users/1
    /%2561dmin/users/1
    /%252fadmin/users/1
    /x/%252e%252e/admin/users/1
    /%255cadmin/users/1
    /%252561dmin/users/1
    /%c0%afadmin/users/1
    /%ef%bd%81dmin/users/1
    /%e2%88%95admin/users/1
    /x%0d%0a/admin/users/1
    /%61dmin%
    /%6/admin/users/1
    /%zz/../admin/users/1
    \admin/users/1
    %61dmin/users/1
    http://localhost/admin/users/1
    http://localhost/%61dmin/users/1
    http://localhost//admin/users/1
    *
    /
    //
    /.
    /..
    /admin
    /admin/
    /admin/.
    /admin/..
    /admin?/users/1
    /admin#/users/1
    /ADMIN/users/1
    /admin/users/1/
    /admin/users/1/.
    /admin.json
    /admin%0aFORGED:%20/users/1
    /users/1%0d%0aFORGED:%20yes
    /users/1%0aFORGED
    /users/%1b[31mFORGED
    /users/%e2%80%a8FORGED
    /users/%ff%fe
    /users/1;/../../admin
    /users/1/..;/..;/admin
    /users/%2e%2e%5c%2e%2e%5cadmin
    /%u0061dmin/users/1
    /%252e%252e/%2561dmin/users/1
    ?/admin/users/1
    HTTP://LOCALHOST/admin/users/1
    http://localhost
    https://evil.example/admin/users/1
    """.split(),
    # These cannot be written with spaces between them.
    b"/admin\x00/users/1",
    b"/admin\xc3\xa9/users/1",
    b"/\xef\xbd\x81dmin/users/1",
    b"/admin\t/users/1",
    b"/users/" + b"a" * 4_000,
    b"/users/" + b"%61/../" * 2_500,
    b"//admin" * 10_000,
]

# No browser sends these. Servers answer some of them by themselves.
MALFORMED = [
    b"Origin: " + value
    for value in [
        b"",
        b"null",
        b"NULL",
        PARTNER + b"/",
        PARTNER + b".",
        PARTNER + b":443",
        PARTNER + b".evil.example",
        PARTNER + b"@evil.example",
        PARTNER + b", " + PARTNER,
        b"https://Partner.example",
        b"http://[evil.example",
        b"https://\xe9vil.example",
        b"*",
    ]
]

ALLOWED, FOREIGN = b"Origin: " + PARTNER, b"Origin: " + STRANGER
_FORGED = b"Access-Control-Allow-Origin: https://FORGED.example"

# Inputs that Python's servers read differently, and other odd forms of one header line.
HOSTILE = {
    "two lines, both allowed": (ALLOWED, ALLOWED),
    "two lines, the foreign one first": (FOREIGN, ALLOWED),
    "two lines, the foreign one last": (ALLOWED, FOREIGN),
    "a comma": (ALLOWED + b"," + STRANGER,),
    "a folded line": (ALLOWED + b"\r\n .evil.example",),
    "a folded line that begins with a header": (FOREIGN + b"\r\n " + _FORGED,),
    "a folded line with nothing before it": (b"Origin:\r\n " + PARTNER,),
    "a bare LF": (FOREIGN + b"\n" + _FORGED,),
    "a bare LF at the end": (ALLOWED + b"\n",),
    "a bare CR": (FOREIGN + b"\r" + _FORGED,),
    "a NUL": (ALLOWED + b"\0.evil.example",),
    "a vertical tab": (ALLOWED + b"\v",),
    "DEL": (ALLOWED + b"\x7f",),
    "an escape sequence": (FOREIGN + b"\x1b[31mFORGED",),
    "a tab": (ALLOWED + b"\t.evil.example",),
    "a tab before it": (b"Origin:\t" + PARTNER,),
    "latin-1": (ALLOWED + b".\xe9vil.example",),
    "NEL, a line end in latin-1": (FOREIGN + b"\x85FORGED",),
    "UTF-8": ("Origin: https://évil.example".encode(),),
    "a line separator in UTF-8": (FOREIGN + "\u2028FORGED".encode(),),
    "a space before the colon": (b"Origin : " + PARTNER,),
    "no space behind the colon": (b"Origin:" + PARTNER,),
    "capitals": (b"ORIGIN: " + PARTNER,),
    "no value": (b"Origin:",),
    "4 KB": (ALLOWED + b".evil" * 800,),
    "8 KB": (ALLOWED + b".evil" * 1_640,),
    "70 KB": (ALLOWED + b".evil" * 14_000,),
    "names of headers with an underscore": (ALLOWED, b"Access_Control_Request_Headers: x", b"Sec_Fetch_Site: x"),
    "a method with an underscore": (ALLOWED, b"Access_Control_Request_Method: PUT"),
    "two methods": (ALLOWED, ASKS, b"Access-Control-Request-Method: PUT"),
    "a method of other bytes": (ALLOWED, b"Access-Control-Request-Method: \x81<FORGED>"),
    "no method": (ALLOWED, b"Access-Control-Request-Method:"),
    "commas": (ALLOWED, b"Access-Control-Request-Headers: " + b"," * 3_000),
    "a header of other bytes": (ALLOWED, b"Access-Control-Request-Headers: x-\xff, FORGED\x1b"),
    "its own headers called hop-by-hop": (ALLOWED, b"Connection: Origin, Access-Control-Request-Method"),
    "a host of its own": (ALLOWED, b"X-Forwarded-Host: evil.example", b"Forwarded: host=evil.example"),
    "answers of its own": (FOREIGN, _FORGED, b"Vary: FORGED"),
}
# The same outside of header lines: the version, and what follows the head.
BODIES = {
    "a body": ("HTTP/1.1", b"Content-Length: 6", b"FORGED"),
    "a body that is a request": ("HTTP/1.1", b"Content-Length: 27", b"GET /admin HTTP/1.1\r\nX: x\r\n"),
    "a chunked body": ("HTTP/1.1", b"Transfer-Encoding: chunked", b"6\r\nFORGED\r\n0\r\n\r\n"),
    "no body": ("HTTP/1.1", b"Content-Length: 0", b""),
    "HTTP/1.0": ("HTTP/1.0", b"X: x", b""),
    "HTTP/1.0, kept": ("HTTP/1.0", b"Connection: keep-alive", b""),
}


class RawRequest(NamedTuple):
    """
    A request byte by byte: *lines* of its header, and the *body* after it.

    A request that is *alone* on its connection may leave bytes there that are not an answer to the next one.
    """

    method: str
    path: bytes
    lines: tuple[bytes, ...]
    version: str = "HTTP/1.1"
    body: bytes = b""
    alone: bool = False

    def on_wire(self, *more: bytes) -> bytes:
        """
        Return its bytes, with *more* lines before its own.
        """
        start = b"%b %b %b" % (self.method.encode(), self.path, self.version.encode())
        return b"\r\n".join((start, b"Host: localhost", *more, *self.lines, b"", self.body))


def requests_to(path: bytes, malformed: bytes) -> list[RawRequest]:
    """
    Return the requests for *path*: with an allowed, a foreign, a *malformed* and no origin, and a preflight.

    The first one is what a browser sends after the preflight.
    """
    return [
        RawRequest("DELETE", path, (ALLOWED,)),
        RawRequest("GET", path, (FOREIGN,)),
        RawRequest("GET", path, (malformed,)),
        RawRequest("GET", path, ()),
        RawRequest("OPTIONS", path, (ALLOWED, ASKS)),
    ]


def hostile_requests() -> Iterator[list[RawRequest]]:
    """
    Yield odd headers and odd bodies, each in a request and in a preflight for a shared path.
    """
    for lines in HOSTILE.values():
        asks = () if any(line.startswith(b"Access") for line in lines) else (ASKS,)
        yield [
            RawRequest("GET", b"/users/1", lines, alone=True),
            RawRequest("OPTIONS", b"/users/1", (*lines, *asks), alone=True),
        ]
    for version, line, body in BODIES.values():
        yield [
            RawRequest("DELETE", b"/users/1", (ALLOWED, line), version, body, alone=True),
            *(
                RawRequest("OPTIONS", b"/users/1", (origin, ASKS, line), version, body, alone=True)
                for origin in (ALLOWED, FOREIGN, MALFORMED[0])
            ),
        ]


def all_requests() -> list[list[RawRequest]]:
    """
    Return all requests, grouped by path.
    """
    return [
        *map(requests_to, SPELLINGS, itertools.cycle(MALFORMED)),
        *hostile_requests(),
    ]
