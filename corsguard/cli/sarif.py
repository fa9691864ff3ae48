"""
Findings as SARIF 2.1.0, which code hosts and editors show next to the line.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final, Literal, NamedTuple

Level = Literal["error", "warning", "note"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME: Final = "https://fetch.spec.whatwg.org/#http-cors-protocol"


class Result(NamedTuple):
    """
    One finding: the *rule* it breaks, a *message* and a *fix*, and *where*, a file or a URL (*line* counts from 1).

    *same* is the part that does not change between runs (default: the message); *score* is the CVSS score.
    """

    rule: str
    level: Level
    message: str
    fix: str
    where: str
    line: int | None = None
    properties: Mapping[str, Any] = {}
    same: str = ""
    score: float | None = None


def sarif(
    results: Iterable[Result], rules: Mapping[str, str], *, failures: Sequence[str] | None = None
) -> dict[str, Any]:
    """
    Return the SARIF log of *results*; *rules* has a sentence about each rule. *failures* say what could not be judged.
    """
    found = list(results)
    named = list(dict.fromkeys(result.rule for result in found))
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "corsguard",
                        "semanticVersion": version("corsguard"),
                        "informationUri": _HOME,
                        "rules": [_rule(rule, rules.get(rule, rule), found) for rule in named],
                    }
                },
                "results": [_result(result, named.index(result.rule)) for result in found],
                **({} if failures is None else {"invocations": [_invocation(failures)]}),
            }
        ],
    }


def _invocation(failures: Sequence[str]) -> dict[str, Any]:
    notifications = [{"level": "error", "message": {"text": text}} for text in failures]
    return {"executionSuccessful": not failures, "toolExecutionNotifications": notifications}


def _rule(rule: str, title: str, results: Iterable[Result]) -> dict[str, Any]:
    scores = [result.score for result in results if result.rule == rule and result.score is not None]
    # Code hosts read it only from the rule, and expect a text.
    properties = {"security-severity": f"{max(scores):.1f}", "tags": ["security"]} if scores else {}
    return {
        "id": rule,
        "shortDescription": {"text": title},
        **({"properties": properties} if properties else {}),
    }


def _fingerprint(result: Result) -> str:
    """
    Return what distinguishes this finding from others, and stays the same if its line moves.
    """
    return sha256("\n".join((result.rule, result.where, result.same or result.message)).encode()).hexdigest()


def _result(result: Result, index: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": result.where}}
    if result.line is not None:
        place["region"] = {"startLine": result.line}
    return {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": result.level,
        "message": {"text": f"{result.message}\nFix: {result.fix}" if result.fix else result.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"corsguard/v1": _fingerprint(result)},
        "properties": {"fix": result.fix, **result.properties},
    }
