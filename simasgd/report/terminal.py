"""Results on the terminal: the sentences and numbers of the page, as plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simasgd.printable import printable
from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.sweep.naming import name_settings
from simasgd.report.sweep.points_table import list_named
from simasgd.report.sweep.sweep_facts import SweepFacts
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.report.verdict.verdict import state_verdict
from simasgd.results.outcome import Outcome
from simasgd.results.study import Study, list_reasons

if TYPE_CHECKING:
    from simasgd.sweeps.table import Sweep


def summarise_study(study: Study) -> list[str]:
    """Return a line for each variant, and the page's headline if there are several.

    A headline gives the reason of every hang, so then the lines leave it out.
    """
    is_compared = len(study.runs) > 1
    lines = []
    for row in study.table().to_dict("records"):
        runs = study.runs[row["variant"]]
        reasons = list_reasons(runs, set(Outcome) - {Outcome.HUNG} if is_compared else set(Outcome))
        name, origin = row["variant"] or study.scenario.name, runs[0].summary.origin
        lines.append(_format_variant(name, row, "; ".join(reasons), origin))
    return [*lines, use_plain_spaces(state_verdict(collect_facts(study)))] if is_compared else lines


def _format_variant(name: str, row: Mapping[str, Any], reason: str, origin: str) -> str:
    """Return name, time, and test error or test loss; both if the run did not finish well."""
    failure = "" if row["outcome"] == Outcome.FINISHED else str(row["outcome"])
    error, loss = _to_number(row["test_error"]), _to_number(row["test_loss"])
    seconds = _to_number(row["simulated_seconds"])
    parts = [
        f"no {origin} time" if seconds is None else f"{seconds:.6g} {origin} s",
        "" if error is None else f"test error {error:.2%}",
        f"test loss {loss:.3g}" if loss is not None and (error is None or failure) else "",
        " ".join(filter(None, (failure, reason))),
    ]
    return printable(f"{name:24} {'  '.join(filter(None, parts))}")


def _to_number(value: Any) -> float | None:
    """Return the number in a table's cell, or None if there is none."""
    return None if value is None or value != value else float(value)


def tabulate_sweep(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    """Return the titles and the rows of a table of the best settings; no rows if no setting is best."""
    verdict = SweepVerdict.of(SweepFacts.of(sweep))
    if not verdict.answers:
        return [], []
    titles, rows = list_named(name_settings(verdict), verdict.facts)
    return titles, [[printable(use_plain_spaces(text)) for text in row] for row in rows]


def summarise_sweep(sweep: Sweep) -> list[str]:
    """Return the sentences of the page's verdict, a line each, and the number of points with results."""
    verdict = SweepVerdict.of(SweepFacts.of(sweep))
    sentences = [verdict.headline, *verdict.reasons, *verdict.effects]
    done = int((sweep.points["error"] == "").sum())
    return [*(printable(use_plain_spaces(sentence)) for sentence in sentences), f"{done} of {len(sweep.points)} points"]
