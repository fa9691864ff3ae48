"""
The views: log in, get the CSRF token, read and change a note.
"""

from typing import ClassVar

from django.contrib.auth import authenticate, login
from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.middleware.csrf import get_token
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# There is no database for the time of the last login.
user_logged_in.disconnect(update_last_login, dispatch_uid="update_last_login")

NOTES = {"1": "Buy milk"}


class Login(APIView):
    """
    Log in, and get the token that unsafe requests of this session need.
    """

    permission_classes: ClassVar = [AllowAny]

    def post(self, request: Request) -> Response:
        """
        Start a session with a name and a password.
        """
        user = authenticate(username=request.data.get("username"), password=request.data.get("password"))
        if user is None:
            return Response({"detail": "Wrong name or password"}, status.HTTP_403_FORBIDDEN)
        login(request, user)
        return Response({"token": get_token(request)})


class Note(APIView):
    """
    One note.
    """

    def get(self, _request: Request, number: str) -> Response:
        """
        Show the note.
        """
        return Response({"text": NOTES[number]})

    def patch(self, request: Request, number: str) -> Response:
        """
        Change the note.
        """
        NOTES[number] = request.data["text"]
        return Response({"text": NOTES[number]})
