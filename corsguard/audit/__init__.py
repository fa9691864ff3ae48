"""
What an attacker would find at a URL: asked within bounds, judged by the model of a browser, asked again before it is
believed.
"""
