"""
Configurations of public projects are translated as they are, and a note names every difference that a browser sees.

The old library decides what happened before. The printed code decides what happens now.
"""

import re
from functools import cache, partial
from itertools import product
from urllib.parse import urlsplit

import pytest
from kit import configurations
from kit.moved import OF_BLUEPRINT, PATHS, REQUESTS, Blueprints, Djangos, Flasks, Starlettes, Views, outcome
from kit.sharing import share

from corsguard.browser import Browser
from corsguard.origin import pattern_of

# Origins that were meant, origins that are similar, and foreign ones.
ORIGINS = """
    http://localhost http://localhost:3000 https://localhost:3000 http://127.0.0.1:4200 http://[::1]:3000
    http://192.168.1.21:3000 http://10.0.0.1 https://example.com https://app.example.com https://a.b.example.com
    http://app.example.com https://app.example.com:8443 https://app.example.com.evil.example https://evilexample.com
    https://appxexample.com https://a.example.org https://shop-frontend-git-1.vercel.app
    https://x-ada-projects-8be31e4e.vercel.app https://a.run.app https://deploy-preview-1--shopapp.netlify.app
    https://a.ngrok-free.app chrome-extension://abcdefghijklmnopabcdefghijklmnop null https://evil.example
""".split()
PORT = ":8443"
PLAIN = ("GET", "GET with cookies")
STRANGER = "https://evil.example"
OF_REGEX = frozenset("*\\]?$^[]()")


def texts_in(value):
    """
    Yield every text in a configuration.
    """
    if isinstance(value, dict):
        for item in value.items():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str | re.Pattern):
        yield value


def origins_in(configuration):
    """
    Return the exact origins that are listed.
    """
    patterns = [pattern_of(text) for text in texts_in(configuration) if isinstance(text, str) and "://" in text]
    return [str(pattern) for pattern in patterns if pattern is not None and pattern.is_exact][:2]


def covers(library, entry, origin):
    """
    Return whether an *entry* of a list of origins or of expressions covered *origin* in the old library.
    """
    is_pattern = isinstance(entry, re.Pattern)
    if library is Starlettes:
        return entry == origin or (is_pattern and entry.fullmatch(origin))
    if is_pattern:
        return entry.match(origin)
    if library is Djangos:
        return urlsplit(entry)[:2] == urlsplit(origin)[:2]
    if OF_REGEX.isdisjoint(entry):
        return entry.casefold() == origin
    return entry != "*" and re.match(entry, origin, re.IGNORECASE)


LISTS = frozenset("origins CORS_ORIGINS allow_origins ALLOWED_ORIGINS ORIGIN_WHITELIST".split())
EXPRESSIONS = frozenset({"ALLOWED_ORIGIN_REGEXES", "ORIGIN_REGEX_WHITELIST"})


def entries_of(configuration):
    """
    Yield the origins that a configuration lists. Texts that are expressions by their keyword are compiled.
    """
    if isinstance(configuration, list | tuple):
        for part in configuration:
            yield from entries_of(part)
    if not isinstance(configuration, dict):
        return
    for name, value in configuration.items():
        if name in LISTS:
            yield from texts_in(value)
        elif name == "allow_origin_regex":
            yield re.compile(value)
        elif name in EXPRESSIONS:
            # Each letter of a string was an expression, and none of them is one of these.
            yield from () if isinstance(value, str) else map(re.compile, value)
        else:
            yield from entries_of(value)


class Difference:
    """
    What a browser sees of one configuration, before and after. *changes* are the cases that only one of the two let it
    read.
    """

    def __init__(self, library, configuration):
        self.library, self.configuration = library, configuration
        has_paths = any(isinstance(text, str) and re.match(r"\^?/", text) for text in texts_in(configuration))
        paths = PATHS if has_paths else ["/", "/api/items"]
        if library is Blueprints:
            mount = configuration[1] or configuration[0] or ""
            paths = [path for path in paths if not mount or not path.startswith(mount)]
            paths += [mount + path for path in OF_BLUEPRINT]
        origins = [*dict.fromkeys([*origins_in(configuration), *ORIGINS])]
        with library.before(configuration) as app:
            look = cache(partial(outcome, Browser(app)))
            likely = product(["/api/items", *paths], origins[:3])
            self.path = next((path for path, origin in likely if look(origin, path, "GET")), "/")
            # Who may read, and with cookies if that is allowed.
            reader = next((origin for origin in origins if look(origin, self.path, "GET")), STRANGER)
            sends = "GET with cookies" if look(reader, self.path, "GET with cookies") else "GET"
            cases = {
                *product(origins, [self.path], [sends]),
                *product([reader], paths, [sends]),
                *product([reader], [self.path], REQUESTS),
                (STRANGER, self.path, "JSON"),
            }
            self.before = {case: look(*case) for case in sorted(cases)}
        with library.after(configuration) as (self.translation, app):
            browser = Browser(app) if app is not None else None
            self.after = {case: outcome(browser, *case) for case in self.before}
        self.changes = [case for case in self.before if (self.before[case] is None) != (self.after[case] is None)]
        self.notes = {}
        for note in (note for notes in self.translation.notes for note in notes):
            self.notes.setdefault(note.keyword, []).append(note.text)

    def could_read(self, origin, path):
        return any(self.before.get((origin, path, request)) is not None for request in PLAIN)

    def reads(self, origin, path, plain=PLAIN):
        return any(self.after.get((origin, path, request)) is not None for request in plain)

    def names_path(self, path):
        """
        Return whether a note names *path*, or a proposal in the code is about it.
        """
        proposed = re.findall(r'# "(/[^"]*)": ', self.translation.code)
        is_proposed = any(one in {"/PREFIX", path} or path.startswith(f"{one}/") for one in proposed)
        return is_proposed or any(path in text for text in self.notes[""])

    def unnamed_entries(self, origin):
        """
        Return the entries that covered *origin*, if nothing covers it now and no note on the origins names them.
        """
        notes = self.notes.get("allow_origins", [])
        if not notes and not self.reads(STRANGER, self.path):
            # The proposal is about the place of the policy.
            return [] if self.names_path(self.path) else ["its place"]
        found = []
        for entry in entries_of(self.configuration):
            if covers(self.library, entry, origin):
                text = entry.pattern if isinstance(entry, re.Pattern) else entry
                found += [] if any(text in note for note in notes) or self.names_path(self.path) else [entry]
        return found


def told(difference, case):
    """
    Return whether a note names what *case* lost or gained.
    """
    origin, path, request = case
    method, init = REQUESTS[request]
    if difference.before[case] is None:
        # Only a preflight may pass now that was refused for a method which browsers do not look for in the list.
        named = any(method in text for text in difference.notes.get("allow_methods", ()))
        return named and method in {"GET", "POST"} and difference.could_read(origin, path)
    if not difference.reads(origin, difference.path):
        bare = origin.removesuffix(PORT)
        is_of_entry = any(covers(difference.library, entry, origin) for entry in entries_of(difference.configuration))
        if bare != origin and is_of_entry and difference.reads(bare, difference.path):
            # A note that names an entry does not say that its ports are lost.
            return any(PORT in text for text in difference.notes["allow_origins"])
        return not difference.unnamed_entries(origin)
    if not difference.reads(origin, path):
        return difference.names_path(path)
    if "credentials" in init and not difference.reads(origin, path, PLAIN[1:]):
        return "allow_credentials" in difference.notes
    return any(keyword in difference.notes for keyword in ("allow_methods", "allow_headers"))


CASES = [
    *((Flasks, [options]) for options in configurations.FLASK),
    *((Flasks, calls) for calls in configurations.APART),
    *((Views, options) for options in configurations.VIEWS),
    *((Blueprints, options) for options in configurations.BLUEPRINTS),
    *((Djangos, options) for options in configurations.DJANGO),
    *((Starlettes, options) for options in configurations.STARLETTE),
]


@pytest.mark.parametrize(
    ("library", "configuration"),
    share(CASES, 7),
    ids=[f"{one.__name__}{n}" for n, (one, _) in enumerate(CASES)],
)
def test_a_moved_configuration_is_the_same_or_a_note_names_the_difference(library, configuration):
    difference = Difference(library, configuration)
    assert [case for case in difference.changes if not told(difference, case)] == []
    # A page reads less of an answer only if a note says so.
    less = [case for case, names in difference.before.items() if names and names - (difference.after[case] or names)]
    assert not less or "expose_headers" in difference.notes
    assert not [
        case for case, names in difference.after.items() if names and names - (difference.before[case] or names)
    ]


@pytest.mark.parametrize("calls", configurations.MEETING)
def test_overlapping_calls_are_one_guard_that_allows_nothing_new(calls):
    """
    flask-cors asks them in turn, and what only a later one allowed is left out, which is said.
    """
    difference = Difference(Flasks, calls)
    assert "flask-cors asked the innermost blueprint first" in notes_of(difference)
    opened = [case for case in difference.changes if difference.before[case] is None]
    assert [case for case in opened if not told(difference, case)] == []


def notes_of(difference):
    return " ".join(text for texts in difference.notes.values() for text in texts)
