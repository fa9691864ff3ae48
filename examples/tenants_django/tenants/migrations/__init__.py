"""
The migrations.
"""
