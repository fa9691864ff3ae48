"""
The browser's half of CORS, written from Fetch and from nothing else.

It knows no policy and imports nothing of corsguard: it reads what a server sent as a browser reads it. Section names
are those of the Fetch standard.
"""

import re

SAFELISTED_METHODS = {"GET", "HEAD", "POST"}
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def get(headers, name):
    """
    Headers, "get": all values of a name, joined.
    """
    values = [value for key, value in headers if key.lower() == name.lower()]
    return ", ".join(values) if values else None


def header_list_values(headers, name):
    """
    Headers, "extract header list values": None without the header, False if one item is no token.
    """
    value = get(headers, name)
    if value is None:
        return None
    items = [item for item in (piece.strip(" \t") for piece in value.split(",")) if item]
    return items if all(TOKEN.fullmatch(item) for item in items) else False


def passes_cors_check(headers, origin, *, include):
    """
    Fetch, "CORS check".
    """
    allowed = get(headers, "Access-Control-Allow-Origin")
    if allowed is None:
        return False
    if not include and allowed == "*":
        return True
    if allowed != origin:
        return False
    return not include or get(headers, "Access-Control-Allow-Credentials") == "true"


def passes_preflight(status, headers, origin, method, unsafe_names, *, include):  # noqa: PLR0913 - Fetch's inputs
    """
    Fetch, "CORS-preflight fetch", from the response on. *unsafe_names* are the names a page added to its request.
    """
    if not passes_cors_check(headers, origin, include=include) or not 200 <= status <= 299:
        return False
    methods = header_list_values(headers, "Access-Control-Allow-Methods")
    names = header_list_values(headers, "Access-Control-Allow-Headers")
    if methods is False or names is False:
        return False
    methods, names = methods or [], [name.lower() for name in names or []]
    if method not in methods and method not in SAFELISTED_METHODS and (include or "*" not in methods):
        return False
    wanted = {name.lower() for name in unsafe_names}
    if "authorization" in wanted and "authorization" not in names:
        return False
    return all(name in names or (not include and "*" in names) for name in wanted)


def readable_names(headers, *, include):
    """
    Fetch, "main fetch" and "CORS-exposed header-name list": what a script may read beyond the safelist.
    """
    exposed = header_list_values(headers, "Access-Control-Expose-Headers") or []
    if not include and "*" in exposed:
        exposed = [name for name, _ in headers]
    return {name.lower() for name in exposed} - {"set-cookie", "set-cookie2"}
