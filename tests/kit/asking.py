"""
A request of a browser, of which a test only names the parts that it needs, and a server that answers with any bytes.
"""

import socket
import threading
from contextlib import contextmanager

from corsguard.browser.wire import WireRequest

URL = "https://api.example.com/a%20b/%C3%A9%2F;p?q=%41&r=a+b"


def get(url=URL, method="GET", headers=(), body=b""):
    return WireRequest(method, url, tuple(headers), body)


@contextmanager
def listening(serve, context=None):
    """
    Let *serve* handle every connection to a port of loopback, over TLS with a *context*. Yield the port.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    serve(connection if context is None else context.wrap_socket(connection, server_side=True))
                except OSError:
                    connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Closing alone does not wake a thread that waits in `accept`.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
