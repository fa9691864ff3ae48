"""
What the tests share: the table of cases, the adapters that it goes through, servers, browsers, the laboratory and the
data.
"""
