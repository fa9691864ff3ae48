"""
An application whose origins are the lines of a file, loaded again many times a second. Its answer has the id of its
process, of that process's parent, and of the process in which the origins were loaded.

HELD names a file. While it exists, only the first load returns. A waiting load lets others run, as a query does under
gevent. ASKED_BEFORE is an origin that the process asks about when it loads the application.
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
