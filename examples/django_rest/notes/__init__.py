"""
An API for notes, which a logged-in user may change.
"""
