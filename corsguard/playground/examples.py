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
        "Every page may read, but not with cookies. Press Run to see why.",
        """\
# With "*", every page may read, but not
# with cookies. The browser sends them
# anyway: press Run to see what happens.
allow_origins = "*"
allow_methods = ["GET", "HEAD", "POST"]
allow_headers = ["Content-Type"]
expose_headers = ["Content-Disposition"]
""",
    ),
    Sample(
        "Single-page application with cookies",
        "One page may read and write as the user who is logged in.",
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
        "Each tenant has a subdomain, and the pages of all tenants may read.",
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
        "Capacitor and Ionic have pages with their own schemes. A browser on a computer has no such pages.",
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
        "Policies by path. A gateway in front of the application can answer by the same policies.",
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
        "The page asks for credentials, so the browser sends the cookie of the user. May the page read the answer?",
        {"path": "/me", "credentials": "include"},
    ),
    Ready(
        "JSON POST",
        "No form can send JSON, so the browser first sends a preflight, which asks for `Content-Type`.",
        {"method": "POST", "kind": "json", "body": '{"name": "Ada"}'},
    ),
    Ready(
        "PUT with a token",
        "The preflight asks for the method `PUT` and for the header `Authorization`. A `*` does not allow this header.",
        {
            "method": "PUT",
            "headers": "Authorization: Bearer 1234-abcd",
            "kind": "json",
            "body": '{"name": "Ada"}',
        },
    ),
    Ready(
        "File upload",
        "A form with a file needs no preflight, but a listener for the progress of its upload does.",
        {"call": "upload", "method": "POST", "path": "/upload", "kind": "file", "body": _PNG},
    ),
    Ready(
        "Download",
        "The page reads the name of the file in `Content-Disposition`, if the policy exposes this header.",
        {"path": "/report"},
    ),
    Ready(
        "Sandboxed frame",
        "The origin of the page is `null`. A sandboxed frame of any other site has the same origin.",
        {"page": "null"},
    ),
    Ready(
        "WebSocket",
        "A browser opens it without a preflight and with cookies, so only the server can refuse it.",
        {"call": "websocket", "path": "/feed"},
    ),
    Ready(
        "Redirect",
        "The server redirects the request to another origin. From then on, the browser sends `Origin: null`.",
        {"path": "/elsewhere"},
    ),
)
