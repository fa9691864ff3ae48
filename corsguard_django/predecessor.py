"""
What tells that a project comes from django-cors-headers: the names of its settings, and the rule about them.

What these settings mean is told by the tools of migration, which no worker loads.
"""

from typing import Final

from corsguard.adapters import Rule

# The settings that django-cors-headers reads, and those that it read once.
THEIRS: Final = frozenset(
    """
    CORS_ALLOWED_ORIGINS CORS_ALLOWED_ORIGIN_REGEXES CORS_ALLOW_ALL_ORIGINS CORS_ALLOW_CREDENTIALS CORS_ALLOW_HEADERS
    CORS_ALLOW_METHODS CORS_ALLOW_PRIVATE_NETWORK CORS_EXPOSE_HEADERS CORS_MODEL CORS_ORIGIN_ALLOW_ALL
    CORS_ORIGIN_REGEX_WHITELIST CORS_ORIGIN_WHITELIST CORS_PREFLIGHT_MAX_AGE CORS_REPLACE_HTTPS_REFERER CORS_URLS_REGEX
    """.split()
)

MOVING: Final = Rule(
    "{names} are settings of django-cors-headers. This middleware does not read them, and the setting CORSGUARD is "
    "missing. The fix says the same in our words.",
    "The old settings have no effect here, so the browser would refuse every page of another origin.",
    "Write the setting `CORSGUARD`, as the fix shows it, and remove the `CORS_*` settings.",
    '{"CORS_ALLOWED_ORIGINS": ["https://app.example.com"]}',
)
