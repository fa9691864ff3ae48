"""
Run `python examples/django_app.py`: a Django project in one file, guarded. You can also run it under a server:

    gunicorn --chdir examples django_app:application
    uvicorn --app-dir examples django_app:asgi

The middleware comes first, so that it answers preflights before anything else and covers every error.
"""

import json
import os
from http import HTTPStatus
from itertools import count

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only an example",  # noqa: S106 - nothing is signed with it
    INSTALLED_APPS=["corsguard_django"],
    MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
    CSRF_TRUSTED_ORIGINS=[PAGE_ORIGIN],
    CORSGUARD={
        "allow_origins": [PAGE_ORIGIN],
        "allow_methods": ["GET", "HEAD", "POST", "PUT", "DELETE"],
        "allow_headers": ["Content-Type", "X-Request-Id"],
        "expose_headers": ["X-Word-Count"],
        "allow_credentials": True,
    },
)

notes = {"1": "Buy milk"}
numbers = count(2)


def answer(content: dict[str, str | None], status: int = HTTPStatus.OK) -> JsonResponse:
    """
    Return a response with a header that the policy does not expose.
    """
    return JsonResponse(content, status=status, headers={"X-Served-By": "django"})


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """
    Add a note.
    """
    number = str(next(numbers))
    notes[number] = json.loads(request.body)["text"]
    return answer({"id": number, "text": notes[number]}, HTTPStatus.CREATED)


def note(request: HttpRequest, number: str) -> HttpResponse:
    """
    Show, change or remove a note. PATCH is served, but the policy does not list it.
    """
    if number not in notes:
        raise Http404
    if request.method == "DELETE":
        del notes[number]
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if request.method in ("PUT", "PATCH"):
        notes[number] = json.loads(request.body)["text"]
    response = answer({"text": notes[number]})
    response["X-Word-Count"] = str(len(notes[number].split()))
    return response


def echo(request: HttpRequest) -> HttpResponse:
    """
    Return the value of a request header.
    """
    return answer({"text": request.headers.get("X-Request-Id")})


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    """
    Set a cookie.
    """
    response = answer({"text": "Welcome"})
    # Cookies ignore ports, and localhost is one site. A page on another site needs SameSite=None and Secure.
    response.set_cookie("django_user", json.loads(request.body)["user"], httponly=True, samesite="Lax")
    return response


def me(request: HttpRequest) -> HttpResponse:
    """
    Return the user of the cookie.
    """
    user = request.COOKIES.get("django_user")
    return answer({"text": user}) if user else answer({"text": "Log in first"}, HTTPStatus.UNAUTHORIZED)


def broken(_request: HttpRequest) -> HttpResponse:
    """
    Fail.
    """
    raise RuntimeError("broken on purpose, to show that a page can read the 500")


def handler404(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it by name
    """
    Answer that there is no such page.
    """
    return answer({"text": "No such page"}, HTTPStatus.NOT_FOUND)


def handler500(_request: HttpRequest) -> HttpResponse:
    """
    Answer that there was an unhandled exception.
    """
    return answer({"text": "Something broke"}, HTTPStatus.INTERNAL_SERVER_ERROR)


urlpatterns = [
    path("notes", add),
    path("notes/<number>", note),
    path("echo", echo),
    path("login", login),
    path("me", me),
    path("broken", broken),
]

application = get_wsgi_application()
asgi = get_asgi_application()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(["", "runserver", "--noreload", f"localhost:{os.environ.get('PORT', '8003')}"])
