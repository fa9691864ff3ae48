"""
What the tests share: the table of cases, the places it goes through, servers, browsers, the laboratory and the data.
"""
