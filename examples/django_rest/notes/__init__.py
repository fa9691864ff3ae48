"""
An API of notes, which the user of a session may change.
"""
