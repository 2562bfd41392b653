"""The metrics of a report: test error, test loss and consensus distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simasgd.report.facts.formats import NBSP, format_number, format_percent
from simasgd.scenario.learning.learning import Learning


@dataclass(frozen=True)
class Metric:
    """A quantity by which models are judged.

    `key` names it in run.json and in tables. `format_value` formats a value, and `phrase` is a format
    string for a formatted value together with the metric's name.
    """

    key: str
    name: str
    format_value: Callable[[float], str]
    phrase: str

    @property
    def plural(self) -> str:
        """The name for several variants: `test errors`, `test losses`."""
        return f"{self.name}es" if self.name.endswith("s") else f"{self.name}s"

    @property
    def title(self) -> str:
        """The name with a capital letter."""
        return self.name.capitalize()

    def describe(self, value: float) -> str:
        """Return, for example, `3.0 % test error` or `a test loss of 0.012`."""
        return self.phrase.format(self.format_value(value))


ERROR = Metric("test_error", "test error", format_percent, "{} test error")
LOSS = Metric("test_loss", "test loss", format_number, f"a test loss of{NBSP}{{}}")
DISTANCE = Metric("consensus_distance", "consensus distance", format_number, f"a consensus distance of{NBSP}{{}}")
"""Not a measure of learning, but drawn like one."""


def choose_metric(learning: Learning) -> Metric:
    """Return the metric by which a run is judged."""
    return ERROR if learning.data.shape.label == "class" else LOSS
