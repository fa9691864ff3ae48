"""
Opens a playground, and reads the policy that it begins with.
"""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from corsguard.configuration import Configuration
from corsguard.diagnosis import LoadError
from corsguard.diagnosis.guarded import is_file, load_guarded, missing_file
from corsguard.errors import PolicyError

from .applications import Applications
from .conversions import toml_of
from .desk import Desk
from .examples import Sample
from .forms import is_local
from .grounds import Grounds
from .serving import LoopbackServer

DEFAULT_PORT: Final = 8600


@contextmanager
def opened(
    port: int = DEFAULT_PORT, own: Sample | None = None, *, applications: Applications | None = None
) -> Generator[str]:
    """
    Serve a playground on *port* and the next two (0: any free ports), and yield its address.

    It begins with the policy *own*. A second view, at `applications` below the address, shows *applications*. Raises
    OSError if a port is taken.
    """
    with LoopbackServer(port, _not_yet) as server:
        origin, token = f"http://localhost:{server.port}", secrets.token_urlsafe(24)
        with Grounds(port and port + 1, origin, applications) as grounds:
            if applications is not None:
                applications.page = applications.page or grounds.page
                grounds.serve(applications.page)
            server.application = Desk(token, grounds, origin, own, applications).guarded()
            server.start()
            yield f"{origin}/{token}/"


def sample_named(policy: str) -> Sample:
    """
    Return the sample for the name *policy*, with which the playground begins.

    A file is used unchanged, and the page shows what is wrong with it. The policies of an object are written as TOML.
    Raises LoadError, and PolicyError if an object is refused.
    """
    text = _toml_named(policy)
    sample = Sample(policy, "", text)
    try:
        configuration = next(iter(Configuration.environments_in(text, policy).values()))
    except PolicyError:
        return sample
    patterns = [str(pattern) for there in configuration.policies.values() for pattern in there.patterns]
    page = next(filter(is_local, patterns), sample.page)
    prefixes = configuration.paths or {}
    base = next((prefix for prefix, there in prefixes.items() if there in configuration.policies), "")
    return sample._replace(page=page, base=base.rstrip("/"))


def _toml_named(policy: str) -> str:
    if is_file(policy):
        if not Path(policy).is_file():
            raise missing_file(policy)
        return Path(policy).read_text(encoding="utf-8", errors="replace")
    guarded = load_guarded(policy)
    try:
        text = toml_of(guarded.policies.policy)
    except TypeError as error:
        raise LoadError(f"{policy}: {error}") from None
    views = (
        f"# Not here: the views with a policy of their own, {', '.join(guarded.tagged)}.\n" if guarded.tagged else ""
    )
    return f"# From {policy}.\n{views}{text}"


def _not_yet(*_: object) -> list[bytes]:
    raise RuntimeError("The server was started before there was anything to serve.")
