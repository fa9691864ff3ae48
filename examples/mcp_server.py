"""
Run `python examples/mcp_server.py`: an MCP server for pages, over streamable HTTP. You can also run it under a server:

    uvicorn --app-dir examples mcp_server:app

The policy lists everything that this transport needs: POST sends messages, GET opens the stream, DELETE ends the
session. A page sends the session in `Mcp-Session-Id`. It first has to read it from the response to `initialize`, so the
policy exposes it. The SDK refuses a foreign `Origin` itself, as the specification of MCP demands, and gets its allow
list from the same policy. It supports exact origins and any port (`:*`), but not the other patterns.
"""

import os

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from corsguard import Policy
from corsguard.asgi import CORSGuard

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

POLICY = Policy(
    allow_origins=[PAGE_ORIGIN],
    allow_methods=["GET", "POST", "DELETE"],
    allow_headers=["Content-Type", "Authorization", "Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-ID"],
    expose_headers=["Mcp-Session-Id"],
)

server = MCPServer("notes", log_level="WARNING")


@server.tool()
def count_words(text: str) -> int:
    """
    Return how many words are in a text.
    """
    return len(text.split())


app = server.streamable_http_app(
    transport_security=TransportSecuritySettings(
        # Against DNS rebinding: a page whose host name points to this machine sends that name.
        allowed_hosts=["localhost:*", "127.0.0.1:*"],
        allowed_origins=[str(pattern) for pattern in POLICY.patterns],
    )
)
CORSGuard(app, POLICY)


if __name__ == "__main__":
    import socket

    import uvicorn

    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8009")))) as listening:
        print(f"http://localhost:{listening.getsockname()[1]}/mcp", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
