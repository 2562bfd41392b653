"""What an interrupted study has done, in a folder, from which the same study resumes."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import final

from simasgd.errors import RunFailed, SimasgdError
from simasgd.results.identity import content_name
from simasgd.results.run import Run
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import clear_results, is_absent, is_folder


@final
class UnfinishedWork:
    """Finished runs, and how far the learning under way has come.

    Everything is named by the runs that go through one loop, in their order, the code and the device, so that nothing is taken
    for something that would have other numbers.
    """

    def __init__(self, folder: Path, checkpoint_seconds: float) -> None:
        self._folder = folder
        self.checkpoint_seconds = checkpoint_seconds

    def find(self, scenarios: Sequence[Scenario]) -> list[Run] | None:
        """The runs, if all are here and whole."""
        home = self._folder / _loop_name(scenarios)
        try:
            return [Run.load(home / str(number)) for number in range(len(scenarios))] if is_folder(home) else None
        except SimasgdError:
            return None

    def put(self, runs: Sequence[Run]) -> None:
        """Keep runs that were made together, and forget how far they had come."""
        scenarios = [run.scenario for run in runs]
        home, fresh = self._folder / _loop_name(scenarios), self._folder / f".{uuid.uuid4().hex}.new"
        try:
            for number, run in enumerate(runs):
                run.write_into(fresh / str(number))
            if not is_absent(home):  # not whole
                aside = self._folder / f".{uuid.uuid4().hex}.old"
                home.rename(aside)
                clear_results(aside)
            fresh.rename(home)
            self.checkpoint(scenarios).unlink(missing_ok=True)
        except OSError as error:
            raise RunFailed(f"finished runs could not be saved in {self._folder}: {error}") from error

    def checkpoint(self, scenarios: Sequence[Scenario]) -> Path:
        """Where the learning of these is kept while it is under way."""
        return self._folder / f"{_loop_name(scenarios)}.checkpoint"


def _loop_name(scenarios: Sequence[Scenario]) -> str:
    """Names runs that are made together: 16 hexadecimal digits."""
    device = ""
    if scenarios[0].learning is not None:
        import jax

        device = f"{jax.device_count()} × {jax.devices()[0].device_kind}"
    return hashlib.sha256(" ".join([*map(content_name, scenarios), device]).encode()).hexdigest()[:16]
