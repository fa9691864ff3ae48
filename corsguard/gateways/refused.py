"""
Software that people ask for, but that cannot answer as the guard does, each with the reason.

The reasons were read in the source or the documentation of each; none of this software was run by us.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "traefik": (
            "its headers middleware answers a refused preflight with 200 and the methods, drops further Vary lines of "
            "the application, and leaves the Allow-Origin that the application set."
        ),
        "kong": (
            "its cors plugin answers a refused preflight with 200, sends exposed headers to refused origins, and "
            "echoes every requested header if none is configured."
        ),
        "ingress-nginx": (
            "its annotations match anywhere in the origin and ignore case. It sends no Vary. It is retired."
        ),
        "istio": (
            "its corsPolicy is the cors filter of Envoy, which sends no Vary and answers refused preflights with 200."
        ),
        "envoy-gateway": (
            "its SecurityPolicy is the cors filter of Envoy, which sends no Vary and answers refused preflights with "
            "200."
        ),
        "gateway-api": (
            "its CORS filter has no Vary, leaves the answer to a refused preflight to each implementation, and its "
            "wildcards cross dots."
        ),
        "cloudfront": "it does not answer preflights itself, and overwrites headers without Vary.",
        "gcs": "it has no credentials and no patterns, and uses one list for both the allowed and the exposed headers.",
        "apim": "it has no patterns, and answers a refused preflight with 200.",
    }
)
INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "traefik": "Let a router without the headers middleware pass everything to the guard, or put nginx behind it.",
        "kong": "Remove the cors plugin from the route, and let the guard in the application answer.",
        "ingress-nginx": "Write nginx, for an nginx of your own, or let the guard in the application answer.",
        "istio": "Remove corsPolicy, and let the guard in the application answer.",
        "envoy-gateway": "Leave cors out of the SecurityPolicy, and let the guard in the application answer.",
        "gateway-api": "Leave the CORS filter out of the route, and let the guard in the application answer.",
        "cloudfront": "Forward Origin, Access-Control-Request-Method and Access-Control-Request-Headers to the guard.",
        "gcs": "Serve the bucket through nginx or Envoy, and write that target.",
        "apim": "Leave the cors policy out, and let the guard in the application answer.",
    }
)
