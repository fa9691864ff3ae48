"""
Run `python examples/demo.py`: four APIs under one policy, and a page that fetches from them, in the playground.

    python examples/demo.py --environment staging

Open the address that it prints. A page makes each request to a bare WSGI application, a Flask one, a Django one and a
FastAPI one under uvicorn, and shows what happened next to what should happen. Ctrl-C stops everything. Nothing leaves
this machine.

With `--environment` the policy is that of an environment in examples/cors.toml, or in another `--file`.
"""

import argparse
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import uvicorn
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from corsguard import Configuration, Policy, negotiate
from corsguard.asgi import ASGIApplication
from corsguard.playground import Applications, opened

FILE = Path(__file__).with_name("cors.toml")

# What a row of the page needs from the policy, in addition to the origin of the page.
NEEDS: Mapping[str, Mapping[str, object]] = {
    "Exposed header": {"expose_headers": "X-Word-Count"},
    "POST of JSON": {"allow_headers": "Content-Type"},
    "PUT": {"allow_headers": "Content-Type", "allow_methods": "PUT"},
    "DELETE": {"allow_headers": "Content-Type", "allow_methods": "DELETE"},
    "Custom request header": {"allow_headers": "X-Request-Id"},
    "Cookie, set and sent": {"allow_headers": "Content-Type", "allow_credentials": True},
}


class Handler(WSGIRequestHandler):
    """
    Handles requests without logging each of them, so that the address stays visible in the terminal.
    """

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """
        Write nothing.
        """


def listen(port: int, application: WSGIApplication) -> BaseWSGIServer:
    """
    Return a server for *application* that already listens on loopback. *port* 0 means any free port.
    """
    return make_server("127.0.0.1", port, application, threaded=True, request_handler=Handler)


def serve(server: BaseWSGIServer) -> None:
    """
    Run *server* in a thread.
    """
    threading.Thread(target=server.serve_forever, daemon=True).start()


def listen_for_uvicorn(port: int) -> socket.socket:
    """
    Return a socket that already listens on loopback. *port* 0 means any free port. Ends the program if the port is in
    use.
    """
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SystemExit(f"Cannot listen on port {port}: {error.strerror}") from None


def serve_with_uvicorn(listening: socket.socket, application: ASGIApplication) -> Callable[[], None]:
    """
    Run uvicorn on *listening* in a thread, and return a function that stops it.
    """
    server = uvicorn.Server(uvicorn.Config(application, log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join()

    return stop


def describe(policy: Policy) -> dict[str, object]:
    """
    Return the keywords of *policy* that the page shows.
    """
    keywords = ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "allow_credentials")
    return {keyword: getattr(policy, keyword) for keyword in keywords}


def differing(policy: Policy, page: str) -> dict[str, dict[str, str]]:
    """
    Return, for each row whose needs *policy* does not meet, what should happen and why. `*` means all rows.
    """
    if negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": page}).refusal is not None:
        return {"*": {"should": "blocked", "why": f"The policy does not list `{page}`, so nothing is shared with it."}}
    rows: dict[str, dict[str, str]] = {}
    for row, needs in NEEDS.items():
        for keyword, needed in needs.items():
            said: Any = getattr(policy, keyword)
            if said != needed and (isinstance(said, bool) or not {needed, "*"} & {*said}):
                should = "X-Word-Count: null" if keyword == "expose_headers" else "blocked"
                rows[row] = {"should": should, "why": f"`{keyword}` of the policy does not allow it."}
    return rows


def read_policy(file: Path, environment: str | None) -> Policy:
    """
    Return the policy that guards everything in one *environment* of *file*.

    Raises ValueError if the file is refused (PolicyError), has no such environment, or has policies by path.
    """
    configuration = Configuration.from_file(file, environment)
    policy = configuration.guarded.policy
    if isinstance(policy, Policy):
        print(f"{configuration}\n")
        return policy
    raise ValueError(f"{file} has policies by path, and the page shows one policy.")


def guard_with(policy: Policy) -> None:
    """
    Replace the policy of all four APIs while they run, each in the way of its framework.
    """
    import fastapi_app
    import flask_app
    import wsgi_app

    import corsguard_django

    wsgi_app.application.policy = policy
    flask_app.app.extensions["corsguard"].policy = policy
    corsguard_django.set_policy(policy)
    fastapi_app.guard.policy = policy


def main() -> None:
    """
    Start everything, print the address of the page, and serve until Ctrl-C.
    """
    parser = argparse.ArgumentParser(description="Four APIs under one policy, and a page that fetches from them.")
    parser.add_argument(
        "--port",
        type=int,
        default=8000,
        help=(
            "port of the page; the APIs use the next four, the playground three more (default: 8000; 0: any free ports)"
        ),
    )
    parser.add_argument(
        "--environment", help="environment of the file that guards the APIs instead of their own policy"
    )
    parser.add_argument("--file", type=Path, help=f"TOML file (default: {FILE.name} next to this module)")
    arguments = parser.parse_args()
    port, environment = arguments.port, arguments.environment
    policy: Policy | None = None
    if environment is not None or arguments.file is not None:
        try:
            policy = read_policy(arguments.file or FILE, environment)
        except ValueError as error:
            parser.error(str(error))
    shown = Applications(page=f"http://localhost:{port}" if port else "")
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        try:
            address = stack.enter_context(opened(port and port + 5, applications=shown))
        except OSError as error:
            raise SystemExit(
                f"Ports {port} and {port + 5} to {port + 7} are needed for the page: {error.strerror}"
            ) from None
        # Set before the imports, because the examples read it when they are imported.
        os.environ["PAGE_ORIGIN"] = shown.page
        import django_app
        import fastapi_app
        import flask_app
        import wsgi_app

        apis: dict[str, WSGIApplication]
        apis = {"Bare WSGI": wsgi_app.application, "Flask": flask_app.app, "Django": django_app.application}
        servers = {
            title: stack.enter_context(listen(port and port + number, application))
            for number, (title, application) in enumerate(apis.items(), 1)
        }
        listening = stack.enter_context(listen_for_uvicorn(port and port + len(servers) + 1))
        ports = {title: api.port for title, api in servers.items()} | {"FastAPI": listening.getsockname()[1]}
        shown.origins = {title: f"http://localhost:{port}" for title, port in ports.items()}
        shown.policy = describe(policy or wsgi_app.POLICY)
        if policy is not None:
            guard_with(policy)
            shown.environment, shown.differing = environment or "", differing(policy, shown.page)
        for api in servers.values():
            serve(api)
        stack.callback(serve_with_uvicorn(listening, fastapi_app.app))
        print(f"The page is at {address}applications and Ctrl-C stops everything.")
        print(
            "Tracebacks below are on purpose: the page reads the 500 that each API makes of an exception.", flush=True
        )
        threading.Event().wait()


if __name__ == "__main__":
    main()
