"""
What the tests of the WSGI middleware share: header lines, and views that requests lead to.
"""

from corsguard import CORSMiddleware
from kit.cases import APP

OTHER = "https://other.example"
SHARED = [("Access-Control-Allow-Origin", APP), ("Vary", "Origin")]
TEXT = ("Content-Type", "text/plain")


def throw(error):
    raise error


class Found:
    """
    Finds the views of an application. *say* is called at each lookup.
    """

    def __init__(self, say=lambda environ, method, path: None):
        self.say = say

    def are_tagged(self):
        return True

    def view_at(self, environ, method, path, *, is_running):
        return self.say(environ, method, path)


def with_views(app, policy, views):
    middleware = CORSMiddleware(app, policy)
    middleware.views = views
    return middleware
