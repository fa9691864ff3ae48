"""
The tables of a page, for lines of a limited width: a table that does not fit becomes a list.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

# A row of more lines than these is easier to read as an item of a list.
_MOST_LINES: Final = 3

_TABLE: Final = re.compile(r"^\|.*\n\|[-:| ]+\|\n(?:\|.*(?:\n|\Z))*", re.MULTILINE)
_CELL: Final = re.compile(r"(?:`[^`]*`|\\.|[^|])+")
# The text between two columns: rendered, and in Markdown, where a row also has it at its ends.
_GAP: Final = 2
_MARKS: Final = 3
# The heading of the second of two columns adds nothing.
_PAIR: Final = 2


def with_fitting_tables(markdown: str, width: int, *, is_rendered: bool) -> str:
    """
    Return *markdown* with a list in place of each table that does not fit into *width* characters. The first cell of a
    row begins an item, and each other cell follows its heading. Unless it *is_rendered*, a row has one line.
    """
    return _TABLE.sub(lambda table: _fitting(table, width, is_rendered=is_rendered), markdown)


def widths_of(rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """
    Return a width for each column of *rows*, with few lines in each cell and no broken word. Return None if the table
    does not fit into *width* characters.
    """
    columns = [[[len(word) for word in cell.split()] for cell in column] for column in zip(*rows, strict=True)]
    narrowest = [[_narrowest(column, lines, width) for column in columns] for lines in range(1, _MOST_LINES + 1)]
    free = width - _GAP * len(columns)
    widths = next((widths for widths in narrowest if sum(widths) <= free), None)
    if widths is None:
        return None
    for wider in reversed(narrowest):
        for number, wanted in enumerate(wider):
            if sum(widths) + wanted - widths[number] <= free:
                widths[number] = max(widths[number], wanted)
    return widths


def _narrowest(cells: Sequence[Sequence[int]], lines: int, most: int) -> int:
    least = max(max(words, default=0) for words in cells)
    return next((width for width in range(least, most) if all(_lines(words, width) <= lines for words in cells)), most)


def _lines(words: Sequence[int], width: int) -> int:
    lines, at = 1, 0
    for word in words:
        if at and at + 1 + word > width:
            lines, at = lines + 1, word
        else:
            at += word + (at > 0)
    return lines


def _fitting(table: re.Match[str], width: int, *, is_rendered: bool) -> str:
    head, _, *body = ([cell.strip() for cell in _CELL.findall(line.strip()[1:-1])] for line in table[0].splitlines())
    rows = [head, *body]
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    fits = (
        widths_of([[cell.replace("`", "") for cell in row] for row in rows], width) is not None
        if is_rendered
        else sum(longest) + _MARKS * len(longest) < width
    )
    if not fits:
        # The bullet differs from that of a list below it. Otherwise the two would be one list.
        bullet = "-" if table.string[table.end() :].lstrip().startswith("*") else "*"
        return "".join(f"{line}\n" for row in body for line in _item(head, row, bullet))
    rows.insert(1, ["-" * size for size in longest])
    return "".join(f"| {' | '.join(map(str.ljust, row, longest))} |\n" for row in rows)


def _item(head: Sequence[str], row: Sequence[str], bullet: str) -> Iterator[str]:
    yield f"{bullet} {row[0]}"
    for name, cell in zip(head[1:], row[1:], strict=True):
        if cell:
            yield f"  {bullet} {name}: {cell}" if len(row) > _PAIR else f"  {bullet} {cell}"
