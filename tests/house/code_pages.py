"""
The manual's pages of codes, made from the same rows as the messages.
"""

import re

from documents import problem_of, with_named_blanks
from kit.failures import played

from corsguard.audit import RULES as WEAKNESSES
from corsguard.browser.reasons import REASONS
from corsguard.browser.report import cause
from corsguard.diagnosis.linting import RULES_OF_APPLICATIONS
from corsguard.errors import RULES
from corsguard.gateways import RULES as EXPORT_RULES
from corsguard.journal import REASONS as EVENT_REASONS
from corsguard.names import EXAMPLE_ORIGIN
from corsguard_django.checks import RULES as DJANGO_RULES
from corsguard_flask.predecessor import RULES as FLASK_RULES

# The page that says more, by the beginning of a code.
MORE = {
    "E1": "policy",
    "E2": "policy#origin-patterns",
    "E3": "policy#the-dangerous-door",
    "E32": "origins#an-origin-source",
    "E4": "policy",
    "E5": "policy",
    "E6": "policy",
    "E7": "policy",
    "E80": "policies",
    "E804": "origins#an-origin-source",
    "E805": "websockets",
    "E806": "protection",
    "E807": "protection",
    "E808": "tenants",
    "E809": "tenants",
    "E81": "configuration",
    "E816": "configuration#from-environment-variables",
    "E817": "configuration#from-environment-variables",
    "E810": "tenants",
    "E85": "gateways",
    "E9": "django",
    "W1": "policy#origin-patterns",
    "W106": "policy#the-dangerous-door",
    "W2": "policy",
    "W3": "policy",
    "W4": "configuration",
    "W5": "neighbours",
    "W6": "tenants",
    "W9": "django",
    "W908": "moving",
}


def more_about(code):
    beginning = max((known for known in MORE if code.startswith(known)), key=len)
    page = MORE[beginning]
    return f"More: [{page.partition('#')[0]}]({page.partition('#')[0]}.md{page[len(page.partition('#')[0]) :]})"


def fenced(text):
    return f"```text\n{text}\n```"


def section(title, *paragraphs):
    return "\n\n".join((f"### {title}", *filter(None, paragraphs))) + "\n"


def written(rule):
    return f"**Why:** {rule.why}", f"**Instead:** {rule.instead}"


def printed(problem):
    """
    Return *problem* as it is printed, without what differs between runs.
    """
    return re.sub(r" at 0x[0-9a-f]+", "", str(problem))


def of_policies(letter):
    for code, rule in RULES.items():
        if code.startswith(letter):
            yield section(
                code, fenced(rule.example), fenced(printed(problem_of(rule))), *written(rule), more_about(code)
            )


def of_others(rules, is_shown):
    for code, rule in rules.items():
        example = fenced(str(rule.example)) if is_shown and rule.example is not None else ""
        name = f"corsguard.{code}" if rules is DJANGO_RULES else code
        yield section(name, with_named_blanks(rule.message), *written(rule), example, more_about(code))


def head(title, after, *paragraphs):
    return "\n\n".join((f"# {title}", f"After this page you know {after}.", *paragraphs)) + "\n"


def chapter(title, text):
    return f"## {title}\n\n{text}\n"


def errors():
    yield head(
        "Errors and warnings",
        "what each code means, why it is bad, and what to write instead",
        "This is the list of all errors and all warnings. `corsguard explain E203` prints one of these parts. In a "
        "message, a word in *italics* stands for a value.",
        "All problems of a policy are found at once: "
        "`PolicyError.problems` has them as data, with `code`, `field`, `value`, `message` and `fix`.",
    )
    yield chapter("Errors of a policy", "A policy with one of these is not built.")
    yield from of_policies("E")
    yield chapter(
        "Warnings of a policy",
        "Valid, but risky or probably unintended. `policy.warnings` has them, and the log has them once at start.",
    )
    yield from of_policies("W")
    yield from of_others(RULES_OF_APPLICATIONS, is_shown=False)
    yield chapter(
        "Errors of an export",
        "`corsguard export` writes nothing if one of these is found: [gateways and proxies](gateways.md).",
    )
    yield from of_others(EXPORT_RULES, is_shown=False)
    yield chapter(
        "Checks of Django",
        "`manage.py check` prints these next to the problems of the policies. The example is a setting that breaks the "
        "rule.",
    )
    yield from of_others(DJANGO_RULES, is_shown=True)
    yield chapter(
        "Flask",
        "The log has each of these once, and `corsguard lint module:app` prints them. In Django, `corsguard.W908` and "
        "`corsguard.W909` mean the same.",
    )
    yield from of_others(FLASK_RULES, is_shown=True)


def findings():
    yield head(
        "Findings of an audit",
        "what each finding of `corsguard audit` means, and what to change",
        "`corsguard explain CG-A001` prints one of these parts. [What an attacker would find](audit.md) says how a "
        "finding is made and how severe it is.",
    )
    for weakness in WEAKNESSES.values():
        yield section(
            weakness.id,
            f"`{weakness.name}`: {weakness.title}.",
            weakness.message,
            *written(weakness),
            f"As a header: `{weakness.header_for(EXAMPLE_ORIGIN)}`",
            f"As a policy: `{weakness.policy_for(EXAMPLE_ORIGIN)}`",
        )


def reasons():
    yield head(
        "Reasons",
        "why a browser refuses a fetch, and why an event was reported",
        "`corsguard explain missing_allow_origin` prints one of these parts.",
    )
    yield chapter(
        "Reasons of a browser",
        "`NetworkError.reason`, and what `corsguard check` finds. Each part has an example, with the lines that the "
        "consoles print about it.",
    )
    for reason, facts in REASONS.items():
        error = played(facts.example)
        lines = {"Chromium": error.chromium, "Firefox": error.firefox, "Safari": error.safari}
        said = "\n".join(f"{f'{engine}:':9} {line}" for engine, line in lines.items() if line)
        look = "\n".join(("Look at, in this order:\n", *(f"{n}. {line}" for n, line in enumerate(facts.look, 1))))
        yield section(reason.value, cause(error.failure), *written(facts), fenced(said), look, facts.note)
    yield chapter("Reasons of an event", "[Seeing what is refused](refusals.md) says where events go.")
    for reason, rule in EVENT_REASONS.items():
        yield section(reason, rule.message, *written(rule), f"For example: {rule.example}.")


PAGES = {"errors": errors, "findings": findings, "reasons": reasons}


def page(name):
    return "\n".join(PAGES[name]())
