"""
Pages of the model of a browser, before a server that answers as it is told.
"""

import pytest

from corsguard.browser import Browser, NetworkError, WireResponse

APP = "https://app.example.com"
API = "https://api.example.com"
SHARED = (("Access-Control-Allow-Origin", "*"),)
USER = "https://user:password@"


class Server:
    """
    A transport that answers every request alike, or as *answers* says for its URL (but not its preflights), and keeps
    what it got.
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
        Return the values of the lines called *name* of the last request.
        """
        return [value for other, value in self.requests[-1].headers if other.lower() == name.lower()]


def opened(server, url=APP, **document):
    return Browser(server).open(url, **document)


def refused(server, url=f"{API}/", page=APP, **init):
    with pytest.raises(NetworkError) as error:
        opened(server, page).fetch(url, **init)
    return error.value
