"""
Run `python examples/incorrect.py`: the classic mistakes, and what corsguard says about each.
"""

from typing import Any

from corsguard import Policy, PolicyError

# What people mean, and what they write.
MISTAKES: dict[str, dict[str, Any]] = {
    "Everyone may read, and cookies work.": {"allow_origins": "*", "allow_credentials": True},
    "One origin, without a list around it.": {"allow_origins": "https://app.example.com"},
    "An origin, copied from the address bar.": {"allow_origins": ["https://app.example.com/"]},
    "Two origins, from an environment variable.": {"allow_origins": ["https://a.example, https://b.example"]},
    "An origin without its scheme.": {"allow_origins": ["app.example.com"]},
    "All subdomains, as a regular expression.": {"allow_origins": [r"https://.*\.example\.com"]},
    "All previews at a hosting service, with cookies.": {
        "allow_origins": ["https://*.netlify.app"],
        "allow_credentials": True,
    },
    "Pages that are opened from a file.": {"allow_origins": ["null"]},
    "A production site without TLS, with cookies.": {
        "allow_origins": ["http://app.example.com"],
        "allow_credentials": True,
    },
    "PATCH, as the page spells it.": {
        "allow_origins": ["https://app.example.com"],
        "allow_methods": ["GET", "patch"],
        "allow_headers": ["Content-Type"],
    },
    "Cookies, by the names of their headers.": {
        "allow_origins": ["https://app.example.com"],
        "allow_headers": ["Cookie"],
        "expose_headers": ["Set-Cookie"],
    },
    "Settings that come as text.": {
        "allow_origins": ["https://app.example.com"],
        "allow_credentials": "false",
        "max_age": "600",
    },
    "A keyword, misspelled.": {"allow_origin": ["https://app.example.com"]},
}


def main() -> None:
    """
    Print each mistake with its refusal.
    """
    for meant, keywords in MISTAKES.items():
        try:
            Policy.from_mapping(keywords)
        except PolicyError as error:
            print(f"# {meant}\nPolicy.from_mapping({keywords})\n\nPolicyError: {error}\n\n")


if __name__ == "__main__":
    main()
