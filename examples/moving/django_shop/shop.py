"""
The views of a small shop, the same before and after it moved from django-cors-headers to corsguard.

    cd examples/moving/django_shop
    DJANGO_SETTINGS_MODULE=settings_before python -m django runserver
    DJANGO_SETTINGS_MODULE=settings_after python -m django runserver
"""

import json

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

orders = {"1": "a lamp"}


def show_all(_request: HttpRequest) -> HttpResponse:
    """
    List the orders, and count them.
    """
    return JsonResponse(orders, headers={"X-Total": str(len(orders))})


def order(request: HttpRequest, number: str) -> HttpResponse:
    """
    Show or change an order.
    """
    if number not in orders:
        raise Http404
    if request.method in {"PUT", "PATCH"}:
        orders[number] = json.loads(request.body)["text"]
    return JsonResponse({"text": orders[number]})


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    """
    Set a cookie.
    """
    response = JsonResponse({"text": "Welcome"})
    user = json.loads(request.body)["user"]
    response.set_cookie("user", user, httponly=True, samesite="None", secure=True)
    return response


def me(request: HttpRequest) -> HttpResponse:
    """
    Return the user of the cookie.
    """
    return JsonResponse({"user": request.COOKIES.get("user")})


def inside(_request: HttpRequest) -> HttpResponse:
    """
    Return text that only our own pages may read.
    """
    return HttpResponse("inside")


urlpatterns = [
    path("api/orders/", show_all),
    path("api/orders/<number>/", order),
    path("api/login/", login),
    path("api/me/", me),
    path("inside/", inside),
]
