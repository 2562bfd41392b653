"""The contents of a results folder: their name, their tables and their files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from simasgd.results.identity import name_code
from simasgd.results.scenario_files import stored_times
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import COMPARE, PAGE, RUN, RUN_TABLES, SCENARIO, STUDY, TRACE, VARIANTS
from simasgd.storage.manifest import Contents

REPEATS = "repeats"
"""The folder of the further seeds of a run, below the run's own."""


def describe_contents(kind: str, scenario: Scenario, target: float | None = None, further: Sequence[str] = ()) -> Contents:
    """Name the results of a study with a target and `further` parameters."""
    asked = " ".join([scenario.hash(), *([] if target is None else [str(target)]), *further])
    return Contents(kind, (hashlib.sha256(asked.encode()).hexdigest(),), name_code())


def list_tables(scenario: Scenario) -> list[str]:
    """List the names of the tables that a run of a scenario writes."""
    is_written = {
        "learners": True,
        "updates": scenario.record != "summary",
        "evaluations": scenario.learning is not None,
        "timeline": scenario.record == "timeline",
    }
    return [name for name in RUN_TABLES if is_written[name]]


def list_paths(scenario: Scenario) -> list[str]:
    """List the relative paths of all files that a study's results may have, pages included."""
    tables = (f"{name}.parquet" for name in RUN_TABLES)
    files = (RUN, SCENARIO, STUDY, PAGE, TRACE, *tables, *stored_times(scenario))
    homes = [""]
    for variant, chosen in (scenario.variants or {"": scenario}).items():
        below = f"{variant}/" if variant else ""
        further = (f"{below}{REPEATS}/{(chosen.seed + i) % 2**32}/" for i in range(1, chosen.repeats))
        homes += [*([below] if below else ()), *further]
    return [VARIANTS, COMPARE, *(f"{home}{name}" for home in homes for name in files)]
