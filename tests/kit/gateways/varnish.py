"""
Varnish.
"""

from contextlib import contextmanager

from . import begun, free_port, program, written

# A cache does not know the header that chooses the backend's answer, so every answer is fetched again.
ASKS_ALWAYS = "sub vcl_recv { return (pass); }"

_VARNISH = """
vcl 4.1;
backend application {{ .host = "127.0.0.1"; .port = "{backend}"; }}
include "{exported}";
{own}
"""


@contextmanager
def varnish(directory, backend, policies, *, own=ASKS_ALWAYS, **source):
    """
    Run Varnish with its exported files, in front of *backend*, a port, with the operator's *own* subroutines.
    """
    executable, port = program("varnishd", "varnish"), free_port()
    exported = written(directory, "varnish", policies, **source) / "corsguard.vcl"
    configuration = directory / "default.vcl"
    configuration.write_text(_VARNISH.format(backend=backend, exported=exported, own=own))
    options = ("-F", "-a", f"127.0.0.1:{port}", "-T", "none", "-n", directory / "work", "-j", "none")
    with begun(port, executable, *options, "-f", configuration) as server:
        yield server
