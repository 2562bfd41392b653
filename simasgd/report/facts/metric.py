"""How well something was learned: the test error, or the test loss where labels are no classes. And how far learners' models
are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simasgd.report.facts.formats import NBSP, format_number, format_percent
from simasgd.scenario.learning.learning import Learning


@dataclass(frozen=True)
class Metric:
    """`key` is that of run.json and the tables' column; `form` shows a value, and `phrase` says it with the metric's name."""

    key: str
    name: str
    form: Callable[[float], str]
    phrase: str

    @property
    def title(self) -> str:
        return self.name.capitalize()

    def describe(self, value: float) -> str:
        """`3.0 % test error`, `a test loss of 0.012`."""
        return self.phrase.format(self.form(value))


ERROR = Metric("test_error", "test error", format_percent, "{} test error")
LOSS = Metric("test_loss", "test loss", format_number, f"a test loss of{NBSP}{{}}")
DISTANCE = Metric("consensus_distance", "consensus distance", format_number, f"a consensus distance of{NBSP}{{}}")
"""No measure of what was learned, but drawn as those are."""


def choose_metric(learning: Learning) -> Metric:
    """By which a run is judged."""
    return ERROR if learning.data.shape.label == "class" else LOSS
