"""Progress of the work: whose share of it is done, and to whom it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias, final

from simasgd.scenario.schema import Scenario
from simasgd.timing import ReportPart

Progress: TypeAlias = bool | ReportPart
"""True shows a bar, and False nothing. A function is called now and then with the phase (`simulate`,
`compile`, `replay` or `done`) and the fraction of all work that is done."""
_CLOCKS = ("simulate", "record")
"""The phases in which a tape is made; learning follows them."""
BESIDE_A_CLOCK, BESIDE_PROCESSES = 0.9, 0.1
"""Learning as a fraction of a run that is simulated, and of one that is recorded on real processes."""


def silent(phase: str, fraction: float) -> None:
    """Report nothing."""
    del phase, fraction


@contextmanager
def reporting(progress: Progress, name: str, *, learns: bool = False) -> Iterator[ReportPart]:
    """Yield a function that reports progress as was asked; `name` is that of the work.

    `learns` says whether learning follows the simulation of a cluster.

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

    from simasgd.stages.display import show_phases

    console = Console()
    live = find_spec("ipywidgets") is not None if console.is_jupyter else console.is_terminal
    with show_phases(name, console, live=live, learns=learns) as show:
        yield show


@final
@dataclass(frozen=True)
class ShareOfWork:
    """The progress of some runs, which are the work from the fraction `begin` to `end`.

    `learning` is the fraction of theirs that learning takes, after the clock; 0 without learning.
    """

    progress: ReportPart
    begin: float
    end: float
    learning: float

    @classmethod
    def of_runs(
        cls, progress: ReportPart, scenario: Scenario, before: int, size: int, total: int, learning: float = BESIDE_A_CLOCK
    ) -> ShareOfWork:
        """Return the share of `size` runs of such a scenario, which follow `before` of `total` runs."""
        return cls(progress, before / total, (before + size) / total, 0.0 if scenario.learning is None else learning)

    @classmethod
    def whole(cls, progress: ReportPart, scenario: Scenario) -> ShareOfWork:
        """Return the share of a run that is all the work."""
        return cls.of_runs(progress, scenario, 0, 1, 1)

    @classmethod
    def unseen(cls) -> ShareOfWork:
        """Return a share whose progress nobody sees."""
        return cls(silent, 0.0, 1.0, 0.0)

    def report(self, phase: str, fraction: float) -> None:
        """Report the fraction of a phase that is done."""
        clock = 1.0 - self.learning
        fraction = clock * fraction if phase in _CLOCKS else clock + self.learning * fraction
        self.progress(phase, self.begin + fraction * (self.end - self.begin))

    def split(self, at: float) -> tuple[ShareOfWork, ShareOfWork]:
        """Return the shares of the work before and after a fraction of it."""
        middle = self.begin + at * (self.end - self.begin)
        return (
            ShareOfWork(self.progress, self.begin, middle, self.learning),
            ShareOfWork(self.progress, middle, self.end, self.learning),
        )
