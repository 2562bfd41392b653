"""Progress on standard error: a bar with an estimate on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from simasgd.stages.display import show_phases, show_points, show_stages


@contextmanager
def phases(name: str, *, quiet: bool, learns: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the phase and the fraction of all work that is done, as `show_phases` does."""
    if quiet:
        yield lambda phase, fraction: None
        return
    with show_phases(name, Console(stderr=True), live=sys.stderr.isatty(), learns=learns) as show:
        yield show


@contextmanager
def points(name: str, total: int, *, quiet: bool) -> Iterator[tuple[Callable[[str, int, int], None], Callable[[str], None]]]:
    """Yield a function that shows a point's event and the numbers of finished and of all points, and one that tells a line."""
    if quiet:
        yield lambda what, finished, total: None, lambda line: None
        return
    console = Console(stderr=True)
    with show_points(name, console, live=sys.stderr.isatty(), total=total) as show:
        yield show, lambda line: console.print(f"{name}: {line}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def stages(name: str, *, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the stage of a search and the fraction of it that is done."""
    if quiet:
        yield lambda stage, fraction: None
        return
    with show_stages(name, Console(stderr=True), live=sys.stderr.isatty()) as show:
        yield show
