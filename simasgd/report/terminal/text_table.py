"""Tables of text, for terminals and pipes of any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

_GAP = 2
"""Spaces between columns."""


@final
@dataclass(frozen=True)
class TextColumn:
    """A column: its title, a cell for each row, and its importance; the least important is left out first.

    Numbers are aligned to the right.
    """

    title: str
    cells: tuple[str, ...]
    importance: int
    numeric: bool = True

    @property
    def width(self) -> int:
        """The characters that the column needs."""
        return max(map(len, (self.title, *self.cells)))

    @property
    def says_something(self) -> bool:
        """Whether a cell has a value."""
        return any(self.cells)


@final
@dataclass(frozen=True)
class TextTable:
    """A table of text. `emphasised` are the numbers of the rows to look at first, `faint` those of failures."""

    columns: tuple[TextColumn, ...]
    emphasised: frozenset[int] = frozenset()
    faint: frozenset[int] = frozenset()

    @property
    def width(self) -> int:
        """The characters of a line."""
        return sum(column.width for column in self.columns) + _GAP * (len(self.columns) - 1)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells, row by row; an empty cell is a dash."""
        return [tuple(cell or "–" for cell in row) for row in zip(*(column.cells for column in self.columns), strict=True)]

    def fitted(self, width: int) -> TextTable:
        """Return the table without columns that say nothing, and without as many others as do not fit.

        The first column stays, and is shortened if need be.
        """
        columns = [self.columns[0], *(column for column in self.columns[1:] if column.says_something)]
        while len(columns) > 1 and replace(self, columns=tuple(columns)).width > width:
            least = min(columns[1:], key=lambda column: column.importance)
            columns.remove(least)
        return replace(self, columns=tuple(columns))

    def lines(self) -> list[str]:
        """Return the table as plain lines, the titles first."""
        titles = tuple(column.title for column in self.columns)
        return [self._line(row) for row in (titles, *self.rows)]

    def _line(self, cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(column.width) if column.numeric else cell.ljust(column.width)
            for cell, column in zip(cells, self.columns, strict=True)
        )
        return (" " * _GAP).join(padded).rstrip()
