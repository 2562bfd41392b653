"""The rows of an index, each as one line of HTML.

An index may have 10,000 rows. So a row is made once, and kept as text until its study changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from markupsafe import Markup, escape

from simasgd.report.drawing.page_parts import Column
from simasgd.report.facts.formats import format_duration, format_factor, format_number, format_percent, join_words
from simasgd.report.index.entries import RunEntry, StudyEntry
from simasgd.report.index.pictures import draw_run, draw_study
from simasgd.results.outcome import Outcome
from simasgd.storage.files import PAGE

STUDY_COLUMNS = (
    *(Column("study"), Column("picture"), Column("verdict"), Column("kind"), Column("runs", numeric=True)),
    *(Column("lowest test error", numeric=True), Column("written (UTC)")),
)
RUN_COLUMNS = (
    *(Column("run"), Column("picture"), Column("outcome"), Column("test error", numeric=True)),
    *(Column("simulated time", numeric=True), Column("speed-up", numeric=True), Column("protocol")),
    *(Column("learners", numeric=True), Column("mini-batch", numeric=True), Column("mean staleness (updates)", numeric=True)),
)
EXPLANATION = (
    "A picture shows the test error, or the loss, over the epochs. That of a sweep has a dot for each run: error against "
    "simulated time. Where nothing is learned, bars show samples per second, or for a single run its staleness."
)
_NAMES = {"run": ("single run", "single runs"), "advice": ("piece of advice", "pieces of advice")}
_MOST_LETTERS = 240  # of a verdict
_TIME = "%Y-%m-%d %H:%M"


def name_index(number: int, name: str) -> str:
    """Return the heading of an index: `1,042 runs in reports`."""
    return f"{number:,} run{'' if number == 1 else 's'} in {name}"


def summarise(kinds: Mapping[str, int]) -> str:
    """Return in a sentence how many studies of each kind there are."""
    if not kinds:
        return "There are no results yet. For example, simasgd run quickstart writes some."
    words = [f"{count:,} {_NAMES.get(kind, (kind, f'{kind}s'))[count != 1]}" for kind, count in kinds.items()]
    return f"They come from {join_words(words)}."


def make_study_row(study: StudyEntry) -> str:
    """Return the row of a study."""
    errors = [run.brief.test_error for run in study.runs if run.brief.test_error is not None]
    return _make_row(
        _link(study.path, study.path, has_page=study.has_page),
        draw_study(study),
        shorten_verdict(study.verdict),
        study.kind,
        _number(len(study.runs) or None, "{:,}".format),
        _number(min(errors, default=None), format_percent),
        datetime.fromtimestamp(study.written, UTC).strftime(_TIME),
    )


def shorten_verdict(verdict: str) -> str:
    """Return the first sentences of a verdict; the study's page has it whole."""
    sentences = re.split(r"(?<=[.]) +", verdict)
    while len(" ".join(sentences)) > _MOST_LETTERS and len(sentences) > 1:
        sentences.pop()
    return " ".join(sentences)


def make_run_row(run: RunEntry, study: StudyEntry) -> str:
    """Return the row of a run that is a part of a larger study."""
    brief = run.brief
    name = Markup("{} <small>{}</small>").format(study.path, run.names)
    is_known = brief.has_time
    return _make_row(
        _link(run.path, name, has_page=run.has_page),
        draw_run(brief),
        _state_outcome(brief.outcome, brief.reason),
        _number(brief.test_error, format_percent),
        _number(brief.simulated_seconds if is_known else None, format_duration),
        _number(brief.speedup, format_factor),
        brief.protocol,
        str(brief.learners),
        _number(brief.mini_batch, str),
        _number(brief.staleness.mean, format_number),
    )


def _state_outcome(outcome: Outcome, reason: str) -> str:
    """Return the outcome, and where it was or what it lacks: `diverged at update 12`, `finished; … was not reached`."""
    between = "; " if outcome in (Outcome.FINISHED, Outcome.FAILS) else " "
    return f"{outcome}{between}{reason}" if reason else str(outcome)


def _link(path: str, text: str | Markup, *, has_page: bool) -> Markup:
    target = f"{quote(path)}/{PAGE if has_page else ''}"
    return Markup('<a href="{}">{}</a>').format(target, text)


def _number(value: float | None, form: Callable[[float], str]) -> Markup:
    """Return a cell with a number that sorts the rows."""
    if value is None:
        return Markup('<td data-value="">–')
    text = form(value)
    return (
        Markup("<td>{}").format(text) if text == str(value) else Markup('<td data-value="{}">{}').format(f"{value:.6g}", text)
    )


def _make_row(*cells: str | Markup) -> str:
    parts = (cell if cell.startswith("<td") and isinstance(cell, Markup) else f"<td>{escape(cell)}" for cell in cells)
    return f"<tr>{''.join(parts)}"
