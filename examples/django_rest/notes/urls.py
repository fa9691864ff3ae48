"""
The URLs of the API.
"""

from django.urls import path

from .views import Login, Note

urlpatterns = [path("login", Login.as_view()), path("notes/<number>", Note.as_view())]
