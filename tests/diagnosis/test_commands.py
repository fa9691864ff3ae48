"""
A printed command does in a shell what it says, and contains no secret.
"""

import shlex
import subprocess

from kit.checking import API, PAGE, Server, allow, data, served_http

from corsguard.browser import WireRequest
from corsguard.diagnosis.commands import curl


def test_curl_commands_are_quoted_for_a_shell_and_secrets_are_variables(serve):
    server = Server(
        (204, allow(methods="P'T", headers="x-$token`id`, content-type", credentials="true")), (200, allow())
    )
    url = "/it's?[a]=$HOME`id`"
    body = '{"a": "it\'s $HOME"}'
    arguments = ["--method", "P'T", "--json-body", body, "--cookie", "sid=c00kie", "--header", "X-$token`id`: s3cr3t"]
    found, _ = data(serve(server), "--page", PAGE, "--url", url, *arguments, "--curl")
    preflight, request = (arguments_of(line, X__TOKEN_ID_="s3cr3t", COOKIE="sid=c00kie") for line in found["curl"])
    assert preflight[:5] == ["-i", "-X", "OPTIONS", "--globoff", f"https://api.example.com{url}"]
    assert preflight[-10:-6] == ["-H", f"Referer: {PAGE}/", "-H", f"Origin: {PAGE}"]
    assert request[:3] == ["-i", "-X", "P'T"]
    pairs = [request[place + 1] for place, word in enumerate(request) if word == "-H"]
    assert {"X-$token`id`: s3cr3t", "Cookie: sid=c00kie", "Content-Type: application/json"} <= {*pairs}
    assert request[-2:] == ["--data-raw", body]


def arguments_of(command, **variables):
    script = 'curl() { for word in "$@"; do printf "%s\\0" "$word"; done; }; ' + command
    done = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


def test_curl_sends_empty_values_and_trusts_the_same_certificates_as_the_check():
    request = WireRequest("GET", API, (("Accept", "*/*"), ("X-Empty", ""), ("1-X", "s3cr3t")))
    line = curl(request, {"1-x"}, connect_to={}, options=["--cacert", "my ca.pem"])
    words = [API, "-H", "X-Empty;", "-H", "1-X: s3cr3t", "--cacert", "my ca.pem"]
    assert arguments_of(line, H_1_X="s3cr3t") == ["-i", *words]


def test_curl_connects_to_the_same_address_as_the_check():
    with served_http(Server(response=(200, allow()))) as port:
        url = "http://api.example.com/items"
        found, code = data(url, "--page", PAGE, "--connect-to", f"127.0.0.1:{port}", "--curl", "--method", "HEAD")
    assert (code, found["faults"][0]["code"]) == (1, "mixed_content")
    with served_http(Server(response=(200, allow("http://app.example.com")))) as port:
        arguments = ["--page", "http://app.example.com", "--connect-to", f"127.0.0.1:{port}", "--curl"]
        found, code = data(url, *arguments, "--method", "HEAD")
    assert (code, found["verdict"]) == (0, "readable")
    assert shlex.split(found["curl"][0]) == [
        *["curl", "--head", url, "-H", "Accept-Language: en-US,en;q=0.9", "-H", "User-Agent: Mozilla/5.0 (corsguard)"],
        *["-H", "Referer: http://app.example.com/", "-H", "Origin: http://app.example.com"],
        *["--connect-to", f"api.example.com::127.0.0.1:{port}"],
    ]
