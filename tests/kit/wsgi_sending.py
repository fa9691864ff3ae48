"""
What the tests of the WSGI middleware share: the lines of responses, and views that a request is led to.
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
    What finds the views of an application; *say* is called where a view is looked for.
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
