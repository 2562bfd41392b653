"""The contents of the folder of an imported run: their name and their files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from simasgd.errors import UsageError
from simasgd.measured.scenario import choose_name
from simasgd.results.identity import name_code
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import PAGE, RUN, RUN_TABLES, SCENARIO, STUDY, TRACE, WEIGHTS, digest
from simasgd.storage.manifest import Contents

IMPORT_PATHS = (RUN, SCENARIO, STUDY, PAGE, TRACE, WEIGHTS, *(f"{name}.parquet" for name in RUN_TABLES))
"""The relative paths of all files of an imported run."""


def describe_import(files: Sequence[Path], scenario: Scenario | None, name: str | None, overrides: Sequence[str]) -> Contents:
    """Name the results of importing a log.

    Raises UsageError if a file cannot be read.
    """
    asked = [*(digest_log(file) for file in files), "" if scenario is None else scenario.hash(), str(name), *overrides]
    return Contents("import", (hashlib.sha256("\0".join(asked).encode()).hexdigest(),), name_code())


def digest_log(file: Path) -> str:
    """Return the SHA-256 digest of a log's file.

    Raises UsageError if it cannot be read.
    """
    if not file.exists():
        raise UsageError(f"{file}: there is no such file; expected a log, CSV or Parquet")
    if not file.is_file():
        raise UsageError(f"{file}: is not a file; expected a log, CSV or Parquet")
    try:
        return digest(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from None


def name_import(files: Sequence[Path], scenario: Scenario | None, name: str | None) -> str:
    """Return the name of the imported run: the one given, or from the scenario's or the log's.

    Raises UsageError if it is not a name.
    """
    return choose_name(files[0], scenario, name)
