"""
The messages of `manage.py check`: every problem and warning of the policies, and settings that prevent them from
working.

Problems and warnings have the ids of the engine's rules (`corsguard.E201`). Each mistake that is possible only in
Django is one row of RULES. The README's table and the tests are made from these rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.urls import get_resolver
from django.utils.http import is_same_domain

from corsguard import CrossOriginProtection, Fix, OriginPattern, Policy, PolicyError, Problem
from corsguard.adapters import Rule, are_same_site, misplaced_tags, name_of, nearest_name, tag_of

from .conf import PROTECTION, SETTING, WEBSOCKETS, protection_setting, read_settings, websockets_setting
from .middleware import View, views_of
from .predecessor import GUARD, LEFT_OVER, MOVING, THEIR_GUARD, THEIRS, TWO_LAYERS, kinds_of, left_over, two_layers

_SECURITY: Final = "django.middleware.security.SecurityMiddleware"
# The module in which Django REST framework has `@api_view`.
_MAKES_VIEWS: Final = "rest_framework.decorators"
_MOST_QUOTED: Final = 30
# How similar the name of a setting and its misspelling are. Many settings reach 0.7 only because of their common
# prefix.
_MISSPELT: Final = 0.85
_ON_THE_CLASS: Final = Fix(words='@method_decorator(cors(...), name="dispatch")  # on the class')
_ABOVE: Final = Fix(words="@cors(...)  # above @api_view, which makes the view")
_ADD: Final = Fix(words=f'MIDDLEWARE = ["{GUARD}", *MIDDLEWARE]  # at the end of the settings')
_FIRST: Final = Fix(words=f'MIDDLEWARE = ["{GUARD}", *(name for name in MIDDLEWARE if name != "{GUARD}")]')

# *example* is a Python expression: settings that break this rule and no other.
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "E901": Rule(
            "@cors is on {place}, not on the view. It has no effect there, so the view shares nothing.",
            "corsguard looks for the tag on the view only. The browser refuses every page of another origin.",
            'Write `@method_decorator(cors(...), name="dispatch")` on the class, and `@cors(...)` above `@api_view`.',
            '{"ROOT_URLCONF": misplaced_urls}',
        ),
        "E902": MOVING,
        "E903": TWO_LAYERS,
        "W901": Rule(
            "The middleware is not in MIDDLEWARE, so nothing is shared.",
            "Responses have no CORS headers, so the browser refuses every page of another origin.",
            'Write `MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]`.',
            '{"MIDDLEWARE": []}',
        ),
        "W902": Rule(
            "{before} comes before the CORS middleware: {consequence}.",
            (
                "Some responses have no CORS headers, or the wrong ones. The browser hides them from the page, which "
                "only sees a failed request."
            ),
            'Put `"corsguard_django.middleware.CORSMiddleware"` first in `MIDDLEWARE`.',
            '{"MIDDLEWARE": ["django.middleware.common.CommonMiddleware", '
            '"corsguard_django.middleware.CORSMiddleware"]}',
        ),
        "W903": Rule(
            "The middleware is listed {count} times in MIDDLEWARE. It has to be listed once, as the first entry.",
            "The other entries change nothing, and cost time on each request.",
            'Keep one `"corsguard_django.middleware.CORSMiddleware"`, as the first entry of `MIDDLEWARE`.',
            '{"MIDDLEWARE": 2 * ["corsguard_django.middleware.CORSMiddleware"]}',
        ),
        "W904": Rule(
            "CSRF_TRUSTED_ORIGINS does not have these origins, which a policy with credentials allows: {origins}. So "
            "Django's CSRF protection answers their unsafe requests with 403.",
            (
                "Pages of these origins can read, but they cannot save anything: Django refuses their POST, PUT, "
                "PATCH and DELETE requests."
            ),
            'Add the origins: `CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]`.',
            '{"CORSGUARD": {"allow_origins": ["https://app.example.com"], "allow_credentials": True}}',
        ),
        "W905": Rule(
            "{origin} does not share a site with any host in ALLOWED_HOSTS. From its pages, browsers send the "
            "{cookie} cookie only if it is SameSite=None and Secure. So the credentials that the policy allows will "
            "be missing.",
            (
                "Without the session cookie, Django sees a visitor who is not logged in. Without the CSRF cookie, it "
                "refuses to save anything."
            ),
            (
                'Write `SESSION_COOKIE_SAMESITE = "None"` and `SESSION_COOKIE_SECURE = True`, '
                "and the same for the `CSRF_COOKIE_` settings."
            ),
            '{"CORSGUARD": {"allow_origins": ["https://app.example.org"], "allow_credentials": True}, '
            '"CSRF_TRUSTED_ORIGINS": ["https://app.example.org"], "ALLOWED_HOSTS": ["api.example.com"], '
            '"MIDDLEWARE": ["corsguard_django.middleware.CORSMiddleware", '
            '"django.contrib.sessions.middleware.SessionMiddleware"]}',
        ),
        "W906": Rule(
            "CSRF_TRUSTED_ORIGINS has origins that no policy with credentials allows: {origins}. Django would accept "
            "their unsafe requests, but CORSGUARD_PROTECTION refuses them.",
            (
                "Protection takes its list of trusted origins from the policies. A page of one of these origins sends "
                "its form, and gets 403."
            ),
            (
                "Allow the origins in the policy of the paths that they send to, with `allow_credentials: True`, or "
                "remove them from `CSRF_TRUSTED_ORIGINS`."
            ),
            '{"CORSGUARD": {"allow_origins": ["https://app.example.com"]}, "CORSGUARD_PROTECTION": {}, '
            '"CSRF_TRUSTED_ORIGINS": ["https://partner.example.com"]}',
        ),
        "W907": Rule(
            'SECURE_REFERRER_POLICY is "no-referrer", so pages of this site send "Origin: null" with their own forms. '
            "Django's CSRF protection answers them with 403. On plain http, CORSGUARD_PROTECTION does the same.",
            "Your users cannot send any form of your own site, such as the login form or the admin.",
            'Write `SECURE_REFERRER_POLICY = "same-origin"`, which is the default of Django.',
            '{"CORSGUARD_PROTECTION": {}, "SECURE_REFERRER_POLICY": "no-referrer", '
            '"MIDDLEWARE": ["corsguard_django.middleware.CORSMiddleware", '
            '"django.middleware.security.SecurityMiddleware"]}',
        ),
        "W908": LEFT_OVER,
        "W909": Rule(
            "Nothing reads the setting {name}. It is probably a misspelling of {meant}.",
            "Django accepts a setting with any name. A misspelt one has no effect, and nobody notices.",
            "Correct the spelling, such as `CORSGUARD` for `CORS_GUARD`.",
            '{"CORS_GUARD": {"allow_origins": ["https://app.example.com"]}}',
        ),
    }
)

_MAY_ANSWER: Final = (
    "it may answer requests and preflights itself, and these answers do not have the headers of the policy"
)
_REPLACES_404: Final = "its answer in place of a 404 does not have the headers of the policy"

# The effect of each middleware before the guard. None if it does not answer or rebuild a response, or has its own rule.
# Answers from `process_view` (CSRF, login required) do not count, because Django sends them through all middlewares.
_BEFORE: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        THEIR_GUARD: None,
        "django.contrib.admindocs.middleware.XViewMiddleware": None,
        "django.contrib.auth.middleware.AuthenticationMiddleware": None,
        "django.contrib.auth.middleware.LoginRequiredMiddleware": None,
        "django.contrib.auth.middleware.PersistentRemoteUserMiddleware": None,
        "django.contrib.auth.middleware.RemoteUserMiddleware": None,
        "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware": _REPLACES_404,
        "django.contrib.messages.middleware.MessageMiddleware": None,
        "django.contrib.redirects.middleware.RedirectFallbackMiddleware": _REPLACES_404,
        "django.contrib.sessions.middleware.SessionMiddleware": (
            "the 400 for a session that was deleted during the request does not have the headers of the policy"
        ),
        "django.contrib.sites.middleware.CurrentSiteMiddleware": None,
        "django.middleware.cache.CacheMiddleware": (
            "its answers from the cache have the headers of the policy at the time when they were stored"
        ),
        "django.middleware.cache.FetchFromCacheMiddleware": (
            "its answers from the cache have the headers of the policy at the time when they were stored"
        ),
        "django.middleware.cache.UpdateCacheMiddleware": (
            "it stores responses with the headers of the policy, once for each origin"
        ),
        "django.middleware.clickjacking.XFrameOptionsMiddleware": None,
        "django.middleware.common.BrokenLinkEmailsMiddleware": None,
        "django.middleware.common.CommonMiddleware": (
            "its redirects (APPEND_SLASH, PREPEND_WWW), its 403 (DISALLOWED_USER_AGENTS) and its 400 (ALLOWED_HOSTS) "
            "do not have the headers of the policy, and a redirected preflight fails"
        ),
        "django.middleware.csp.ContentSecurityPolicyMiddleware": None,
        "django.middleware.csrf.CsrfViewMiddleware": None,
        "django.middleware.gzip.GZipMiddleware": None,
        "django.middleware.http.ConditionalGetMiddleware": (
            "the 304 that it builds keeps Cache-Control, Content-Location, Date, ETag, Expires, Last-Modified and "
            "Vary, but not the headers of the policy"
        ),
        "django.middleware.locale.LocaleMiddleware": (
            "its redirects to a language do not have the headers of the policy"
        ),
        "django.middleware.security.SecurityMiddleware": (
            "its redirect to https (SECURE_SSL_REDIRECT) does not have the headers of the policy, and a redirected "
            "preflight fails"
        ),
        "whitenoise.middleware.WhiteNoiseMiddleware": "it answers static files itself, with its own CORS headers",
    }
)


@register(Tags.security)
def check_policies(**_: object) -> list[CheckMessage]:
    """
    Report every problem and warning of the policies of CORSGUARD and of the views in the URLconf.
    """
    return [*map(_message, _of_policies())]


@register(Tags.security)
def check_names(**_: object) -> list[CheckMessage]:
    """
    Report settings whose names are probably misspellings of ours, or of those of django-cors-headers.
    """
    return [*map(_message, _of_names())]


@register(Tags.security)
def check_predecessor(**_: object) -> list[CheckMessage]:
    """
    Report remaining settings and middleware of django-cors-headers.
    """
    return [*map(_message, _of_predecessor())]


@register(Tags.security)
def check_middleware(**_: object) -> list[CheckMessage]:
    """
    Report a middleware that is missing, or not in the first place.
    """
    return [*map(_message, _of_middleware())]


@register(Tags.security)
def check_credentials(**_: object) -> list[CheckMessage]:
    """
    Report settings that stop the credentials that policies allow from being sent or accepted.

    The origins of an origin source cannot be listed, so they are not checked.
    """
    return [*map(_message, _of_credentials())]


@register(Tags.security)
def check_protection(**_: object) -> list[CheckMessage]:
    """
    Report contradictions between CORSGUARD_PROTECTION and Django's own CSRF protection.
    """
    return [*map(_message, _of_protection())]


def problems() -> tuple[Problem, ...]:
    """
    Return everything that the checks find, as data. The *field* of each problem names the setting or the view.
    """
    return (
        *_of_policies(),
        *_of_names(),
        *_of_predecessor(),
        *_of_middleware(),
        *_of_credentials(),
        *_of_protection(),
    )


def _message(problem: Problem) -> CheckMessage:
    kind = Error if problem.is_error else Caution
    return kind(problem.message, hint=str(problem.fix), obj=problem.field, id=f"corsguard.{problem.code}")


def _of_rule(code: str, field: str, fix: Fix, **blanks: object) -> Problem:
    return Problem(code, field, None, RULES[code].message.format(**blanks), fix)


def _of_policies() -> Iterator[Problem]:
    # First, because importing a URLconf may connect receivers to the signal of django-cors-headers.
    views = [*_views()]
    try:
        found = [warning for policy in read_settings().named.values() for warning in policy.warnings]
    except PolicyError as error:
        found = [*error.problems]
    yield from (_within(SETTING, problem) for problem in found)
    for setting, read in ((WEBSOCKETS, websockets_setting), (PROTECTION, protection_setting)):
        try:
            read()
        except PolicyError as error:
            yield from (replace(problem, field=setting) for problem in error.problems)
    # Routers and URLconfs serve one view at many URLs.
    yield from dict.fromkeys(problem for view in views for problem in _of_view(view))


def _of_view(view: View) -> Iterator[Problem]:
    name = name_of(view)
    misplaced = misplaced_tags(view)
    if misplaced:
        cls = getattr(view, "cls", None)
        is_function = getattr(getattr(cls, misplaced[0], None), "__module__", None) == _MAKES_VIEWS
        place = "the function below @api_view" if is_function else f"a handler method ({', '.join(misplaced)})"
        yield _of_rule("E901", name, _ABOVE if is_function else _ON_THE_CLASS, place=place)
    elif (tag := tag_of(view)) is not None and isinstance(tag.policy, Policy):
        yield from (_within(name, warning) for warning in tag.policy.warnings)


def _of_names() -> Iterator[Problem]:
    names = {*dir(settings)}
    # If CORSGUARD is set, such a name is probably the project's own setting, from which CORSGUARD is made.
    ours = {SETTING, WEBSOCKETS, PROTECTION}
    theirs = THEIRS if SETTING not in names else frozenset[str]()
    for name in sorted(names - ours - THEIRS):
        meant = nearest_name(name, ours | theirs if name.startswith("CORS_") else ours, _MISSPELT)
        if meant is not None:
            yield _of_rule("W909", name, Fix(name=meant), name=name, meant=meant)


def _within(place: str, problem: Problem) -> Problem:
    return replace(problem, field=f"{place}: {problem.field}" if problem.field else place)


def _of_predecessor() -> Iterator[Problem]:
    if (problem := two_layers()) is not None:
        yield problem
    if left_over() is not None:
        # Loaded only if there is something to move.
        from .translation import places_of_settings

        problem = left_over(places_of_settings())
        yield from () if problem is None else (problem,)


def _of_middleware() -> Iterator[Problem]:
    kinds = {path: kinds_of(path) for path in settings.MIDDLEWARE}
    guards = [path for path in settings.MIDDLEWARE if GUARD in kinds[path]]
    if not guards:
        yield _of_rule("W901", "MIDDLEWARE", _ADD)
        return
    if len(guards) > 1:
        yield _of_rule("W903", "MIDDLEWARE", _FIRST, count=len(guards))
    for path in settings.MIDDLEWARE[: settings.MIDDLEWARE.index(guards[0])]:
        consequence = next((_BEFORE[kind] for kind in kinds[path] if kind in _BEFORE), _MAY_ANSWER)
        if consequence is not None:
            yield _of_rule("W902", path, _FIRST, before=path, consequence=consequence)


def _of_credentials() -> Iterator[Problem]:
    patterns = [*_patterns_with_credentials()]
    distrusted = [pattern for pattern in patterns if not _is_trusted(pattern)]
    if distrusted:
        trusted = [*dict.fromkeys([*settings.CSRF_TRUSTED_ORIGINS, *map(_as_django_writes, distrusted)])]
        named = ", ".join(map(str, distrusted[:_MOST_QUOTED]))
        more = len(distrusted) - _MOST_QUOTED
        origins = f"{named} and {more} more" if more > 0 else named
        fix = Fix(words=f"CSRF_TRUSTED_ORIGINS = {trusted}  # Django knows one wildcard, a leading `*.`")
        yield _of_rule("W904", "CSRF_TRUSTED_ORIGINS", fix, origins=origins)
    hosts = settings.ALLOWED_HOSTS
    if hosts and "*" not in hosts:
        ours = [host.lower().removeprefix(".") for host in hosts]
        foreign = [pattern for pattern in patterns if not any(are_same_site(pattern.base, host) for host in ours)]
        for prefix, cookie in _cookies_not_sent() if foreign else ():
            field = f"{prefix}_COOKIE_SAMESITE"
            fix = Fix(words=f'{field} = "None"; {prefix}_COOKIE_SECURE = True')
            yield _of_rule("W905", field, fix, origin=foreign[0], cookie=cookie)


def _of_protection() -> Iterator[Problem]:
    if not _is_protected():
        return
    audiences = [policy.audience for policy in _policies() if policy.allow_credentials]
    # None means a source, which may allow it.
    foreign = [
        entry
        for entry in settings.CSRF_TRUSTED_ORIGINS
        if not any(all(audience.covers(sample) is not False for sample in _samples(entry)) for audience in audiences)
    ]
    if foreign:
        fix = Fix(policy={"allow_origins": foreign, "allow_credentials": True})
        yield _of_rule("W906", "CSRF_TRUSTED_ORIGINS", fix, origins=", ".join(foreign[:_MOST_QUOTED]))
    in_use = {kind for path in settings.MIDDLEWARE for kind in kinds_of(path)}
    sent: object = settings.SECURE_REFERRER_POLICY
    policies = sent.split(",") if isinstance(sent, str) else [*cast("Iterable[str]", sent or ())]
    # If there are several, a browser uses the last one that it knows.
    if _SECURITY in in_use and policies and policies[-1].strip() == "no-referrer":
        fix = Fix(words='SECURE_REFERRER_POLICY = "same-origin"')
        yield _of_rule("W907", "SECURE_REFERRER_POLICY", fix)


def _is_protected() -> bool:
    try:
        return protection_setting() is not None or isinstance(read_settings().table.protection, CrossOriginProtection)
    except PolicyError:
        # Reported by check_policies.
        return False


def _samples(entry: str) -> tuple[str, ...]:
    """
    Return origins that have only *entry* of CSRF_TRUSTED_ORIGINS in common.
    """
    try:
        return tuple(map(str, OriginPattern.parse(entry).samples()))
    except ValueError:
        return (entry,)


def _views() -> Iterator[View]:
    if getattr(settings, "ROOT_URLCONF", None):
        for view in views_of(get_resolver()):
            if view is not None:
                yield view


def _patterns_with_credentials() -> Iterator[OriginPattern]:
    policies = _policies()
    yield from dict.fromkeys(pattern for policy in policies if policy.allow_credentials for pattern in policy.patterns)


def _policies() -> list[Policy]:
    """
    Return the policies of the settings and of the views.
    """
    try:
        policies = [*read_settings().named.values()]
    except PolicyError:
        # Reported by check_policies.
        policies = []
    tags = (tag_of(view) for view in _views())
    return [*policies, *(tag.policy for tag in tags if tag is not None and isinstance(tag.policy, Policy))]


def _is_trusted(pattern: OriginPattern) -> bool:
    """
    Return whether CSRF_TRUSTED_ORIGINS, as CsrfViewMiddleware reads it, covers everything that *pattern* covers.
    """
    return all(
        any(_trusts(entry, str(sample)) for entry in settings.CSRF_TRUSTED_ORIGINS) for sample in pattern.samples()
    )


def _trusts(entry: str, origin: str) -> bool:
    if "*" not in entry:
        return entry == origin
    trusted, sent = urlsplit(entry), urlsplit(origin)
    return trusted.scheme == sent.scheme and is_same_domain(sent.netloc, trusted.netloc.lstrip("*"))


def _as_django_writes(pattern: OriginPattern) -> str:
    host = f"*.{pattern.base}" if "*" in pattern.host else pattern.host
    return str(OriginPattern(pattern.scheme, host, None if pattern.port == "*" else pattern.port))


def _cookies_not_sent() -> Iterator[tuple[str, str]]:
    in_use = {kind for path in settings.MIDDLEWARE for kind in kinds_of(path)}
    cookies = [("SESSION", "session", "django.contrib.sessions.middleware.SessionMiddleware")]
    if not settings.CSRF_USE_SESSIONS:
        cookies.append(("CSRF", "CSRF", "django.middleware.csrf.CsrfViewMiddleware"))
    for prefix, name, middleware in cookies:
        same_site = getattr(settings, f"{prefix}_COOKIE_SAMESITE")
        travels = str(same_site or "").lower() == "none" and getattr(settings, f"{prefix}_COOKIE_SECURE")
        if middleware in in_use and not travels:
            yield prefix, name
