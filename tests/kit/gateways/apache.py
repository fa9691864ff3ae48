"""
Apache httpd.
"""

from contextlib import contextmanager

from . import begun, free_port, program, written

_MODULES = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http", "rewrite", "setenvif")
_SHARED = "/usr/lib/apache2/modules"
_HTTPD = """
{modules}
ServerRoot {directory}
ServerName localhost
PidFile apache.pid
DefaultRuntimeDir {directory}
ErrorLog /dev/stderr
{text}
"""
_APACHE = """
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
    Run httpd with its exported files, in front of *backend*, a port, with the operator's *own* directives.
    """
    port = free_port()
    written(directory, "apache", policies, **source)
    with httpd(directory, port, _MODULES, _APACHE.format(port=port, backend=backend, own=own)) as server:
        yield server


def httpd(directory, port, modules, text, **options):
    """
    Run httpd in *directory* with *modules* and with *text*, which lets it listen on *port*.
    """
    file, loaded = directory / "httpd.conf", (f"LoadModule {name}_module {_SHARED}/mod_{name}.so" for name in modules)
    file.write_text(_HTTPD.format(modules="\n".join(loaded), directory=directory, text=text))
    return begun(port, program("apache2", "apache2"), "-D", "FOREGROUND", "-f", str(file), **options)
