"""The contents of the folder of a validation: their name and their files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from simasgd.results.identity import name_code
from simasgd.results.json_files import read_json
from simasgd.results.origin import LogFile
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import PAGE, SCENARIO, VALIDATION
from simasgd.storage.manifest import Contents
from simasgd.validation.forms import Validation

VALIDATION_PATHS = (VALIDATION, SCENARIO, PAGE)
"""The relative paths of all files of a validation."""


def describe_contents(files: Sequence[LogFile], scenario: Scenario) -> Contents:
    """Name the results of comparing a log with a scenario."""
    asked = " ".join([*(file.digest for file in files), scenario.hash()])
    return Contents("validate", (hashlib.sha256(asked.encode()).hexdigest(),), name_code())


def is_validation(folder: Path) -> bool:
    """Tell whether a folder holds a validation."""
    return (folder / VALIDATION).is_file()


def load_validation(folder: Path) -> tuple[Validation, Scenario]:
    """Read a validation and its scenario from their folder.

    Raises simasgd.UsageError, and ScenarioError.
    """
    return read_json(folder / VALIDATION, Validation), Scenario.load(folder / SCENARIO)
