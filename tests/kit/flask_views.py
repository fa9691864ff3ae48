"""
Views of Flask applications for the tests of their policies: each answers with its own name, and may be tagged.
"""

import logging

from corsguard import Policy
from corsguard_flask import cors
from kit.flask_requests import APP, OTHER, make_app

LISTED = Policy(allow_origins=[APP])
OTHERS = Policy(allow_origins=[OTHER])
WRITES = Policy(allow_origins=[OTHER], allow_methods=["PUT", "DELETE"], allow_headers=["Content-Type"])


def named(name):
    """
    Return a new view that answers with its *name*.
    """

    def view(**arguments):
        return name

    view.__name__ = name
    return view


def add(app, rule, name, policy=..., **options):
    """
    Add a view to *app*, tagged with *policy* if one is given.
    """
    view = named(name)
    app.add_url_rule(rule, name, view if policy is ... else cors(policy)(view), **options)


def app_with_tag():
    """
    Return an application in which `/tagged` has a policy of its own.
    """
    app = make_app()
    add(app, "/", "index")
    add(app, "/tagged", "tagged", LISTED, methods=["GET", "PUT"])
    return app


def messages_of(caplog, level=logging.WARNING):
    return [record.getMessage() for record in caplog.records if record.name == "corsguard" and record.levelno == level]
