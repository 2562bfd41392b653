"""Progress on standard error: a bar with an estimate on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from simasgd.command.output.estimate import PhaseEstimate, PointEstimate, describe_left

_WORDS = {"simulate": "simulating", "compile": "compiling", "replay": "learning", "report": "drawing the page"}
_SILENCE = 60.0
"""Seconds after which a plain line is printed although no further tenth of the work is done."""


@contextmanager
def phases(name: str, *, quiet: bool, learns: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the phase and the fraction of all work that is done, and estimates the time left.

    `learns` says whether learning follows the simulation of the cluster.
    """
    estimate = PhaseEstimate(time.monotonic(), learns=learns)
    if quiet:
        yield lambda phase, fraction: None
    elif not sys.stderr.isatty():
        yield _Lines(name).phases(estimate)
    else:
        with _bar(TaskProgressColumn()) as bar:
            task = bar.add_task(name, total=1.0, phase="")

            def show(phase: str, fraction: float) -> None:
                left = estimate.seconds_left(time.monotonic(), phase, fraction)
                bar.update(task, completed=fraction, phase=_join(_WORDS.get(phase, phase), describe_left(left)))

            yield show


@contextmanager
def points(name: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows a point's event and the numbers of finished and of all points."""
    estimate = PointEstimate(time.monotonic())
    if quiet:
        yield lambda what, finished, total: None
    elif not sys.stderr.isatty():
        yield _Lines(name).points(estimate)
    else:
        with _bar(MofNCompleteColumn()) as bar:
            task = bar.add_task(name, total=None, phase="")

            def show(what: str, finished: int, total: int) -> None:
                left = estimate.seconds_left(time.monotonic(), what, finished, total)
                bar.update(task, completed=finished, total=total, phase=_join(what, describe_left(left)))

            yield show


@contextmanager
def stages(name: str, *, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the stage of a search and the fraction of it that is done."""
    if quiet:
        yield lambda stage, fraction: None
    elif not sys.stderr.isatty():
        yield _Lines(name).stages
    else:
        with _bar(TaskProgressColumn()) as bar:
            task = bar.add_task(name, total=1.0, phase="")
            yield lambda stage, fraction: bar.update(task, completed=fraction, phase=stage)


def _bar(count: TaskProgressColumn | MofNCompleteColumn) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), count, TextColumn("{task.fields[phase]}"))
    return Progress(*columns, console=Console(stderr=True))


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


class _Lines:
    """Progress as plain lines: one for each tenth of the work, and one after a minute without any."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenths = -1
        self._said = time.monotonic()
        self._stage = ""

    def phases(self, estimate: PhaseEstimate) -> Callable[[str, float], None]:
        def tell(phase: str, fraction: float) -> None:
            now = time.monotonic()
            left = estimate.seconds_left(now, phase, fraction)
            self._at(now, fraction, f"{fraction:.0%} ({_join(_WORDS.get(phase, phase), describe_left(left))})")

        return tell

    def points(self, estimate: PointEstimate) -> Callable[[str, int, int], None]:
        def tell(what: str, finished: int, total: int) -> None:
            now = time.monotonic()
            left = describe_left(estimate.seconds_left(now, what, finished, total)) if finished < total else ""
            self._at(now, finished / total, f"{finished} of {total} points ({_join(what, left)})")

        return tell

    def stages(self, stage: str, fraction: float) -> None:
        """Print a line for each stage, and one after a minute without any."""
        now = time.monotonic()
        if stage != self._stage or now - self._said > _SILENCE:
            self._stage, self._said = stage, now
            print(f"{self._name}: {stage}{f' ({fraction:.0%})' if fraction else ''}", file=sys.stderr, flush=True)

    def _at(self, now: float, fraction: float, text: str) -> None:
        if int(fraction * 10) > self._tenths or now - self._said > _SILENCE:
            self._tenths, self._said = int(fraction * 10), now
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)
