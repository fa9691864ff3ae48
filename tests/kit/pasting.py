"""
A reader who pastes what a fix says without thinking.
"""

import tomllib
from shlex import split
from types import SimpleNamespace

FORMS = ("python", "toml", "variables", "wsgi", "asgi", "fastapi", "add_middleware", "flask", "django", "view")


def pasted(keywords, problem):
    """
    Return *keywords* of a policy with the fix of *problem* pasted.
    """
    fix, there = problem.fix, keywords.get(problem.field)
    if fix.name:
        return {fix.name if key == problem.value else key: value for key, value in keywords.items()}
    if fix.policy:
        return {**keywords, **fix.policy}
    if problem.code in {"E103", "E321"}:
        # A value that can be read only once is not listed, and what a class needs is unknown.
        return {**keywords, **eval(f"dict({fix})", {"list": lambda _: [*there], "Tenants": there})}

    # A value without entries is removed.
    def instead(old):
        return fix.entries if old == problem.value or repr(old) == problem.value else [old]

    if isinstance(there, dict):
        # The reason stays with the entry that takes the place.
        return {**keywords, problem.field: {new: there[old] for old in there for new in instead(old)}}
    return {**keywords, problem.field: [new for old in there for new in instead(old)]}


def read(form, lines):
    """
    Return the keywords of *lines* after they are pasted. They begin a policy in the words of *form*.
    """
    text, names = "\n".join(lines), {"application": None, "app": None, "MIDDLEWARE": []}
    if form == "python":
        return eval(f"dict({text})")
    if form == "toml":
        said = tomllib.loads(text)
        return {keyword: None if value == "none" else value for keyword, value in said.items()}
    if form == "variables":
        return dict(line.partition("=")[::2] for line in split(text))
    if form == "django":
        exec(text, names)
        return names["CORSGUARD"]
    if form == "view":
        return eval(text.removeprefix("@"), {"cors": dict})
    *imports, text = lines
    exec("\n".join(imports), names)
    taken = []
    app = SimpleNamespace(add_middleware=lambda _, policy: taken.append(policy))
    guards = dict.fromkeys(("CORSMiddleware", "CORSGuard"), lambda _, policy: taken.append(policy))
    eval(text, {**names, "app": app, **guards})
    return taken[0]
