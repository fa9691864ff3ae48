"""
The one thing there is to read.
"""

import os

from django.http import HttpRequest, JsonResponse
from django.urls import path


def orders(_request: HttpRequest) -> JsonResponse:
    """
    Say how many orders there are, and which process counted them.
    """
    return JsonResponse({"orders": 3, "process": os.getpid()})


urlpatterns = [path("orders", orders)]
