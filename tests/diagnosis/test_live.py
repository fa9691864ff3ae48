"""
Real servers are asked as a page asks them, and the servers of the laboratory are recognized.
"""

import gzip
import json
import socket
import ssl
import zlib

import pytest
import trustme
from kit import laboratory
from kit.asking import listening
from kit.checking import API, PAGE, Server, allow, data, run, served_http
from kit.laboratory import SAMPLES


def test_a_live_server_is_asked_as_its_page_asks_it(serve):
    server = Server((204, allow("http://localhost:3000", methods="PUT")), (200, allow("http://localhost:3000")))
    with served_http(server) as port:
        found, code = data(f"http://127.0.0.1:{port}/items", "--method", "PUT")
    assert (code, server.seen) == (0, ["OPTIONS /items", "PUT /items"])
    assert found["checked"][0]["text"].startswith(f"http://127.0.0.1:{port}/items answers (Server: WSGIServer")


def test_tls_is_verified_with_the_given_certificates(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with served_http(Server(response=(200, allow())), context) as port:
        arguments = [API, "--page", PAGE, "--connect-to", f"127.0.0.1:{port}"]
        found, code = data(*arguments)
        assert (code, found["verdict"], found["faults"][0]["code"]) == (3, "no response", "tls")
        assert data(*arguments, "--cacert", file)[1] == 0
        other = [f"{API.replace('api', 'other')}", *arguments[1:], "--cacert", file]
        assert "not valid for 'other.example.com'" in data(*other)[0]["faults"][0]["cause"]


def test_a_chain_without_its_intermediate_certificate_is_told_apart_from_a_certificate_of_its_own(tmp_path):
    authority = trustme.CA()
    below = authority.create_child_ca()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    leaf = below.issue_cert("api.example.com")
    alone = tmp_path / "leaf.pem"
    alone.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(alone)
    with served_http(Server(response=(200, allow())), context) as port:
        found, _ = data(API, "--page", PAGE, "--connect-to", f"127.0.0.1:{port}", "--cacert", file)
    assert "does not send the certificates between its own and that of the authority" in str(found["faults"][0])
    assert "Use one of a public authority" not in str(found["faults"][0])


def test_a_missing_response_is_not_a_matter_of_cors():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = run(f"http://127.0.0.1:{port}/")
    assert result.exit_code == 3
    assert result.stdout.startswith("NO RESPONSE: GET http://127.0.0.1")
    assert "not a matter of CORS: nothing listens at" in result.stdout


BESIDE = {"cache", "cookie", "not_exposed", "opaque"}


@pytest.fixture(scope="module")
def lab():
    with laboratory.running() as running:
        yield running


ASKED = [
    pytest.param(sample, asked, id=f"{name}-{number}")
    for name, sample in SAMPLES.items()
    for number, asked in enumerate(sample.asked)
]


@pytest.mark.server
@pytest.mark.parametrize(("sample", "asked"), ASKED)
def test_each_server_of_the_laboratory_is_recognized(lab, sample, asked):
    arguments = [sample.url, "--page", asked.page, "--cacert", lab.cacert, *as_arguments(asked.init)]
    for host, address in lab.addresses.items():
        arguments += ["--connect-to", f"{host}={address}"]
    if asked.cause == "x-total":
        arguments += ["--read", "X-Total"]
    found, code = data(*arguments)
    # A request that browsers let pass is a warning. The laboratory expects what the standard says.
    told = [*found["faults"], *found["warnings"]]
    reasons = [fault["code"] for fault in told if fault["code"] not in BESIDE]
    assert reasons[:1] == ([asked.reason] if asked.reason else [])
    text = run(*arguments).stdout
    assert asked.cause in text.lower()
    assert asked.fix in text
    if asked.reason in {"unreachable", "tls"}:
        assert code == 3
    elif sample.kind == "safe":
        assert code == (1 if asked.reason else 0)


def as_arguments(init):
    words = {"method": "--method", "mode": "--mode"}
    for name, value in init.items():
        if name in words:
            yield from (words[name], value)
        elif name == "json":
            yield from ("--json-body", json.dumps(value))
        elif name == "headers":
            for header, line in value.items():
                yield from ("--header", f"{header}: {line}")
        else:
            assert (name, value) == ("credentials", "include")
            yield "--credentials"


OPEN = b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n"
BROKEN = {
    "a chunk": (b"Transfer-Encoding: chunked\r\n\r\nZZZZ\r\nhello\r\n", "net::ERR_INVALID_CHUNKED_ENCODING"),
    "the end of the chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
    ),
    "the length": (b"Content-Length: 9\r\n\r\nhello", "net::ERR_CONTENT_LENGTH_MISMATCH"),
    "gzip": (b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "net::ERR_CONTENT_DECODING_FAILED"),
    "deflate": (b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\nhello", "net::ERR_CONTENT_DECODING_FAILED"),
}
WHOLE = {
    "gzip": b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(b"hello"),
    "deflate": b"Content-Encoding: deflate\r\nConnection: close\r\n\r\n" + zlib.compress(b"hello"),
    "deflate without an envelope": b"Content-Encoding: deflate\r\nConnection: close\r\n\r\n"
    + zlib.compress(b"hello")[2:-4],
    # Only the beginning is read.
    "a part of gzip": b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(b"hello" * 99)[:20],
    "another coding": b"Content-Encoding: br\r\nConnection: close\r\n\r\nhello",
}


def answering(rest):
    def serve(connection):
        with connection:
            connection.recv(65536)
            connection.sendall(OPEN + rest)

    return serve


@pytest.mark.parametrize(("rest", "said"), BROKEN.values(), ids=BROKEN)
def test_a_body_that_breaks_off_is_told_as_such(rest, said):
    with listening(answering(rest)) as port:
        found, code = data(f"http://127.0.0.1:{port}/", "--page", "http://localhost:3000")
    (fault,) = found["faults"]
    assert (code, found["verdict"], fault["code"]) == (1, "readable, but with faults", "body")
    assert said in fault["cause"]
    assert "application" not in {row["name"] for row in found["checked"]}


@pytest.mark.parametrize("rest", WHOLE.values(), ids=WHOLE)
def test_a_body_in_its_coding_is_readable(rest):
    with listening(answering(rest)) as port:
        found, code = data(f"http://127.0.0.1:{port}/", "--page", "http://localhost:3000")
    assert (code, found["faults"]) == (0, [])


FORBIDDEN = {
    "Origin: https://x.example": "use --page",
    "cookie: sid=c00kie-never-shown": "use --cookie",
    "Host: x.example": "use --connect-to",
    "Access-Control-Request-Method: PUT": "a preflight has it",
    "Content-Length: 3": "it follows from the body",
    "Sec-Fetch-Site: none": "leave it out",
}


@pytest.mark.parametrize(("line", "instead"), FORBIDDEN.items())
def test_a_header_that_only_a_browser_sets_is_refused(line, instead):
    result = run(API, "--header", line)
    assert result.exit_code == 2
    assert (
        f"A page cannot set the request header {line.partition(':')[0].title()}, only the browser does: "
        in result.stderr
    )
    assert instead in result.stderr
    assert "never-shown" not in result.stderr
