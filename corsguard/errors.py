"""
What can be wrong with a policy, as data.

Every refusal (`E...`) and every warning (`W...`) is one row of RULES: the message, why it is bad, what to write
instead, and a configuration that shows it. The README's tables, the Django checks and the tests are made from these
rows. A module that finds a fault names its code and gives its Fix. All messages are written here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, cast

from .fixes import Fix
from .names import CHROMIUM_MAX_AGE, EXAMPLE_ORIGIN, FIREFOX_MAX_AGE, SAFARI_MAX_AGE
from .quoting import printable, quoted, repr_of, text_of

_LONGEST_INTEGER: Final = 1024  # bits
_MOST_PROBLEMS_PRINTED: Final = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One thing that can be wrong: its message, why it is bad, and what to write instead.

    All printed codes have this shape: those of policies, Django checks and audits, and the reasons of browsers.
    *message* is a format string. *example* breaks this rule and no other; in RULES it is a Python expression.
    """

    message: str
    why: str
    instead: str
    example: Any


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        # What a list is.
        "E101": Rule(
            "No origins are given, so no page could read anything. There is no default.",
            (
                "Without an allowed origin, the browser refuses every page of another origin. A default would be a "
                "guess about who may read your data."
            ),
            f'Write `allow_origins=["{EXAMPLE_ORIGIN}"]`, with the origins of your pages.',
            "Policy()",
        ),
        "E102": Rule(
            "Expected a list of strings, got the string {value}. Python would read it letter by letter.",
            (
                "A string is also a sequence of characters. Each character would become an entry, and the entry that "
                "you want would be missing."
            ),
            f'Put the string into a list: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
            'Policy(allow_origins="https://app.example.com")',
        ),
        "E103": Rule(
            "Expected a list, tuple, set or frozenset of strings, got {value} ({kind}).",
            (
                "A policy must not change after it is built. A generator or a view of a dict can be empty or "
                "different the next time it is read."
            ),
            'Write a list of strings, such as `["Content-Type"]`, or put `list(...)` around the value.',
            'Policy(allow_origins={"https://app.example.com": True}.keys())',
        ),
        "E104": Rule(
            "Expected a string, got {value} ({kind}).",
            (
                "Browsers send and compare text. An entry that is not a string would never match. It often comes from "
                "a setting that is missing."
            ),
            f'Write each entry as a string, such as `"{EXAMPLE_ORIGIN}"`, or remove it.',
            'Policy(allow_origins=["https://app.example.com", None])',
        ),
        "E105": Rule(
            'Expected the string "*" or a list without it, got a list with "*". This entry would allow everything, '
            "whatever the other entries say.",
            (
                'With `"*"` in the list, the other entries have no effect. A reader of the policy would believe that '
                "only they are allowed."
            ),
            'Write the string without a list to allow everything, such as `allow_origins="*"`, or remove it and keep '
            "the other entries.",
            'Policy(allow_origins=["*", "https://app.example.com"])',
        ),
        "E106": Rule(
            "A policy has no keyword {value}.",
            (
                "If corsguard ignored an unknown keyword, a misspelled setting would have no effect and nobody would "
                "notice."
            ),
            "Correct the spelling, such as `allow_origins` for `allow_origin`, or remove the keyword.",
            'Policy.from_mapping({"allow_origin": ["https://app.example.com"]})',
        ),
        "E107": Rule(
            '{value} contains a `*`. Only "*" alone is a wildcard. A browser would read this as one literal name.',
            (
                "The entry would have no effect. The browser refuses the methods and headers that you want to allow, "
                "and hides the response headers that you want to expose."
            ),
            'List each name in full, such as `allow_headers=["X-Request-Id"]`.',
            'Policy(allow_origins="*", allow_headers=["X-*", "X-Request-Id"])',
        ),
        # Origin patterns that no browser sends, so they could never match.
        "E201": Rule(
            "Expected one origin, got {value}. An origin is not empty, and has no space, comma, quotation mark or "
            "control character.",
            (
                "The browser sends one origin without such characters. The entry would never match, so the browser "
                "would refuse the pages of all origins in it."
            ),
            'Write one string for each origin: `["https://a.example", "https://b.example"]`.',
            'Policy(allow_origins=["https://a.example, https://b.example"])',
        ),
        "E202": Rule(
            "{value} does not begin with a scheme in lower case and `://`. Every origin that a browser sends does.",
            (
                "Without a scheme, http and https cannot be told apart. The entry would never match, and the browser "
                "would refuse your pages."
            ),
            f"Write the scheme too: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["app.example.com"])',
        ),
        "E203": Rule(
            "{value} has more than scheme, host and port. An origin has no trailing slash, no path and no query, so "
            "this would never match.",
            (
                "The browser would refuse your pages, and the cause is hard to see because the two texts look almost "
                "the same."
            ),
            f"Write only scheme, host and port: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["https://app.example.com/"])',
        ),
        "E204": Rule(
            "{value} has upper-case letters. Browsers send origins in lower case and the comparison is exact, so "
            "this would never match.",
            (
                "The browser would refuse your pages, although the address looks right. Host names ignore case, but "
                "the comparison of origins does not."
            ),
            f"Write the origin in lower case: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["https://App.Example.com"])',
        ),
        "E205": Rule(
            "{value} spells out the default port of its scheme. Browsers leave it out, so this would never match.",
            "The browser would refuse your pages, although the port is right.",
            f"Remove `:443` from an https origin and `:80` from an http origin: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["https://app.example.com:443"])',
        ),
        "E206": Rule(
            "{value} has no valid port after the colon: a port is 1 to 65535 without leading zeros, or `*` for any.",
            (
                "No browser sends an origin with such a port. The entry would never match, so the browser would "
                "refuse your pages."
            ),
            "Write the port of your page, such as `http://localhost:3000`, or `:*` for any port.",
            'Policy(allow_origins=["http://localhost:99999"])',
        ),
        "E207": Rule(
            "{value} has a user name or password before an `@`. Browsers never send these, so this would never match.",
            "The browser would refuse your pages. A password in a configuration can also end up in logs.",
            f"Remove the text up to and including the `@`: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["https://user@app.example.com"])',
        ),
        "E208": Rule(
            "{value} has letters that are not ASCII. Browsers send the ASCII form of a host, so this would never "
            "match.",
            (
                "The browser would refuse your pages. Letters of other alphabets can also look like Latin letters and "
                "name another host."
            ),
            "Write the ASCII form of the host: `https://xn--lve-6lad.example` for `https://élève.example`.",
            'Policy(allow_origins=["https://élève.example"])',
        ),
        "E209": Rule(
            "{value} has an IP address, or a last label that is a number, in a form that browsers do not send, so "
            "this would never match.",
            (
                "The browser rewrites the address before it sends the origin. The entry would never match, so the "
                "browser would refuse your pages."
            ),
            "Write the address as browsers do: `http://127.0.0.1:3000`, or `http://[::1]:3000` for IPv6.",
            'Policy(allow_origins=["http://127.1:3000"])',
        ),
        "E210": Rule(
            "{value} has no valid host: 1 to 253 characters, in labels of 1 to 63 `a-z 0-9 - _` between dots.",
            (
                "Your pages cannot have such a host. The entry would never match, so the browser would refuse the "
                "page that you want to allow."
            ),
            (f"Run `location.origin` in the console of your page, and copy the result, such as `{EXAMPLE_ORIGIN}`."),
            'Policy(allow_origins=["https://app..example.com"])',
        ),
        "E211": Rule(
            (
                "{value} is not an origin pattern. One `*` may stand for whole labels at the front "
                "(`https://*.example.com`) or inside one label other than the last (`https://pr-*.example.com`); `:*` "
                "is any port. Other wildcards and regular expressions are not supported."
            ),
            (
                "Other wildcards let in hosts that anyone can register: `https://app.*` would cover "
                "`https://app.evil.example`. Regular expressions often have the same fault."
            ),
            'Write each origin in full, or `"https://*.example.com"` for all subdomains.',
            'Policy(allow_origins=["https://app.*"])',
        ),
        "E212": Rule(
            '"null" is the origin of every sandboxed frame, so any web site can send it.',
            "An attacker only has to put a page into a sandboxed frame. Then any web site can read what you share.",
            'Serve the page from a real origin and list that, or write `allow_origins="*"` for public data.',
            'Policy(allow_origins=["null"])',
        ),
        "E213": Rule(
            '{value} is never sent: browsers give pages from files the origin "null", which any web site can send too.',
            (
                "The entry would never match. To share with pages from files, you would have to allow the origin "
                "null, and then any web site can read."
            ),
            'Serve the page with `python -m http.server 8000` and allow `"http://localhost:8000"`.',
            'Policy(allow_origins=["file:///home/me/index.html"])',
        ),
        "E214": Rule(
            "{value} has a scheme that no origin has. A browser sends the origin of the page.",
            (
                "The entry would never match. A WebSocket, a `blob:` URL and similar ones are opened by a page, and "
                "the browser names that page."
            ),
            f"Write the origin of the page: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["wss://app.example.com"])',
        ),
        "E215": Rule(
            "{value} has a scheme that is probably a misspelling of http or https.",
            "No browser sends this scheme. The entry would never match, so the browser would refuse your pages.",
            f"Correct the scheme: `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["htps://app.example.com"])',
        ),
        # What is dangerous.
        "E301": Rule(
            '"*" cannot be used together with allow_credentials=True: {cause}.',
            (
                "Browsers refuse `*` for requests with cookies. A server that echoes any origin instead lets every "
                "site read the data of logged-in users."
            ),
            (
                f'List the entries: `allow_origins=["{EXAMPLE_ORIGIN}"]`. For public data, write '
                "`allow_credentials=False`."
            ),
            'Policy(allow_origins="*", allow_credentials=True)',
        ),
        "E302": Rule(
            (
                "{value} is plain http and the policy allows credentials: anyone who controls the network can put a "
                "script into that page and read the user's data."
            ),
            (
                "A page over plain http can be changed on its way to the user. The changed page can then read the "
                "data of users who are logged in to your site, although your site uses https."
            ),
            f'Serve the page over https and write `"{EXAMPLE_ORIGIN}"`.',
            'Policy(allow_origins=["http://app.example.com"], allow_credentials=True)',
        ),
        "E303": Rule(
            "{value} is a wildcard directly under {suffix}, where anyone can register a name, and the policy "
            "allows credentials: anyone can read the user's data.",
            (
                "An attacker registers a name under this suffix in minutes. The page there can read the data of users "
                "who are logged in to your site."
            ),
            'Write your own origins in full: `"https://your_name.github.io"`.',
            'Policy(allow_origins=["https://*.github.io"], allow_credentials=True)',
        ),
        # The dangerous door.
        "E311": Rule(
            "Expected a mapping from origin pattern to reason, got {value} ({kind}).",
            (
                "Each unsafe origin needs a written reason. A list has no place for it, and nobody would know later "
                "why the origin is trusted."
            ),
            'Write `allow_unsafe_origins={"http://kiosk.corp.example": "no TLS until 2027, ticket OPS-12"}`.',
            'Policy(allow_unsafe_origins=["http://kiosk.corp.example"])',
        ),
        "E312": Rule(
            "{value} has no reason. Anyone who reads this next year needs to know why it is there and when it can go.",
            "A dangerous origin without a reason stays forever, because nobody dares to remove it.",
            'Write who needs it and until when: `{"http://kiosk.corp.example": "no TLS until 2027, ticket OPS-12"}`.',
            'Policy(allow_unsafe_origins={"http://kiosk.corp.example": ""})',
        ),
        "E313": Rule(
            "{value} is not dangerous under this policy and does not belong among the unsafe origins.",
            "People review the unsafe origins with care. Safe entries among them make the dangerous ones hard to see.",
            "Move the entry to `allow_origins`.",
            'Policy(allow_unsafe_origins={"https://app.example.com": "it is ours"})',
        ),
        "E314": Rule(
            'allow_unsafe_origins has no effect together with allow_origins="*", which shares with everyone.',
            (
                "The unsafe origins have no effect, because every origin may already read, null and plain http "
                "included. A reader would believe that they limit something."
            ),
            'Remove `allow_unsafe_origins`, or list the origins instead of `"*"`.',
            'Policy(allow_origins="*", allow_unsafe_origins={"null": "a kiosk opens files"})',
        ),
        "E315": Rule(
            '"null" is the origin of every sandboxed frame, and the policy allows credentials: any web site could '
            "read the user's data.",
            (
                "An attacker puts a page into a sandboxed frame, and reads the data of each visitor who is logged in "
                "to your site. A written reason does not make this safe."
            ),
            "Write `allow_credentials=False`, or serve the page from a real origin and list that.",
            'Policy(allow_unsafe_origins={"null": "a kiosk opens files"}, allow_credentials=True)',
        ),
        # Origin sources.
        "E321": Rule(
            "{value} is a class. An origin source must be an instance.",
            "The class does not hold your origins, only an instance does. No origin would be allowed.",
            "Create an instance: `allow_origins=Tenants()`.",
            'Policy(allow_origins=type("Tenants", (), {"__contains__": lambda self, origin: False}))',
        ),
        "E322": Rule(
            (
                "The __contains__ of {value} is asynchronous. It is called but not awaited, and a coroutine is not "
                "True, so no origin would be allowed."
            ),
            (
                "The call returns a coroutine, which is not the answer True. The source would allow no origin, and "
                "the browser would refuse every page."
            ),
            (
                "Name the method `allows`: `async def allows(self, origin: str) -> bool:`. ASGI and Django await it. "
                "For WSGI and Flask, write `def __contains__(self, origin: str) -> bool:`, without `async`."
            ),
            "Policy(allow_origins=async_source)",
        ),
        "E323": Rule(
            "{value} has both __contains__ and allows, so there are two answers to the same question.",
            (
                "Servers that await would call allows, all other servers __contains__. One could allow an origin "
                "that the other refuses."
            ),
            "Keep `async def allows` if the store is awaited. If not, keep `def __contains__`. Remove the other one.",
            "Policy(allow_origins=source_with_two_answers)",
        ),
        "E324": Rule(
            "The allows of {value} is not asynchronous. It is awaited, and a bool cannot be awaited.",
            "Each call would fail, which counts as no. The browser would refuse every page.",
            "Write `async def allows(self, origin: str) -> bool:`, or name the method `__contains__`.",
            'Policy(allow_origins=type("Tenants", (), {"allows": lambda self, origin: False})())',
        ),
        # Methods.
        "E401": Rule(
            "{value} is not a method name (a token of RFC 9110).",
            "A browser that cannot read the list of methods refuses every request that needs a preflight.",
            'Write one string for each method: `allow_methods=["GET", "PUT"]`.',
            'Policy(allow_origins="*", allow_methods=["GET, PUT"])',
        ),
        "E402": Rule(
            "{value} is a method that browsers never let a script send.",
            "The entry has no effect. A reader of the policy would believe that pages can use this method.",
            "Remove the entry from `allow_methods`.",
            'Policy(allow_origins="*", allow_methods=["GET", "TRACE"])',
        ),
        "E403": Rule(
            "{value} is not {upper}. Methods are case-sensitive, so this would not allow {upper}.",
            "The browser would refuse a page that sends the method in upper case, as the standard spells it.",
            'Write the method in upper case: `"PATCH"`.',
            'Policy(allow_origins="*", allow_methods=["patch"], allow_headers=["Content-Type"])',
        ),
        # Request headers.
        "E501": Rule(
            "{value} is not a header name (a token of RFC 9110).",
            (
                "With an invalid name among the allowed headers, browsers refuse every preflight. Among the exposed "
                "headers, it can hide all of them from the page."
            ),
            'Write one string for each header: `["X-One", "X-Two"]`.',
            'Policy(allow_origins="*", allow_headers=["X-One, X-Two"])',
        ),
        "E502": Rule(
            "{value} is a request header that browsers never let a script set.",
            "The browser sets this header itself and ignores what a script sets. The entry has no effect.",
            "Remove the entry. If pages have to send cookies, write `allow_credentials=True`.",
            'Policy(allow_origins="*", allow_headers=["Cookie", "X-Request-Id"])',
        ),
        "E503": Rule(
            (
                "{value} is a header of CORS itself. The browser and the server exchange it. If a page sends it, the "
                "page has a mistake."
            ),
            ("A page that sends this header gains nothing. If you allow it, the mistake in the page stays hidden."),
            "Remove the entry here, and remove the header from the `fetch` call of the page.",
            'Policy(allow_origins="*", allow_headers=["Access-Control-Allow-Origin"])',
        ),
        # Response headers.
        "E601": Rule(
            "{value} can never be read by a script, even if it is exposed.",
            (
                "The entry has no effect. Browsers hide cookies from the scripts of other origins, so that a script "
                "cannot steal a session."
            ),
            'Remove the entry, and send the value in another header: `expose_headers=["X-Total-Count"]`.',
            'Policy(allow_origins="*", expose_headers=["Set-Cookie", "ETag"])',
        ),
        "E602": Rule(
            "{value} has no effect when it is exposed: it is a request header, or a header of CORS itself.",
            (
                "Such a header is not in a response, or no script needs it. The list of allowed request headers is "
                "`allow_headers`, not `expose_headers`."
            ),
            'Remove the entry. For request headers write `allow_headers=["Content-Type"]`.',
            'Policy(allow_origins="*", expose_headers=["Origin", "ETag"])',
        ),
        # Single values.
        "E701": Rule(
            'Expected a bool (true or false), got {value}. No other value is converted, because the text "false" '
            "could then "
            "count as true.",
            (
                'The text "false" would switch on what you want off. With `allow_credentials`, other origins could '
                "then read the data of logged-in users."
            ),
            "Write `allow_credentials=True` or `allow_credentials=False`, without quotation marks.",
            'Policy(allow_origins=["https://app.example.com"], allow_credentials="false")',
        ),
        "E702": Rule(
            "Expected a whole number of seconds, a timedelta of whole seconds or None, got {value}.",
            (
                "Browsers only understand a whole number of seconds here. They ignore other values and keep the "
                "answer for about 5 seconds, so almost every request needs a preflight."
            ),
            "Write a number without quotation marks, such as `max_age=600`, or `max_age=None` to leave the header out.",
            'Policy(allow_origins="*", max_age="600")',
        ),
        "E703": Rule(
            f"Expected 0 to {FIREFOX_MAX_AGE} seconds, got {{value}}. No browser keeps an answer longer. 0 turns the "
            "preflight cache off.",
            (
                f"No browser keeps an answer for more than {FIREFOX_MAX_AGE} seconds, so a larger value has no "
                "effect. Browsers do not agree on a negative value."
            ),
            f"Write `max_age={CHROMIUM_MAX_AGE}`, or `max_age=0` to switch the preflight cache off.",
            'Policy(allow_origins="*", max_age=-1)',
        ),
        "E704": Rule(
            "Expected 204 or 200, got {value}.",
            (
                "Browsers refuse a preflight whose status is not 200 to 299. Of these, 204 and 200 are the two that "
                "all clients understand."
            ),
            "Write `preflight_status=204`, or `200` for a client that cannot read a 204.",
            'Policy(allow_origins="*", preflight_status=403)',
        ),
        # Policies by path.
        "E801": Rule(
            (
                "Expected a Policy, a mapping of a policy's keywords, or a mapping from path prefix or host to these, "
                "got {value} ({kind})."
            ),
            (
                "corsguard cannot tell from this value who may read what, and a guess could open your data to the "
                "wrong origins."
            ),
            f'Write `Policy(allow_origins=["{EXAMPLE_ORIGIN}"])`, or a mapping such as `{{"/api": Policy(...)}}`.',
            'CORSMiddleware(app, ["https://app.example.com"])',
        ),
        "E802": Rule(
            "{value} is not a path prefix. A prefix begins with `/`, does not end with `/`, and covers everything "
            "below it. It has no `.`, `..` or empty segment, and no wildcard, converter, percent-encoding or regular "
            "expression.",
            (
                "The prefix is compared with the decoded path, segment by segment. This one would never match, so the "
                "path would have another policy than you expect, or none."
            ),
            "Write `/api`, without a slash or a wildcard at the end.",
            'CORSMiddleware(app, {"/api/*": Policy(allow_origins="*")})',
        ),
        "E803": Rule(
            '{value} is on the same level as "{level}". Nothing is inherited: each path and each host needs a '
            "complete policy.",
            (
                'A keyword next to "paths" or "hosts" would not apply to any of them. A reader would believe that it '
                "applies to all."
            ),
            'Move the keyword into each policy: `{"paths": {"/api": {"allow_origins": [...], "max_age": 60}}}`.',
            'CORSMiddleware(app, {"paths": {"/api": None}, "max_age": 60})',
        ),
        "E804": Rule(
            "{value} has to be awaited (`async def {method}`), and this server cannot await.",
            "The server could not ask it, so no origin would be allowed and the browser would refuse every page.",
            (
                "Write `def __contains__(self, origin: str) -> bool:` in place of `async def allows`, and `def "
                "policy_of(self, host: str) -> Policy | None:` in place of `async def policy_of`, or serve the "
                "application with ASGI: `from corsguard.asgi import CORSMiddleware`."
            ),
            "CORSMiddleware(app, Policy(allow_origins=awaited_source))",
        ),
        "E805": Rule(
            'Expected "guard", "pass" or a list of path prefixes, got {value} ({kind}).',
            (
                "WebSocket handshakes carry the user's cookies. corsguard cannot tell from this value which of them "
                "to judge, and a guess could let any page connect."
            ),
            (
                'Write `websockets="guard"`, or list the paths where the application itself checks the origin: '
                '`websockets=["/feed"]`.'
            ),
            'CORSMiddleware(app, Policy(allow_origins="*"), websockets=False)',
        ),
        # Protection against cross-origin requests.
        "E806": Rule(
            "Expected {what}, got {value} ({kind}).",
            (
                "corsguard cannot tell from this value which requests to refuse, and a guess could let any page act "
                "as the user."
            ),
            'Write `CrossOriginProtection()`, or `CrossOriginProtection(mode="report", exempt=["/webhooks"])`.',
            'CrossOriginProtection(mode="on")',
        ),
        "E807": Rule(
            "{value} exempts every path, so nothing is protected.",
            "Every page could act as the user, although the configuration says that there is protection.",
            'List the paths that other sites have to send to, such as `["/webhooks"]`, or write `mode="report"`.',
            'CrossOriginProtection(exempt=["/"])',
        ),
        # Policies by host.
        "E808": Rule(
            "{value} is not a host key. A host key is a host in lower case, as a client sends it, without a scheme, "
            "a path or a dot at its end. With a port it covers only that port. `*.` in front covers all subdomains.",
            (
                "The key is compared with `Host`. This one would never match, so nothing would be shared on the host "
                "that you mean."
            ),
            "Write `api.example.com`, `*.tenants.example.com` or `localhost:8000`. A Unicode name is sent as `xn--`.",
            'CORSMiddleware(app, {"hosts": {"https://api.example.com": Policy(allow_origins="*")}})',
        ),
        "E809": Rule(
            "{value} means the same host as the key {key}. The ports 80 and 443 are the same as no port.",
            "Only one of the two policies would count, and it would not be clear which.",
            "Keep one of the two keys, such as `api.example.com`.",
            'CORSMiddleware(app, {"hosts": {"api.example.com": None, "api.example.com:443": None}})',
        ),
        "E810": Rule(
            "{value} ({kind}) cannot be asked about hosts: it is a class, or its `policy_of` is an asynchronous "
            "generator, which returns no policy.",
            "The server could not ask it, so nothing would be shared on any host.",
            "Give an object whose class has `def policy_of(self, host: str) -> Policy | None:`, or `async def`.",
            'CORSMiddleware(app, {"hosts": streamed_hosts})',
        ),
        # Files and environment variables.
        "E811": Rule(
            "{value} cannot be read: {cause}.",
            "Without the file there are no policies, and the browser would refuse every page of another origin.",
            "Check the path and the permissions of the file, and save it as TOML in UTF-8.",
            'Configuration.from_file("/etc/nowhere/cors.toml")',
        ),
        "E812": Rule(
            "{value} is not a known key here.",
            "If corsguard ignored an unknown key, a misspelled setting would have no effect and nobody would notice.",
            "Correct the spelling, move the key to the table where it belongs, or remove it.",
            'Configuration.from_mapping({"allow_origins": ["https://app.example.com"], "enviroments": {}})',
        ),
        "E813": Rule(
            "Expected {what}, got {value} ({kind}).",
            (
                "corsguard cannot read the setting from a value of this type, and a guess could open your data to the "
                "wrong origins."
            ),
            'Write a value of the expected type, such as `{"policies": {"app": {"allow_origins": [...]}}}`.',
            'Configuration.from_mapping({"policies": ["app"]})',
        ),
        "E814": Rule(
            "{value} is not {what}. {there}.",
            (
                "With a wrong name, corsguard does not know which policy to use. Another policy could share more than "
                "you want."
            ),
            "Use one of the names that are defined, or define this one.",
            'Configuration.from_mapping({"allow_origins": "*", "environments": {"staging": {}}}, "stagging")',
        ),
        "E815": Rule(
            "{value} extends itself: {chain}.",
            (
                "The circle has no first policy, so the origins and the other keywords of these policies cannot be "
                "determined."
            ),
            "Remove `extends` from one policy of the circle.",
            'Configuration.from_mapping({"policies": {"app": {"extends": "app", "allow_origins": "*"}}})',
        ),
        "E816": Rule(
            "{value} is empty, or has an empty entry. Is it made from a variable that is not set?",
            (
                "An empty value often means that a variable is missing at deployment. The browser would then refuse "
                "all your pages in production."
            ),
            f"Set `CORSGUARD_ALLOW_ORIGINS={EXAMPLE_ORIGIN}`, with commas only between entries, or unset the variable.",
            'Configuration.from_variables({"CORSGUARD_ALLOW_ORIGINS": ""})',
        ),
        "E817": Rule(
            "There is no variable {value}.",
            "If corsguard ignored the variable, a misspelled setting would have no effect and nobody would notice.",
            "Correct the name, such as `CORSGUARD_ALLOW_ORIGINS`, or unset the variable.",
            'Configuration.from_variables({"CORSGUARD_ALLOW_ORIGIN": "https://app.example.com"})',
        ),
        "E818": Rule(
            "There are policies ({names}) and no paths, so nothing says what they guard.",
            "No path would have a policy, so the browser would refuse every page of another origin.",
            'Say where each policy applies: `paths={"/": "app"}`.',
            'CORSMiddleware(app, Configuration.from_mapping({"policies": {"app": {"allow_origins": "*"}}}))',
        ),
        # Valid, but risky or probably unintended.
        "W101": Rule(
            (
                "{value} covers many hosts, and trusts each of them with the user's credentials. One forgotten or "
                "taken-over host is enough to read the user's data, and SameSite cookies do not prevent that. With "
                "cross-origin protection, each of them may also act as the user; without it, every site may."
            ),
            (
                "An attacker who controls one of these hosts can read the data of logged-in users. Old subdomains "
                "that nobody looks after are often taken over."
            ),
            f'List the hosts that need access: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
            'Policy(allow_origins=["https://*.example.com"], allow_credentials=True)',
        ),
        "W102": Rule(
            (
                "{value} covers any port of that host, and trusts every program that listens there with the user's "
                "credentials. With cross-origin protection, each of them may also act as the user; without it, every "
                "site may."
            ),
            "Another service on that host, such as a debug server, can then read the data of logged-in users.",
            f'Write the port that you use, or no port for the default one: `"{EXAMPLE_ORIGIN}"`.',
            'Policy(allow_origins=["https://app.example.com:*"], allow_credentials=True)',
        ),
        "W103": Rule(
            "{value} is plain http: anyone who controls the network can read the traffic and act as that page.",
            "An attacker on the user's network can change the page, and then read all that you share with it.",
            f'Serve the page over https and write `"{EXAMPLE_ORIGIN}"`.',
            'Policy(allow_origins=["http://app.example.com"])',
        ),
        "W104": Rule(
            (
                "{value} is a development origin next to production ones: any program on a user's machine can listen "
                "there."
            ),
            (
                "In production, another program on the user's machine can serve a page at this address and read what "
                "you share."
            ),
            "Allow the development origin only in your development environment.",
            'Policy(allow_origins=["https://app.example.com", "http://localhost:3000"])',
        ),
        "W105": Rule(
            "{covered_by} already covers {value}.",
            "The entry has no effect. If somebody removes it to block this origin, the origin can still read.",
            "Remove the narrower entry, or list the origins in full instead of the wildcard.",
            'Policy(allow_origins=["https://*.example.com", "https://app.example.com"])',
        ),
        "W106": Rule(
            "{value} is not dangerous while the policy allows no credentials, and needs no reason.",
            (
                "The unsafe origins are a list of known dangers. An entry that is not dangerous now makes that list "
                "harder to review."
            ),
            "Move the entry to `allow_origins`, unless another environment switches credentials on.",
            'Policy(allow_unsafe_origins={"http://kiosk.corp.example": "kiosks have no TLS, OPS-12"})',
        ),
        "W107": Rule(
            (
                "{value} is a wildcard directly under {suffix}, where anyone can register a name, so the policy "
                "shares with everyone."
            ),
            "The list looks restricted, but anyone can register a name there and read what you share.",
            'Write your own origin: `"https://your_name.github.io"`. For public data, write `allow_origins="*"`.',
            'Policy(allow_origins=["https://*.github.io"])',
        ),
        "W108": Rule(
            "{value} ends in a dot. The same origin without the dot is a different one, and usually the right one.",
            (
                "Almost all users open the page without the dot. The browser then refuses it, because the two origins "
                "differ."
            ),
            f'Remove the dot at the end: `"{EXAMPLE_ORIGIN}"`.',
            'Policy(allow_origins=["https://app.example.com."])',
        ),
        "W109": Rule(
            "{value} has a label that begins with xn-- and is not the ASCII form of any name.",
            "No domain can have such a name, so the entry probably never matches. A letter may be missing.",
            f"Run `location.origin` in the console of your page, and copy the result, such as `{EXAMPLE_ORIGIN}`.",
            'Policy(allow_origins=["https://xn--a.example"])',
        ),
        "W201": Rule(
            "OPTIONS is listed. Preflights do not need it; only a page that itself sends OPTIONS does.",
            "The entry lets pages send OPTIONS requests of their own, and it is not needed for anything else.",
            'Remove `"OPTIONS"` from `allow_methods`.',
            'Policy(allow_origins="*", allow_methods=["GET", "OPTIONS"])',
        ),
        "W202": Rule(
            "{value} may carry a body, but Content-Type is not among the allowed headers, so pages cannot send JSON.",
            (
                "A page that sends JSON needs permission for Content-Type. The browser refuses such a request before "
                "it reaches your application."
            ),
            'Write `allow_headers=["Content-Type"]`.',
            'Policy(allow_origins="*", allow_methods=["GET", "PUT"])',
        ),
        "W203": Rule(
            (
                '"*" does not cover Authorization, which a page with a token sends. Browsers still accept it, '
                "but they print a warning."
            ),
            "In the Fetch standard, `*` does not cover Authorization. Browsers have announced that they will follow "
            "the standard. They will then refuse these requests.",
            'Write `allow_headers=["*", "Authorization"]`, or list the headers that pages send.',
            'Policy(allow_origins="*", allow_headers="*")',
        ),
        "W204": Rule(
            "{value} is probably meant to be {meant}. Browsers compare whole names, so this entry has no effect on "
            "{meant}.",
            (
                "The browser refuses a request with the method or the header that you mean, or hides the response "
                "header from the page."
            ),
            'Correct the spelling: `allow_headers=["Authorization"]`. If the name is right, ignore this warning.',
            'Policy(allow_origins="*", allow_headers=["Authorisation"])',
        ),
        "W301": Rule(
            (
                f"{{value}} seconds are more than Chromium's maximum of {CHROMIUM_MAX_AGE} (Firefox: "
                f"{FIREFOX_MAX_AGE}, Safari: {SAFARI_MAX_AGE}). Each browser ignores what is above its own maximum."
            ),
            (
                "The number promises more than browsers do. Most users have a browser that asks again after "
                f"{CHROMIUM_MAX_AGE} seconds or sooner."
            ),
            f"Write `max_age={CHROMIUM_MAX_AGE}`.",
            'Policy(allow_origins="*", max_age=86400)',
        ),
        # Valid, but not meant for production.
        "W401": Rule(
            "{value} is a development origin in production: any program on a user's machine can listen there.",
            (
                "Another program on the user's machine can serve a page at this address and read what you share in "
                "production."
            ),
            "Move the entry to `allow_origins` of your development environment.",
            'Configuration.from_mapping({"allow_origins": ["http://localhost:3000"], '
            '"environments": {"production": {}}}, "production").guarded',
        ),
        "W402": Rule(
            (
                "{value} is plain http in production: anyone who controls the network can read the traffic and act "
                "as that page.{cause}"
            ),
            "An attacker on the network of a real user can change the page, and then read all that you share with it.",
            f'Serve the page over https and write `"{EXAMPLE_ORIGIN}"`.',
            'Configuration.from_mapping({"allow_origins": ["http://app.example.com"], '
            '"environments": {"production": {}}}, "production").guarded',
        ),
        "W403": Rule(
            (
                '"*" shares with every site in production, and other policies share with cookies ({others}). Are '
                "these responses the same for everyone who asks?"
            ),
            (
                "Every page that a user opens can read these responses, without cookies. That is a leak if they "
                "depend on the user's network or IP address."
            ),
            f'Write `allow_origins=["{EXAMPLE_ORIGIN}"]`. Keep `"*"` only for data that is public.',
            'Configuration.from_mapping({"policies": {"open": {"allow_origins": "*"}, "app": {"allow_origins": '
            '["https://app.example.com"], "allow_credentials": True}}, "environments": {"production": {}}}, '
            '"production").policies["open"]',
        ),
        # Timings.
        "W501": Rule(
            'share_timing together with "*" shows every site how long each response took.',
            (
                "Browsers send cookies with images and scripts that a page of any site embeds. If a response depends "
                "on the user, such as on a login, its timing and its size reveal something about the user."
            ),
            f'Write `allow_origins=["{EXAMPLE_ORIGIN}"]`. Keep `"*"` only where every user gets the same response.',
            'Policy(allow_origins="*", share_timing=True)',
        ),
        "W502": Rule(
            "share_timing together with credentials shows the allowed origins how long each response with the user's "
            "cookies took.",
            (
                "The timing and the size of a response can reveal what the page should not know, such as whether a "
                "search in the user's data found something."
            ),
            "Write `share_timing=False`, unless you trust every allowed origin with the timings of its users.",
            'Policy(allow_origins=["https://app.example.com"], allow_credentials=True, share_timing=True)',
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One fault of a policy, as plain data: `data()` gives what JSON can hold.

    *code* is stable. *field* is the wrong keyword, *value* its value (or the `repr` of a value that JSON cannot hold),
    *fix* what to change. For a fault in a file, *place* has the keys that lead to it. If the file cannot be parsed,
    *line* is the line of the fault. For an entry that another one covers, *covered_by* is that entry.
    """

    code: str
    field: str
    value: str | int | float | bool | None
    message: str
    fix: Fix
    place: tuple[str, ...] = ()
    line: int | None = None
    covered_by: str | None = None

    @classmethod
    def of(
        cls, code: str, field: str, value: object, fix: Fix, *, covered_by: str | None = None, **details: object
    ) -> "Problem":
        """
        Write the message of the rule *code* for *value*. *covered_by* and *details* fill its other placeholders.
        """
        words = {"field": field, "value": quoted(value), "covered_by": quoted(covered_by), **details}
        message = printable(RULES[code].message.format(**words))
        return cls(code, printable(field), plain(value), message, fix, covered_by=covered_by)

    @property
    def is_error(self) -> bool:
        """
        Whether the policy is refused because of it.
        """
        return self.code[0] == "E"

    def data(self) -> dict[str, Any]:
        """
        Return the problem as JSON holds it, with the text of the fix.
        """
        return {**asdict(self), "fix": self.fix.data(), "place": [*self.place]}

    def __str__(self) -> str:
        # Any code can make a Problem, so its texts are made printable here.
        return f"{self.code} {printable(self.field)}: {printable(self.message)}\n    fix: {self.fix}"


class PolicyError(ValueError):
    """
    A policy was refused. *problems* are all its faults; no policy object exists.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [
            f"this policy has {count} problem{'s' if count > 1 else ''}",
            *map(str, self.problems[:_MOST_PROBLEMS_PRINTED]),
        ]
        if count > _MOST_PROBLEMS_PRINTED:
            lines.append(f"... and {count - _MOST_PROBLEMS_PRINTED} more, in .problems")
        if self.problems:
            lines.append(f"More about it: corsguard explain {printable(self.problems[0].code)}")
        return "\n".join(lines)


def plain(value: object) -> str | int | float | bool | None:
    """
    Return *value*, or its text if JSON cannot hold it.
    """
    if value is None or value is True or value is False:
        return value
    text = text_of(value)
    if text is not None:
        return text
    if issubclass(type(value), int):
        number = int.__int__(cast("int", value))
        # Python refuses to print an integer of more than some thousand digits.
        return number if number.bit_length() <= _LONGEST_INTEGER else repr_of(value)
    if issubclass(type(value), float) and isfinite(fraction := float.__float__(cast("float", value))):
        return fraction
    return repr_of(value)
