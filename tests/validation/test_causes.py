"""The verdict names the part of a learner's cycle that makes most of the error, and the keys that change it."""

from __future__ import annotations

import pytest

from simasgd.validation.causes import divide_cycle, name_cause
from simasgd.validation.forms import Phase, PhaseTimes
from simasgd.validation.measures import OTHER, REST


def phase(name: str, measured: float | None, simulated: float | None) -> Phase:
    """Return a phase with these mean times (s)."""
    one, two = (
        None if mean is None else PhaseTimes(mean=mean, p50=mean, p95=mean, share=0.5) for mean in (measured, simulated)
    )
    return Phase(name=name, measured=one, simulated=two, error=None)


def test_the_phase_that_makes_most_of_the_error_is_named_with_what_to_change() -> None:
    phases = [phase("compute", 0.011, 0.010), phase("pull", 1e-4, 1.1e-4), phase(REST, 1e-4, 1.1e-4)]
    assert name_cause(phases, 0.1) == (
        "Most of the error is computing: 10 ms for each mini-batch, measured 11 ms. "
        "To come closer, change cluster.compute (simasgd fit measures it from the log)."
    )


@pytest.mark.parametrize("rate_error", [0.1, None])
def test_errors_that_cancel_are_not_the_error_of_the_rate(rate_error: float | None) -> None:
    phases = [phase("compute", 0.010, 0.008), phase("wait", 0.005, 0.0071), phase(REST, 0.005, 0.0071)]
    said = name_cause(phases, rate_error)
    assert said.startswith("Of a learner's cycle, waiting differs most: 7.1 ms for each mini-batch, measured 5 ms.")
    assert said.endswith("To come closer, change cluster.server.update or the protocol.")


def test_small_differences_are_not_named() -> None:
    phases = [phase("compute", 1.0, 1.015), phase("wait", 0.2, 0.21), phase(REST, 0.2, 0.21)]
    assert name_cause(phases, None) == "No phase of a learner's cycle is off by 2 % of the cycle."
    assert name_cause([], 0.1) == ""


def test_where_a_log_leaves_time_without_a_name_the_rest_is_one_part() -> None:
    phases = [phase("compute", 1.0, 1.0), phase("wait", None, 0.5), phase(OTHER, 0.7, None), phase(REST, 0.7, 0.5)]
    assert [(part.name, part.measured, part.simulated) for part in divide_cycle(phases)] == [
        ("compute", 1.0, 1.0), (REST, 0.7, 0.5),
    ]  # fmt: skip
    assert "Most of the error is the time between computations: 500 ms for each mini-batch, measured 700 ms." in name_cause(
        phases, 0.1
    )


def test_where_a_log_names_all_time_an_activity_that_it_lacks_took_none() -> None:
    phases = [phase("compute", 1.0, 1.0), phase("wait", None, 0.5), phase(REST, 0.0, 0.5)]
    assert "Most of the error is waiting: 500 ms for each mini-batch, measured 0 s." in name_cause(phases, -0.3)
