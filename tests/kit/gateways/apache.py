"""
Apache httpd.
"""

from contextlib import contextmanager

from . import begun, free_port, program, written

_MODULES = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http", "rewrite", "setenvif")
_APACHE = """
{modules}
ServerRoot {directory}
ServerName localhost
PidFile apache.pid
DefaultRuntimeDir {directory}
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    Include corsguard/corsguard.conf
    AllowEncodedSlashes NoDecode
    ProxyPass / http://127.0.0.1:{backend}/ nocanon retry=0
    {own}
</VirtualHost>
"""


@contextmanager
def apache(directory, backend, policies, *, own="", **source):
    """
    Run httpd with what is exported for it, in front of *backend*, a port, with the operator's *own* directives.
    """
    executable, port = program("apache2", "apache2"), free_port()
    written(directory, "apache", policies, **source)
    modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in _MODULES)
    text = _APACHE.format(modules=modules, directory=directory, port=port, backend=backend, own=own)
    (directory / "httpd.conf").write_text(text)
    with begun(port, executable, "-D", "FOREGROUND", "-f", str(directory / "httpd.conf")) as server:
        yield server
