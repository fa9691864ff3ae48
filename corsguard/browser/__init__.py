"""
A model of the browser's half of CORS, as the Fetch standard defines it: it says what a browser would do.
"""

from .console import Note as Note
from .cookies import CookieJar as CookieJar
from .failures import Failure as Failure
from .headers import is_forbidden_method as is_forbidden_method
from .headers import is_safelisted_header as is_safelisted_header
from .headers import may_append as may_append
from .headers import normalize_method as normalize_method
from .live import LiveTransport as LiveTransport
from .page import Browser as Browser
from .page import NetworkError as NetworkError
from .page import Page as Page
from .page import Response as Response
from .page import ResponseHeaders as ResponseHeaders
from .page import WebSocket as WebSocket
from .reasons import Reason as Reason
from .transports import Application as Application
from .urls import origin_of as origin_of
from .wire import Exchange as Exchange
from .wire import Transport as Transport
from .wire import Unreachable as Unreachable
from .wire import WireRequest as WireRequest
from .wire import WireResponse as WireResponse

__all__ = [
    "Application",
    "Browser",
    "CookieJar",
    "Exchange",
    "Failure",
    "LiveTransport",
    "NetworkError",
    "Note",
    "Page",
    "Reason",
    "Response",
    "ResponseHeaders",
    "Transport",
    "Unreachable",
    "WebSocket",
    "WireRequest",
    "WireResponse",
    "is_forbidden_method",
    "is_safelisted_header",
    "may_append",
    "normalize_method",
    "origin_of",
]
