"""
The process of all Django samples. It imports all that they share, and then forks one process for each.

python -m kit.laboratory.django_process CERTIFICATE HOST=DESCRIPTOR ...

Each serves on a socket that already listens. All of them end when stdin ends.
"""

import os
import signal
import socket
import ssl
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.http import require_http_methods

from corsguard_django import cors

from .djangos import SETTINGS
from .hosting import HostServer

urlpatterns = []


@require_http_methods(["GET", "HEAD", "PUT", "POST", "DELETE"])
def items(request):
    return JsonResponse({"items": [1, 2, 3]})


def serve(certificate, host, descriptor):
    """
    Serve one sample forever.
    """
    chosen = dict(SETTINGS[host])
    route, tag = chosen.pop("LABORATORY_ROUTE", "items"), chosen.pop("LABORATORY_TAG", None)
    urlpatterns.append(path(route, cors(**tag)(items) if tag else items))
    settings.configure(
        ALLOWED_HOSTS=[host], ROOT_URLCONF=__name__, SECRET_KEY="laboratory", LOGGING_CONFIG=None, **chosen
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    listening = socket.socket(fileno=int(descriptor))
    HostServer({host: get_wsgi_application()}, tls, listening).serve_forever()


def main(certificate, *pairs):
    for pair in pairs:
        if not os.fork():
            serve(certificate, *pair.split("="))
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
