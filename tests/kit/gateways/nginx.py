"""
nginx, with and without the module headers-more.
"""

from contextlib import contextmanager
from pathlib import Path

from kit.serving import missing

from . import begun, free_port, nginx_configuration, program, written

_NGINX = """
    {http}
    server {{
        listen 127.0.0.1:{port};
        include corsguard/server.conf;
        {own}
        location / {{
            {location}
            proxy_pass http://127.0.0.1:{backend};
        }}
    }}
"""
_HEADERS_MORE = "/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so"


@contextmanager
def nginx(directory, backend, policies, *, headers_more=False, own="", **source):
    """
    Run nginx with its exported files, in front of *backend*, a port, with the operator's *own* directives.
    """
    executable, port = program("nginx", "nginx-light"), free_port()
    modules = ""
    if headers_more:
        if not Path(_HEADERS_MORE).is_file():
            missing("headers-more is not installed (Debian: apt-get install libnginx-mod-http-headers-more-filter)")
        modules = f"load_module {_HEADERS_MORE};"
    folder = written(directory, "nginx-headers-more" if headers_more else "nginx", policies, **source)
    http, location = (
        f"include corsguard/{name}.conf;" if (folder / f"{name}.conf").exists() else "" for name in ("http", "location")
    )
    text = _NGINX.format(port=port, backend=backend, http=http, location=location, own=own)
    (directory / "nginx.conf").write_text(nginx_configuration(text, modules))
    with begun(port, executable, "-p", str(directory), "-c", "nginx.conf") as server:
        yield server
