"""
A URLconf with tagged views of every kind that Django and Django REST framework have.
"""

from functools import partial, wraps

from django.conf.urls.i18n import i18n_patterns
from django.http import Http404, HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.authentication import BasicAuthentication
from rest_framework.decorators import action, api_view
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from corsguard import Policy
from corsguard_django import cors

from .django_sending import APP, EVIL
from .django_urls import hello

TAGGED = Policy(allow_origins=[APP], allow_methods=["GET", "PUT"], max_age=60)
OTHER = Policy(allow_origins=[EVIL], max_age=1)

calls = []


@cors(TAGGED)
def tagged(request):
    calls.append(request.method)
    return HttpResponse()


@cors(allow_origins=[APP], allow_methods=["GET", "PUT"], max_age=60)
async def async_tagged(request):
    return HttpResponse()


@cors(None)
def closed(request):
    return HttpResponse(headers={"X-Method": request.method})


@cors(TAGGED)
def crash(request):
    raise RuntimeError("the view crashed")


@cors(TAGGED)
def missing(request):
    raise Http404


def preserving(view):
    @wraps(view)
    def wrapper(request):
        return view(request)

    return wrapper


class Untagged(View):
    def get(self, request):
        return HttpResponse()


@method_decorator(cors(TAGGED), name="dispatch")
class Tagged(View):
    def get(self, request):
        return HttpResponse()


class Derived(Tagged):
    pass


@method_decorator(cors(OTHER), name="dispatch")
class Retagged(Tagged):
    pass


@method_decorator(cors(None), name="dispatch")
class Closed(Retagged):
    pass


class AsyncView(View):
    async def get(self, request):
        return HttpResponse()


@method_decorator(cors(TAGGED), name="dispatch")
class API(APIView):
    def get(self, request):
        return Response("read")

    def post(self, request):
        raise RuntimeError("the view crashed")


@method_decorator(cors(TAGGED), name="dispatch")
class PrivateAPI(API):
    authentication_classes = (BasicAuthentication,)
    permission_classes = (IsAuthenticated,)


@method_decorator(cors(TAGGED), name="dispatch")
class ForbiddenAPI(API):
    authentication_classes = ()
    permission_classes = (IsAuthenticated,)


@cors(TAGGED)
@api_view(["GET", "PUT"])
def api_function(request):
    return Response("read")


@method_decorator(cors(TAGGED), name="dispatch")
class Tenants(ViewSet):
    def list(self, request):
        return Response([])

    def retrieve(self, request, pk):
        if pk == "missing":
            raise Http404
        return Response({"id": pk})

    @action(detail=True, methods=["put"])
    def rename(self, request, pk):
        return Response({"id": pk})


class PlainTenants(ViewSet):
    def list(self, request):
        return Response([])


router = DefaultRouter()
router.register("tenants", Tenants, basename="tenant")
router.register("plain", PlainTenants, basename="plain")

urlpatterns = [
    path("routed/", include(router.urls)),
    path("untagged", hello),
    path("untagged-class", Untagged.as_view()),
    path("tagged", tagged),
    path("async", async_tagged),
    path("also", cors(TAGGED)(partial(hello))),
    path("closed", closed),
    path("crash", crash),
    path("missing", missing),
    path("preserved", preserving(tagged)),
    path("partial", partial(tagged)),
    path("slash/", tagged),
    path(
        "included/", include([path("deep/<int:number>", lambda request, number: hello(request)), path("deep", tagged)])
    ),
    path("class", Tagged.as_view()),
    path("derived", Derived.as_view()),
    path("retagged", Retagged.as_view()),
    path("closed-class", Closed.as_view()),
    path("as-view", cors(TAGGED)(Untagged.as_view())),
    path("async-class", cors(TAGGED)(AsyncView.as_view())),
    path("api", API.as_view()),
    path("private-api", PrivateAPI.as_view()),
    path("forbidden-api", ForbiddenAPI.as_view()),
    path("api-function", api_function),
    path("view-set", Tenants.as_view({"get": "list"})),
    path("as-view-set", cors(TAGGED)(PlainTenants.as_view({"get": "list"}))),
    path("fragile/<fragile:word>", tagged),
    *i18n_patterns(path("translated", tagged)),
]
