"""
Hostile requests: what scanners, broken clients and attackers send. No policy here may grant any of them.

WIDE_POLICY refuses each of them, though its wildcards cover as much as wildcards can. Servers differ in what they let
through (control characters, folded lines, latin-1), so all of it is tried.
"""

APP = "https://app.victim.example"

WIDE_POLICY = {
    "allow_origins": [
        APP,
        "https://*.victim.example",
        "https://pr-*.preview.example",
        "https://*.any.example:*",
        "http://[::1]:*",
        "capacitor://localhost",
    ],
}

_MEGABYTE = 1 << 20

# Valid in a URL's host, and so in an Origin, in at least one browser. Our grammar leaves them out (except `_` and `-`).
_SPELLABLE = "\"{}+!~`;&'()*,$="
# No URL parser accepts these.
_UNSPELLABLE = "^%|<>[]:@\\/?# \t\x00\x01\x0b\x0c\x1f\x7f\x85\xa0\xff"


def _named(**groups: list[str]) -> dict[str, str]:
    return {f"{group} {value[:60]!a}": value for group, values in groups.items() for value in values}


HOSTILE_ORIGINS = {
    "empty": "",
    "a megabyte": "https://" + "a" * _MEGABYTE,
    "a megabyte under the wildcard": "https://" + "a." * (_MEGABYTE // 2) + "victim.example",
    "a megabyte of dots": "." * _MEGABYTE,
    "a megabyte of commas": "," * _MEGABYTE,
    "a megabyte of spaces": " " * _MEGABYTE,
    "a megabyte of stars": "*" * _MEGABYTE,
    "a label too long": f"https://{'a' * 64}.victim.example",
    "a host too long": f"https://{'a.' * 120}victim.example",
    "a thousand labels": f"https://{'a.' * 1000}victim.example",
    "a line feed and a header": f"{APP}\nSet-Cookie: a=b",
    "a folded line": f"{APP}\r\n x",
    "a folded line under the wildcard": "https://a\r\n .victim.example",
    **_named(
        null=["NULL", "Null", "nUlL", " null", "null ", "null\x00", "null,null", "null, null", '"null"', "null/"],
        text=["*", "**", "undefined", "None", "true", "what is this", "about:blank", "data:", "javascript:alert(1)"],
        scheme=[
            "https:",
            "https://",
            "https:///",
            "://app.victim.example",
            "//app.victim.example",
            "app.victim.example",
            "https:app.victim.example",
            "https:/app.victim.example",
            "ftp://app.victim.example",
            "http://app.victim.example",
            "wss://app.victim.example",
            "HTTPS://app.victim.example",
            "https+x://app.victim.example",
            "file://",
            "file:///etc/passwd",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "ionic://localhost",
        ],
        prefix=[
            f"{APP}.evil.example",
            f"{APP}evil.example",
            f"{APP}-evil.example",
            f"{APP}_.evil.example",
            "https://victim.example.evil.example",
            "https://evil.example/.victim.example",
            "https://evil.example?.victim.example",
            "https://evil.example#.victim.example",
            "https://evil.example:1@a.victim.example",
            "https://evil.example\\.victim.example",
            "https://pr-7.preview.example.evil.example",
        ],
        suffix=[
            "https://evilvictim.example",
            "https://evil-victim.example",
            "https://evilpr-7.preview.example",
            "https://pr-.preview.example",
            "https://pr-a.b.preview.example",
            "https://victim.example",
            "https://.victim.example",
            "https://..victim.example",
            "https://a..victim.example",
        ],
        truncation=[APP[:end] for end in range(1, len(APP))],
        dot=[
            "https://appxvictim.example",
            "https://app.victimxexample",
            "https://appxvictimxexample",
            f"{APP}.",
            f"{APP}..",
            "https://a.victim.example.",
            "https://a\uff0evictim.example",
        ],
        port=[
            f"{APP}:",
            f"{APP}:0",
            f"{APP}:443",
            f"{APP}:8443",
            f"{APP}:*",
            f"{APP}:-1",
            "https://a.any.example:",
            "https://a.any.example:0",
            "https://a.any.example:00001",
            "https://a.any.example:443",
            "https://a.any.example:65536",
            "https://a.any.example:99999999999999999999",
            "https://a.any.example:8080:8080",
            "https://a.any.example:+80",
            "https://a.any.example:8_0",
            "https://a.any.example:\u0668\u0660",
            "https://a.any.example:*",
        ],
        userinfo=[
            "https://@app.victim.example",
            "https://user@app.victim.example",
            "https://user:password@app.victim.example",
            "https://app.victim.example@evil.example",
            "https://evil.example@a.victim.example",
        ],
        url=[f"{APP}/", f"{APP}/path", f"{APP}?query", f"{APP}#fragment", f"{APP};x", f"{APP}\\"],
        case=["https://App.victim.example", "https://app.victim.EXAMPLE", "https://A.victim.example"],
        list=[
            f"{APP}, {APP}",
            f"{APP},{APP}",
            f"{APP}, https://evil.example",
            f"https://evil.example,{APP}",
            f"https://evil.example {APP}",
            f"{APP};https://evil.example",
        ],
        brackets=[
            "http://[",
            "http://]",
            "http://[]",
            "http://[::1",
            "http://::1]",
            "http://[::1]]",
            "http://[[::1]]",
            "http://[::1].evil.example",
            "http://[::1]evil",
            "http://[::1%25eth0]:3000",
            "http://[0:0:0:0:0:0:0:1]:3000",
            "http://[::0001]:3000",
            "http://[::127.0.0.1]:3000",
            "http://[::g]:3000",
            "http://[v1.x]:3000",
            "https://app.victim.example].evil.example",
            "https://[a.victim.example]",
            "https://a[.victim.example",
        ],
        number=["https://127.1", "https://0x7f.1", "https://2130706433", "https://1.2.3.4.", "https://a.victim.1"],
        literal=["https://*.victim.example", "https://*.a.victim.example", "https://pr-*.preview.example"],
        glued=[f"https://victim.example{c}.evil.example" for c in _SPELLABLE + _UNSPELLABLE + "_-"],
        dotted=[f"https://victim.example.{c}.evil.example" for c in _SPELLABLE + _UNSPELLABLE + "_-"],
        inside=[f"https://a{c}b.victim.example" for c in _SPELLABLE + _UNSPELLABLE],
        label=[f"https://{c}.victim.example" for c in _SPELLABLE + _UNSPELLABLE],
        edge=[f"{c}{APP}" for c in _SPELLABLE + _UNSPELLABLE] + [f"{APP}{c}" for c in _SPELLABLE + _UNSPELLABLE],
        escaped=["https://a%2evictim.example", "https://evil.example%60.victim.example", "https://%61.victim.example"],
        unicode=[
            "https://\u2100.victim.example",
            "https://\u00e9l\u00e8ve.victim.example",
            "https://\u212a.victim.example",
            "https://\uff41pp.victim.example",
            "https://a\u3002victim.example",
            "https://\u0430pp.victim.example",
            "https://a\u200b.victim.example",
            "https://\U0001f600.victim.example",
        ],
        surrogate=["\ud800", "https://\udcff.victim.example", f"{APP}\udc80"],
    ),
}

HOSTILE_METHODS = {
    "empty": "",
    "a megabyte": "P" * _MEGABYTE,
    "a megabyte of commas": "," * _MEGABYTE,
    **_named(
        method=[
            "put",
            "PUT ",
            " PUT",
            "PUT, DELETE",
            "CONNECT",
            "TRACE",
            "*",
            "null",
            "P\x00T",
            "P\nT",
            "PUT\r\nX: y",
            "\xff",
            '"PUT"',
            "<script>",
            "%0d%0a",
        ]
    ),
}

HOSTILE_LISTS = {
    "empty": "",
    "a megabyte": "x" * _MEGABYTE,
    "a megabyte of commas": "," * _MEGABYTE,
    "a megabyte of spaces": " " * _MEGABYTE,
    "a megabyte of names": "x-a," * (_MEGABYTE // 4),
    **_named(
        names=[
            ",",
            ",,x-a,,",
            "x-a, x-a",
            "X-A",
            "*",
            "authorization",
            "cookie, host",
            "x-<a>",
            '"x"',
            "x\x00y",
            "x\r\n y",
            "x\nSet-Cookie: a=b",
            "\xff",
            "x y",
            "access-control-allow-origin",
        ]
    ),
}
