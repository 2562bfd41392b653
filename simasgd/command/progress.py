"""Progress on standard error: a bar with an estimate on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def phases(name: str, *, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the phase and the fraction of all work that is done."""
    if quiet:
        yield lambda phase, fraction: None
    elif not sys.stderr.isatty():
        yield _Lines(name).phase
    else:
        with _bar(TaskProgressColumn()) as bar:
            task = bar.add_task(name, total=1.0, phase="")
            yield lambda phase, fraction: bar.update(task, completed=fraction, phase=phase)


@contextmanager
def points(name: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows a point's event and the numbers of finished and of all points."""
    if quiet:
        yield lambda what, finished, total: None
    elif not sys.stderr.isatty():
        yield _Lines(name).point
    else:
        with _bar(MofNCompleteColumn()) as bar:
            task = bar.add_task(name, total=None, phase="")
            yield lambda what, finished, total: bar.update(task, completed=finished, total=total, phase=what)


def _bar(count: TaskProgressColumn | MofNCompleteColumn) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn(), TextColumn("{task.fields[phase]}"))
    return Progress(*columns, console=Console(stderr=True))


class _Lines:
    """Progress as plain lines, one for each tenth of the work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenths = -1

    def phase(self, phase: str, fraction: float) -> None:
        self._at(fraction, f"{fraction:.0%} ({phase})")

    def point(self, what: str, finished: int, total: int) -> None:
        self._at(finished / total, f"{finished} of {total} points ({what})")

    def _at(self, fraction: float, text: str) -> None:
        if int(fraction * 10) > self._tenths:
            self._tenths = int(fraction * 10)
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)
