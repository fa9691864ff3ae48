"""
Django and Hypothesis are configured here, once for all tests. Here are also the fixtures that tests of several folders
need.
"""

import gc
import signal
import sys
from collections import Counter

import django
import hypothesis
import pytest
from django.conf import settings

# The time of an example depends on the machine. `--hypothesis-profile=long` draws more of them.
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=40)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("untimed")

settings.configure(
    ALLOWED_HOSTS=["testserver", "127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "corsguard_django",
    ],
    LOGGING_CONFIG=None,
    MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
    REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
    ROOT_URLCONF="kit.django_urls",
    SECRET_KEY="tests only",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()


def pytest_configure(config):
    # Collecting only makes objects that stay until the end.
    gc.disable()
    if hasattr(config.option, "loadscopereorder"):
        # pytest-xdist would begin with the files that have the most tests. See `pytest_collection_modifyitems`.
        config.option.loadscopereorder = False
    # mutmut runs the tests many times in one process, so each run loads the modules of the tests again.
    for name, module in [*sys.modules.items()]:
        if name != __name__ and (getattr(module, "__file__", None) or "").startswith(str(config.rootpath / "tests")):
            del sys.modules[name]


def pytest_collection_modifyitems(config, items):
    # The slowest files have few tests, because each test starts browsers or servers. They come first, so that no worker
    # has a slow file left when the others have finished.
    if hasattr(config, "workerinput"):
        counts = Counter(item.path for item in items)
        items.sort(key=lambda item: counts[item.path])


def pytest_collection_finish():
    # 26,000 tests stay until the end, so there is no need to look at them whenever a test collects its garbage.
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module")
def browser():
    """
    Chromium, as Playwright drives it.
    """
    from kit.engines import CHROMIUM_ARGUMENTS, installed, playwright_chromium

    executable = installed("chromium")
    with playwright_chromium() as launcher:
        chromium = launcher.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def interrupts_heeded():
    """
    React to SIGINT: a process in the background of a shell ignores it. The processes that it starts ignore it, too.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
