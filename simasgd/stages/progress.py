"""Progress of Python functions: a callback of the caller's, or a bar on the terminal or in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias, final

from simasgd.timing import ReportPart

Progress: TypeAlias = bool | ReportPart
"""True shows a bar, and False nothing. A function is called now and then with the phase (`simulate`,
`compile`, `replay` or `done`) and the fraction of all work that is done."""


def silent(phase: str, fraction: float) -> None:
    """Report nothing."""
    del phase, fraction


@contextmanager
def reporting(progress: Progress, name: str) -> Iterator[ReportPart]:
    """Yield a function that reports progress as was asked; `name` is that of the work.

    A notebook shows a bar if ipywidgets is installed. Where no bar can be shown, there is a line for
    each tenth of the work.
    """
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress:
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console()
    if not (find_spec("ipywidgets") is not None if console.is_jupyter else console.is_terminal):
        yield _Lines(name).report
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, TextColumn("{task.fields[phase]}"), console=console) as bar:
        task = bar.add_task(name, total=1.0, phase="")
        yield lambda phase, fraction: bar.update(task, completed=fraction, phase=phase)


@final
class _Lines:
    """Progress as plain lines, one for each tenth of the work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenths = -1

    def report(self, phase: str, fraction: float) -> None:
        """Print a line if another tenth of the work is done."""
        if int(fraction * 10) > self._tenths:
            self._tenths = int(fraction * 10)
            print(f"{self._name}: {fraction:.0%} ({phase})", file=sys.stdout, flush=True)


@final
@dataclass(frozen=True)
class ShareOfWork:
    """The progress of `size` runs, which follow `before` of `total` runs."""

    progress: ReportPart
    before: int
    size: int
    total: int
    learns: bool

    def report(self, phase: str, fraction: float) -> None:
        """Report the progress of these runs; with learning, the clock counts as its first tenth."""
        if self.learns:
            fraction = 0.1 * fraction if phase == "simulate" else 0.1 + 0.9 * fraction
        self.progress(phase, (self.before + fraction * self.size) / self.total)
