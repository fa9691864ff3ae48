"""
nginx with handwritten headers: the blocks of one configuration, which one process serves.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.serving import missing

from .hosting import listener
from .samples import ORIGIN, SITE, STRANGER, UNVARIED, attacked, fails, reads, refused, sample

# The server block of each host. $items is the part that all have. $application and $nobody are the addresses of our own
# server and of an unused port.
BLOCKS: dict[str, str] = {}

_ITEMS = "default_type application/json; return 200 '{\"items\": [1, 2, 3]}';"
_TRUSTED = reads(credentials="include")

_CONFIGURATION = """
daemon off;
user root;
pid nginx.pid;
error_log error.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
    uwsgi_temp_path temporary; scgi_temp_path temporary;
    map $http_origin $listed { default ""; "http://app.lab.example" $http_origin; }
    %s
}
"""


def block(name, title, *asked, lines, **about):
    """
    Serve the *lines* of a server block.
    """
    BLOCKS[sample(name, title, *asked, **about)] = lines


block(
    "nginx-reflects",
    "nginx sends back $http_origin, with credentials and without Vary.",
    UNVARIED,
    reads(method="PUT", json={"name": "pen"}, credentials="include"),
    attacked(STRANGER),
    finds=["CG-A001", "CG-V001"],
    lines="""
    location = /items {
        if ($request_method = OPTIONS) {
            add_header Access-Control-Allow-Origin $http_origin;
            add_header Access-Control-Allow-Credentials true;
            add_header Access-Control-Allow-Methods 'GET, PUT, DELETE';
            add_header Access-Control-Allow-Headers Content-Type;
            return 204;
        }
        add_header Access-Control-Allow-Origin $http_origin;
        add_header Access-Control-Allow-Credentials true;
        $items
    }
    """,
)
block(
    "nginx-expression",
    "nginx searches for the name anywhere in the origin.",
    _TRUSTED,
    attacked("http://strangerapp.lab.example.stranger.example/"),
    refused(),
    finds=["CG-A005"],
    lines="""
    location = /items {
        set $cors '';
        if ($http_origin ~* (app\\.lab\\.example)) { set $cors $http_origin; }
        add_header Vary Origin always;
        add_header Access-Control-Allow-Origin $cors always;
        add_header Access-Control-Allow-Credentials true always;
        $items
    }
    """,
)
block(
    "nginx-reflects-preflights",
    "nginx sends $http_origin back to preflights, and a constant with responses.",
    reads(credentials="include"),
    finds=["CG-P003"],
    lines=f"""
    location = /items {{
        if ($request_method = OPTIONS) {{
            add_header Access-Control-Allow-Origin $http_origin;
            add_header Access-Control-Allow-Credentials true;
            add_header Access-Control-Allow-Methods 'GET, PUT, DELETE';
            return 204;
        }}
        add_header Access-Control-Allow-Origin {ORIGIN} always;
        add_header Access-Control-Allow-Credentials true always;
        $items
    }}
    """,
)
block(
    "nginx-star-credentials",
    "nginx sends * together with credentials.",
    reads(),
    fails("wildcard_with_credentials", "never counts with credentials", "", credentials="include"),
    finds=["CG-B001"],
    lines="""
    add_header Access-Control-Allow-Origin *;
    add_header Access-Control-Allow-Credentials true;
    location = /items { $items }
    """,
)
block(
    "nginx-doubled",
    "nginx and the application both add the header.",
    fails("multiple_allow_origin", "two layers", f"Access-Control-Allow-Origin: {ORIGIN}"),
    finds=["CG-B004"],
    kind="look-alike",
    lines=f"""
    location / {{
        proxy_pass http://$application;
        proxy_set_header Host origins-compared.{SITE};
        add_header Access-Control-Allow-Origin {ORIGIN} always;
    }}
    """,
)
block(
    "nginx-errors",
    "nginx adds headers to successful responses only, because always is missing.",
    fails("missing_allow_origin", "carries no login that the server accepts", f"Access-Control-Allow-Origin: {ORIGIN}"),
    kind="look-alike",
    lines="""
    add_header Access-Control-Allow-Origin *;
    location = /items { return 401; }
    """,
)
block(
    "nginx-files",
    "nginx serves files, and answers OPTIONS with 405.",
    reads(),
    fails("preflight_status", "405", "204 No Content", headers={"X-Trace": "1"}),
    finds=["CG-P004"],
    kind="look-alike",
    lines="""
    root files;
    add_header Access-Control-Allow-Origin * always;
    """,
)
block(
    "nginx-https",
    "nginx redirects to https before any CORS header is added.",
    fails("missing_allow_origin", "redirects to https", f"https://nginx-https.{SITE}/items"),
    fails("preflight_redirect", "redirects to https", f'fetch("https://nginx-https.{SITE}/items")', method="DELETE"),
    kind="look-alike",
    lines="return 301 https://$host$request_uri;",
)
block(
    "nginx-inheritance",
    "nginx drops the headers of the server where a location adds its own.",
    fails("missing_allow_origin", "has no cors layer on this path", f"Access-Control-Allow-Origin: {ORIGIN}"),
    kind="look-alike",
    lines="""
    add_header Access-Control-Allow-Origin *;
    location = /items {
        add_header Cache-Control no-store;
        $items
    }
    """,
)
block(
    "nginx-bad-gateway",
    "nginx answers 502 in place of an application that is down.",
    fails("missing_allow_origin", "a proxy or a gateway in front", ""),
    kind="look-alike",
    lines="""
    location / {
        proxy_pass http://$nobody;
        add_header Access-Control-Allow-Origin *;
    }
    """,
)
block(
    "nginx-too-large",
    "nginx refuses a large body before the application sees it.",
    reads(credentials="include"),
    fails(
        "missing_allow_origin",
        "client_max_body_size",
        f"Access-Control-Allow-Origin: {ORIGIN}",
        method="PUT",
        json={"name": "pen"},
    ),
    kind="look-alike",
    lines=f"""
    client_max_body_size 8;
    location / {{
        proxy_pass http://$application;
        proxy_set_header Host origins-compared.{SITE};
    }}
    """,
)
block(
    "nginx-map",
    "nginx chooses from a map, and always sends Vary.",
    _TRUSTED,
    reads(method="PUT", json={"name": "pen"}, credentials="include"),
    refused(),
    kind="safe",
    lines="""
    add_header Vary Origin always;
    add_header Access-Control-Allow-Origin $listed always;
    add_header Access-Control-Allow-Credentials true always;
    add_header Access-Control-Allow-Methods 'GET, PUT, DELETE' always;
    add_header Access-Control-Allow-Headers Content-Type always;
    location = /items {
        if ($request_method = OPTIONS) { return 204; }
        $items
    }
    """,
)


@contextmanager
def served(directory: Path, application: str, nobody: str) -> Iterator[str]:
    """
    Run nginx in *directory*. Yield its address. *application* and *nobody* are addresses for its proxies.
    """
    # Debian installs it in a folder that only root's PATH has.
    executable = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or missing(
        "nginx is not installed (Debian: apt-get install nginx-light)"
    )
    (directory / "files").mkdir()
    (directory / "files" / "items").write_text('{"items": [1, 2, 3]}')
    with listener() as listening:
        host, port = listening.getsockname()
        listening.set_inheritable(True)
        blocks = "".join(
            f"server {{ listen {host}:{port}; server_name {name}; {lines} }}\n" for name, lines in BLOCKS.items()
        )
        for name, text in (("$items", _ITEMS), ("$application", application), ("$nobody", nobody)):
            blocks = blocks.replace(name, text)
        (directory / "nginx.conf").write_text(_CONFIGURATION % blocks)
        process = subprocess.Popen(
            [executable, "-p", directory, "-e", "error.log", "-c", "nginx.conf"],
            # A running nginx passes its sockets to the next one through this variable.
            env={**os.environ, "NGINX": f"{listening.fileno()};"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        )
    with process:
        try:
            yield f"{host}:{port}"
        finally:
            process.terminate()
