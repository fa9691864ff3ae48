"""
An application whose origins are the lines of a file, loaded anew twenty times a second. It says in which process it
runs, that process's parent, and in which its origins were loaded.
"""

import os
from pathlib import Path

from corsguard import CORSMiddleware, Policy
from corsguard.sources import RefreshingOrigins

loaded_in = []


def load():
    loaded_in.append(os.getpid())
    return Path(os.environ["ORIGINS"]).read_text("utf-8").split()


def app(environ, start_response):
    body = f"{os.getpid()} {os.getppid()} {loaded_in[-1]}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


application = CORSMiddleware(app, Policy(allow_origins=RefreshingOrigins(load, every=0.05)))
