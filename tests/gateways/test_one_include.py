"""
`corsguard export` and one `include` give a server of nginx the policy of the application next to it.
"""

from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask, send_from_directory
from kit.gateways import EVIL, KINDS, Asked, Guarded, begun, free_port, nginx_configuration, of_gateway, program, served
from kit.serving import Server

from corsguard import Configuration
from corsguard.cli.group import group
from corsguard.gateways import export
from corsguard_flask import CORSGuard

FILE = Path(__file__).parents[2] / "examples" / "cors.toml"
LISTED = "https://notes.example.com"
_SERVER = """
server {{
    listen 127.0.0.1:{port};
    include {folder}/server.conf;
    root files;
}}
"""


@contextmanager
def nginx(directory, *folders):
    """
    Run nginx with a server for each of *folders*. Yield the Server of each.
    """
    ports = [free_port() for _ in folders]
    servers = "".join(_SERVER.format(port=port, folder=folder) for port, folder in zip(ports, folders, strict=True))
    (directory / "nginx.conf").write_text(nginx_configuration(servers))
    command = (program("nginx", "nginx-light"), "-p", str(directory), "-c", "nginx.conf")
    with begun(ports[0], *command) as first:
        yield [first, *(Server(port, None) for port in ports[1:])]


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "notes.txt").write_text("Notes.")
    (folder / "more").mkdir()
    return folder


def application(files):
    app = Flask("notes")
    app.add_url_rule("/<path:name>", "file", lambda name: send_from_directory(files, name))
    CORSGuard(app, Configuration.from_file(FILE, environment="production"))
    return app


def test_one_include_gives_static_files_the_policy_of_the_application(tmp_path, files):
    arguments = ["nginx", str(FILE), "--environment", "production", "-o", str(tmp_path / "corsguard")]
    exported = CliRunner().invoke(group, ["export", *arguments])
    assert exported.exit_code == 0, exported.output
    paths = ("/notes.txt", "/notes.txt?x=1", "/more", "/none", "/", "/more/../notes.txt", "//notes.txt", "/%6eotes.txt")
    origins = (None, LISTED, EVIL, "null", f"{LISTED}:8443", f"{LISTED}.evil.example", LISTED.upper(), f"{LISTED}.")
    differing, shared = [], 0
    with served(application(files)) as port, nginx(tmp_path, "corsguard") as (server,):
        for path, origin, kind in product(paths, origins, KINDS):
            asked = Asked(kind, path, () if origin is None else (origin,))
            theirs, ours = of_gateway(server, asked), of_gateway(Server(port, None), asked)
            shared += bool(ours.of_cors)
            # Each server has its own body for a file and for a missing file.
            if theirs[1:3] != ours[1:3] or (kind == "preflight" and origin and theirs.status != ours.status):
                differing.append((asked, theirs, ours))
    assert differing == []
    assert shared == len(paths) * len(KINDS)


def test_each_server_of_one_nginx_may_have_a_policy_of_its_own(tmp_path, files):
    policies = {"notes": {"allow_origins": [LISTED]}, "open": {"/": {"allow_origins": "*"}, "/more": None}}
    for folder, policy in policies.items():
        (tmp_path / folder).mkdir()
        for name, text in export("nginx", policy).items():
            (tmp_path / folder / name).write_text(text)
    asked = [Asked(kind, "/notes.txt", (origin,)) for kind, origin in product(("GET", "preflight"), (LISTED, EVIL))]
    with nginx(tmp_path, *policies) as servers:
        for server, policy in zip(servers, policies.values(), strict=True):
            assert [of_gateway(server, one)[1:3] for one in asked] == [
                Guarded(policy).answer(one)[1:3] for one in asked
            ]
