"""
Each module stays so small that a person can read it in one sitting.
"""

import pytest
from layers import LAYER_OF, LAYERS, module_of
from sizes import main, request_path, size_of, sizes

# Without tables of data, with ASGI and protection.
LONGEST_REQUEST_PATH = 3_000
LONGEST_COMMAND_LINE = 1_800
LONGEST_FILE = 450
LONGEST_CLASS = 300
# What is too long today, with the reason. What is no longer too long has to leave this table.
TOO_LONG: dict[str, str] = {
    "request path": (
        "Protection is about 350 lines, policies by host about 250, origins in Redis about 200, and what is logged "
        "once about settings and guards in the wrong place about 100. A request passes less than half of that."
    ),
}


def too_long(house):
    if sum(house[name].lines - house[name].data for name in request_path(house)) > LONGEST_REQUEST_PATH:
        yield "request path"
    if sum(size.lines for name, size in house.items() if module_of(name) == "cli") > LONGEST_COMMAND_LINE:
        yield "command line"
    for name, size in house.items():
        if size.lines - size.data > LONGEST_FILE:
            yield name
        yield from (f"{name}.{cls}" for cls, lines in size.classes.items() if lines > LONGEST_CLASS)


def test_only_modules_with_a_reason_are_too_long():
    assert sorted(too_long(sizes())) == sorted(TOO_LONG)


def test_a_request_passes_the_deciding_modules_and_no_tools():
    passed = request_path(sizes())
    assert {"policy", "negotiation", "sources", "wsgi", "corsguard_flask.views", "corsguard_django.conf"} <= {*passed}
    assert not {"errors", "__init__", "corsguard_flask.translation", "corsguard_django.checks"} & {*passed}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('"""\nA law.\n"""\n\nx = 1  # why\n# more\n', (1, 1, {})),
        ("TABLE = {\n    1: 2,\n\n    # three\n    3: 4,\n}\nprint(TABLE)\n", (5, 4, {})),
        (
            'class A:\n    """\n    A.\n    """\n\n    def b(self):\n        "B."\n        c()\n',
            (3, 0, {"A": 3}),
        ),
        ('def f():\n    return """a\n\n    # b\n    """\n', (4, 0, {})),
        ("x: int\nif x:\n    y = (\n        1\n    )\n", (5, 1, {})),
    ],
)
def test_these_lines_are_counted(tmp_path, text, size):
    path = tmp_path / "module.py"
    path.write_text(text)
    assert size_of(path) == size


def test_the_table_shows_every_layer_and_file(capsys):
    main()
    printed = capsys.readouterr().out
    assert [line.strip().split("  ")[0] for line in printed.splitlines() if line[0] != " "] == [
        *LAYERS,
        "request path",
        "all",
    ]
    assert [line.split()[0] for line in printed.splitlines() if line[0] == " "] == [
        name for layer in LAYERS for name in sizes() if LAYER_OF[module_of(name)] == layer
    ]
