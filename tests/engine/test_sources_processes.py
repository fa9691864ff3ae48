"""
Origins that change, in processes of their own: interpreters that end, forks, and the workers of real servers.
"""

import concurrent.futures
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kit.django_sending import APP
from kit.serving import needed, served
from kit.sourcing import PATIENCE


def run(program):
    """
    Run *program* in a process of its own, and return what it prints.
    """
    path = str(Path(__file__).parents[1])
    head = f"import sys; sys.path.insert(0, {path!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_load_may_ask_its_own_source():
    # Under gevent, a load that waits lets another question run. So no lock may be held during that time.
    printed = run(
        """
import threading
from corsguard.sources import RefreshingOrigins

APP = "https://app.example.com"
sources = []

def load():
    if sources and threading.current_thread() is threading.main_thread():
        print(sources[0].age, APP in sources[0])
    return [APP]

sources.append(RefreshingOrigins(load, every=60, clock=lambda: 60.0 * len(sources)))
print(sources[0].refresh())
sources[0].close()
"""
    )
    assert printed == "60.0 True\nTrue\n"


def test_an_interpreter_ends_whatever_its_sources_do():
    # One source waits for its time, and one is in a load that never returns.
    printed = run(
        """
import threading
from corsguard.sources import RefreshingOrigins

hanging = threading.Event()

def load():
    if threading.current_thread() is not threading.main_thread():
        hanging.set()
        threading.Event().wait()
    return ["https://app.example.com"]

waits = RefreshingOrigins(lambda: ["https://app.example.com"], every=3600)
hangs = RefreshingOrigins(load, every=0.001)
print("https://app.example.com" in waits, "https://app.example.com" in hangs)
hanging.wait()
"""
    )
    assert printed == "True True\n"


def test_a_process_forked_in_the_middle_of_a_load_starts_from_the_beginning():
    # The parent's thread is in `load` and holds its lock. Another thread is in a question.
    printed = run(
        """
import os, threading, warnings
from corsguard.sources import RefreshingOrigins, RememberedOrigins

warnings.simplefilter("ignore")  # Python 3.12 and later: that a process with threads forks
APP = "https://app.example.com"
parent, loading, asking = os.getpid(), threading.Event(), threading.Event()

def load():
    if os.getpid() == parent and threading.current_thread() is not threading.main_thread():
        loading.set()
        threading.Event().wait()
    return [APP] if os.getpid() == parent else ["https://child.example"]

class Store:
    def __contains__(self, origin):
        if os.getpid() == parent:
            asking.set()
            threading.Event().wait()
        return True

refreshing = RefreshingOrigins(load, every=0.001)
remembered = RememberedOrigins(Store(), ttl=60)
closed = RefreshingOrigins(load, every=0.001)
closed.close()
assert APP in refreshing
threading.Thread(target=lambda: APP in remembered, daemon=True).start()
assert loading.wait(20) and asking.wait(20)
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
else:
    assert threading.active_count() == 1
    # What it inherited is older than a millisecond, and answers until it is loaded again.
    while "https://child.example" not in refreshing:
        pass
    print(APP in refreshing, APP in remembered, threading.active_count())
    print(closed.refresh(), "https://child.example" in closed, threading.active_count())
    refreshing.close()
    print(threading.active_count(), flush=True)
    os._exit(0)
"""
    )
    assert printed == "False True 2\nTrue True 2\n1\n"


@pytest.mark.server
def test_each_worker_of_a_preloaded_application_refreshes_for_itself(tmp_path):
    listed = tmp_path / "origins"
    listed.write_text(f"{APP}\n")
    environment = {
        "ORIGINS": str(listed),
        "GUNICORN_CMD_ARGS": f"--preload --workers=2 --pythonpath={Path(__file__).parents[1]}",
    }
    with served("gunicorn", "kit.refreshing_app:application", **environment) as server:

        def ask_until(satisfied):
            deadline = time.monotonic() + PATIENCE
            seen = {}
            while not satisfied(seen):
                assert time.monotonic() < deadline, seen
                reply = server.exchange("GET", "/", f"Origin: {APP}")
                process, parent, loaded_in = reply.body.decode().split()
                assert process != parent
                seen[process] = (bool([name for name, _ in reply.cors() if "allow-origin" in name]), loaded_in)
            return seen

        first = ask_until(lambda seen: len(seen) == 2)
        assert all(shared for shared, _ in first.values())
        listed.write_text("https://other.example\n")
        later = ask_until(lambda seen: len(seen) == 2 and not any(shared for shared, _ in seen.values()))
        # Each worker does a load of its own.
        assert {process: loaded_in for process, (_, loaded_in) in later.items()} == {pid: pid for pid in later}
        # A file that cannot be read changes nothing. Once it is repaired, it is read again.
        listed.write_text("https://app.example.com/\n")
        assert "E203" in server.lines_until("E203")[-1]
        listed.write_text(f"{APP}\n")
        ask_until(lambda seen: len(seen) == 2 and all(shared for shared, _ in seen.values()))


def is_shared(reply):
    assert reply.status == 200
    return ("access-control-allow-origin", APP) in reply.cors()


def ask_until(server, shared):
    """
    Ask until APP is, or is not, granted. Each answer has to come in time.
    """
    deadline = time.monotonic() + PATIENCE
    while is_shared(server.exchange("GET", "/", f"Origin: {APP}")) is not shared:
        assert time.monotonic() < deadline


TESTS = str(Path(__file__).parents[1])


@pytest.mark.server
@pytest.mark.parametrize(
    ("server", "options"),
    {
        "gunicorn": ["--preload", "--worker-class=gevent", f"--pythonpath={TESTS}"],
        "uwsgi": ["--gevent=50", "--gevent-monkey-patch", f"--pythonpath={TESTS}"],
    }.items(),
)
def test_no_concurrent_question_waits_under_gevent(tmp_path, server, options):
    # The source is made before gevent patches anything, and a load that waits lets other questions run.
    needed("gevent")
    listed, held = tmp_path / "origins", tmp_path / "held"
    listed.write_text(f"{APP}\n")
    held.touch()
    environment = {"ORIGINS": str(listed), "HELD": str(held), "EVERY": "0.001"}
    with served(server, "kit.refreshing_app:application", *options, **environment) as running:
        with concurrent.futures.ThreadPoolExecutor(3) as askers:
            replies = [askers.submit(running.exchange, "GET", "/", f"Origin: {APP}") for _ in range(3)]
        assert all(is_shared(reply.result()) for reply in replies)
        listed.write_text("https://other.example\n")
        held.unlink()
        ask_until(running, shared=False)
        listed.write_text(f"{APP}\n")
        ask_until(running, shared=True)


@pytest.mark.server
def test_a_source_refreshes_after_a_fork_without_hooks(tmp_path):
    """
    It was asked before the fork.
    """
    listed = tmp_path / "origins"
    listed.write_text(f"{APP}\n")
    options = ["--master", "--enable-threads", f"--pythonpath={TESTS}"]
    environment = {"ORIGINS": str(listed), "ASKED_BEFORE": APP}
    with served("uwsgi", "kit.refreshing_app:application", *options, **environment) as running:
        process, parent, _ = running.exchange("GET", "/").body.decode().split()
        assert process != parent
        ask_until(running, shared=True)
        listed.write_text("https://other.example\n")
        ask_until(running, shared=False)
        listed.write_text(f"{APP}\n")
        ask_until(running, shared=True)
