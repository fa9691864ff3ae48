"""
Guards that each break one requirement of the matrix of servers, next to the sites of `odd_path_apps.py`.
"""

from .cases import PREFLIGHT_VARY, VARY, allow
from .odd_path_apps import PARTNER, SITES, bare, journal
from .odd_path_apps import application as application  # noqa: PLC0414 - the servers import it from here

SHARED = [*allow(PARTNER, Allow_Credentials="true").items()]
PERMITTED = [*allow(PARTNER, Allow_Credentials="true", Allow_Methods="GET, DELETE", Max_Age="7200").items()]
REFUSAL = b"CORS: this origin may not read this resource.\n"
REFUSED = [("Content-Type", "text/plain"), ("Content-Length", str(len(REFUSAL)))]


class ReadsOnce:
    """
    Answers as a guard does, but judges a path that can be read in several ways by one reading.

    The others break one more requirement.
    """

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        origin, path = environ.get("HTTP_ORIGIN"), environ["PATH_INFO"]
        is_closed = f"{path}/".startswith("/admin/")
        is_preflight = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if not is_closed and not self.covers(origin):
            self.record(path, origin)
        is_granted = not is_closed and self.covers(origin)
        if is_closed or origin is None or not is_preflight:

            def respond(status, headers, error=None):
                return start_response(status, [*headers, *(SHARED if is_granted else []), *self.varying(origin, VARY)])

            return self.app(self.handed_on(environ), respond)
        status, content, body = (
            ("204 No Content", PERMITTED, b"") if is_granted else ("403 Forbidden", REFUSED, REFUSAL)
        )
        start_response(status, [*content, *self.varying(origin, PREFLIGHT_VARY)])
        return self.body(body)

    def covers(self, origin):
        return origin == PARTNER

    def handed_on(self, environ):
        return environ

    def varying(self, origin, vary):
        return [*vary.items()]

    def body(self, content):
        return [content]

    def record(self, path, origin):
        journal.logger.info("The policy of %a does not share with %a.", path, origin)


class Echoes(ReadsOnce):
    def varying(self, origin, vary):
        return [*super().varying(origin, vary), ("X-Refused", origin or "")]


class Fails(ReadsOnce):
    def covers(self, origin):
        return super().covers(None if origin is None else origin.encode("ascii").decode())


class GrantsMore(ReadsOnce):
    def covers(self, origin):
        return origin is not None and origin.startswith(PARTNER)


class Reflects(ReadsOnce):
    def varying(self, origin, vary):
        return [*super().varying(origin, vary), *([] if origin is None else [("Access-Control-Allow-Origin", origin)])]


class Refuses(ReadsOnce):
    def covers(self, origin):
        return False


class ServesAnother(ReadsOnce):
    def handed_on(self, environ):
        return {**environ, "PATH_INFO": environ["PATH_INFO"].replace("users", "admin")}


class VariesSometimes(ReadsOnce):
    def varying(self, origin, vary):
        return super().varying(origin, vary) if self.covers(origin) else []


class Ends(ReadsOnce):
    def body(self, content):
        yield content
        raise ConnectionError("it fails after all is sent")


class RecordsRaw(ReadsOnce):
    def record(self, path, origin):
        journal.logger.info("The policy of '%s' does not share with '%s'.", path, origin)


BROKEN = [Echoes, Ends, Fails, GrantsMore, ReadsOnce, RecordsRaw, Reflects, Refuses, ServesAnother, VariesSometimes]
SITES |= {guard.__name__: guard(bare) for guard in BROKEN}
