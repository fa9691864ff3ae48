"""
Examples to begin with: policies of common applications, and requests of common pages.

`{pages}` stands for the port on which the playground serves its pages.
"""

from types import MappingProxyType
from typing import Any, Final, NamedTuple

_PNG: Final = "a picture"


class Sample(NamedTuple):
    """
    A policy to begin with: its name, what it *shows*, its *text* in TOML, the origin of the *page* that sends requests,
    and the path above the resources.
    """

    title: str
    shows: str
    text: str
    page: str = "http://localhost:{pages}"
    base: str = ""

    def data(self, pages: int) -> dict[str, str]:
        """
        Return the same as plain data, for pages on the port *pages*.
        """
        return {name: value.replace("{pages}", str(pages)) for name, value in self._asdict().items()}


SAMPLES: Final = (
    Sample(
        "Public API",
        "Every page may read, and none with cookies: the two never meet.",
        """\
# Every page may read this. Cookies are not sent along:
# add allow_credentials = true to see why not.
allow_origins = "*"
allow_methods = ["GET", "HEAD", "POST"]
allow_headers = ["Content-Type"]
expose_headers = ["Content-Disposition"]
""",
    ),
    Sample(
        "Single-page application with cookies",
        "One page may read and write, as the user who is logged in.",
        """\
# In production this is https://app.example.com.
allow_origins = ["http://localhost:{pages}"]
allow_methods = ["GET", "HEAD", "POST", "PUT", "DELETE"]
allow_headers = ["Content-Type", "Authorization"]
expose_headers = ["Content-Disposition"]
allow_credentials = true
""",
    ),
    Sample(
        "Tenants",
        "Each tenant has a subdomain, and each of their pages may read.",
        """\
# In production this is https://*.tenants.example.com.
allow_origins = ["http://*.tenants.localhost:{pages}"]
allow_methods = ["GET", "HEAD", "POST", "PUT"]
allow_headers = ["Content-Type", "Authorization"]
allow_credentials = true
""",
        page="http://acme.tenants.localhost:{pages}",
    ),
    Sample(
        "Mobile web view",
        "The pages of Capacitor and Ionic have schemes of their own, which no browser on a desk has.",
        """\
allow_origins = [
  "capacitor://localhost",  # iOS
  "https://localhost",      # Android
  "http://localhost:{pages}",  # while you develop
]
allow_methods = ["GET", "HEAD", "POST", "PUT"]
allow_headers = ["Content-Type", "Authorization"]
""",
    ),
    Sample(
        "Gateway",
        "Policies by path, which the software in front of the application can answer, too.",
        """\
[policies.api]
allow_origins = ["http://localhost:{pages}"]
allow_methods = ["GET", "HEAD", "POST", "PUT"]
allow_headers = ["Content-Type", "Authorization"]
expose_headers = ["Content-Disposition"]
allow_credentials = true

[paths]
"/api" = "api"
"/api/internal" = "none"
""",
        base="/api",
    ),
)

# The default fields of a request; its page and the beginning of its path come from the policy.
PLAIN: Final = MappingProxyType(
    {
        "call": "fetch",
        "path": "/items",
        "method": "GET",
        "headers": "",
        "kind": "none",
        "body": "",
        "credentials": "same-origin",
        "redirect": "follow",
    }
)


class Ready(NamedTuple):
    """
    A request that is ready to be sent: its name, what it *shows*, and the fields that differ from PLAIN.
    """

    title: str
    shows: str
    says: dict[str, str]

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        return {"title": self.title, "shows": self.shows, "request": {**PLAIN, **self.says}}


READY: Final = (
    Ready(
        "Cookie",
        "The page sends the cookie of the user, and wants to read the answer.",
        {"path": "/me", "credentials": "include"},
    ),
    Ready(
        "JSON POST",
        "A body of JSON is not a form, so the browser asks first: a preflight for `Content-Type`.",
        {"method": "POST", "kind": "json", "body": '{"name": "Ada"}'},
    ),
    Ready(
        "PUT with a token",
        "Two things to ask for: the method, and the header `Authorization`, which `*` does not cover.",
        {
            "method": "PUT",
            "headers": "Authorization: Bearer 1234-abcd",
            "kind": "json",
            "body": '{"name": "Ada"}',
        },
    ),
    Ready(
        "File upload",
        "A form with a file needs no preflight. A listener for its progress needs one.",
        {"call": "upload", "method": "POST", "path": "/upload", "kind": "file", "body": _PNG},
    ),
    Ready(
        "Download",
        "The page wants to read the name of the file, which the policy has to expose.",
        {"path": "/report"},
    ),
    Ready(
        "Sandboxed frame",
        "Its origin is `null`, as that of a frame of any other site.",
        {"page": "null"},
    ),
    Ready(
        "WebSocket",
        "No browser asks before it opens one, and it always has cookies: the server has to refuse it.",
        {"call": "websocket", "path": "/feed"},
    ),
    Ready(
        "Redirect",
        "The server sends the page on to another origin. From there on the page is `null`.",
        {"path": "/elsewhere"},
    ),
)
