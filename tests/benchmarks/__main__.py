"""
The cost of corsguard, next to others: `python tests/benchmarks`.

It prints one table of all contenders, then the project's goals and whether they are reached. `--quick` only shows that
everything runs: its figures mean nothing. It never fails, because a busy machine says nothing about the code.
"""

import argparse
import json
import os
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from platform import python_version

from contenders import BARE, CORSGUARD, PLATFORMS, PREFLIGHTS, RESPONSES, costs_on, exact, wildcards
from goals import COMPARISONS, many_of, other_goals
from refreshing import goals_of_change
from stopwatch import mean

SCENARIOS = (*RESPONSES, *PREFLIGHTS)
PACKAGES = ("corsguard", "Flask", "Django", "starlette", "flask-cors", "django-cors-headers", "wsgicors", "asgi-cors")

# This many processes race the same contenders.
_PROCESSES = 6

VERDICTS = {True: "reached", False: "NOT REACHED", None: "no goal"}

LEGEND = """\
µs: microseconds per request over the bare application, whose own time is in its row. A preflight below zero is
answered without the framework. Ratio: as many times what corsguard costs; of a response what is added, of a preflight
the whole. Allowed origins are picked at random from the whole set. Medians within rounds, all of a race interleaved,
and their mean over races in new processes.
"""


def measure(sets, seconds, processes):
    """
    Return (platform, origins, scenario) -> contender -> Cost, for all *sets* of origins.

    Each race has a process of its own, as a server has. Objects of other races in memory would slow it down. The
    addresses of objects and the hashes of strings have as much effect as what is measured here. In a quick run, whose
    figures mean nothing, the processes are copies of one that has loaded all frameworks.
    """
    table = {}
    context = get_context("spawn" if seconds else "forkserver")
    if not seconds:
        # The server of copies does not get sys.path before Python 3.13, and says nothing (python/cpython#117378).
        os.environ["PYTHONPATH"] = str(Path(__file__).parent)
        context.set_forkserver_preload(["contenders"])
    with context.Pool(1, maxtasksperchild=1) as pool:
        for platform in PLATFORMS:
            for origins in sets:
                races = pool.starmap(costs_on, [(platform, origins, seconds)] * processes, chunksize=1)
                for scenario, contenders in races[0].items():
                    costs = {name: mean([race[scenario][name] for race in races]) for name in contenders}
                    table[platform, origins.label, scenario] = costs
    return table


def ratio(costs, contender, scenario):
    """
    Return how many times as much *contender* costs as corsguard, or None if the noise is too large.
    """
    if scenario in PREFLIGHTS:
        return costs[contender].total / costs[CORSGUARD].total
    return costs[contender].over / costs[CORSGUARD].over if costs[CORSGUARD].over > 0 else None


def rows(table):
    """
    Yield (platform, origins, contender) and the cells of that row: for each scenario its Cost and ratio.
    """
    for name, label in dict.fromkeys((name, label) for name, label, _ in table):
        costs = {scenario: table[name, label, scenario] for scenario in SCENARIOS}
        for contender in costs[SCENARIOS[0]]:
            cells = {key: (of[contender], ratio(of, contender, key)) for key, of in costs.items()}
            yield (name, label, contender), cells


def as_text(table, goals, versions):
    lines = [", ".join(f"{name} {version}" for name, version in versions.items()), "", LEGEND]
    lines.append(f"{'':11} {'origins':15} {'':19}" + "".join(f"{scenario:>19}" for scenario in SCENARIOS))
    lines.append(f"{'':11} {'':15} {'':19}" + f"{'µs':>11}{'ratio':>8}" * len(SCENARIOS))
    for (platform, origins, contender), cells in rows(table):
        if contender == BARE:
            shown = [f"{number(cost.total):>11}{'':8}" for cost, _ in cells.values()]
            lines.append("")
        else:
            shown = [f"{number(cost.over):>11}{number(share):>8}" for cost, share in cells.values()]
        lines.append(f"{platform:11} {origins:15} {contender:19}{''.join(shown)}".rstrip())
    lines += ["", f"{'goal':72} {'limit':>8} {'measured':>9}  {'':12}  worst case"]
    for goal in goals:
        limit = "-" if goal.limit is None else f"{'>=' if goal.more else '<='} {goal.limit:g}"
        verdict = "not measured" if goal.measured is None else VERDICTS[goal.is_reached]
        lines.append(f"{goal.name:72} {limit:>8} {number(goal.measured):>9}  {verdict:12}  {goal.where}".rstrip())
    return "\n".join(lines)


def number(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


def as_json(table, goals, versions):
    return json.dumps(
        {
            "versions": versions,
            "rows": [
                {
                    **dict(zip(("platform", "origins", "contender"), key, strict=True)),
                    "scenario": scenario,
                    **cost._asdict(),
                    "ratio": share,
                }
                for key, cells in rows(table)
                for scenario, (cost, share) in cells.items()
            ],
            "goals": [{**goal._asdict(), "is_reached": goal.is_reached} for goal in goals],
        },
        indent=1,
    )


def main():
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of everything, to see that it runs")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures as data, too")
    arguments = parser.parse_args()
    seconds, repeats, processes = (0, 1, 1) if arguments.quick else (4, 15, _PROCESSES)
    versions = {"Python": python_version()} | {name: version(name) for name in PACKAGES}
    sets = exact(3), exact(1_000), exact(many_of(seconds)), wildcards(1_000)
    table = measure(sets, seconds / processes, processes)
    goals = [*(comparison.goal(table) for comparison in COMPARISONS)]
    goals += [*other_goals(seconds, repeats), *goals_of_change(seconds)]
    print(as_text(table, goals, versions))
    if arguments.json:
        arguments.json.write_text(as_json(table, goals, versions))


main()
