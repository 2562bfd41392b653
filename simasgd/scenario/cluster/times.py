"""Random times: a mean, a law and a coefficient of variation."""

from __future__ import annotations

from typing import Annotated, Any, Literal, final

from pydantic import Field, model_validator

from simasgd.scenario.cluster.measured import MOST_EMBEDDED, Measured, moments_of, series_of
from simasgd.scenario.vocabulary.section import Inconsistency, Number, Rival, Section

Law = Literal["constant", "gamma", "lognormal", "exponential", "shifted-exponential", "pareto", "empirical"]
Distribution = Literal["constant", "gamma", "lognormal", "exponential", "shifted-exponential", "pareto", "empirical", "trace"]
Variation = Annotated[Number, Field(ge=0.0, le=10.0, examples=[0.5])]
# The laws with a fixed coefficient of variation.
_FIXED = {"constant": 0.0, "exponential": 1.0}
MEASURED = ("empirical", "trace")
"""The laws that need measured times."""


class AbstractTimes(Section):
    """The law of a random factor with mean 1, by which a mean time is multiplied."""

    distribution: Distribution = "constant"
    """Law of a random factor with mean 1."""
    cv: Variation | None = None
    """Coefficient of variation. It is 0 for constant and 1 for exponential times, and the measured
    one for measured times. The other laws need it."""
    file: Annotated[str, Field(examples=["times.csv"])] | None = None
    """A file of measured times beside the scenario's file (empirical and trace only): text, CSV or
    Parquet. A resolved scenario has them in `measured`."""
    column: Annotated[str, Field(examples=["seconds"])] | None = None
    """Name of the column with the times, where the file's columns leave it open. A resolved
    scenario has none, and neither of the next two keys."""
    learner_column: Annotated[str, Field(examples=["host"])] | None = None
    """Name of the column that says whose time a row has, if it is not `learner`, `rank` or
    `worker`."""
    unit: Literal["s", "ms", "us", "ns", "min", "h"] | None = None
    """Unit of the times in the file, if the name of the column does not say it."""
    measured: Annotated[Measured | None, Field(examples=[["1.2 s", "900 ms"]])] = None
    """A list of measured times (empirical and trace only), or a list for each series. A
    resolved scenario keeps more than 10,000 times in a file beside it, and has its name and SHA-256."""

    @model_validator(mode="before")
    @classmethod
    def _empirical(cls, value: Any) -> Any:
        """Add the distribution, which measured times imply."""
        is_law = isinstance(value, dict) and value.get("measured") is not None
        return {"distribution": "empirical", **value} if is_law else value

    @property
    def variation(self) -> float:
        """The coefficient of variation."""
        if self.cv is not None:
            return self.cv
        if self.measured is not None:
            mean, deviation = moments_of(self.measured)
            return deviation / mean
        return _FIXED.get(self.distribution, 0.0)

    @property
    def mean_measured(self) -> float:
        """Mean of all measured times in seconds."""
        assert self.measured is not None
        return moments_of(self.measured)[0]

    def law_inconsistencies(self) -> list[Inconsistency]:
        """Return the contradictions between law, cv and measured times."""
        for key in ("column", "learner_column", "unit"):
            if getattr(self, key) is not None:
                return [Inconsistency((key,), "is about the file of measured times, but `file` is missing")]
        if self.distribution in MEASURED:
            return self._measured_inconsistencies()
        if self.measured is not None:
            message = f"there are measured times, but the distribution is {self.distribution}, not empirical (null unsets them)"
            rivals = (Rival(("measured",), ("distribution",)), Rival(("distribution",), ("measured",)))
            return [Inconsistency(("measured",), message, rivals)]
        fixed = _FIXED.get(self.distribution)
        if fixed is not None and self.variation != fixed:
            # A cv does not say which law is meant, so only the distribution can decide.
            message = f"{self.distribution} times have a cv of {fixed:g}, but cv is {self.cv:g}"
            message = f"{message}; give another distribution, such as gamma, or take the cv away (null)"
            return [Inconsistency(("cv",), message, (Rival(("cv",), ("distribution",)),))]
        if fixed is None and self.cv is None:
            return [Inconsistency(("cv",), f"missing: {self.distribution} times need their coefficient of variation")]
        if fixed is None and 0.0 < self.variation < 1e-6:
            return [Inconsistency(("cv",), f"{self.cv:g} is too small; expected 0 or at least 1e-06")]
        if self.distribution == "shifted-exponential" and self.variation > 1.0:
            return [Inconsistency(("cv",), f"{self.cv:g} is too large; shifted-exponential times have a cv of at most 1")]
        return []

    def _measured_inconsistencies(self) -> list[Inconsistency]:
        times = "a trace's times" if self.distribution == "trace" else "empirical times"
        if self.cv is not None:
            message = f"{times} have a coefficient of variation of their own, but cv is {self.cv:g} (null unsets it)"
            rivals = (Rival(("cv",), ("distribution",)), Rival(("cv",), ("measured",)))
            return [Inconsistency(("cv",), message, rivals)]
        if self.measured is None:
            what = "a trace needs" if self.distribution == "trace" else "empirical times need"
            return [Inconsistency(("file",), f"missing: {what} a file of measured times, or a list in `measured`")]
        many = sum(map(len, series_of(self.measured)))
        if isinstance(self.measured, tuple) and many > MOST_EMBEDDED:
            message = f"the lists hold {many:,} times; the limit is {MOST_EMBEDDED:,}; give a `file` of more"
            return [Inconsistency(("measured",), message)]
        if self.mean_measured <= 0.0:
            return [Inconsistency(("measured",), "the measured times are all 0")]
        return []


@final
class Update(AbstractTimes):
    """The law of the server's update times. Of measured times only the ratios count."""

    distribution: Law = "constant"
    """Law of a random factor with mean 1, as in `cluster.compute`, except `trace`."""
