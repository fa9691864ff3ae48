"""
The Django application of the tests: a URLconf without a tagged view, its views, and the layers around them.
"""

from pathlib import Path

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.middleware.common import CommonMiddleware
from django.urls import path, register_converter
from django.views.decorators.csrf import csrf_protect

from corsguard_django import set_policy
from corsguard_django.middleware import CORSMiddleware

BODY = b"hello " * 200


def hello(request):
    return HttpResponse(BODY, headers={"X-Method": request.method})


async def async_hello(request):
    return HttpResponse(BODY, headers={"X-Method": request.method})


def missing(request):
    raise Http404


def denied(request):
    raise PermissionDenied


def crash(request):
    raise RuntimeError("the view crashed")


async def async_crash(request):
    raise RuntimeError("the view crashed")


def stream(request):
    return StreamingHttpResponse(iter([b"one ", b"two"]))


async def async_stream(request):
    async def chunks():
        yield b"one "
        yield b"two"

    return StreamingHttpResponse(chunks())


def file(request):
    return FileResponse(Path(__file__).open("rb"))


def headers(request):
    """
    Answer with the headers that the query names.
    """
    return HttpResponse(headers=request.GET.items())


def swap(request):
    set_policy({"allow_origins": "*"})
    return HttpResponse()


class Fragile:
    regex = "[a-z]+"

    def to_python(self, value):
        raise RuntimeError("the converter crashed")

    def to_url(self, value):
        return value


register_converter(Fragile, "fragile")

urlpatterns = [
    path("api/hello", hello),
    path("api/async-hello", async_hello),
    path("api/slash/", hello),
    path("api/missing", missing),
    path("api/denied", denied),
    path("api/crash", crash),
    path("api/async-crash", async_crash),
    path("api/stream", stream),
    path("api/async-stream", async_stream),
    path("api/file", file),
    path("api/headers", headers),
    path("api/form", csrf_protect(hello)),
    path("api/swap", swap),
    path("admin/hello", hello),
    path("other", hello),
]


class DerivedGuard(CORSMiddleware):
    pass


class DerivedCommon(CommonMiddleware):
    pass


def unauthorized(get_response):
    """
    A layer that answers each request without Authorization itself.
    """

    def layer(request):
        return get_response(request) if "Authorization" in request.headers else HttpResponse(status=401)

    return layer


def crashing(get_response):
    """
    A layer that fails before any view is found.
    """

    def layer(request):
        raise RuntimeError("the layer crashed")

    return layer


def rewriting(get_response):
    """
    A layer that changes the incoming request.
    """

    def layer(request):
        request.META.update(
            HTTP_ORIGIN="https://evil.example", REQUEST_METHOD="OPTIONS", HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT"
        )
        request.path_info = "/api/hello"
        return get_response(request)

    return layer


def choosing_urlconf(get_response):
    """
    A layer that chooses the URLconf of each request.
    """

    def layer(request):
        request.urlconf = "kit.django_tagged_urls"
        return get_response(request)

    return layer
