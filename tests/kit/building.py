"""
What the tests of policies share: what they build policies from, and the problems of a refused one.
"""

from corsguard import Policy, PolicyError

APP = "https://app.example.com"
OTHER = "https://other.example"
VARY = ("Vary", "Origin")

# Every keyword, in the order of the manual.
FULL = {
    "allow_origins": [APP, "https://*.partner.example"],
    "allow_methods": ["GET", "PUT"],
    "allow_headers": ["Content-Type"],
    "expose_headers": ["ETag"],
    "allow_credentials": True,
    "max_age": 600,
    "preflight_status": 200,
    "share_timing": True,
    "allow_unsafe_origins": {"http://kiosk.corp.example": "no TLS until 2027"},
}

# One policy, and the keywords that express it.
KEYWORDS = {"allow_origins": ["https://api.example"]}
API = Policy(allow_origins=["https://api.example"])


def problems(**keywords):
    try:
        Policy.from_mapping(keywords)
    except PolicyError as error:
        return [(problem.code, problem.field) for problem in error.problems]
    return []


class Source:
    def __init__(self, *origins):
        self.origins = origins
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        return origin in self.origins
