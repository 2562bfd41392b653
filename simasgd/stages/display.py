"""How progress is shown: a bar with the time left, or plain lines; on a terminal, in a notebook, and elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, final

from simasgd.stages.estimate import PhaseEstimate, PointEstimate, describe_left

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

_WORDS = {
    "simulate": "simulating",
    "compile": "compiling",
    "replay": "learning",
    "record": "recording",
    "points": "computing points",
    "report": "drawing the page",
}
_SILENCE = 60.0
"""Seconds after which a plain line is printed although no further tenth of the work is done."""


@contextmanager
def show_phases(name: str, console: Console, *, live: bool, learns: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the phase and the fraction of all work that is done, and estimates the time left.

    `live` chooses a bar, which moves, and not lines. `learns` says whether learning follows the
    simulation of the cluster.
    """
    from rich.progress import TaskProgressColumn

    estimate = PhaseEstimate(time.monotonic(), learns=learns)

    def describe(phase: str, fraction: float) -> str:
        left = estimate.seconds_left(time.monotonic(), phase, fraction)
        return _join(_WORDS.get(phase, phase), describe_left(left) if fraction < 1.0 else "")

    if not live:
        lines = _Lines(name, console)
        yield lambda phase, fraction: lines.show(fraction, f"{fraction:.0%}", describe(phase, fraction))
        return
    with _bar(console, TaskProgressColumn()) as bar:
        task = bar.add_task(name, total=1.0, phase="")
        yield lambda phase, fraction: bar.update(task, completed=fraction, phase=describe(phase, fraction))


@contextmanager
def show_points(name: str, console: Console, *, live: bool, total: int) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows a point's event and the numbers of finished and of all points, at first of `total`."""
    from rich.progress import MofNCompleteColumn

    estimate = PointEstimate(time.monotonic())

    def describe(what: str, finished: int, total: int) -> str:
        left = estimate.seconds_left(time.monotonic(), what, finished, total)
        return _join(what, describe_left(left) if finished < total else "")

    if not live:
        lines = _Lines(name, console)
        yield lambda what, finished, total: lines.show(
            finished / total, f"{finished} of {total} points", describe(what, finished, total)
        )
        return
    with _bar(console, MofNCompleteColumn()) as bar:
        task = bar.add_task(name, total=total, phase="")
        yield lambda what, finished, total: bar.update(
            task, completed=finished, total=total, phase=describe(what, finished, total)
        )


@contextmanager
def show_stages(name: str, console: Console, *, live: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the stage of a search and the fraction of it that is done."""
    from rich.progress import TaskProgressColumn

    if not live:
        yield _Lines(name, console).begin
        return
    with _bar(console, TaskProgressColumn()) as bar:
        task = bar.add_task(name, total=1.0, phase="")
        yield lambda stage, fraction: bar.update(task, completed=fraction, phase=stage)


def _bar(console: Console, count: ProgressColumn) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(TextColumn("{task.description}"), BarColumn(), count, TextColumn("{task.fields[phase]}"), console=console)


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


@final
class _Lines:
    """Progress as plain lines: one for each tenth of the work, and one after a minute without any."""

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._file = console.file
        self._tenths = -1
        self._stage = ""
        self._said = time.monotonic()

    def show(self, fraction: float, done: str, about: str) -> None:
        """Print a line if it is time for one."""
        now = time.monotonic()
        if int(fraction * 10) > self._tenths or now - self._said > _SILENCE:
            self._tenths, self._said = int(fraction * 10), now
            self._print(done, about)

    def begin(self, stage: str, fraction: float) -> None:
        """Print a line for each stage, and one after a minute without any."""
        now = time.monotonic()
        if stage != self._stage or now - self._said > _SILENCE:
            self._stage, self._said = stage, now
            self._print(stage, f"{fraction:.0%}" if fraction else "")

    def _print(self, done: str, about: str) -> None:
        print(f"{self._name}: {done}{f' ({about})' if about else ''}", file=self._file, flush=True)
