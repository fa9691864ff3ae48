"""
A reader who pastes what a fix says, and does not think.
"""

import tomllib
from shlex import split
from types import SimpleNamespace

FORMS = ("python", "toml", "variables", "wsgi", "asgi", "fastapi", "add_middleware", "flask", "django", "view")


def pasted(keywords, problem):
    """
    Return *keywords*, those of a policy, with the fix of *problem* pasted.
    """
    fix, there = problem.fix, keywords.get(problem.field)
    if fix.name:
        return {fix.name if key == problem.value else key: value for key, value in keywords.items()}
    if fix.policy:
        return {**keywords, **fix.policy}
    if problem.code in {"E103", "E321"}:
        # What may be read once only is not listed, and what a class wants is not known.
        return {**keywords, **eval(f"dict({fix})", {"list": lambda _: [*there], "Tenants": there})}

    # What has no entries is taken out.
    def instead(old):
        return fix.entries if old == problem.value or repr(old) == problem.value else [old]

    if isinstance(there, dict):
        # The reason stays with what replaces the entry.
        return {**keywords, problem.field: {new: there[old] for old in there for new in instead(old)}}
    return {**keywords, problem.field: [new for old in there for new in instead(old)]}


def read(form, lines):
    """
    Return the keywords that *lines*, which begin a policy in the words of *form*, say when they are pasted.
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
