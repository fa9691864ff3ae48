"""
Real sockets send requests unchanged, and return responses unchanged.
"""

import socket
import ssl
import sys
import threading
import time
from contextlib import suppress

import httpx
import pytest
import trustme
from kit.asking import get, listening
from kit.serving import served
from kit.storing import RedisServer

from corsguard.browser.live import LiveTransport
from corsguard.browser.wire import Unreachable, WireResponse


def raw_answer(*answers):
    """
    Return a function that serves one connection. It sends *answers*, one for each request, and records the requests.
    """

    def serve(connection):
        serve.connections += 1
        with connection, connection.makefile("rb") as file:
            for answer in answers:
                lines = []
                while line := file.readline().rstrip(b"\r\n"):
                    lines.append(line)
                length = next((int(line[15:]) for line in lines if line.startswith(b"Content-Length:")), 0)
                serve.requests.append((lines, file.read(length)))
                connection.sendall(answer)

    serve.requests, serve.connections = [], 0
    return serve


@pytest.fixture
def live():
    with LiveTransport(timeout=5) as transport:
        yield transport


def cause_of(transport, url):
    with pytest.raises(Unreachable) as caught:
        transport(get(url))
    return caught.value


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_request_is_sent_as_it_was_given_and_connections_are_kept(live):
    serve = raw_answer(OK, OK, OK)
    with listening(serve) as port:
        headers = [("X-Two", "2"), ("accept", "*/*"), ("X-Two", "\xe9"), ("Cookie", "a=1")]
        target = "/a|b/%7e;[x]?q=%27%22%22"
        assert live(get(f"http://127.0.0.1:{port}{target}", "patch", headers, b"body")).body == b"ok"
        live(get(f"http://127.0.0.1:{port}/", "POST"))
        live(get(f"http://127.0.0.1:{port}/", "POST", [("content-length", "0")]))
        live.close()
    assert serve.connections == 1
    host = f"Host: 127.0.0.1:{port}".encode()
    assert serve.requests == [
        (
            [
                f"patch {target} HTTP/1.1".encode(),
                host,
                b"X-Two: 2",
                b"accept: */*",
                b"X-Two: \xe9",
                b"Cookie: a=1",
                b"Content-Length: 4",
            ],
            b"body",
        ),
        ([b"POST / HTTP/1.1", host], b""),
        ([b"POST / HTTP/1.1", host, b"content-length: 0"], b""),
    ]


def test_a_response_is_returned_as_it_was_sent(live):
    lines = [("X-Two", "2"), ("set-cookie", "a=1"), ("X-TWO", "\xe9"), ("Location", "/elsewhere"), ("X-Nothing", "")]
    head = "\r\n".join(["HTTP/1.1 302 Found", *(f"{name}:  {value} " for name, value in lines)])
    gzip = b"\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n5\r\n gzip\r\n0\r\n\r\n"
    with listening(raw_answer(head.encode("latin-1") + gzip, OK)) as port:
        response = live(get(f"http://127.0.0.1:{port}/"))
        again = live(get(f"http://127.0.0.1:{port}/"))
        live.close()
    coded = [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]
    assert response == WireResponse(302, (*lines, *coded), b"not gzip")
    assert again.status == 200


def test_a_kept_connection_that_the_server_closes_is_replaced(live):
    first, second = raw_answer(OK, b""), raw_answer(OK)
    connections = iter([first, second])

    def serve(connection):
        next(connections)(connection)

    with listening(serve) as port:
        for path in "ab":
            assert live(get(f"http://127.0.0.1:{port}/{path}", "POST", body=b"once")).body == b"ok"
    assert [lines[0] for lines, _ in first.requests] == [b"POST /a HTTP/1.1", b"POST /b HTTP/1.1"]
    assert [lines[0] for lines, _ in second.requests] == [b"POST /b HTTP/1.1"]


def test_no_proxy_is_used(live, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(raw_answer(OK)) as port, LiveTransport() as transport:
        assert transport(get(f"http://127.0.0.1:{port}/")).body == b"ok"


@pytest.mark.server
@pytest.mark.parametrize(
    "server", [("gunicorn", "flask_app:app"), ("uvicorn", "django_app:asgi")], ids=["gunicorn", "uvicorn"]
)
def test_a_real_server_answers_as_the_application_does_in_this_process(server, live, monkeypatch):
    with served(*server) as process:
        url = f"http://127.0.0.1:{process.port}/nowhere"
        response = live(get(url, headers=[("Origin", "http://localhost:8000")]))
    assert response.status == 404
    assert ("Access-Control-Allow-Origin".lower(), "http://localhost:8000") in {
        (name.lower(), value) for name, value in response.headers
    }


def test_a_port_where_nothing_listens_is_unreachable(live):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = cause_of(live, f"https://127.0.0.1:{port}/")
    assert (error.cause, error.tls) == (f"nothing listens at 127.0.0.1:{port}", False)
    assert error.net_error == "CONNECTION_REFUSED"


@pytest.mark.parametrize("url", ["http://api.nowhere.example/", "https://api.nowhere.example/"])
def test_a_proxy_that_is_not_there_is_named_and_not_the_server(url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"127.0.0.1:{taken.getsockname()[1]}"
        with LiveTransport(timeout=5, proxy=f"http://user:hunter2@{proxy}") as transport:
            error = cause_of(transport, url)
    assert error.cause == f"the proxy cannot be used: nothing listens at {proxy}"
    assert error.net_error == "PROXY_CONNECTION_FAILED"


def test_a_proxy_that_opens_no_tunnel_is_named():
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with (
        listening(raw_answer(refused)) as port,
        LiveTransport(timeout=5, proxy=f"http://127.0.0.1:{port}") as transport,
    ):
        error = cause_of(transport, "https://api.nowhere.example/")
    assert error.cause == f"the proxy 127.0.0.1:{port} made no connection: 407 Proxy Authentication Required"
    assert error.net_error == "TUNNEL_CONNECTION_FAILED"


def test_a_name_without_an_address_is_unreachable(live, monkeypatch):
    def look_up(*args):
        # The lookup would fail like this, and here no network is asked.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = cause_of(live, "http://nowhere.invalid/")
    assert (error.cause, error.tls) == ("the name nowhere.invalid has no address", False)
    assert error.net_error == "NAME_NOT_RESOLVED"


@pytest.mark.parametrize("name", ["a..invalid", f"{'a' * 64}.invalid"], ids=["an empty label", "a long label"])
def test_a_name_that_cannot_be_looked_up_is_unreachable(live, name):
    assert cause_of(live, f"http://{name}/").cause == f"the name {name} has no address"


def test_a_server_that_does_not_answer_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener, LiveTransport(timeout=0.05) as transport:
        port = listener.getsockname()[1]
        assert (
            cause_of(transport, f"http://127.0.0.1:{port}/").cause == f"127.0.0.1:{port} did not answer within 0.05 s"
        )
        assert (
            cause_of(transport, f"https://127.0.0.1:{port}/").cause == f"127.0.0.1:{port} did not answer within 0.05 s"
        )


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"", "the server did not answer in HTTP: Server disconnected without sending a response"),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "the server did not answer in HTTP: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, "127.0.0.1:"),
    ],
    ids=["nothing", "a NUL", "a head without end"],
)
def test_an_answer_that_is_not_http_is_unreachable(live, answer, cause):
    with listening(raw_answer(answer)) as port:
        error = cause_of(live, f"http://127.0.0.1:{port}/")
        live.close()
    assert error.cause.startswith(cause)
    assert not error.tls


def test_lengths_that_differ_are_named(live):
    with listening(raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")) as port:
        error = cause_of(live, f"http://127.0.0.1:{port}/")
        live.close()
    assert error.cause == f"127.0.0.1:{port} sends conflicting Content-Length headers"
    assert error.net_error == "RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH"


def test_a_head_that_is_too_large_is_named(live):
    with listening(raw_answer(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000)) as port:
        error = cause_of(live, f"http://127.0.0.1:{port}/")
        live.close()
    assert error.cause == f"127.0.0.1:{port} sends a head that is too large"
    assert error.net_error == "RESPONSE_HEADERS_TOO_BIG"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 99, b"HTTP/1.1 102 Processing\r\n\r\n" * 9])
def test_a_slow_head_is_one_that_is_late(head):
    """
    Each read is in time, and the first byte alone does not say which protocol it is.
    """
    is_over = threading.Event()

    def serve(connection):
        with connection, suppress(OSError):
            connection.recv(65536)
            for byte in head:
                connection.sendall(bytes([byte]))
                is_over.wait(0.1)

    with listening(serve) as port, LiveTransport(timeout=0.5) as transport:
        began = time.monotonic()
        error = cause_of(transport, f"http://127.0.0.1:{port}/")
        seconds = time.monotonic() - began
        is_over.set()
    assert error.cause == f"127.0.0.1:{port} did not answer within 0.5 s"
    assert (error.net_error, error.speaks) == ("IO_PENDING", "")
    # The whole head takes ten seconds and more.
    assert seconds < 5


@pytest.mark.parametrize(
    "headers", [[("X", "a\r\nb: c")], [("X Y", "a")], [("X", " a")]], ids=["two lines", "no token", "a space"]
)
def test_a_request_that_is_not_http_is_not_sent(live, headers):
    serve = raw_answer(OK)
    with listening(serve) as port, pytest.raises(Unreachable):
        live(get(f"http://127.0.0.1:{port}/", headers=headers))
    assert [lines for lines, _ in serve.requests if lines] == []


def test_a_response_that_breaks_off_is_marked_as_cut(live, caplog):
    with listening(raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\none")) as port:
        response = live(get(f"http://127.0.0.1:{port}/"))
    assert (response.status, response.body) == (200, b"one")
    (record,) = [record for record in caplog.records if record.name == "corsguard.browser"]
    assert record.getMessage() == f"The response to GET http://127.0.0.1:{port}/ was cut off."


def test_a_response_without_end_is_cut(caplog):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        try:
            while True:
                connection.sendall(b": still here\n\n")
        except OSError:
            connection.close()

    with listening(serve) as port, LiveTransport(timeout=0.05) as transport:
        response = transport(get(f"http://127.0.0.1:{port}/"))
    assert response.status == 200
    assert response.body.startswith(b": still here\n\n")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(authority, name="127.0.0.1", version=None):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def test_a_certificate_is_checked_unless_this_is_switched_off(authority, trusting):
    with listening(raw_answer(OK), server_context(authority)) as port:
        url = f"https://127.0.0.1:{port}/"
        with LiveTransport() as transport:
            error = cause_of(transport, url)
        for verify in (trusting, False):
            with LiveTransport(verify=verify) as transport:
                assert transport(get(url)).body == b"ok"
    assert error.cause.startswith(f"the certificate of 127.0.0.1:{port} is not valid: ")
    assert (error.tls, error.wants_certificate, error.net_error) == (True, False, "CERT_AUTHORITY_INVALID")


def test_a_certificate_of_another_host_is_refused(authority, trusting):
    elsewhere = server_context(authority, "api.example.com")
    with listening(raw_answer(OK), elsewhere) as port, LiveTransport(verify=trusting) as transport:
        error = cause_of(transport, f"https://127.0.0.1:{port}/")
    assert "is not valid: IP address mismatch" in error.cause
    assert (error.tls, error.net_error) == (True, "CERT_COMMON_NAME_INVALID")


def test_a_host_may_be_reached_at_another_address():
    """
    What is sent stays the same.
    """
    serve = raw_answer(OK)
    with (
        listening(serve) as port,
        LiveTransport(connect_to={"api.example.com:8080": f"127.0.0.1:{port}"}) as transport,
    ):
        assert transport(get("http://api.example.com:8080/items?q=1")).body == b"ok"
        error = cause_of(transport, "http://other.invalid:8080/")
    ((head, _),) = serve.requests
    assert head[:2] == [b"GET /items?q=1 HTTP/1.1", b"Host: api.example.com:8080"]
    assert "other.invalid" in error.cause


def test_a_host_without_a_port_means_all_ports():
    """
    One with its port takes precedence, and the default port may be written or not.
    """
    serve, other = raw_answer(OK), raw_answer(OK)
    with listening(serve) as port, listening(other) as other_port:
        places = {"api.example.com": f"127.0.0.1:{port}", "api.example.com:80": f"127.0.0.1:{other_port}"}
        with LiveTransport(connect_to=places) as transport:
            assert transport(get("http://api.example.com:8080/a")).body == b"ok"
            assert transport(get("http://api.example.com/b")).body == b"ok"
    assert [(head[0], head[1]) for one in (serve, other) for head, _ in one.requests] == [
        (b"GET /a HTTP/1.1", b"Host: api.example.com:8080"),
        (b"GET /b HTTP/1.1", b"Host: api.example.com"),
    ]


@pytest.mark.parametrize(("error", "name"), [("ConnectTimeout", "CONNECTION_TIMED_OUT"), ("ReadTimeout", "IO_PENDING")])
def test_a_server_that_takes_the_connection_is_not_one_that_cannot_be_reached(monkeypatch, error, name):
    def late(_, request):
        raise getattr(httpx, error)("late", request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", late)
    with LiveTransport(timeout=0.1) as transport:
        assert cause_of(transport, "http://127.0.0.1:9/").net_error == name


def test_names_below_localhost_are_this_machine():
    """
    A name below localhost needs no address of its own, as in a browser. Two names share no connection.
    """
    serve = raw_answer(OK)
    with listening(serve) as port, LiveTransport() as transport:
        for host in ("app.localhost", "api.shop.localhost"):
            assert transport(get(f"http://{host}:{port}/items")).body == b"ok"
    assert [head[1] for head, _ in serve.requests] == [
        f"Host: {host}:{port}".encode() for host in ("app.localhost", "api.shop.localhost")
    ]
    assert serve.connections == 2


def test_a_host_at_another_address_has_to_show_its_own_certificate(authority, trusting):
    context = server_context(authority, "api.example.com")
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    answer = raw_answer(OK, OK)

    def patient(connection):
        with suppress(OSError):
            answer(connection)

    # Each runs in a thread, so the second one is accepted while the first one is open.
    with listening(lambda connection: threading.Thread(target=patient, args=[connection]).start(), context) as port:
        places = dict.fromkeys(("api.example.com", "other.example.com"), f"127.0.0.1:{port}")
        with LiveTransport(verify=trusting, connect_to=places) as transport:
            assert transport(get("https://api.example.com/")).body == b"ok"
            # Not over the connection that the first one left open.
            error = cause_of(transport, "https://other.example.com/")
    assert names == ["api.example.com", "other.example.com"]
    assert "is not valid: Hostname mismatch" in error.cause
    assert error.net_error == "CERT_COMMON_NAME_INVALID"


def test_a_server_without_tls_fails_the_handshake(live):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    with listening(serve) as port:
        error = cause_of(live, f"https://127.0.0.1:{port}/")
    assert error.cause.startswith(f"127.0.0.1:{port} does not speak TLS (")
    assert (error.tls, error.wants_certificate, error.net_error) == (True, False, "SSL_PROTOCOL_ERROR")
    assert error.speaks == "http"


# What the server sends before anything is asked, what it sends then, and the protocol.
BANNERS = {
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", b"", "SSH", "SSH-2.0-OpenSSH_9.2"),
    "postfix": (b"220 mail.example ESMTP Postfix\r\n", b"", "SMTP (mail)", "220 mail.example ESMTP Postfix"),
    "vsftpd": (b"220 (vsFTPd 3.0.5)\r\n", b"", "FTP", "220 (vsFTPd 3.0.5)"),
    "a mail server without service": (b"554 no service\r\n", b"", "SMTP (mail) or FTP", "554 no service"),
    "dovecot": (b"+OK Dovecot ready.\r\n", b"", "POP3 (mail)", "+OK Dovecot ready."),
    "imap": (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"", "IMAP (mail)", "* OK [CAPABILITY IMAP4rev1] ready"),
    "mysql": (b"J\0\0\0\x0a8.0.36\0\x08\0\0\0ab\x7f\0\xff", b"", "MySQL or MariaDB", "8.0.36"),
    "mysql refuses": (b"E\0\0\0\xffj\x04Host is not allowed", b"", "MySQL or MariaDB", "Host is not allowed"),
    "nats": (b'INFO {"server_id":"N"}\r\n', b"", "NATS", 'INFO {"server_id":"N"}'),
    "vnc": (b"RFB 003.008\n", b"", "VNC", "RFB 003.008"),
    "telnet": (b"\xff\xfd\x18\xff\xfd\x20", b"", "Telnet", ""),
    "http/2": (b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\xff\xff\xff", b"", "HTTP/2 alone (such as gRPC)", ""),
    "redis": (b"", b"-ERR unknown command 'HEAD'\r\n", "Redis", "-ERR unknown command 'HEAD'"),
    "redis that closes": (b"", b"-NOAUTH Authentication required.\r\n", "Redis", "-NOAUTH Authentication required."),
    "memcached": (b"", b"ERROR\r\n", "memcached", "ERROR"),
    "postgresql": (b"", b"E\0\0\0\x8eSFATAL\0VFATAL\0C0A000\0", "PostgreSQL", "SFATAL"),
    "rabbitmq": (b"", b"AMQP\0\0\x09\x01", "AMQP (RabbitMQ)", "AMQP"),
    "elasticsearch": (
        b"",
        b"This is not an HTTP port",
        "the protocol of Elasticsearch's own nodes",
        "This is not an HTTP port",
    ),
    "no status line": (b"", b"<p>hello</p>\n", "another protocol", "<p>hello</p>"),
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("greeting", "reply", "protocol", "said"), BANNERS.values(), ids=BANNERS)
def test_a_banner_that_is_not_http_is_named(greeting, reply, protocol, said, scheme):
    def serve(connection):
        with connection:
            connection.sendall(greeting)
            connection.recv(65536)
            connection.sendall(reply)

    with listening(serve) as port, LiveTransport(timeout=0.3) as live:
        error = cause_of(live, f"{scheme}://127.0.0.1:{port}/")
    shown = f'"{said}"' if said else "something else"
    assert error.cause.startswith(f"127.0.0.1:{port} does not speak HTTP: it says {shown}")
    assert (error.speaks, error.tls) == (protocol, scheme == "https")
    assert error.net_error == ("INVALID_HTTP_RESPONSE" if scheme == "http" else "SSL_PROTOCOL_ERROR")


@pytest.mark.server
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_real_redis_is_named(tmp_path, scheme):
    with RedisServer(tmp_path) as redis:

        def serve(connection):
            store = socket.socket(socket.AF_UNIX)
            store.connect(redis.url.removeprefix("unix://"))
            threads = [threading.Thread(target=pump, args=ends) for ends in ((connection, store), (store, connection))]
            for thread in threads:
                thread.start()

        with listening(serve) as port, LiveTransport(timeout=1) as live:
            error = cause_of(live, f"{scheme}://127.0.0.1:{port}/")
    assert error.speaks == "Redis"


def pump(source, sink):
    """
    Forward what comes from *source* until it ends.
    """
    with source, suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


def test_a_server_with_tls_is_distinguished_from_one_that_closes_the_connection(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    for serve_tls, speaks in (context, "https"), (None, ""):
        with listening(lambda connection: connection.close(), serve_tls) as port, LiveTransport(timeout=5) as live:
            error = cause_of(live, f"http://127.0.0.1:{port}/")
        assert error.speaks == speaks
        assert not error.tls


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_server_that_demands_a_certificate_is_recognized(authority, trusting, version):
    context = server_context(authority, version=version)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with listening(raw_answer(OK), context) as port:
        url = f"https://127.0.0.1:{port}/"
        with LiveTransport(verify=trusting) as transport:
            error = cause_of(transport, url)
        authority.issue_cert("client.example").configure_cert(trusting)
        with LiveTransport(verify=trusting) as transport:
            assert transport(get(url)).body == b"ok"
    assert error.cause.startswith(f"127.0.0.1:{port} demands a client certificate (")
    assert (error.tls, error.wants_certificate) == (True, True)


@pytest.mark.parametrize(
    ("alert", "wants_certificate"), [(40, True), (42, True), (70, False)], ids=["handshake", "certificate", "version"]
)
def test_each_alert_of_tls_has_its_error(live, alert, wants_certificate):
    def serve(connection):
        connection.recv(65536)
        # RFC 8446, 6: a record of type alert, fatal.
        connection.sendall(bytes([21, 3, 3, 0, 2, 2, alert]))
        connection.close()

    with listening(serve) as port:
        error = cause_of(live, f"https://127.0.0.1:{port}/")
    assert (error.tls, error.wants_certificate) == (True, wants_certificate)


def test_without_httpx_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ImportError, match=r'^Live HTTP needs httpx\. Fix: pip install "corsguard\[browser\]"$'):
        LiveTransport()
