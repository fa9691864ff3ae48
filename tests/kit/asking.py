"""
One request of a browser, where a test names only what it is about.
"""

from corsguard.browser.wire import WireRequest

URL = "https://api.example.com/a%20b/%C3%A9%2F;p?q=%41&r=a+b"


def get(url=URL, method="GET", headers=(), body=b""):
    return WireRequest(method, url, tuple(headers), body)
