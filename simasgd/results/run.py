"""A run's results, in memory and in a folder: scalars in run.json, tables as Parquet, the scenario as resolved."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import pandas as pd

from simasgd.errors import UsageError
from simasgd.results.identity import code_version
from simasgd.results.outcome import Outcome, has_time, in_words, outcome_of, reason
from simasgd.results.stored import RunJson, StudyJson, VariantsJson, read_json
from simasgd.results.tables import EVALUATIONS, LEARNERS, TIMELINE, UPDATES, read_table
from simasgd.results.timeline import write_trace
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import COMPARE, PAGE, RUN, SCENARIO, STUDY, SWEEP, TRACE, VARIANTS
from simasgd.storage.folder import occupied
from simasgd.storage.manifest import Contents

__all__ = ["COMPARE", "PAGE", "RUN", "SCENARIO", "SWEEP", "TRACE", "VARIANTS", "Run", "Study"]

_REPEATS = "repeats"
_TABLES = ("learners", "updates", "evaluations", "timeline")
MOST_EVALUATIONS = 1000
"""Rows of run.json's `evaluations`; the Parquet table has all."""


@final
@dataclass(frozen=True, eq=False)
class Run:
    """One simulated run. `summary` is the content of run.json.

    Tables (None where nothing of the kind was recorded):
    updates      one row per applied gradient: time (s), timestamp (of the weights it made; where learners have models of their
                 own, the number of the model, from 1 in the order in which they were made, also by mixing), learner, batch,
                 staleness, read_at and computed_at (s)
    evaluations  one row per evaluation: epoch, samples, updates, simulated_seconds, test_loss, test_error (NaN where labels
                 are no classes, so that nothing can be wrong), bytes (sent over the network when the evaluated weights were
                 made; counted at up to a thousand updates, 0 and the last among them, and linear in between; earlier versions
                 have none), consensus_distance (the root mean square of the learners' models' distances from their mean; NaN
                 where there is one model only; earlier versions have none)
    learners     one row per learner: gradients, and seconds of compute, push, wait, pull, idle
    timeline     one row per thing that somebody did: group (learners, servers or links), track (who: learner 3, server, a
                 link), activity, start and end (s), learner (whom it concerns; -1: nobody). On the track of a learner or of
                 a server rows never overlap; on a link's they may, since messages can share it
    """

    scenario: Scenario
    summary: Mapping[str, Any]
    learners: pd.DataFrame
    updates: pd.DataFrame | None = None
    evaluations: pd.DataFrame | None = None
    timeline: pd.DataFrame | None = None

    @property
    def test_error(self) -> float | None:
        """The final weights' error on the test set (a fraction); None if nothing was learned, the run diverged, or labels
        are no classes."""
        error: float | None = self.summary["test_error"]
        return error

    @property
    def test_loss(self) -> float | None:
        """The final weights' mean loss on the test set; None if nothing was learned, the run diverged, or the loss is
        infinite."""
        loss: float | None = self.summary.get("test_loss")  # runs of earlier versions have none
        return loss

    @property
    def simulated_seconds(self) -> float:
        return float(self.summary["simulated_seconds"])

    @property
    def outcome(self) -> Outcome:
        """How it ended: finished, or what went wrong."""
        return outcome_of(self.summary, self.scenario.learning)

    @property
    def has_time(self) -> bool:
        """Whether its simulated time can be compared with that of other runs: it did not hang, and applied something."""
        return has_time(self.summary)

    @property
    def diverged(self) -> bool:
        return self.summary["diverged"] is not None

    @property
    def seed(self) -> int:
        return self.scenario.seed

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write the run's files into a folder, made if absent. A time line is written twice, as a table and as a trace.

        The folder may hold nothing, or what simasgd wrote earlier for the same parameters, or for any with `replace`. Files of
        other origin stay. Raises simasgd.UsageError before anything is changed, and simasgd.RunFailed where writing fails.
        """
        contents = contents_of("run", self.scenario)
        with occupied(Path(folder), contents, paths_of(self.scenario), replacing=replace) as place:
            with place.replacing(complete=True) as fresh:
                self.write_into(fresh)
            place.finish()

    def write_into(self, folder: Path) -> None:
        """Write the run's files into a folder that nobody else writes to, in place of files of their names."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RUN, self.summary)
        (folder / SCENARIO).write_text(yaml_layer.dump_yaml(self.scenario.resolved()), encoding="utf-8")
        for name in _TABLES:
            table: pd.DataFrame | None = getattr(self, name)
            if table is not None:
                write_table(folder / f"{name}.parquet", table)
        if self.timeline is not None:
            about = {key: self.summary[key] for key in ("name", "seed", "scenario_hash", "version")}
            write_trace(self.timeline, folder / TRACE, about)

    @classmethod
    def load(cls, folder: str | Path) -> Run:
        """Read a run's folder. Raises simasgd.UsageError where there is none, or a file in it is
        not as simasgd writes it."""
        folder = Path(folder)
        if not (folder / RUN).is_file():
            raise UsageError(f"{folder}: is not the folder of a run (it has no {RUN})")

        learners = read_table(folder / "learners.parquet", LEARNERS)
        if learners is None:
            raise UsageError(f"{folder}: learners.parquet is missing")
        summary = read_json(folder / RUN, RunJson)
        scenario = read_scenario(folder).with_seed(summary["seed"])  # the file may ask for repeats, too
        evaluations = None
        if scenario.learning is not None:
            evaluations = read_table(folder / "evaluations.parquet", EVALUATIONS)
            if evaluations is None or evaluations.empty:
                raise UsageError(f"{folder}: evaluations.parquet is missing or empty, though {SCENARIO} has a learning section")
        return cls(
            scenario=scenario,
            summary=summary,
            learners=learners,
            updates=read_table(folder / "updates.parquet", UPDATES),
            evaluations=evaluations,
            timeline=read_table(folder / "timeline.parquet", TIMELINE),
        )


@final
@dataclass(frozen=True, eq=False)
class Study:
    """All runs of a scenario: its variants (or itself, under the name ""), each at one or several seeds.

    `command` is what repeats it on a command line, and `variant` says which one of a larger study this is ("": none). `target`
    is the test error, or loss, that somebody asked the time to; None leaves it to the report.
    """

    scenario: Scenario
    runs: Mapping[str, Sequence[Run]]
    command: str = ""
    notes: Sequence[str] = field(default=())
    variant: str = ""
    target: float | None = None

    def alone(self, variant: str) -> Study:
        """One variant with its seeds."""
        return Study(self.scenario.variants[variant], {"": self.runs[variant]}, self.command, self.notes, variant)

    @property
    def has_variants(self) -> bool:
        return list(self.runs) != [""]

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write every run: variants into sub-folders of their names, further seeds into repeats/SEED below.

        What the folder may hold, and what is raised, is as for `Run.save`.
        """
        contents = contents_of("run", self.scenario)
        with occupied(Path(folder), contents, paths_of(self.scenario), replacing=replace) as place:
            with place.replacing(complete=True) as fresh:
                self.write_into(fresh)
            place.finish()

    def write_into(self, folder: Path) -> None:
        """Write every run into a folder that nobody else writes to, in place of files of their names."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.has_variants:
            for variant in self.runs:
                self.alone(variant).write_into(folder / variant)
            write_json(folder / VARIANTS, {"name": self.scenario.name, "variants": self.table().to_dict("records")})
        else:
            first, *further = self.runs[""]
            first.write_into(folder)
            for run in further:
                run.write_into(folder / _REPEATS / str(run.seed))
        (folder / SCENARIO).write_text(yaml_layer.dump_yaml(self.scenario.resolved()), encoding="utf-8")
        about = {"command": self.command, "notes": list(self.notes), "variant": self.variant, "target": self.target}
        write_json(folder / STUDY, about)

    @classmethod
    def load(cls, folder: str | Path) -> Study:
        """Read the folder of a run or of a scenario with variants. Raises simasgd.UsageError where there is none, or a file in
        it is not as simasgd writes it."""
        folder = Path(folder)
        homes = {"": folder}
        if (folder / VARIANTS).is_file():
            scenario = read_scenario(folder)
            listed = read_json(folder / VARIANTS, VariantsJson)["variants"]
            homes = {row["variant"]: folder / row["variant"] for row in listed}
            if unknown := [variant for variant in homes if variant not in scenario.variants]:
                raise UsageError(f"{folder / VARIANTS}: {unknown[0]!r} is not a variant of {folder / SCENARIO}")
        runs = {variant: _with_repeats(home) for variant, home in homes.items()}
        about: Mapping[str, Any] = {}
        if (folder / STUDY).is_file():
            kept = read_json(folder / STUDY, StudyJson)
            about = {key: kept[key] for key in ("command", "notes", "variant", "target")}
        return cls(read_scenario(folder), runs, **about)

    def table(self) -> pd.DataFrame:
        """One row per variant: outcome and reason; test error, test loss, simulated seconds and mean staleness over the seeds,
        with their spread; and how many seeds diverged and hung. A run that hung, or applied nothing, has no simulated
        seconds."""
        return pd.DataFrame([_row(variant, runs) for variant, runs in self.runs.items()])


def contents_of(kind: str, scenario: Scenario, target: float | None = None) -> Contents:
    """What names the results of a study: as in `simasgd.storage.manifest.Contents`."""
    asked = scenario.hash() if target is None else f"{scenario.hash()} {target}"
    return Contents(kind, (hashlib.sha256(asked.encode()).hexdigest(),), code_version())


def tables_of(scenario: Scenario) -> list[str]:
    """The names of the tables that a run of a scenario writes."""
    wanted = {
        "learners": True,
        "updates": scenario.record != "summary",
        "evaluations": scenario.learning is not None,
        "timeline": scenario.record == "timeline",
    }
    return [name for name in _TABLES if wanted[name]]


def paths_of(scenario: Scenario) -> list[str]:
    """All files that a study's results may have, pages included, as paths relative to their folder."""
    files = (RUN, SCENARIO, STUDY, PAGE, TRACE, *(f"{name}.parquet" for name in _TABLES))
    homes = [""]
    for variant, chosen in (scenario.variants or {"": scenario}).items():
        below = f"{variant}/" if variant else ""
        further = (f"{below}{_REPEATS}/{(chosen.seed + i) % 2**32}/" for i in range(1, chosen.repeats))
        homes += [*([below] if below else ()), *further]
    return [VARIANTS, COMPARE, *(f"{home}{name}" for home in homes for name in files)]


def read_scenario(folder: Path) -> Scenario:
    """The scenario of a results folder. Raises simasgd.UsageError where there is none, and ScenarioError."""
    if not (folder / SCENARIO).is_file():
        raise UsageError(f"{folder}: {SCENARIO} is missing")
    return Scenario.load(folder / SCENARIO)


def _with_repeats(home: Path) -> list[Run]:
    first = Run.load(home)
    seeds = [int(path.parent.name) for path in (home / _REPEATS).glob(f"*/{RUN}") if path.parent.name.isdecimal()]
    in_order = sorted(seeds, key=lambda seed: (seed - first.seed) % 2**32)
    return [first, *(Run.load(home / _REPEATS / str(seed)) for seed in in_order)]


def _row(variant: str, runs: Sequence[Run]) -> dict[str, Any]:
    outcomes = [run.outcome for run in runs]
    reasons = dict.fromkeys(found for run in runs if (found := reason(run.summary, run.outcome)))
    errors = [run.test_error for run in runs if run.test_error is not None]
    losses = [run.test_loss for run in runs if run.test_loss is not None]
    seconds = [run.simulated_seconds for run in runs if run.has_time]
    staleness = [run.summary["staleness"]["mean"] for run in runs if run.summary["staleness"]["mean"] is not None]
    return {
        "variant": variant,
        "seeds": [run.seed for run in runs],
        "outcome": in_words(outcomes),
        "reason": "; ".join(reasons),
        "test_error": mean(errors),
        "test_error_min": min(errors, default=None),
        "test_error_max": max(errors, default=None),
        "test_loss": mean(losses),
        "test_loss_min": min(losses, default=None),
        "test_loss_max": max(losses, default=None),
        "simulated_seconds": mean(seconds),
        "simulated_seconds_min": min(seconds, default=None),
        "simulated_seconds_max": max(seconds, default=None),
        "mean_staleness": mean(staleness),
        "diverged": sum(run.diverged for run in runs),
        "hung": outcomes.count(Outcome.HUNG),
    }


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def staleness_summary(counts: Counter[int]) -> dict[str, Any]:
    """mean, max, p50, p95, p99 (nearest rank) and histogram[σ], the number of gradients of staleness σ."""
    total = sum(counts.values())
    if not total:
        return {"mean": None, "max": None, "p50": None, "p95": None, "p99": None, "histogram": []}
    histogram = [counts.get(value, 0) for value in range(max(counts) + 1)]

    def percentile(share: int) -> int:
        rank, seen = -(-share * total // 100), 0
        for value, count in enumerate(histogram):
            seen += count
            if seen >= rank:
                return value
        raise AssertionError("a rank beyond the total")

    return {
        "mean": sum(value * count for value, count in counts.items()) / total,
        "max": max(counts),
        "p50": percentile(50),
        "p95": percentile(95),
        "p99": percentile(99),
        "histogram": histogram,
    }


def mixing_summary(counts: Counter[int]) -> dict[str, Any]:
    """How many models of others were mixed into learners', and of their ages, in steps of their holders, what
    `staleness_summary` says."""
    return {"mixed": sum(counts.values()), **staleness_summary(counts)}


def finite(value: float) -> float | None:
    """A number that JSON can hold: None for NaN and infinities."""
    return value if math.isfinite(value) else None


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows as JSON can hold them."""
    rows: list[dict[str, Any]] = _plain(table.to_dict("records"))
    return rows


def thinned(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows (2 or more) of a table, evenly spaced by their numbers, the first and the last among them."""
    if len(table) <= most:
        return table
    return table.iloc[[i * (len(table) - 1) // (most - 1) for i in range(most)]]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Strict JSON, of one form for one content."""
    path.write_text(json.dumps(_plain(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """A Parquet table, without its index."""
    with path.open("wb") as file:
        table.to_parquet(file, compression="zstd", index=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
