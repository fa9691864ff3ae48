"""
The only URL of this example.
"""

import os

from django.http import HttpRequest, JsonResponse
from django.urls import path


def orders(_request: HttpRequest) -> JsonResponse:
    """
    Return the number of orders, and the process that answered.
    """
    return JsonResponse({"orders": 3, "process": os.getpid()})


urlpatterns = [path("orders", orders)]
