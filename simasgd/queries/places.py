"""The places of runs below a folder: each run, and the study that it is a part of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.results.contents import REPEATS
from simasgd.storage.files import ADVICE, RUN, SWEEP, VALIDATION, VARIANTS
from simasgd.storage.work_folder import POINTS, WORK


@final
@dataclass(frozen=True)
class RunPlace:
    """The folder of a run, and that of its study: the results of one command.

    `variant` is the name of its variant in the study. `point` is that of its folder in a sweep, or among the runs of advice.
    Both are "" where there is none.
    """

    folder: Path
    study: Path
    variant: str = ""
    point: str = ""

    @property
    def is_whole_study(self) -> bool:
        """Whether the run is not a part of a larger study."""
        return self.folder == self.study

    @property
    def file(self) -> Path:
        """The run.json of the run."""
        return self.folder / RUN


@final
@dataclass(frozen=True)
class FoundResults:
    """The runs in a folder and below it, and the folders of all studies: also of those without any run."""

    runs: tuple[RunPlace, ...]
    studies: tuple[Path, ...]


def find_results(top: Path) -> FoundResults:
    """Find the results in a folder and below it; unfinished work is left out, and no link is followed."""
    sweeps, comparisons = set[str](), set[str]()
    runs, studies = list[RunPlace](), dict[Path, None]()
    for folder, below, files in os.walk(top):
        below[:] = sorted(name for name in below if name != WORK)
        if SWEEP in files or ADVICE in files:
            sweeps.add(folder)
        elif VARIANTS in files:
            comparisons.add(folder)
        if not {SWEEP, ADVICE, VALIDATION}.isdisjoint(files):
            studies[Path(folder)] = None
        if RUN in files:
            place = _place(folder, sweeps, comparisons)
            runs.append(place)
            studies[place.study] = None
    return FoundResults(tuple(runs), tuple(studies))


def find_runs(top: Path) -> tuple[RunPlace, ...]:
    """Return the place of each run in a folder and below it."""
    return find_results(top).runs


def _place(folder: str, sweeps: set[str], comparisons: set[str]) -> RunPlace:
    above, name = os.path.split(folder)
    home = folder
    if os.path.basename(above) == REPEATS:
        home = os.path.dirname(above)
        above, name = os.path.split(home)
    study = os.path.dirname(above)
    if os.path.basename(above) == POINTS and study in sweeps:
        return RunPlace(Path(folder), Path(study), point=name)
    if above in comparisons:
        return RunPlace(Path(folder), Path(above), variant=name)
    return RunPlace(Path(folder), Path(home))
