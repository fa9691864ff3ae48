"""
Translates the settings of django-cors-headers into CORSGUARD.

They are read as django-cors-headers reads them: if a new name is missing, the old one counts, and if both are missing,
the default. The engine reads the values. This module knows only the names and their peculiarities.
"""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import takewhile
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from corsguard import Fix, Problem
from corsguard.moving import (
    CHROMIUM_MAX_AGE,
    Draft,
    Mention,
    Placement,
    Remark,
    Resource,
    Served,
    Translation,
    Written,
    as_regex,
    assigned,
    choice,
    expression_of,
    files_of,
    joined,
    mentions,
    names_in,
    placed,
    shown_path,
)

from .predecessor import GUARD, MOVING, THEIR_GUARD, THEIRS, configuration, kinds_of, receivers

_APP: Final = "corsguard_django"
_PACKAGE: Final = "corsheaders"
_MOST_PLACES: Final = 12

# The defaults of django-cors-headers 4.9.
_HEADERS: Final = ("accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with")
_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
_MAX_AGE: Final = 86400
# The same settings here.
_DEFAULTS: Final[Mapping[str, object]] = {
    "allow_methods": [method for method in _METHODS if method != "OPTIONS"],
    "allow_headers": [*_HEADERS],
    "expose_headers": [],
    "allow_credentials": False,
    "max_age": CHROMIUM_MAX_AGE,
}

# The older names, which are read if the new ones are missing.
_OLD: Final = {
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGIN_WHITELIST",
    "CORS_ALLOWED_ORIGIN_REGEXES": "CORS_ORIGIN_REGEX_WHITELIST",
    "CORS_ALLOW_ALL_ORIGINS": "CORS_ORIGIN_ALLOW_ALL",
}
_GONE: Final = {
    "CORS_MODEL": (
        "it was removed from django-cors-headers, so it had no effect. For origins in a database table, write an "
        "origin source (corsguard manual origins)."
    ),
    "CORS_REPLACE_HTTPS_REFERER": "it was removed from django-cors-headers. CSRF_TRUSTED_ORIGINS replaces it.",
}
# The middlewares of Django that answer no request themselves.
_WITHOUT_ANSWERS: Final = frozenset(
    """
    django.contrib.auth.middleware.AuthenticationMiddleware django.contrib.messages.middleware.MessageMiddleware
    django.contrib.sessions.middleware.SessionMiddleware django.middleware.clickjacking.XFrameOptionsMiddleware
    django.middleware.gzip.GZipMiddleware django.middleware.security.SecurityMiddleware
    """.split()
)

Places = Mapping[str, tuple[Written, ...]]


def problem() -> Problem:
    """
    Return the problem that only django-cors-headers is configured, with the translation as its fix.
    """
    names = configuration()
    return Problem("E902", names[0], None, MOVING.message.format(names=", ".join(names)), Fix(words=str(translate())))


def translate() -> Translation:
    """
    Translate the settings of django-cors-headers into lines for the end of a settings file.
    """
    draft = Draft()
    # First, because importing the URLconf may connect receivers to the signal of django-cors-headers.
    urls = served()
    places = _places()
    notes = [Remark("", text) for text in (*_of_files(places), *_of_all())]
    _take_flag(draft, places)
    _take_origins(draft, places)
    if receivers() and not draft.shares:
        draft.note("allow_origins", "Only receivers of check_request_enabled allowed origins. List these origins.")
    _take_names(draft, "allow_methods", *_read("CORS_ALLOW_METHODS", _METHODS), places)
    _take_names(draft, "allow_headers", *_read("CORS_ALLOW_HEADERS", _HEADERS), places)
    _take_names(draft, "expose_headers", *_read("CORS_EXPOSE_HEADERS", ()), places)
    name, max_age = _read("CORS_PREFLIGHT_MAX_AGE", _MAX_AGE)
    draft.max_age(name, max_age)
    _take_expression(draft, "max_age", name, max_age, places)
    template = "\n".join(
        [
            "{named}",
            "CORSGUARD = {policy}",
            *_move("MIDDLEWARE", GUARD, THEIR_GUARD, places),
            *_move("INSTALLED_APPS", _APP, _PACKAGE, places),
        ]
    )
    return Translation.of(template, notes, _by_path(draft, places, urls))


def place() -> str:
    """
    Return the name of the file or the class at whose end the translation belongs.
    """
    return _home(*_target(_places()))


def places_of_settings() -> dict[str, str]:
    """
    Return where each setting of django-cors-headers is written, by name, as far as the source shows it.
    """
    return {name: _shown(found) for name, found in _places().items() if name in THEIRS}


def _read(name: str, default: object) -> tuple[str, Any]:
    """
    Return the name under which the setting is found, and its value.
    """
    old = _OLD.get(name)
    if not hasattr(settings, name) and old is not None and hasattr(settings, old):
        return old, getattr(settings, old)
    return name, getattr(settings, name, default)


def _move(setting: str, ours: str, theirs: str, places: Places) -> list[str]:
    """
    Return code that puts *ours* first in a list of the settings, and removes *theirs*.
    """
    listed = [*getattr(settings, setting)]
    derived = [name for name in listed if name.startswith(f"{_PACKAGE}.") and name != theirs]
    derived += _derived() if setting == "MIDDLEWARE" else []
    in_place = listed[:1] == [ours] if setting == "MIDDLEWARE" else ours in listed
    if in_place and {theirs, *derived}.isdisjoint(listed):
        return []
    out = [f'"{name}"' for name in (theirs, *derived, ours) if name in listed]
    kept = f"!= {out[0]}" if len(out) == 1 else f"not in {{{', '.join(out)}}}"
    # The body of a class does not see the names of its base classes.
    within = next((one.within for one in places.get(setting, ()) if one.within != _target(places)[1]), "")
    name = f"{within}.{setting}" if within and not _is_elsewhere(setting, places) else setting
    rest = f"*(name for name in {name} if name {kept})" if out else f"*{name}"
    return [f"{setting} = [", f'    "{ours}",', f"    {rest},", "]"]


def _derived() -> list[str]:
    """
    Return the names of middlewares that are derived from that of django-cors-headers.
    """
    return [name for name in settings.MIDDLEWARE if name != THEIR_GUARD and THEIR_GUARD in kinds_of(name)]


# The values of the settings.


def _take_flag(draft: Draft, places: Places) -> None:
    name, credentials = _read("CORS_ALLOW_CREDENTIALS", False)
    draft.credentials(name, credentials)
    if not isinstance(credentials, bool) and not _is_fixed(places, name):
        draft.note("allow_credentials", _of_process(name, places))
    elif not _is_fixed(places, name):
        draft.keywords["allow_credentials"] = credentials
        _take_expression(draft, "allow_credentials", name, credentials, places)


def _take_origins(draft: Draft, places: Places) -> None:
    all_name, everyone = _read("CORS_ALLOW_ALL_ORIGINS", False)
    list_name, listed = _read("CORS_ALLOWED_ORIGINS", ())
    _take_listed(draft, list_name, listed, is_asked=not everyone)
    origins = [*draft.keywords["allow_origins"]]
    regex_name, expressions = _read("CORS_ALLOWED_ORIGIN_REGEXES", ())
    _take_expressions(draft, regex_name, expressions, is_asked=not everyone)
    allowed = draft.keywords["allow_origins"]
    if everyone:
        counted = "" if everyone is True else f" is {everyone!r:.80}, which is not a bool and counted as true"
        draft.everyone(f"{all_name}{counted}")
    texts: dict[str, str | None] = dict.fromkeys((list_name, regex_name, all_name))
    if allowed != "*" and not (everyone and _is_fixed(places, all_name)):
        # Proposals are comments inside a list, and an expression has no place for them.
        is_list = not any(note.write for note in draft.notes if note.keyword == "allow_origins")
        if is_list and isinstance(listed, list | tuple) and origins == [*listed]:
            texts[list_name] = _expression(list_name, "[]", places)
        texts[regex_name] = _condition(regex_name, places) if is_list and allowed != origins else None
        texts[all_name] = None if draft.keywords.get("allow_credentials") else _expression(all_name, "False", places)
    unfixed = {name: text for name, text in texts.items() if not _is_fixed(places, name)}
    for name in [name for name, text in unfixed.items() if text is None]:
        draft.note("allow_origins", _of_process(name, places))
    said = {name: text for name, text in unfixed.items() if text is not None}
    if said:
        about = "; ".join(f"{name} ({_shown(places[name])})" for name in said)
        text = said.get(list_name) or repr(origins)
        if allowed != origins:
            more = repr(allowed[len(origins) :])
            text = joined(text, choice(said[regex_name], more, "[]") if regex_name in said else more)
        _write_origins(draft, about, choice(said[all_name], '"*"', text) if all_name in said else text)


def _write_origins(draft: Draft, about: str, expression: str) -> None:
    if draft.keywords["allow_origins"] == "*":
        draft.sources["allow_origins"] = expression
        draft.note("allow_origins", f"{about}: this is true in this process, and may differ in others.")
    else:
        draft.come_from("allow_origins", about, draft.keywords["allow_origins"], expression)


def _take_listed(draft: Draft, name: str, listed: object, *, is_asked: bool) -> None:
    """
    Translate a list of origins. If everyone was allowed, its entries had no effect.
    """
    if isinstance(listed, str):
        draft.origin(name, listed, lambda _: False)
    entries = _looped(draft, "allow_origins", name, listed, "request with an Origin" if is_asked else "")
    for entry in () if isinstance(listed, str) else entries:
        draft.origin(name, entry, partial(_is_same, entry))
    if is_asked and any(_has_failed(urlsplit, entry) for entry in entries):
        draft.note("allow_origins", f"{name}: an entry that is not a URL made every request with an Origin fail.")
    of_null = [entry for entry in entries if isinstance(entry, str) and entry != "null" and _is_same(entry, "null")]
    if is_asked and of_null:
        which = "its letters" if isinstance(listed, str) else ", ".join(map(repr, of_null[:_MOST_PLACES]))
        more = ", with the cookies of their users" if draft.keywords.get("allow_credentials") else ""
        draft.note(
            "allow_origins",
            (
                f'{name}: to django-cors-headers, {which} meant "null", which any site can send from a sandboxed '
                f"frame. So any site could read{more}. It is left out."
            ),
        )


def _take_expressions(draft: Draft, name: str, expressions: object, *, is_asked: bool) -> None:
    entries = _looped(draft, "allow_origins", name, expressions, "request with an Origin" if is_asked else "")
    failing = [entry for entry in entries if _has_failed(partial(re.match, entry), "https://a.example")]
    if isinstance(expressions, str) and entries:
        said = f"{name} is a string and not a list, so each of its letters was an expression"
        first = next((letter for letter in entries if letter in {"^", "."} or letter in failing), "")
        if first in failing or not first:
            draft.note("allow_origins", f"{said}. It is left out.")
        else:
            draft.everyone(f"{said}, and {first!r} matches every origin")
        return
    for entry in entries:
        if isinstance(entry, str) or (isinstance(entry, re.Pattern) and isinstance(entry.pattern, str)):
            draft.regex(name, entry)
        else:
            draft.note("allow_origins", f"{name}: {entry!r:.80} is not an expression of text, and is left out.")
    if is_asked and failing:
        draft.note(
            "allow_origins",
            f"{name}: {failing[0]!r:.80} made every request fail whose origin no earlier entry allowed.",
        )


def _take_names(draft: Draft, keyword: str, name: str, value: Any, places: Places) -> None:  # noqa: ANN401 - anything
    which = "response that a page may read" if keyword == "expose_headers" else "preflight"
    entries = _looped(draft, keyword, name, value, which)
    if isinstance(value, str) and value:
        draft.note(keyword, f"{name} is a string and not a list, so each of its letters was sent as a name.")
    elif not all(isinstance(entry, str) for entry in entries):
        draft.note(keyword, f"{name}: an entry that is not text made every {which} fail.")
    if entries or keyword != "expose_headers":
        draft.names(keyword, name, value if isinstance(value, str) else entries)
    _take_expression(draft, keyword, name, value, places)


def _looped(draft: Draft, keyword: str, name: str, value: object, which: str) -> list[Any]:
    """
    Return the entries of a loop over *value*, and note a value that cannot be looped over. *which* describes the
    requests that failed because of it, if any.
    """
    if isinstance(value, Iterator):
        draft.note(
            keyword,
            (
                f"{name} is a generator, so the first requests used it up, and later requests found nothing. Its "
                "entries are not read here: write a list."
            ),
        )
        return []
    if isinstance(value, Collection) and not isinstance(value, bytes | bytearray):
        return sorted(value, key=str) if isinstance(value, set | frozenset) else [*value]
    failed = f", so every {which} failed with 500" if which else ""
    draft.note(keyword, f"{name} is {value!r:.80} and not a list{failed}. It is left out.")
    return []


def _has_failed(function: Any, argument: object) -> bool:  # noqa: ANN401 - what django-cors-headers calls
    try:
        function(argument)
    except Exception:  # noqa: BLE001 - any exception was a 500
        return True
    return False


def _is_same(entry: str, origin: str) -> bool:
    try:
        return urlsplit(entry)[:2] == urlsplit(origin)[:2]
    except ValueError:
        return False


def _by_path(draft: Draft, places: Places, urls: list[Served] | None) -> list[Placement]:
    name, expression = _read("CORS_URLS_REGEX", "^.*$")
    if not _is_fixed(places, name):
        draft.note("", _of_process(name, places))
    if not isinstance(expression, str) and not isinstance(getattr(expression, "pattern", None), str):
        closed = Draft()
        closed.note(
            "", f"{name} is {expression!r:.80} and not an expression of text, so every request failed with 500."
        )
        return [Placement("", closed)]
    return placed([Resource(f"{name}: {as_regex(expression)}", expression, draft)], urls)


def served() -> list[Served] | None:
    """
    Return what the URLconf serves; None if it cannot be read now.
    """
    try:
        return [*_served(get_resolver().url_patterns, "/")]
    except Exception:  # noqa: BLE001 - a URLconf imports the whole project, which may fail in any way
        return None


def _served(patterns: Iterable[URLPattern | URLResolver], before: str) -> Iterator[Served]:
    for pattern in patterns:
        # The expression of a converter, or of an included URLconf, may have its own anchors.
        part = pattern.pattern.regex.pattern.removeprefix("^").replace("\\Z", "").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from _served(pattern.url_patterns, before + part)
        else:
            yield Served(f"{before}{part}$", pattern.lookup_str)


# The source of the settings.


def _places() -> dict[str, tuple[Written, ...]]:
    module, class_name = _module()
    return assigned(module, [*THEIRS, "MIDDLEWARE", "INSTALLED_APPS"], class_name)


def _module() -> tuple[str, str]:
    """
    Return the module of the settings, and the class in it if django-configurations is used.
    """
    module = getattr(settings, "SETTINGS_MODULE", None) or ""
    package, _, name = str(getattr(settings, "CONFIGURATION", "")).rpartition(".")
    return module, name if module and package == module else ""


def _homes(places: Places) -> list[tuple[str, str]]:
    """
    Return the files that set the settings of django-cors-headers, each with the class in it or an empty string.
    """
    return [*dict.fromkeys((one.file, one.within) for name in sorted(THEIRS) for one in places.get(name, ()))]


def _home(file: str, within: str) -> str:
    return f"class {within} in {file}" if within else file or "the settings"


def _target(places: Places) -> tuple[str, str]:
    """
    Return the file, and the class in it or an empty string, at whose end the translation belongs.
    """
    homes, (module, class_name) = _homes(places), _module()
    return homes[0] if len(homes) == 1 else (_file_of(module), class_name)


def _is_elsewhere(setting: str, places: Places) -> bool:
    """
    Return whether the list *setting* cannot be seen at the place of the translation.
    """
    found, (module, class_name), (file, within) = places.get(setting, ()), _module(), _target(places)
    if not found:
        return False
    is_of_another_class = within not in {"", class_name, found[-1].within}
    return is_of_another_class or file not in {_file_of(module), found[-1].file}


def _file_of(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return shown_path(file) if file.endswith(".py") else ""


def _shown(found: Iterable[Written]) -> str:
    return _by_file(
        (one.file, f"line {one.line}{f' only if {one.condition}' if one.condition else ''}") for one in found
    )


def _by_file(found: Iterable[tuple[str, str]]) -> str:
    """
    Return the text of places, each a file and a note on a line. Each file is named once.
    """
    lines: dict[str, list[str]] = {}
    for file, line in found:
        lines.setdefault(file, []).append(line)
    texts = [f"{file}, {', '.join(dict.fromkeys(of_file))}" for file, of_file in lines.items()]
    more = [f"and {len(texts) - _MOST_PLACES} more files"] if len(texts) > _MOST_PLACES else []
    return "; ".join([*texts[:_MOST_PLACES], *more])


def _is_fixed(places: Places, name: str) -> bool:
    return all(one.is_fixed for one in places.get(name, ()))


def _expression(name: str, otherwise: str, places: Places) -> str | None:
    """
    Return the expression that sets a setting, if it still works without the old settings.
    """
    found = places.get(name, ())
    text = None if any(one.within for one in found) else expression_of(found, otherwise)
    gone = {*THEIRS, _PACKAGE, "default_headers", "default_methods"}
    return text if text is not None and gone.isdisjoint(names_in(text)) else None


def _condition(name: str, places: Places) -> str | None:
    """
    Return the condition under which the setting *name* is set, if it is set in one place that has a condition.
    """
    found = places.get(name, ())
    if len(found) != 1 or not found[0].condition or found[0].how != "=":
        return None
    return expression_of([found[0]._replace(text="True")], "False")


def _of_process(name: str, places: Places) -> str:
    said = "; ".join(dict.fromkeys(one.text for one in places[name]))
    return f"{name} ({_shown(places[name])}) may differ in other processes, because the source says {said}."


def _take_expression(draft: Draft, keyword: str, name: str, value: Any, places: Places) -> None:  # noqa: ANN401 - anything
    """
    Write the expression of the source instead of *value*, which is already in *draft*, if it may differ in other
    processes.
    """
    if _is_fixed(places, name):
        return
    is_list = isinstance(value, list | tuple)
    expression = _expression(name, repr(_DEFAULTS[keyword]), places)
    if expression is None or not (is_list or draft.keywords.get(keyword) == value):
        draft.note(keyword, _of_process(name, places))
    elif is_list:
        draft.come_from(keyword, f"{name} ({_shown(places[name])})", value, expression)
    else:
        draft.sources[keyword] = expression
        draft.note(keyword, f"{name} ({_shown(places[name])}): this is {value!r} in this process.")


def _of_files(places: Places) -> list[str]:
    """
    Return the remarks that say in which file the translation belongs, and what has to be changed in other files.
    """
    module, _ = _module()
    homes = [_home(*home) for home in _homes(places)]
    within = (target := _target(places))[1]
    of = f" of {', '.join(homes)}" if homes else ""
    texts = [f"In place of the CORS_* settings{of}, at the end of {_home(*target)}. Each difference has its reason."]
    if within:
        texts.append("Indent it like the body of the class.")
    known = vars(sys.modules[module]) if module in sys.modules and _file_of(module) else {}
    unseen = [name for name in sorted(THEIRS) if name in known and name not in places]
    if unseen:
        texts.append(
            f"Set in a way that the source does not show: {', '.join(unseen)}. These are the values in this process, "
            "and may differ in others."
        )
    for setting in ("MIDDLEWARE", "INSTALLED_APPS"):
        if _is_elsewhere(setting, places):
            found = places[setting]
            of_class = f"class {found[-1].within} in " if found[-1].within else ""
            texts.append(f"The lines about {setting} belong where it is set: {of_class}{_shown(found)}.")
    return [*texts, *(_of_mentions(module, places) if module else ())]


def _of_mentions(module: str, places: Places) -> Iterator[str]:
    """
    Yield where the source uses names of django-cors-headers, except the settings that the translation replaces.
    """
    written = {(one.file, one.line) for of_name in places.values() for one in of_name}
    found = [one for one in mentions(files_of(module), THEIRS, _PACKAGE) if (one.file, one.line) not in written]
    others = [one for one in found if one.kind == "assigned" and (one.file, one.within) != _target(places)]
    named = [one for one in found if one.kind == "text" and one.name not in THEIRS]
    # A use inside another old setting disappears together with it, unless it is an import.
    uses = [one for one in found if one.kind != "assigned" and one not in named]
    uses = [one for one in uses if one.kind == "imported" or one.of not in THEIRS]
    if others:
        yield (
            f"These are CORS_* settings too, which {module} does not read or does not keep: {_listed(others)}. "
            "Nothing reads them next to CORSGUARD. Run this again with the settings module or class that reads them, "
            "and write the result there. Then delete them."
        )
    if named:
        yield (
            f"django-cors-headers is named here too: {_listed(named)}. Change that as well; for example, "
            "MIDDLEWARE.remove() raises ValueError once the name is not in the list."
        )
    if uses:
        yield (
            f"These use the old settings or django-cors-headers: {_listed(uses)}. Change them before you delete the "
            "settings and uninstall it, or they fail."
        )


def _listed(found: Iterable[Mention]) -> str:
    return _by_file(
        (one.file, f"line {one.line} ({one.name}{f' in class {one.within}' if one.within else ''})") for one in found
    )


def _never_answering() -> frozenset[str]:
    """
    Return the middlewares of Django that answer no request themselves.
    """
    redirects = getattr(settings, "SECURE_SSL_REDIRECT", False)
    return _WITHOUT_ANSWERS - ({"django.middleware.security.SecurityMiddleware"} if redirects else frozenset())


def _of_all() -> list[str]:
    """
    Return the differences that do not depend on the policy.
    """
    texts = ["Preflights are answered with 204, and preflights from other origins with 403. Both were 200."]
    texts += [f"{name}: {text}" for name, text in _GONE.items() if hasattr(settings, name)]
    if getattr(settings, "CORS_ALLOW_PRIVATE_NETWORK", False):
        texts.append(
            "CORS_ALLOW_PRIVATE_NETWORK: left out, because browsers now ask their users, and no header can grant it."
        )
    unknown = {name for name in dir(settings) if name.startswith("CORS_")} - THEIRS
    # The project's own name for a part of a setting.
    unknown -= {one.name for one in mentions(files_of(_module()[0]), unknown, _PACKAGE) if one.kind == "used"}
    if unknown:
        texts.append(f"{', '.join(sorted(unknown))}: unknown to django-cors-headers, so it had no effect.")
    texts += [f"{name} is a class of its own: what it changes is not read." for name in _derived()]
    if {GUARD, THEIR_GUARD, *_derived()}.isdisjoint(settings.MIDDLEWARE):
        texts.append(
            "MIDDLEWARE has no middleware of django-cors-headers, so these settings had no effect: what is printed "
            "here shares more than before."
        )
    before = [*takewhile(lambda name: THEIR_GUARD not in kinds_of(name), settings.MIDDLEWARE)]
    answering = [name for name in before if name not in {GUARD, *_never_answering()}]
    if answering and before != [*settings.MIDDLEWARE]:
        texts.append(
            f"{', '.join(answering)} came before django-cors-headers. Now the guard is first: it answers preflights "
            "before them, and their own answers get the headers of this policy, and no others."
        )
    connected = receivers()
    if connected:
        texts.append(
            f"check_request_enabled, with {', '.join(connected)}: no setting can replace a function. If it checks the "
            "origin, write an origin source (corsguard manual origins). If it checks the path, add the prefix under "
            '"paths" (corsguard manual policies). If it knows the view, write @cors above that (corsguard manual '
            "django)."
        )
    return texts
