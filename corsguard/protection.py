"""
May this request run at all? Total and pure: no string makes it raise, and no other code is asked.

CORS decides who may read a response. It does not stop a page from sending a form or opening a WebSocket: browsers do
both without asking a server first, and send the user's cookies. So this module decides whether a request may act, from
headers that no script can set (Fetch, "forbidden request-header"). CORS headers are not used. An origin is trusted if
the policy trusts it with credentials: there is no second list.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypedDict, cast

from .audience import is_plain_http
from .errors import PolicyError, Problem
from .fixes import Fix, already_there
from .mistakes import nearest_name
from .origin import DEFAULT_PORTS, NULL, Origin
from .policies import is_odd, problem_of_prefix
from .policy import Policy
from .quoting import kind_of, quoted, text_of

VerdictReason = Literal[
    "safe-method",
    "exempt",
    "trusted-origin",
    "same-origin",
    "user",
    "no-browser",
    "own-origin",
    "cross-site",
    "same-site",
    "unknown",
    "null-origin",
    "other-origin",
    "no-credentials",
    "malformed-origin",
]

# RFC 9110, 9.2.1, and QUERY, which is defined as safe. A request with any other method, even a misspelt one, may act.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})
# With methods="all" these are judged, too.
_READING_METHODS: Final = frozenset({"GET", "HEAD"})

_LONGEST_UPGRADE: Final = 256
# The body that refuses a WebSocket. It is the same for everyone, and no script can read it.
REFUSAL_BODY: Final = b"CORS: this origin may not open a WebSocket here.\n"
REFUSAL_HEADERS: Final = (("Content-Type", "text/plain"), ("Content-Length", str(len(REFUSAL_BODY))))

_EXEMPT_EXAMPLE: Final = ("/webhooks",)


class Verdict(NamedTuple):
    """
    Whether a request is *allowed* to run, and the *reason*. If *allowed* is None, it depends on the origin source of
    the policy, and *reason* counts if the source says no.
    """

    allowed: bool | None
    reason: VerdictReason


class Remedy(NamedTuple):
    """
    What a refusal *says* to its reader, and its *fix*.
    """

    says: str
    fix: str

    def __str__(self) -> str:
        return f"{self.says} Fix: {self.fix}"


_LIST_IT: Final = (
    "If the page is yours, list its origin in the policy of this path, with allow_credentials=True and this method in "
    "allow_methods. If other sites have to send this request, exempt the path."
)
# One for each reason of a refusal. These texts are sent, so they quote nothing of the request.
REMEDIES: Final[Mapping[VerdictReason, Remedy]] = MappingProxyType(
    {
        "cross-site": Remedy("The request comes from a page of another site.", _LIST_IT),
        "same-site": Remedy(
            "The request comes from another origin of the same site: a sibling, or another port.", _LIST_IT
        ),
        "unknown": Remedy(
            "The request has a value of Sec-Fetch-Site that is not in the standard.",
            "Let the proxy pass Sec-Fetch-Site on once and unchanged.",
        ),
        "null-origin": Remedy(
            "The Origin of the request is null. It comes from a page with Referrer-Policy: no-referrer on plain http, "
            "from a sandboxed frame, or after a redirect through another site.",
            "Serve the site over https, or its pages with Referrer-Policy: same-origin.",
        ),
        "other-origin": Remedy(
            "The Origin of the request is not the origin of this server according to Host, and the policy does not "
            "trust it.",
            f"If a proxy changes Host, let it pass Host on (nginx: proxy_set_header Host $host). {_LIST_IT}",
        ),
    }
)

_SAFE: Final = Verdict(allowed=True, reason="safe-method")
_EXEMPT: Final = Verdict(allowed=True, reason="exempt")
_TRUSTED: Final = Verdict(allowed=True, reason="trusted-origin")
_SAME_ORIGIN: Final = Verdict(allowed=True, reason="same-origin")
_NO_BROWSER: Final = Verdict(allowed=True, reason="no-browser")
_OWN: Final = Verdict(allowed=True, reason="own-origin")
_NULL_ORIGIN: Final = Verdict(allowed=False, reason="null-origin")
_OTHER: Final = Verdict(allowed=False, reason="other-origin")
_MALFORMED: Final = Verdict(allowed=False, reason="malformed-origin")
_UNKNOWN: Final = Verdict(allowed=False, reason="unknown")
# Fetch Metadata, "Sec-Fetch-Site". `none` means that the user, or the browser itself, started the request.
_BY_SITE: Final[Mapping[object, Verdict]] = {
    "same-origin": _SAME_ORIGIN,
    "none": Verdict(allowed=True, reason="user"),
    "cross-site": Verdict(allowed=False, reason="cross-site"),
    "same-site": Verdict(allowed=False, reason="same-site"),
}


class ProtectionKeywords(TypedDict, total=False):
    """
    The keywords of CrossOriginProtection, for settings and files.
    """

    mode: Literal["enforce", "report"]
    exempt: Collection[str]
    methods: Literal["unsafe", "all"]


# Checked at run time, because a file and a setting may contain anything.
_OFF: Final = frozenset({"0", "disabled", "false", "no", "none", "off"})
_NO_PROTECTION: Final = Fix(words="leave the protection out, if you want none")
_OR_A_MODE: Final = (
    Fix(words="or, to refuse nothing and record what would be refused", entries=("report",)),
    Fix(words="or, to refuse it", entries=("enforce",)),
)
_WORDS: Final = {"mode": ("enforce", "report"), "methods": ("unsafe", "all")}
_KEYWORDS: Final = ("mode", "exempt", "methods")


@dataclass(frozen=True, kw_only=True)
class CrossOriginProtection:
    """
    Refuses requests with which an untrusted page could act. Every carrier takes it as `protection`. Immutable.

    *mode*: `"enforce"` answers such requests with 403, and the application does not run. `"report"` lets them run, and
    only records what would be refused.
    *exempt*: path prefixes that are not judged, such as those of webhooks that browsers send: whole segments, compared
    with the path as the application sees it. A path that can be read in several ways is never exempt.
    *methods*: `"unsafe"` judges all methods except GET, HEAD, OPTIONS, TRACE and QUERY. `"all"` judges GET and HEAD
    too, by their `Origin`, as the Model Context Protocol demands of servers.

    Raises PolicyError with every problem at once.
    """

    mode: Literal["enforce", "report"] = "enforce"
    exempt: Collection[str] = ()
    methods: Literal["unsafe", "all"] = "unsafe"
    # The methods that are not judged.
    unjudged: frozenset[str] = field(init=False, repr=False, compare=False)
    _below: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = _problems_of({name: getattr(self, name) for name in _KEYWORDS})
        if problems:
            raise PolicyError(problems)
        # The only place where the frozen object gets its values.
        object.__setattr__(self, "exempt", tuple(self.exempt))
        object.__setattr__(self, "unjudged", SAFE_METHODS - (_READING_METHODS if self.methods == "all" else set()))
        object.__setattr__(self, "_below", tuple(f"{prefix}/" for prefix in self.exempt))

    @classmethod
    def of(cls, given: "ProtectionLike | Mapping[str, Any]") -> "CrossOriginProtection":
        """
        Return *given* itself if it is a CrossOriginProtection, otherwise build one from the mapping *given*.

        Raises PolicyError with every problem at once, unknown keys included.
        """
        value = cast("object", given)
        if isinstance(value, CrossOriginProtection):
            return value
        if not isinstance(value, Mapping):
            what = "a CrossOriginProtection or a mapping of its keywords"
            fix = _meant_instead_of(value)
            raise PolicyError([Problem.of("E806", "protection", value, fix, what=what, kind=kind_of(value))])
        keywords: Mapping[Any, Any] = value
        known = {name: keywords[name] for name in _KEYWORDS if name in keywords}
        unknown = [key for key in keywords if key not in known]
        problems = [*(_unknown(key, known) for key in unknown), *_problems_of(known)]
        if problems:
            raise PolicyError(problems)
        return cls(**known)

    def lets_act(self, environ: Mapping[str, Any]) -> bool:
        """
        Return whether the request that *environ* describes may run under any policy. Most may, because they come from
        the site itself or not from a browser.

        For a carrier's short path. All others need `judge`.
        """
        if self.methods == "all":
            # GET and HEAD are judged by `Origin` alone.
            return False
        if "HTTP_SEC_FETCH_SITE" in environ:
            return bool(environ["HTTP_SEC_FETCH_SITE"] == "same-origin")
        return "HTTP_ORIGIN" not in environ or _judge_origin(environ) is _OWN

    def judge(self, policy: Policy | None, environ: Mapping[str, Any], path: str) -> Verdict:
        """
        Return the Verdict about the request that *environ* describes. *path* is the path below the application, decoded
        once, and *policy* the policy of that path. Never raises.
        """
        method = _method_of(environ)
        if method in self.unjudged and not is_handshake(environ):
            return _SAFE
        if self._below and self.exempts(path):
            return _EXEMPT
        is_read = method in _READING_METHODS and not is_handshake(environ)
        return _judge_reading(policy, environ) if is_read else judge(policy, environ)

    def exempts(self, path: str) -> bool:
        """
        Return whether *path* is below an exempt prefix in all its readings.
        """
        return f"/{path.removeprefix('/')}/".startswith(self._below) and not is_odd(path)


# What every carrier takes.
ProtectionLike = CrossOriginProtection | ProtectionKeywords


def judge(policy: Policy | None, environ: Mapping[str, Any]) -> Verdict:
    """
    Return whether the request that *environ* describes may run, under the *policy* of its path. None trusts no origin.

    Reads `REQUEST_METHOD`, `HTTP_ORIGIN`, `HTTP_SEC_FETCH_SITE`, `HTTP_HOST`, `wsgi.url_scheme` and `HTTP_UPGRADE`.
    Safe methods may run (RFC 9110, 9.2.1); a WebSocket handshake is for `judge_handshake`. An origin that the policy
    covers is trusted if the policy has credentials and lists the method. Otherwise Sec-Fetch-Site, which the browser
    sends, decides (Fetch Metadata). Without it, `Origin` has to be the origin of the request itself. A client that
    sends neither is not a browser. Never raises.
    """
    method = _method_of(environ)
    if method in SAFE_METHODS:
        return judge_handshake(policy, environ) if is_handshake(environ) else _SAFE
    trusted: bool | None = False
    if policy is not None and "HTTP_ORIGIN" in environ and method in policy.trusted_methods:
        trusted = _trusts(policy, environ["HTTP_ORIGIN"])
        if trusted:
            return _TRUSTED
    if "HTTP_SEC_FETCH_SITE" in environ:
        site = environ["HTTP_SEC_FETCH_SITE"]
        verdict = _BY_SITE.get(site, _UNKNOWN) if isinstance(site, str) else _UNKNOWN
    elif "HTTP_ORIGIN" not in environ:
        return _NO_BROWSER
    else:
        verdict = _judge_origin(environ)
    return Verdict(None, verdict.reason) if trusted is None and not verdict.allowed else verdict


def _method_of(environ: Mapping[str, Any]) -> str:
    # A value that is not a string is not a method, and may not be hashable.
    method = environ.get("REQUEST_METHOD")
    return method if isinstance(method, str) else ""


def _judge_reading(policy: Policy | None, environ: Mapping[str, Any]) -> Verdict:
    """
    Return the Verdict about a GET or HEAD. It is allowed if `Origin` is absent, the server's own, or shared with by the
    policy.
    """
    if "HTTP_ORIGIN" not in environ:
        return _SAFE
    origin = environ["HTTP_ORIGIN"]
    covered = policy.audience.covers(origin) if policy is not None and isinstance(origin, str) else False
    if covered:
        return _TRUSTED
    verdict = _judge_origin(environ)
    return Verdict(None, verdict.reason) if covered is None and not verdict.allowed else verdict


def _judge_origin(environ: Mapping[str, Any]) -> Verdict:
    origin, host = environ["HTTP_ORIGIN"], environ.get("HTTP_HOST")
    if origin == NULL:
        return _NULL_ORIGIN
    # Parsing an origin is the slowest step, and other origins usually have another host.
    if not isinstance(origin, str) or not isinstance(host, str) or host.lower().partition(":")[0] not in origin:
        return _OTHER
    parsed = Origin.parse(origin)
    return _OWN if parsed is not None and is_own_origin(parsed, environ) else _OTHER


def _trusts(policy: Policy | None, origin: object) -> bool | None:
    """
    Return whether *policy* lets pages of *origin* act with the user's cookies. None if its source has to be asked.

    A policy without credentials, which `"*"` never has, only says who may read public data. Any site can send `null`.
    """
    if policy is None or not policy.allow_credentials or not isinstance(origin, str) or origin == NULL:
        return False
    return policy.audience.covers(origin)


def missing_trust(policy: Policy | None, environ: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the keywords that *policy* needs to trust the `Origin` of *environ*, if the policy covers it. For people, not
    on the request path.
    """
    origin, method = environ.get("HTTP_ORIGIN"), environ.get("REQUEST_METHOD")
    parsed = Origin.parse(origin) if isinstance(origin, str) else None
    if policy is None or parsed is None or policy.audience.is_everyone or not policy.audience.covers(str(parsed)):
        return {}
    # A policy with credentials would refuse plain http.
    if not policy.allow_credentials and is_plain_http(parsed):
        return {}
    lacking: dict[str, Any] = {} if policy.allow_credentials else {"allow_credentials": True}
    # "*" is not possible together with credentials.
    methods = () if policy.allow_methods == "*" else policy.allow_methods
    if method not in methods and not is_handshake(environ):
        lacking["allow_methods"] = [*methods, method]
    return lacking


def _problems_of(keywords: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    for name, words in _WORDS.items():
        value = keywords.get(name, words[0])
        # Compared as text, because the value may define its own `__eq__`.
        if text_of(value) not in words:
            what = " or ".join(f'"{word}"' for word in words)
            fix = Fix(entries=(nearest_name(text_of(value) or "", words) or words[0],))
            if name == "mode" and (text_of(value) or quoted(value)).lower() in _OFF:
                fix = replace(_NO_PROTECTION, otherwise=_OR_A_MODE)
            problems.append(Problem.of("E806", name, value, fix, what=what, kind=kind_of(value)))
    exempt = keywords.get("exempt", ())
    if not isinstance(exempt, list | tuple | set | frozenset):
        near = [exempt] if problem_of_prefix(exempt) is None and exempt != "/" else [*_EXEMPT_EXAMPLE]
        what = "a list of path prefixes"
        return [*problems, Problem.of("E806", "exempt", exempt, Fix(entries=(near,)), what=what, kind=kind_of(exempt))]
    for prefix in cast("Collection[object]", exempt):
        problem = problem_of_prefix(prefix, "exempt")
        if problem is None and prefix == "/":
            problem = Problem.of("E807", "exempt", prefix, Fix(entries=_EXEMPT_EXAMPLE))
        problems += [] if problem is None else [problem]
    return problems


def _meant_instead_of(value: object) -> Fix:
    """
    Return the protection that *value* means, such as True or `"report"`. If that is not clear, return the strict one.
    """
    word = (text_of(value) or quoted(value)).lower()
    if word in _OFF:
        return _NO_PROTECTION
    return Fix(entries=({"mode": nearest_name(word, _WORDS["mode"]) or _WORDS["mode"][0]},))


def _unknown(key: object, known: Collection[str]) -> Problem:
    name = text_of(key)
    near = None if name is None else nearest_name(name, _KEYWORDS)
    fix = Fix(removes=True, words=f"or write one of {', '.join(_KEYWORDS)}")
    if near is not None:
        fix = already_there(near) if near in known else Fix(name=near)
    return Problem.of("E812", name or quoted(key), key, fix)


def is_handshake(environ: Mapping[str, Any]) -> bool:
    """
    Return whether *environ* describes a WebSocket handshake (RFC 6455, 4.2.1).
    """
    upgrade = environ.get("HTTP_UPGRADE")
    if not isinstance(upgrade, str) or environ.get("REQUEST_METHOD") != "GET":
        return False
    # Longer lists do not occur. If one does, count it as a handshake, because a server might find the word in it.
    return len(upgrade) > _LONGEST_UPGRADE or "websocket" in (name.strip() for name in upgrade.lower().split(","))


def judge_handshake(policy: Policy | None, environ: Mapping[str, Any]) -> Verdict:
    """
    Return whether the WebSocket handshake that *environ* describes may continue, under the *policy* of its path.

    Reads `HTTP_ORIGIN`, `HTTP_SEC_FETCH_SITE`, `HTTP_HOST` and `wsgi.url_scheme`. Every handshake of a browser has an
    `Origin` and carries cookies. So an origin that the policy covers is let in only if the policy has credentials,
    which `"*"` never has. Without a policy, only pages of the server's own origin and clients that are not browsers are
    let in.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if "HTTP_ORIGIN" not in environ:
        if site is None:
            return _NO_BROWSER
        # Something on the way removed Origin. Sec-Fetch-Site still tells where the page is from.
        return _SAME_ORIGIN if site == "same-origin" else _OTHER
    origin = environ["HTTP_ORIGIN"]
    parsed = Origin.parse(origin) if isinstance(origin, str) else None
    if parsed is None and origin != NULL:
        return _MALFORMED
    trusted = _trusts(policy, origin)
    if trusted:
        return _TRUSTED
    if site == "same-origin":
        return _SAME_ORIGIN
    if parsed is not None and is_own_origin(parsed, environ):
        return _OWN
    if trusted is None:
        return Verdict(allowed=None, reason="other-origin")
    return Verdict(allowed=False, reason="no-credentials") if missing_trust(policy, environ) else _OTHER


def is_own_origin(origin: Origin, environ: Mapping[str, Any]) -> bool:
    """
    Return whether *origin* is the origin of the request itself: host and port are those of `Host`.

    https in *origin* and http in the request means that a proxy ends TLS. The opposite is refused, because anyone on
    the network may have written the page. The server itself has to check that `Host` is one of its names.
    """
    default, host = DEFAULT_PORTS.get(origin.scheme), environ.get("HTTP_HOST")
    if origin.scheme not in ("http", "https") or not isinstance(host, str):
        return False
    if origin.scheme == "http" and environ.get("wsgi.url_scheme") == "https":
        return False
    port = default if origin.port is None else origin.port
    return host.lower() in (f"{origin.host}:{port}", *([origin.host] if port == default else []))
