"""What a command prints at its end: a table and the verdict, the path of the page alone, or JSON."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, final

import rich_click as click

from simasgd.printable import printable

_LEAST_WIDTH = 40


@final
@dataclass(frozen=True)
class Telling:
    """The options --quiet and --json of a command.

    If `quiet`, nothing but the paths of pages and other files is printed; with `as_json`, nothing but the JSON.
    """

    quiet: bool
    as_json: bool

    def name_files(self, lines: Sequence[str], files: Mapping[str, Path], content: Mapping[str, Any]) -> None:
        """Print sentences, then the `files` that were written, each with the word for it; or the files alone, or JSON.

        The JSON document has the `content` and the files' paths, under these words.
        """
        if self.as_json:
            self.print_json({**content, **{word: str(file) for word, file in files.items()}})
            return
        for line in () if self.quiet else lines:
            click.echo(printable(line))
        for word, file in files.items():
            click.echo(printable(str(file) if self.quiet else f"{word}: {file}"))

    def print_json(self, content: Mapping[str, Any]) -> None:
        """Print a JSON document."""
        from simasgd.results.json_files import plain

        click.echo(json.dumps(plain(content), indent=1, allow_nan=False, ensure_ascii=False))

    def end(self, conclusion: Any, page: Path) -> None:
        """Print a `simasgd.report.terminal` Conclusion and the path of its page.

        On a terminal the table has as many columns as fit, and sentences wrap at words. Elsewhere it has
        all columns, and each sentence is on one line with the others.
        """
        if self.as_json:
            self.print_json({**conclusion.content, "report": str(page)})
            return
        if self.quiet:
            click.echo(printable(str(page)))
            return
        width = find_width()
        if conclusion.table is not None:
            click.echo(draw_table(conclusion.table, width))
        if conclusion.remark:
            click.echo(_wrap(conclusion.remark, width))
        if conclusion.table is not None or conclusion.remark:
            click.echo()
        click.echo(_wrap(" ".join(conclusion.verdict), width))
        for note in conclusion.notes:
            click.echo(_wrap(f"note: {note}", width))
        click.echo(f"report: {printable(str(page))}")


def telling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --quiet and --json to a command, which gets a `telling` in place of them."""

    @wraps(command)
    def with_telling(*, quiet: bool, as_json: bool, **arguments: Any) -> Any:
        return command(telling=Telling(quiet, as_json), **arguments)

    json_option = click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON document.")
    quiet_option = click.option(
        "--quiet", "-q", is_flag=True, help="Show no progress, and print only the path of the results (or the JSON)."
    )
    return quiet_option(json_option(with_telling))


def find_width() -> int | None:
    """Return the columns of the terminal that standard output goes to; None if it goes elsewhere."""
    return max(_LEAST_WIDTH, get_terminal_size().columns) if sys.stdout.isatty() else None


def draw_table(table: Any, width: int | None) -> str:
    """Return a `simasgd.report.terminal` TextTable as text: as many columns as fit, or all of them without a width."""
    if width is None:
        return "\n".join(table.lines())
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    fitted = table.fitted(width)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in fitted.columns:
        drawn.add_column(Text(column.title), justify="right" if column.numeric else "left", no_wrap=True, overflow="ellipsis")
    for number, row in enumerate(fitted.rows):
        style = "bold" if number in fitted.emphasised else "dim" if number in fitted.faint else ""
        drawn.add_row(*map(Text, row), style=style)
    console = Console(width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def _wrap(text: str, width: int | None) -> str:
    return text if width is None else textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
