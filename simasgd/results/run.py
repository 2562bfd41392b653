"""A run's results, in memory and in a folder: run.json, tables, and the resolved scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import final

import pandas as pd

from simasgd.errors import UsageError
from simasgd.operations.writing import write_columns
from simasgd.presentation import find_presenter
from simasgd.results.contents import describe_contents, list_paths, read_scenario, write_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.results.kept.weights import KeptWeights, read_weights
from simasgd.results.outcome import Outcome
from simasgd.results.summary import Summary
from simasgd.results.tables import (
    EVALUATIONS,
    LEARNERS,
    LEARNERS_IF_COSTS,
    OPERATIONS,
    TIMELINE,
    UPDATES,
    UPDATES_IF_COPIES,
    read_table,
    write_table,
)
from simasgd.results.timeline import write_trace
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import OPERATIONS_TABLE, RUN, RUN_TABLES, SCENARIO, SWEEP, TRACE, WEIGHTS
from simasgd.storage.opening import open_folder


@final
@dataclass(frozen=True, eq=False)
class Run:
    """One run, simulated or measured: its scenario, its summary, and its tables.

    A table is None where nothing of its kind was recorded.

    learners     one row per learner: mini_batch (samples), bandwidth of its node's interface
                 (bytes/s; NaN: unlimited, or measured), gradients computed, applied, dropped, cancelled, lost
                 and in_flight, and seconds of compute, push, wait, pull, idle (NaN where a log does
                 not tell them)
    updates      one row per applied gradient: time (s), timestamp (of the weights it made; where
                 learners have models of their own, the number of the model, counted from 1 in the
                 order of their making, mixing included), learner, batch, staleness, read_at and
                 computed_at (s; NaN where a log does not tell them). Where learners step copies of
                 the weights also read (the version that the copy began with) and ahead (the
                 learner's mini-batches that the copy had taken since); where messages are sums also
                 summed (gradients in a message)
    evaluations  one row per evaluation: epoch, samples, updates, simulated_seconds, test_loss,
                 test_error (NaN where labels are not classes), bytes (sent over the network until
                 the evaluated weights were made: counted at up to a thousand updates, the first and
                 the last included, and interpolated linearly in between), consensus_distance (root
                 mean square distance of the learners' models from their mean; NaN with one model)
    timeline     one row per activity: group (learners, servers or links), track (learner 3, server,
                 a link's name), activity, start and end (s), learner (the learner concerned; -1:
                 none). Rows of a learner's or a server's track never overlap; rows of a link's
                 track may, since messages can share it.
    operations   of a recorded run: one row per operation, with the columns of a log (docs/logs.md),
                 times in seconds from the run's begin
    """

    scenario: Scenario
    summary: Summary
    learners: pd.DataFrame
    updates: pd.DataFrame | None = None
    evaluations: pd.DataFrame | None = None
    timeline: pd.DataFrame | None = None
    read_operations: Callable[[], pd.DataFrame | None] | None = None
    """Returns `operations`, which are read when they are asked for."""
    read_weights: Callable[[], KeptWeights | None] | None = None
    """Returns `weights`, which are read when they are asked for."""

    @cached_property
    def operations(self) -> pd.DataFrame | None:
        """The operations of a recorded run, else None.

        Raises simasgd.UsageError if their file is not one that simasgd wrote.
        """
        return None if self.read_operations is None else self.read_operations()

    @cached_property
    def weights(self) -> KeptWeights | None:
        """The last weights, as arrays by their names; None unless `record.weights` asked for them.

        A run that diverged has none. Raises simasgd.UsageError if their file is not one that
        simasgd wrote.
        """
        return None if self.read_weights is None else self.read_weights()

    @property
    def test_error(self) -> float | None:
        """Fraction of the test set that the final weights get wrong.

        None if nothing was learned, the run diverged, or labels are not classes.
        """
        return self.summary.test_error

    @property
    def test_loss(self) -> float | None:
        """Mean test loss of the final weights.

        None if nothing was learned, the run diverged, or the loss is infinite.
        """
        return self.summary.test_loss

    @property
    def simulated_seconds(self) -> float:
        """Simulated time at the stop."""
        return self.summary.simulated_seconds

    @property
    def samples_per_simulated_second(self) -> float | None:
        """Applied samples per simulated second; None if the run has no time (`has_time`)."""
        return self.summary.samples_per_simulated_second

    @property
    def speedup(self) -> float | None:
        """Applied samples per simulated second ÷ those of one learner of speed 1 that computes alone.

        The lone learner sends nothing and waits for nothing. None if the run has no time, or compute
        times are not known (a log, or a recording at a free pace). See `Summary` for unequal learners.
        """
        return self.summary.speedup

    @property
    def learner_hours(self) -> float:
        """Hours of simulated time, summed over the learners that were present."""
        return self.summary.learner_hours

    @property
    def bytes_sent(self) -> float | None:
        """Bytes sent over the network; None where a log does not tell them."""
        return None if self.summary.bytes is None else self.summary.bytes.sent

    @property
    def outcome(self) -> Outcome:
        """How the run ended: finished, or what went wrong."""
        return self.summary.outcome

    @property
    def has_time(self) -> bool:
        """Whether the simulated time can be compared with other runs'; see `Summary.has_time`."""
        return self.summary.has_time

    @property
    def diverged(self) -> bool:
        """Whether weights became infinite or NaN."""
        return self.summary.diverged is not None

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.scenario.seed

    def __repr__(self) -> str:
        parts = [str(self.outcome)]
        if self.test_error is not None:
            parts.append(f"test error {self.test_error:.1%}")
        elif self.test_loss is not None:
            parts.append(f"test loss {self.test_loss:.3g}")
        parts.append(f"{self.simulated_seconds:.4g} {self.summary.origin} s")
        return f"<Run {self.scenario.name} at seed {self.seed}: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        return find_presenter().show(self)

    def write_page(self, path: str | Path) -> Path:
        """Write the run's page, one HTML file, and return its path; a folder gets it as `index.html`.

        Raises simasgd.UsageError if it cannot be written.
        """
        return find_presenter().write_page(self, Path(path))

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write the run's files into a folder, made if absent.

        A time line is written as a table and as a trace.

        The folder may be empty or hold earlier results of the same parameters; with `replace`, of
        any parameters. Other files in it stay. Raises simasgd.UsageError before anything is
        changed, and simasgd.RunFailed if writing fails.
        """
        save_results(self.scenario, self.write_into, Path(folder), replace=replace)

    def write_into(self, folder: Path) -> None:
        """Write the run's files into a folder that no other process writes to.

        Files of the same names are replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RUN, self.summary.as_json())
        write_scenario(self.scenario, folder)
        for name in RUN_TABLES:
            table: pd.DataFrame | None = getattr(self, name)
            if table is None:
                continue
            if name == "operations":
                write_columns({column: table[column].to_numpy() for column in table}, folder / OPERATIONS_TABLE)
            else:
                write_table(folder / f"{name}.parquet", table)
        if self.weights is not None:
            self.weights.write(folder / WEIGHTS)
        if self.timeline is not None:
            summary = self.summary
            about = {
                "name": summary.name,
                "seed": summary.seed,
                "scenario_hash": summary.scenario_hash,
                "version": summary.version,
            }
            write_trace(self.timeline, folder / TRACE, about)

    @classmethod
    def load(cls, folder: str | Path) -> Run:
        """Read a run from its folder.

        Raises simasgd.UsageError if the folder holds no run, or a file in it does not have the form
        that simasgd writes.
        """
        folder = Path(folder)
        if (folder / SWEEP).is_file():
            raise UsageError(f"{folder}: is the folder of a sweep; simasgd.Sweep.load reads it")
        if not (folder / RUN).is_file():
            raise UsageError(f"{folder}: is not the folder of a run (it has no {RUN})")

        learners = read_table(folder / "learners.parquet", LEARNERS, LEARNERS_IF_COSTS)
        if learners is None:
            raise UsageError(f"{folder}: learners.parquet is missing")
        summary = read_json(folder / RUN, Summary)
        scenario = read_scenario(folder).with_seed(summary.seed)  # the file may ask for repeats, too
        evaluations = None
        if scenario.learning is not None:
            evaluations = read_table(folder / "evaluations.parquet", EVALUATIONS)
            if evaluations is None or evaluations.empty:
                raise UsageError(f"{folder}: evaluations.parquet is missing or empty, though {SCENARIO} has a learning section")
        return cls(
            scenario=scenario,
            summary=summary,
            learners=learners,
            updates=read_table(folder / "updates.parquet", UPDATES, UPDATES_IF_COPIES),
            evaluations=evaluations,
            timeline=read_table(folder / "timeline.parquet", TIMELINE),
            read_operations=partial(read_table, folder / OPERATIONS_TABLE, OPERATIONS),
            read_weights=partial(read_weights, folder / WEIGHTS),
        )


def save_results(scenario: Scenario, write_into: Callable[[Path], None], folder: Path, *, replace: bool) -> None:
    """Write the results of a scenario into a folder with `write_into`, whole or not at all."""
    contents = describe_contents("run", scenario)
    with open_folder(folder, contents, list_paths(scenario), replacing=replace) as place:
        with place.replacing(complete=True) as fresh:
            write_into(fresh)
        place.finish()
