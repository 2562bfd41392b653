"""The contents of a results folder: their name, their tables, their files and their scenario.

Measured times that are too many for the text of scenario.yaml lie in files beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from simasgd.errors import ScenarioError, UsageError
from simasgd.results.identity import name_code
from simasgd.results.summary import Summary
from simasgd.scenario.cluster.measured import StoredTimes
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.tables.parquet import write_stored
from simasgd.storage.files import COMPARE, PAGE, RUN, RUN_TABLES, SCENARIO, STUDY, TRACE, VARIANTS, WEIGHTS
from simasgd.storage.manifest import Contents

REPEATS = "repeats"
"""The folder of the further seeds of a run, below the run's own."""


def describe_contents(kind: str, scenario: Scenario, target: float | None = None, further: Sequence[str] = ()) -> Contents:
    """Name the results of a study with a target and `further` parameters."""
    asked = " ".join([scenario.hash(), *([] if target is None else [str(target)]), *further])
    return Contents(kind, (hashlib.sha256(asked.encode()).hexdigest(),), name_code())


def list_tables(scenario: Scenario) -> list[str]:
    """List the names of the tables that a simulated run of a scenario writes."""
    is_written = {
        "learners": True,
        "updates": scenario.record.kind != "summary",
        "evaluations": scenario.learning is not None,
        "timeline": scenario.record.kind == "timeline",
        "operations": False,
    }
    return [name for name in RUN_TABLES if is_written[name]]


def keeps_weights(scenario: Scenario, summary: Summary) -> bool:
    """Return whether a simulated run of a scenario with this summary has its last weights. One that diverged has none."""
    return scenario.record.weights and summary.diverged is None


def list_paths(scenario: Scenario) -> list[str]:
    """List the relative paths of all files that a study's results may have, pages included."""
    tables = (f"{name}.parquet" for name in RUN_TABLES)
    files = (RUN, SCENARIO, STUDY, PAGE, TRACE, WEIGHTS, *tables, *stored_times(scenario))
    homes = [""]
    for variant, chosen in scenario.by_variant.items():
        below = f"{variant}/" if variant else ""
        further = (f"{below}{REPEATS}/{(chosen.seed + i) % 2**32}/" for i in range(1, chosen.repeats))
        homes += [*([below] if below else ()), *further]
    return [VARIANTS, COMPARE, *(f"{home}{name}" for home in homes for name in files)]


def write_scenario(scenario: Scenario, folder: Path) -> None:
    """Write a scenario into a folder, which then needs no other file to load it."""
    for times in stored_times(scenario).values():
        write_stored(times, folder)
    (folder / SCENARIO).write_text(dump_scenario(scenario), encoding="utf-8")


def dump_scenario(scenario: Scenario) -> str:
    """Return the text of scenario.yaml."""
    return yaml_layer.dump_yaml(scenario.resolved())


def stored_times(scenario: Scenario) -> Mapping[str, StoredTimes]:
    """Return the measured times of a scenario and its variants that have files of their own, by their names."""
    every = (scenario, *scenario.variants.values())
    return {times.file: times for one in every for times in one.cluster.stored_times}


def read_scenario(folder: Path) -> Scenario:
    """Read the scenario of a results folder.

    Raises simasgd.UsageError if it is missing, and ScenarioError.
    """
    if not (folder / SCENARIO).is_file():
        raise UsageError(f"{folder}: {SCENARIO} is missing")
    layer = yaml_layer.read_sections(folder / SCENARIO)
    if layer is not None:
        with suppress(ScenarioError):
            return Scenario.from_layer(layer)
    return Scenario.load(folder / SCENARIO)  # whose messages name lines
