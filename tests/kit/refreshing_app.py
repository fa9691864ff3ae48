"""
An application whose origins are the lines of a file, loaded anew many times a second. It says in which process it
runs, that process's parent, and in which its origins were loaded.

HELD names a file: while it exists, no load but the first returns. Who waits for it lets others run, as a query would
under gevent. ASKED_BEFORE is an origin that the process which loads the application asks about.
"""

import os
import time
from pathlib import Path

from corsguard import CORSMiddleware, Policy, RefreshingOrigins

loaded_in = []


def load():
    while loaded_in and "HELD" in os.environ and Path(os.environ["HELD"]).exists():
        time.sleep(0.01)
    loaded_in.append(os.getpid())
    return Path(os.environ["ORIGINS"]).read_text("utf-8").split()


def app(environ, start_response):
    body = f"{os.getpid()} {os.getppid()} {loaded_in[-1]}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


source = RefreshingOrigins(load, every=float(os.environ.get("EVERY", "0.05")))
if "ASKED_BEFORE" in os.environ:
    assert os.environ["ASKED_BEFORE"] in source
application = CORSMiddleware(app, Policy(allow_origins=source))
