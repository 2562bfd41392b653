"""Unfinished work of a study: a folder of runs and checkpoints, from which the study resumes."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import final

from simasgd.errors import RunFailed, SimasgdError
from simasgd.results.contents import keeps_weights
from simasgd.results.identity import name_content
from simasgd.results.run import Run
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import clear_results, is_absent, is_folder


@final
class UnfinishedWork:
    """Finished runs, and a checkpoint of the learning under way.

    A name is a hash of the runs that share a loop (in their order), the code and the device.
    Anything that would change the numbers changes the name.
    """

    def __init__(self, folder: Path, checkpoint_seconds: float) -> None:
        self._folder = folder
        self.checkpoint_seconds = checkpoint_seconds

    def find(self, scenarios: Sequence[Scenario]) -> list[Run] | None:
        """Return the runs if all are kept and whole, else None."""
        home = self._folder / _loop_name(scenarios)
        try:
            runs = [Run.load(home / str(number)) for number in range(len(scenarios))] if is_folder(home) else None
        except SimasgdError:
            return None
        if runs is None or any(keeps_weights(run.scenario, run.summary) and run.weights is None for run in runs):
            return None
        return runs

    def put(self, runs: Sequence[Run]) -> None:
        """Keep runs that were made together, and delete their checkpoint."""
        scenarios = [run.scenario for run in runs]
        home, fresh = self._folder / _loop_name(scenarios), self._folder / f".{uuid.uuid4().hex}.new"
        try:
            for number, run in enumerate(runs):
                run.write_into(fresh / str(number))
            if not is_absent(home):  # kept before, but damaged
                aside = self._folder / f".{uuid.uuid4().hex}.old"
                home.rename(aside)
                clear_results(aside)
            fresh.rename(home)
            self.checkpoint(scenarios).unlink(missing_ok=True)
        except OSError as error:
            raise RunFailed(f"finished runs could not be saved in {self._folder}: {error}") from error

    def checkpoint(self, scenarios: Sequence[Scenario]) -> Path:
        """Return the path of the checkpoint of these scenarios' learning."""
        return self._folder / f"{_loop_name(scenarios)}.checkpoint"


def _loop_name(scenarios: Sequence[Scenario]) -> str:
    """Name runs that are made together by 16 hexadecimal digits."""
    device = ""
    if scenarios[0].learning is not None:
        import jax

        device = f"{jax.device_count()} × {jax.devices()[0].device_kind}"
    return hashlib.sha256(" ".join([*map(name_content, scenarios), device]).encode()).hexdigest()[:16]
