"""
Real caches in front of a guarded application, with right settings and with settings that cause a fault.

All settings of one cache run in one process, or in a few, and each has a port of its own.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from kit.gateways import begun, free_port, nginx_configuration, program
from kit.gateways.apache import httpd

# The names of what can be wrong with an answer.
FOREIGN = "the grant of another origin or host"
NO_GRANT = "no grant"
TWICE = "two values of Access-Control-Allow-Origin"
NO_VARY = "no Vary: Origin"
BARE_304 = "a 304 without the headers that are kept"
JUDGED = "an answer that protection refuses, or a refusal of what it lets in"


class Setting(NamedTuple):
    """
    How a cache is set: a *text* for its configuration, the *prefix* that it strips, and whether it ends *tls*.

    *faults* are what is wrong then, with the *reason*.
    """

    text: str = ""
    prefix: str = ""
    tls: bool = False
    faults: frozenset[str] = frozenset()
    reason: str = ""


class CachingProxy(NamedTuple):
    """
    A cache: *start* runs it with some of its *settings*. *header* shows *signs* of all that it can do.
    """

    start: Callable[..., AbstractContextManager[dict[str, int]]]
    settings: dict[str, Setting]
    header: str
    signs: tuple[str, ...]


def wrong(text, reason, *faults):
    return Setting(text, faults=frozenset(faults), reason=reason)


SHARED_BY_ORIGINS = "The first answer is kept for every origin."
SHARED_BY_HOSTS = "The key has no host, so the answer of one host is given for another one."
KEPT_BY_CLEAN_PATH = "The key is the cleaned path, and the application sees it as it came."
NO_ORIGIN = "The guard never sees an origin, and takes a preflight for an ordinary OPTIONS."
HIDDEN = "The cache minds Vary and hides it from the caches and browsers behind it."
MAKES_304 = "The cache answers a condition with a 304 of its own, which has only the headers that HTTP asks for."
SECOND_LAYER = "The proxy adds headers of CORS to those of the guard."


# nginx

_NGINX = """
    proxy_cache_path kept keys_zone=kept:10m;
    proxy_cache kept;
    proxy_cache_revalidate on;
    proxy_cache_use_stale http_503;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    add_header X-Cache $upstream_cache_status always;
    {servers}
"""
_NGINX_SERVER = "server {{ listen 127.0.0.1:{port}{tls}; location {prefix}/ {{ {text} proxy_pass {backend}; }} }}\n"
_NGINX_TLS = " ssl; ssl_certificate {pem}; ssl_certificate_key {pem}"
_BY_REQUEST = "proxy_cache_key $host$request_uri;"
_ADDS = "add_header X-Cache $upstream_cache_status always; add_header Access-Control-Allow-Origin * always;"
NGINX = {
    "key as sent": Setting(_BY_REQUEST),
    "key with the origin": Setting("proxy_cache_key $host$request_uri$http_origin; proxy_ignore_headers Vary;"),
    "cleaned path, forwarded": Setting("proxy_cache_key $host$uri$is_args$args; rewrite ^ $uri break;"),
    "gzip": Setting(f"{_BY_REQUEST} gzip on; gzip_min_length 0; gzip_types *; gzip_vary on; gzip_proxied any;"),
    "one request at a time": Setting(f"{_BY_REQUEST} proxy_cache_lock on;"),
    "stale while it is checked": Setting(
        f"{_BY_REQUEST} proxy_cache_background_update on; proxy_cache_use_stale updating http_503;"
    ),
    "stripped prefix": Setting(_BY_REQUEST, prefix="/px"),
    "TLS": Setting(_BY_REQUEST, tls=True),
    "default key": wrong("", SHARED_BY_HOSTS, FOREIGN, JUDGED, NO_GRANT),
    "cleaned path": wrong("proxy_cache_key $host$uri$is_args$args;", KEPT_BY_CLEAN_PATH, NO_GRANT),
    "Vary ignored": wrong(f"{_BY_REQUEST} proxy_ignore_headers Vary;", SHARED_BY_ORIGINS, FOREIGN, JUDGED, NO_GRANT),
    "Vary hidden": wrong(f"{_BY_REQUEST} proxy_hide_header Vary;", HIDDEN, NO_VARY),
    "second layer": wrong(f"{_BY_REQUEST} {_ADDS}", SECOND_LAYER, FOREIGN, TWICE),
}


@contextmanager
def nginx(directory, backend, settings, pem, **options):
    ports = {name: free_port() for name in settings}
    servers = "".join(
        _NGINX_SERVER.format(
            port=ports[name],
            tls=_NGINX_TLS.format(pem=pem) if setting.tls else "",
            prefix=setting.prefix,
            text=setting.text,
            # With a path it replaces the prefix. Without one the path is passed on unchanged.
            backend=f"http://127.0.0.1:{backend}{'/' if setting.prefix else ''}",
        )
        for name, setting in settings.items()
    )
    (directory / "nginx.conf").write_text(nginx_configuration(_NGINX.format(servers=servers)))
    executable = program("nginx", "nginx-light")
    with begun(max(ports.values()), executable, "-p", str(directory), "-c", "nginx.conf", **options):
        yield ports


# HAProxy

_HAPROXY = """
global
    tune.ssl.default-dh-param 2048
defaults
    mode http
    timeout connect 5s
    timeout server 30s
    timeout client 30s
cache kept
    total-max-size 16
    max-age 600
    process-vary on
backend application
    server one 127.0.0.1:{backend}
{frontends}
"""
_HAPROXY_FRONTEND = """
listen {name}
    bind 127.0.0.1:{port}{tls}
    http-after-response set-header X-Cache MISS
    http-after-response set-header X-Cache HIT if {{ res.cache_hit }}
    {text}
    http-request cache-use kept
    http-response cache-store kept
    server one 127.0.0.1:{backend}
"""
HAPROXY = {
    "as documented": Setting(),
    "stripped prefix": Setting(r"http-request replace-path /px(/.*) \1", prefix="/px"),
    "TLS": Setting(tls=True),
    "Vary removed": wrong("http-response del-header Vary", SHARED_BY_ORIGINS, FOREIGN, JUDGED, NO_GRANT, NO_VARY),
    "second layer": wrong("http-after-response add-header Access-Control-Allow-Origin *", SECOND_LAYER, FOREIGN, TWICE),
}


@contextmanager
def haproxy(directory, backend, settings, pem, **options):
    ports = {name: free_port() for name in settings}
    frontends = "".join(
        _HAPROXY_FRONTEND.format(
            name=name.replace(" ", "-"),
            port=ports[name],
            tls=f" ssl crt {pem}" if setting.tls else "",
            text=setting.text,
            backend=backend,
        )
        for name, setting in settings.items()
    )
    own = directory / "haproxy.cfg"
    own.write_text(_HAPROXY.format(backend=backend, frontends=frontends))
    with begun(max(ports.values()), program("haproxy", "haproxy"), "-db", "-f", own, **options):
        yield ports


# Varnish

_VARNISH = """
vcl 4.1;
import std;
backend application {{ .host = "127.0.0.1"; .port = "{backend}"; }}
sub vcl_recv {{ set req.http.X-Setting = local.socket; {recv} }}
sub vcl_hash {{ {hash} }}
sub vcl_backend_response {{
    if (beresp.was_304) {{ set beresp.http.X-Cache = "CHECKED"; }} else {{ set beresp.http.X-Cache = "MISS"; }}
    {backend_response}
}}
sub vcl_deliver {{
    if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }}
    if (obj.hits > 0 && obj.ttl <= 0s) {{ set resp.http.X-Cache = "STALE"; }}
    {deliver}
}}
"""
_CLEAN = 'set req.url = regsuball(regsuball(req.url, "/x/[.][.]/|/[.]/|//+", "/"), "//+", "/");'
_CLEAN_KEY = 'hash_data(regsuball(req.url, "/x/[.][.]/|/[.]/|//+", "/")); hash_data(req.http.host); return (lookup);'
# The texts belong into subroutines, by name.
VARNISH = {
    "as it is": Setting(),
    "kept to be checked": Setting("backend_response: set beresp.grace = 0s; set beresp.keep = 600s;"),
    "stale for an hour": Setting("backend_response: set beresp.grace = 1h;"),
    "cleaned path, forwarded": Setting(f"recv: {_CLEAN}"),
    "stripped prefix": Setting('recv: set req.url = regsub(req.url, "^/px", "");', prefix="/px"),
    "Vary removed": wrong(
        "backend_response: unset beresp.http.Vary;", SHARED_BY_ORIGINS, FOREIGN, JUDGED, NO_GRANT, NO_VARY
    ),
    "cleaned path": wrong(f"hash: {_CLEAN_KEY}", KEPT_BY_CLEAN_PATH, NO_GRANT),
    "no host": wrong("hash: hash_data(req.url); return (lookup);", SHARED_BY_HOSTS, FOREIGN, JUDGED, NO_GRANT),
    "second layer": wrong('deliver: set resp.http.Access-Control-Allow-Origin = "*";', SECOND_LAYER, FOREIGN),
}


@contextmanager
def varnish(directory, backend, settings, pem, **options):
    ports = {name: free_port() for name in settings}
    texts = dict.fromkeys(("recv", "hash", "backend_response", "deliver"), "")
    for name, setting in settings.items():
        if setting.text:
            subroutine, _, text = setting.text.partition(": ")
            asked = "bereq" if subroutine == "backend_response" else "req"
            texts[subroutine] += f'if ({asked}.http.X-Setting == "{_word(name)}") {{ {text} }}\n    '
    configuration = directory / "default.vcl"
    configuration.write_text(_VARNISH.format(backend=backend, **texts))
    sockets = [word for name, port in ports.items() for word in ("-a", f"{_word(name)}=127.0.0.1:{port}")]
    command = ("-F", *sockets, "-T", "none", "-n", directory / "work", "-j", "none", "-f", configuration)
    with begun(max(ports.values()), program("varnishd", "varnish"), *command, **options):
        yield ports


def _word(name):
    return name.replace(" ", "-").replace(",", "")


# Apache httpd

_APACHE_MODULES = """
    mpm_event authz_core cache cache_disk cache_socache deflate filter headers proxy proxy_http rewrite
    setenvif socache_shmcb ssl
""".split()
_APACHE = """
CacheSocache shmcb
CacheRoot {directory}/kept
CacheHeader on
CacheLock on
CacheLockPath {directory}/locks
CacheStaleOnError on
CacheIgnoreNoLastMod on
ProxyPreserveHost on
{hosts}
"""
_APACHE_HOST = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    AllowEncodedSlashes NoDecode
    {text}
    {tls}
    ProxyPass {prefix}/ http://127.0.0.1:{backend}/ {raw} retry=0
</VirtualHost>
"""
_DISK = "CacheEnable disk /"
APACHE = {
    "as documented": Setting(_DISK),
    "as a handler": Setting(f"{_DISK}\n CacheQuickHandler off"),
    "in memory": Setting("CacheEnable socache /"),
    "deflate": Setting(f"{_DISK}\n SetOutputFilter DEFLATE"),
    "stripped prefix": Setting(_DISK, prefix="/px"),
    "TLS": Setting(_DISK, tls=True),
    "Vary ignored": wrong(f"{_DISK}\n CacheIgnoreHeaders Vary", SHARED_BY_ORIGINS, FOREIGN, JUDGED, NO_GRANT, NO_VARY),
    "one name": wrong(f"{_DISK}\n UseCanonicalName on", SHARED_BY_HOSTS, FOREIGN, JUDGED, NO_GRANT),
    "cleaned path": wrong(f"{_DISK}\n CacheQuickHandler off\n #nocanon", KEPT_BY_CLEAN_PATH, NO_GRANT),
    "second layer": wrong(f"{_DISK}\n Header always add Access-Control-Allow-Origin *", SECOND_LAYER, FOREIGN, TWICE),
}


@contextmanager
def apache(directory, backend, settings, pem, **options):
    ports = {name: free_port() for name in settings}
    for folder in ("kept", "locks"):
        (directory / folder).mkdir()
        (directory / folder).chmod(0o777)
    hosts = "".join(
        _APACHE_HOST.format(
            port=ports[name],
            text=setting.text,
            tls=f"SSLEngine on\n SSLCertificateFile {pem}" if setting.tls else "",
            prefix=setting.prefix,
            backend=backend,
            raw="nocanon" if "#nocanon" in setting.text else "",
        )
        for name, setting in settings.items()
    )
    text = _APACHE.format(directory=directory, hosts=hosts)
    with httpd(directory, max(ports.values()), _APACHE_MODULES, text, **options):
        yield ports


# Squid

_SQUID = """
pid_filename {directory}/squid.pid
cache_log /dev/stderr
access_log none
coredump_dir {directory}
cache_mem 64 MB
shutdown_lifetime 0 seconds
visible_hostname cache
{ports}
cache_peer 127.0.0.1 parent {backend} 0 no-query originserver name=application
http_access allow all
never_direct allow all
refresh_pattern . 0 20% 4320
"""
SQUID = {
    "as documented": wrong("", MAKES_304, BARE_304),
    "Vary hidden": wrong("reply_header_access Vary deny {acl}", HIDDEN, NO_VARY, BARE_304),
    "Origin removed": wrong(
        "request_header_access Origin deny {acl}", NO_ORIGIN, FOREIGN, NO_GRANT, NO_VARY, JUDGED, BARE_304
    ),
    "second layer": wrong(
        "reply_header_add Access-Control-Allow-Origin * {acl}", SECOND_LAYER, FOREIGN, TWICE, BARE_304
    ),
}


@contextmanager
def squid(directory, backend, settings, pem, **options):
    ports = {name: free_port() for name in settings}
    text = "".join(
        f"http_port 127.0.0.1:{ports[name]} accel vhost\nacl {_word(name)} localport {ports[name]}\n"
        + setting.text.format(acl=_word(name))
        + "\n"
        for name, setting in settings.items()
    )
    directory.chmod(0o777)
    (directory / "squid.conf").write_text(_SQUID.format(directory=directory, ports=text, backend=backend))
    command = ("-N", "-f", str(directory / "squid.conf"))
    with begun(max(ports.values()), program("squid", "squid"), *command, **options):
        yield ports


# Apache Traffic Server

_TRAFFIC_SERVER = """
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1
CONFIG proxy.config.http.insert_response_via_str INT 2
CONFIG proxy.config.admin.user_id STRING {user}
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
"""
_TRAFFIC_SERVER_ROOT = """
prefix: {root}
bindir: /usr/bin
libdir: /usr/lib/trafficserver
plugindir: {plugins}
sysconfdir: {root}
logdir: {root}
localstatedir: {root}
runtimedir: {root}
cachedir: {root}
"""
_PLUGINS = "/usr/lib/trafficserver/modules"
TRAFFIC_SERVER = {
    "as documented": wrong("", MAKES_304, BARE_304),
    "no host": wrong(
        f"@plugin={_PLUGINS}/cachekey.so @pparam=--static-prefix=application",
        SHARED_BY_HOSTS,
        FOREIGN,
        JUDGED,
        NO_GRANT,
        BARE_304,
    ),
}


@contextmanager
def traffic_server(directory, backend, settings, pem, **options):
    executable = program("traffic_server", "trafficserver")
    ports = {name: free_port() for name in settings}
    with ExitStack() as stack:
        for name, setting in settings.items():
            # If root starts it, it becomes a user that can only enter folders for everyone.
            root = Path(stack.enter_context(TemporaryDirectory()))
            user = "nobody" if os.getuid() == 0 else "#-1"
            files = {
                "runroot.yaml": _TRAFFIC_SERVER_ROOT.format(root=root, plugins=_PLUGINS),
                "records.config": _TRAFFIC_SERVER.format(port=ports[name], user=user),
                "storage.config": f"{root} 64M\n",
                "ip_allow.yaml": "ip_allow: [{apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}]\n",
                "remap.config": f"map / http://127.0.0.1:{backend} {setting.text}\n",
            }
            for file, text in files.items():
                (root / file).write_text(text)
            root.chmod(0o777)
            stack.enter_context(begun(ports[name], executable, f"--run-root={root}/runroot.yaml", **options))
        yield ports


CACHES = {
    "nginx": CachingProxy(nginx, NGINX, "x-cache", ("MISS", "HIT", "REVALIDATED", "STALE")),
    "haproxy": CachingProxy(haproxy, HAPROXY, "x-cache", ("MISS", "HIT")),
    "varnish": CachingProxy(varnish, VARNISH, "x-cache", ("MISS", "HIT", "STALE", "CHECKED")),
    "apache": CachingProxy(apache, APACHE, "x-cache", ("MISS", "HIT", "REVALIDATE")),
    "squid": CachingProxy(squid, SQUID, "x-cache", ("MISS", "HIT")),
    "traffic_server": CachingProxy(traffic_server, TRAFFIC_SERVER, "via", ("[cM", "[cH", "[cS")),
}
