"""
A project and its one app.
"""
