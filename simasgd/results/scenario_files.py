"""The scenario of results on disk: scenario.yaml, and beside it the measured times that are too many for its text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simasgd.errors import UsageError
from simasgd.scenario.cluster.measured import StoredTimes
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.tables.parquet import write_stored
from simasgd.storage.files import SCENARIO


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
    return Scenario.load(folder / SCENARIO)
