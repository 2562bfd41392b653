"""The settings of a sweep that are worth naming, and how panels and figures name settings."""

from __future__ import annotations

from collections.abc import Mapping

from simasgd.report.sweep.facts.answer import place_in_world
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    Row,
    SweepFacts,
    say_setting,
)
from simasgd.report.sweep.verdict import SweepVerdict

TITLES = {
    ERROR: "Test error",
    LOSS: "Test loss",
    TO_TARGET: "Time to the target",
    SECONDS: "Simulated time",
    THROUGHPUT: "Throughput",
    STALENESS: "Staleness",
}
"""The titles of sections and panels."""
AXIS_TITLES = {
    ERROR: "test error",
    LOSS: "test loss",
    TO_TARGET: "time to the target ({})",
    SECONDS: "simulated time ({})",
    THROUGHPUT: "samples/s, simulated",
    STALENESS: "mean staleness (updates)",
}
"""The titles of vertical axes; the unit of a time is filled in."""


def name_settings(verdict: SweepVerdict) -> list[tuple[Row, str]]:
    """Return the settings worth naming, each with its role: for the table of the page and of the terminal."""
    facts = verdict.facts
    named: list[tuple[Row, str]] = []
    for row, answer in verdict.pairs():
        here = place_in_world(row, answer, facts)
        lowest = "lowest error" if facts.measure == ERROR else "lowest loss"
        others = [(answer.lowest, lowest), (answer.quick, "much sooner"), *((one, "as good") for one in answer.also[:2])]
        if facts.measure is None:
            others = [(one, what) for one, what in others if what == "as good"]
        named.append((here, "use this"))
        for one, what in others:
            taken = {say_setting(seen, facts.varying) for seen, _ in named}
            if one is not None and say_setting(one, facts.varying) not in taken:
                named.append((one, what))
    return named


def say_panel(values: Mapping[str, str], facts: SweepFacts) -> str:
    """Return the values of a panel's axes in words: `8 learners, latency 1 ms`."""
    return ", ".join(dial.say(values[dial.key]) for dial in facts.varying if dial.key in values)
