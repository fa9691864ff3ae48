"""
Pages of the model of a browser, in front of a server with given answers.
"""

import pytest

from corsguard.browser import Browser, NetworkError, WireResponse

APP = "https://app.example.com"
API = "https://api.example.com"
SHARED = (("Access-Control-Allow-Origin", "*"),)
USER = "https://user:password@"


class Server:
    """
    A transport that gives every request the same answer, or the one that *answers* has for its URL (except preflights),
    and records the requests.
    """

    def __init__(self, *headers, status=200, body=b"", answers=None):
        self.answer = WireResponse(status, headers, body)
        self.answers = answers or {}
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        return self.answer if request.method == "OPTIONS" else self.answers.get(request.url, self.answer)

    def sent(self, name):
        """
        Return the values of the lines named *name* in the last request.
        """
        return [value for other, value in self.requests[-1].headers if other.lower() == name.lower()]


def opened(server, url=APP, **document):
    return Browser(server).open(url, **document)


def refused(server, url=f"{API}/", page=APP, **init):
    with pytest.raises(NetworkError) as error:
        opened(server, page).fetch(url, **init)
    return error.value
