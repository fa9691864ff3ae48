"""
The laboratory: small servers on loopback, each with one mistake, a look-alike of a mistake, or none.

`SAMPLES` says what each server is, what an audit finds there, and what pages get from it. `running` starts them. They
use real sockets and as few processes as possible. Nothing waits for them: all sockets listen before their addresses are
known.
"""

import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme

from . import djangos, handmade, handmade_preflights, libraries, lookalikes, named_alike, nginx
from .hosting import HostServer, listener, serving
from .samples import ORIGIN, SAMPLES, SECURE_ORIGIN, SITE, Asked, Sample

# Importing these modules registers their samples.
PARTS = (djangos, handmade, handmade_preflights, libraries, lookalikes, named_alike, nginx)

__all__ = ["ORIGIN", "SAMPLES", "SECURE_ORIGIN", "SITE", "Asked", "Laboratory", "Sample", "host_of", "running"]


class Laboratory(NamedTuple):
    """
    Where the samples are. *addresses* are those of hosts, as `LiveTransport(connect_to=...)` takes them. *cacert* is
    the file of the authority that signed their certificates.
    """

    addresses: dict[str, str]
    cacert: Path


@contextmanager
def running(names: Iterable[str] | None = None) -> Iterator[Laboratory]:
    """
    Run the samples *names*, or all. Yield where they are.
    """
    wanted = {host_of(SAMPLES[name]) for name in (SAMPLES if names is None else names)}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority = trustme.CA()
        cacert = directory / "authority.pem"
        authority.cert_pem.write_to_path(str(cacert))
        certificate = authority.issue_cert(f"*.{SITE}")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(tls)
        tls.sni_callback = _certificates(authority)
        application = stack.enter_context(serving(HostServer(handmade.APPS, tls, listener())))
        nobody = stack.enter_context(lookalikes.unheard())
        addresses = {**dict.fromkeys([f"app.{SITE}", *handmade.APPS], application), lookalikes.NOT_LISTENING: nobody}
        if wanted & libraries.ASGI_APPS.keys():
            addresses |= dict.fromkeys(libraries.ASGI_APPS, stack.enter_context(libraries.served_by_uvicorn()))
        if wanted & nginx.BLOCKS.keys():
            address = stack.enter_context(nginx.served(directory, application, nobody))
            addresses |= dict.fromkeys(nginx.BLOCKS, address)
        if chosen := wanted & djangos.SETTINGS.keys():
            chain = directory / "chain.pem"
            certificate.private_key_and_cert_chain_pem.write_to_path(str(chain))
            addresses |= stack.enter_context(djangos.served(chosen, chain))
        yield Laboratory(addresses, cacert)


def _certificates(authority: trustme.CA) -> Callable[..., None]:
    """
    Return a function that chooses the certificate by the name that a client asks for.
    """
    wrong = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("another.example").configure_cert(wrong)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name == lookalikes.WRONG_CERTIFICATE:
            connection.context = wrong

    return choose


def host_of(sample: Sample) -> str:
    """
    Return the host of *sample* as it is in its URL.
    """
    return sample.url.split("/")[2]
