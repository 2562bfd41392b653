"""The state of a sweep, read from its folder while it runs or after it was interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.storage.files import FAILURE, RUN
from simasgd.storage.manifest import MANIFEST, Manifest
from simasgd.storage.state import aim
from simasgd.storage.work_folder import find_holder
from simasgd.sweeps.estimate import say_seconds
from simasgd.sweeps.table import AND, Sweep

_LATEST = 21  # finished points whose times tell the present pace
_TOGETHER = 1.0  # seconds within which the points of one loop are finished


@final
@dataclass(frozen=True)
class SweepStatus:
    """The state of a sweep.

    `done` points have a run.json, and `failed` ones a failure.json. `pace` is the number of points a
    second that the present process has finished lately; None if that is not known. `holder` is this process; "" if none works
    on the sweep.
    """

    name: str
    points: int
    done: int
    failed: int
    pace: float | None
    holder: str
    command: str
    searched: int = 0
    """The combinations of a search for advice, which chooses its points as it goes; 0 for a sweep."""
    is_over: bool = False
    """Whether the search has ended."""

    @property
    def left(self) -> int:
        """The number of points that are to be computed."""
        return self.points - self.done - self.failed

    def sentences(self) -> Iterator[str]:
        """Yield what the user wants to know, a sentence a line."""
        yield self._say_done()
        commands = self.command.split(AND)
        if self.failed:
            again = "" if self.holder else f"; this tries them again: {_say([f'{one} --retry-failed' for one in commands])}"
            yield f"{self.failed:,} failed, and their failure.json says why{again}"
        if self.holder:
            yield f"{self.holder} works on it" + ("" if self.pace is None else f", at {60 * self.pace:.3g} points a minute")
            if self.pace is not None and self.left and not self.searched:
                yield f"about {say_seconds(self.left / self.pace)} left"
        elif self.left or (self.searched and not self.is_over):
            yield f"nobody works on it; this continues it: {_say(commands)}"

    def _say_done(self) -> str:
        if not self.searched:
            return f"{self.name}: {self.done:,} of {self.points:,} points are done"
        runs = f"{self.done:,} {'run was' if self.done == 1 else 'runs were'} learned"
        search = f"{self.name}: a search for advice among {self.searched:,} combinations"
        return f"{search} has ended: {runs}" if self.is_over else f"{search}: all are timed, and {runs} so far"


def _say(commands: Sequence[str]) -> str:
    """Return commands as one line. Each runs whatever the exit code before it, which failed points make 1."""
    return "; ".join(commands)


def read_status(folder: Path) -> SweepStatus:
    """Read the state of the sweep in a folder. Raises simasgd.UsageError if there is none."""
    table = Sweep.load(folder)
    homes = list(dict.fromkeys(table.points["folder"]))
    times = sorted(path.stat().st_mtime for home in homes if (path := folder / home / RUN).is_file())
    holder, since = find_holder(folder)
    latest = [time for time in times if time >= since][-_LATEST:]
    after = [time for time in latest if time > latest[0] + _TOGETHER]
    took = latest[-1] - latest[0] if latest else 0.0
    manifest = Manifest.read(folder / MANIFEST)
    is_search = manifest is not None and manifest.contents.kind == "advise"
    without = [home for home in homes if not (folder / home / RUN).is_file()]
    return SweepStatus(
        name=table.scenario.name,
        points=len(homes),
        done=len(times),
        failed=sum((folder / home / FAILURE).is_file() for home in without),
        pace=len(after) / took if after else None,
        holder=holder,
        command=AND.join(aim(command, folder) for command in table.command.split(AND)),
        searched=len(manifest.contents.parameters) if manifest is not None and is_search else 0,
        is_over=manifest is not None and manifest.complete,
    )
