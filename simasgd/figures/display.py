"""The presenter of results: as HTML in notebooks, as text, and as pages.

The methods of results call these functions through `simasgd.presentation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from simasgd.errors import UsageError
from simasgd.figures import drawing as figures
from simasgd.figures.html import embed, put_together, tabulate
from simasgd.figures.sweep_html import show_sweep
from simasgd.report import page as report_page
from simasgd.report.drawing import svg
from simasgd.report.facts.formats import format_duration, format_number
from simasgd.report.facts.metric import ERROR
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.variant_facts import VariantFacts, collect_facts
from simasgd.report.terminal.study import conclude_study
from simasgd.report.verdict.reasons import word_outcome
from simasgd.report.verdict.verdict import state_plainly, state_verdict
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.sweeps.table import Sweep


def write_page(result: Run | Study | Sweep, path: Path) -> Path:
    """Write the page of a result as one HTML file, and return its path; a folder gets it as `index.html`.

    Raises simasgd.UsageError if it cannot be written.
    """
    page = report_page.render_sweep(result) if isinstance(result, Sweep) else report_page.render_study(figures.study_of(result))
    return report_page.write_page(page, path)


def state(study: Study) -> str:
    """Return the verdict of a study in plain sentences."""
    return state_plainly(collect_facts(study))


def write(study: Study) -> str:
    """Return a study as text: a row for each variant, and the verdict."""
    end = conclude_study(study)
    assert end.table is not None
    return "\n".join([*end.table.lines(), *([end.remark] if end.remark else []), "", " ".join(end.verdict)])


def show(result: Run | Study | Sweep) -> str:
    """Return a result as HTML for a notebook: the verdict, a small table, and two figures."""
    if isinstance(result, Sweep):
        return show_sweep(result)
    study = figures.study_of(result)
    variants = collect_facts(study)
    name = study.scenario.name if len(variants) > 1 else variants[0].name
    return put_together(name, state_verdict(variants), _tabulate(variants), _draw(study, variants))


def _tabulate(variants: Sequence[VariantFacts]) -> str:
    """Return a row for each variant: means over the seeds, and the range of what was learned."""
    columns: list[tuple[str, Callable[[VariantFacts], str]]] = [
        ("variant", lambda facts: facts.name),
        ("outcome", lambda facts: word_outcome(facts.failure, facts, variants) or "finished"),
        ("time", lambda facts: _write_mean(facts.simulated_seconds, format_duration)),
        ("mean staleness", lambda facts: _write_mean(facts.staleness, format_number)),
        ("samples/s", lambda facts: _write_mean(facts.samples_rate, format_number)),
    ]
    learning = [facts for facts in variants if facts.classes is not None]
    if learning:
        title = "test error" if all(facts.metric is ERROR for facts in learning) else "test error or loss"
        columns.insert(2, (title, _write_score))
    return tabulate([title for title, _ in columns], [[text(facts) for _, text in columns] for facts in variants], words=2)


def _write_mean(spread: Spread | None, form: Callable[[float], str]) -> str:
    return "–" if spread is None else form(spread.mean)


def _write_score(facts: VariantFacts) -> str:
    return "–" if facts.score is None else facts.score.say(facts.metric.format_value)


def _draw(study: Study, variants: Sequence[VariantFacts]) -> list[str]:
    """Return the two figures that say most about a study."""
    learn = [facts for facts in variants if facts.classes is not None]
    first, second = ("Where the learners' time goes", figures.learner_time), ("Staleness", figures.staleness)
    if learn:
        metrics = {facts.metric for facts in learn}
        first = ("Test error over time", figures.error_over_time)
        if ERROR not in metrics:
            first = ("Test loss over time", figures.loss_over_time)
        if len(metrics) == 1 and sum(not facts.failure for facts in learn) > 1:
            second = ("Final score against time", figures.error_against_time)
    return [_embed(study, *first), _embed(study, *second)]


def _embed(study: Study, title: str, draw: Callable[[Study], Axes]) -> str:
    """Return a figure as an image that needs nothing else; "" if there is nothing to draw."""
    with svg.use_style(), plt.ioff():
        try:
            figure = draw(study).get_figure(root=True)
        except UsageError:  # nothing of the kind was recorded
            return ""
        assert figure is not None
        image = embed(figure, title)
        plt.close(figure)
    return image
