"""
The one view of the Django application whose origins are awaited.
"""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("content"))]
