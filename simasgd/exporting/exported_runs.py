"""Runs as other programs know them: names, settings, final scores and curves."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from simasgd.errors import UsageError
from simasgd.queries.places import RunPlace, find_runs
from simasgd.results.contents import read_scenario
from simasgd.results.json_files import read_json
from simasgd.results.summary import Summary
from simasgd.results.tables import EVALUATIONS, read_table
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import SCENARIO
from simasgd.sweeps.axes import read_quantity
from simasgd.sweeps.table import Sweep, is_sweep

SettingValue = bool | int | float | str
CURVES = ("test_error", "test_loss", "consensus_distance")
"""The curves of a run, as columns of its evaluations."""
_SCORES = (
    *("test_error", "test_loss", "epochs", "samples", "updates", "samples_per_simulated_second", "speedup"),
    "learner_hours",
)
_NOT_SETTINGS = ("name", "title", "seed", "repeats")
_NOT_IN_NAMES = re.compile(r"[^\w.,=+@-]+")


@final
@dataclass(frozen=True, eq=False)
class ExportedRun:
    """A run as another program gets it.

    folder    where the run is, below the exported folder; "." for that itself
    names     the folder of its study below the exported one ("" for that itself), its variant and its values of a sweep's
              axes ("" if there are none), and its seed, as `seed-0`
    settings  the keys of its scenario with values that are not null. Times are in seconds, sizes in bytes and bandwidths in
              bytes/s; a list is JSON
    scores    final numbers, by the names of `simasgd.load_runs`; those that are not known are left out
    curves    a row for each evaluation, with the columns of evaluations.parquet; None if nothing was learned
    digest    64 hexadecimal digits that identify the names and the files of the run
    """

    folder: str
    names: tuple[str, str, str]
    seed: int
    protocol: str
    outcome: str
    reason: str
    settings: Mapping[str, SettingValue]
    scores: Mapping[str, float]
    curves: pd.DataFrame | None
    written: float
    digest: str

    @property
    def name(self) -> str:
        """The names that are not empty, joined by slashes."""
        return "/".join(filter(None, self.names))

    @property
    def simulated_seconds(self) -> float:
        """Simulated time at the stop; 0 if it cannot be compared."""
        return self.scores.get("simulated_seconds", 0.0)

    def list_points(self) -> Iterator[tuple[str, int, float, float]]:
        """Yield the points of all curves: the curve's name, the step, the simulated seconds and the value.

        The step is the epoch, or, where several evaluations share one, the number of samples.
        """
        if self.curves is None:
            return
        epochs = self.curves["epoch"].round().astype(int)
        steps = epochs if epochs.is_unique else self.curves["samples"]
        for name in CURVES:
            rows = zip(steps, self.curves["simulated_seconds"], self.curves[name], strict=True)
            yield from ((name, int(step), float(seconds), float(value)) for step, seconds, value in rows if value == value)


@final
@dataclass(frozen=True)
class ExportSource:
    """A folder of results that is exported: its name, and the places of its runs."""

    folder: Path
    name: str
    places: tuple[RunPlace, ...]

    @classmethod
    def of(cls, folder: Path) -> ExportSource:
        """Find the runs in a folder and below it. Raises UsageError if there are none."""
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder; give that of a run, a comparison, a sweep, or of many")
        places = find_runs(folder)
        if not places:
            raise UsageError(f"{folder}: there are no runs in it or below it")
        return cls(folder, folder.resolve().name or "runs", places)

    def read(self) -> Iterator[ExportedRun]:
        """Read one run after the other. Raises UsageError if a file is not one that simasgd wrote."""
        sweeps: dict[Path, Mapping[str, str]] = {}
        taken: set[tuple[str, str, str]] = set()
        for place in self.places:
            if place.point and place.study not in sweeps:
                sweeps[place.study] = Sweep.load(place.study).label_points() if is_sweep(place.study) else {}
            label = sweeps[place.study].get(place.point, place.point) if place.point else place.variant
            run = _read(place, self.folder, label)
            if run.names in taken:
                raise UsageError(f"{place.folder}: another run has the same name, {run.name}; move one of the two away")
            taken.add(run.names)
            yield run


def _read(place: RunPlace, top: Path, label: str) -> ExportedRun:
    summary = read_json(place.file, Summary)
    scenario = read_scenario(place.folder)
    evaluations = place.folder / "evaluations.parquet"
    study = place.study.relative_to(top).as_posix()
    found = {
        **{name: getattr(summary, name) for name in _SCORES},
        "simulated_seconds": summary.simulated_seconds if summary.has_time else None,
        "mean_staleness": summary.staleness.mean,
        "bytes_sent": None if summary.bytes is None else summary.bytes.sent,
    }
    names = ("" if study == "." else _make_safe(study, "/"), _make_safe(label.replace(", ", ",")), f"seed-{summary.seed}")
    return ExportedRun(
        folder=place.folder.relative_to(top).as_posix(),
        names=names,
        seed=summary.seed,
        protocol=summary.protocol,
        outcome=str(summary.outcome),
        reason=summary.reason,
        settings=list_settings(scenario) if summary.has_scenario else {},
        scores={name: float(value) for name, value in found.items() if value is not None},
        curves=None if scenario.learning is None else read_table(evaluations, EVALUATIONS),
        written=place.file.stat().st_mtime,
        digest=hashlib.sha256(
            repr(names).encode() + place.file.read_bytes() + (place.folder / SCENARIO).read_bytes()
        ).hexdigest(),
    )


def _make_safe(name: str, further: str = "") -> str:
    """Return a name that files of every system can have; slashes may be kept."""
    return further.join(_NOT_IN_NAMES.sub("-", part) for part in (name.split(further) if further else [name]))


def list_settings(scenario: Scenario) -> dict[str, SettingValue]:
    """Return the keys of a scenario with their values in one level; null is left out."""
    tree = scenario.plain()
    return dict(sorted(_flatten({key: value for key, value in tree.items() if key not in _NOT_SETTINGS})))


def _flatten(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, SettingValue]]:
    for key, value in tree.items():
        match value:
            case None:
                continue
            case dict():
                yield from _flatten(value, f"{above}{key}.")
            case str():
                yield f"{above}{key}", read_quantity(value)
            case bool() | int() | float():
                yield f"{above}{key}", value
            case _:
                yield f"{above}{key}", json.dumps(value, allow_nan=False, separators=(",", ":"))
