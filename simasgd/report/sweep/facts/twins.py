"""Settings of a sweep that are the same in all that they learn and take, such as a protocol under two names."""

from __future__ import annotations

from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    SettingRow,
    SweepFacts,
    list_rows,
)


def find_twins(facts: SweepFacts) -> list[list[SettingRow]]:
    """Return groups of settings that agree in all numbers, in their ranges over the seeds, too.

    Only settings with a test loss are compared: a time alone may be the same by its coarse causes.
    """
    names = [f"{quantity}{end}" for quantity in (ERROR, LOSS, SECONDS, STALENESS, THROUGHPUT) for end in ("", "_low", "_high")]
    known = facts.settings.dropna(subset=[LOSS, SECONDS])
    groups = known.groupby(["gravest", *names], sort=False, dropna=False)
    return [list_rows(group) for _, group in groups if len(group) > 1]
