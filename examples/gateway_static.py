"""
Run `python examples/gateway_static.py`: nginx serves static files under the policy of the Flask application behind it.

nginx answers for /static itself, so the guard in the application never sees these requests. The example writes the same
policy out for nginx, as `corsguard export nginx` does, and nginx includes it. nginx has to be installed. It runs with a
separate configuration in a temporary folder, until Ctrl-C.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from wsgiref.simple_server import make_server

from flask import Flask, Response, jsonify

from corsguard.gateways import export
from corsguard_flask import CORSGuard

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")
POLICY = {"allow_origins": [PAGE_ORIGIN], "allow_credentials": True}

CONFIGURATION = """\
daemon off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    server {{
        listen 127.0.0.1:{port};
        include corsguard/server.conf;
        location /static {{ root {folder}; }}
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""

app = Flask(__name__, static_folder=None)
CORSGuard(app, POLICY)


@app.get("/notes/1")
def note() -> Response:
    """
    Show a note.
    """
    return jsonify(text="Buy milk")


def main() -> None:
    """
    Serve the application, put nginx in front of it, and wait for nginx to end.
    """
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        sys.exit("nginx is not installed. Debian: sudo apt-get install nginx")
    with tempfile.TemporaryDirectory() as name, make_server("127.0.0.1", 0, app) as backend:
        folder = Path(name)
        (folder / "corsguard").mkdir()
        for file, text in export("nginx", POLICY).items():
            (folder / "corsguard" / file).write_text(text, encoding="utf-8")
        (folder / "static").mkdir()
        (folder / "static" / "font.txt").write_text("A font, for example.\n", encoding="utf-8")
        # If root starts nginx, its workers run as another user.
        folder.chmod(0o755)
        port = int(os.environ.get("PORT", "8013")) or free_port()
        text = CONFIGURATION.format(port=port, folder=folder, backend=backend.server_port)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        threading.Thread(target=backend.serve_forever, daemon=True).start()
        with subprocess.Popen([nginx, "-p", name, "-c", "nginx.conf"]) as process:  # noqa: S603 - the program above
            while process.poll() is None and not answers(port):
                time.sleep(0.05)
            print(f"http://localhost:{port}/static/font.txt and /notes/1, for a page on {PAGE_ORIGIN}")
            try:
                process.wait()
            except KeyboardInterrupt:
                process.terminate()
        backend.shutdown()


def answers(port: int) -> bool:
    """
    Return whether anything listens on *port*.
    """
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """
    Return a free port.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
