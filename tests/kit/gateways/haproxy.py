"""
HAProxy.
"""

from contextlib import contextmanager

from . import begun, free_port, program, written

_HAPROXY = """
defaults
    mode http
    timeout connect 5s
    retries 0
    timeout server 30s

frontend www from corsguard
    timeout client 30s
    bind 127.0.0.1:{port}
    default_backend application

backend application
    server one 127.0.0.1:{backend}
"""


@contextmanager
def haproxy(directory, backend, policies, **source):
    """
    Run HAProxy with its exported files, in front of *backend*, a port.
    """
    executable, port = program("haproxy", "haproxy"), free_port()
    exported = written(directory, "haproxy", policies, **source) / "corsguard.cfg"
    own = directory / "haproxy.cfg"
    own.write_text(_HAPROXY.format(port=port, backend=backend))
    with begun(port, executable, "-db", "-f", exported, "-f", own) as server:
        yield server
