"""What the terminal says of results: the sentences and numbers of the page, as plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simasgd.printable import printable
from simasgd.report.facts.facts import facts_of
from simasgd.report.facts.words import plain
from simasgd.report.sections.verdict import verdict
from simasgd.report.sweep.facts import SweepFacts
from simasgd.report.sweep.verdict import sweep_verdict
from simasgd.results.outcome import Outcome
from simasgd.results.run import Study

if TYPE_CHECKING:
    from simasgd.sweeps.sweep import SweepTable


def study_lines(study: Study) -> list[str]:
    """A line per variant, with what went wrong in it, and for several variants the page's headline."""
    lines = [_line(row["variant"] or study.scenario.name, row) for row in study.table().to_dict("records")]
    return [*lines, plain(verdict(facts_of(study)))] if len(lines) > 1 else lines


def _line(name: str, row: Mapping[str, Any]) -> str:
    """Name, simulated time, test error or else test loss; both of them where the run is not as it should be."""
    amiss = "" if row["outcome"] == Outcome.FINISHED else str(row["outcome"])
    because = f" {row['reason']}" if row["reason"] else ""
    error, loss = _known(row["test_error"]), _known(row["test_loss"])
    seconds = _known(row["simulated_seconds"])
    parts = [
        "no simulated time" if seconds is None else f"{seconds:.6g} simulated s",
        "" if error is None else f"test error {error:.2%}",
        f"test loss {loss:.3g}" if loss is not None and (error is None or amiss) else "",
        f"{amiss}{because}",
    ]
    return printable(f"{name:24} {'  '.join(filter(None, parts))}")


def _known(value: Any) -> float | None:
    """The number in a table's cell; None of None and NaN."""
    return None if value is None or value != value else float(value)


def sweep_lines(table: SweepTable) -> list[str]:
    """The page's headline, and how many points have results."""
    done = int((table.points["error"] == "").sum())
    return [printable(plain(sweep_verdict(SweepFacts.of(table)))), f"{done} of {len(table.points)} points"]
