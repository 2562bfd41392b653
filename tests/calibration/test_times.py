"""Mini-batch sizes, warm-up, links, updates, and what a fit says it does not catch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simasgd.calibration.fit import Calibration, calibrate
from simasgd.calibration.profile import build_profile
from simasgd.errors import UsageError
from simasgd.scenario.cluster.costs import CostTimes
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario

RANDOM = np.random.default_rng(8)
GAMMA = RANDOM.gamma(25.0, 1 / 25.0, 3000)


def fitted(folder: Path, **columns: object) -> Calibration:
    path = folder / "log.parquet"
    pd.DataFrame(columns).to_parquet(path)
    return calibrate([path])


def test_the_line_over_the_mini_batch_is_found(tmp_path: Path) -> None:
    sizes = np.repeat([8, 16, 32], 1000)
    line = fitted(tmp_path, seconds=(0.02 + 0.001 * sizes) * GAMMA, mini_batch=sizes).compute.sample_time
    assert abs(line.per_batch.value - 0.02) < 2 * line.per_batch.error
    assert abs(line.per_sample.value - 0.001) < 2 * line.per_sample.error
    assert line.full_at is None
    assert line.residual < 0.02


def test_where_no_line_fits_an_efficiency_is_found(tmp_path: Path) -> None:
    sizes = np.repeat([1, 4, 16, 64, 128], 600)
    efficiency = np.minimum(sizes / 64, 1.0) ** 0.5
    fit = fitted(tmp_path, seconds=(0.001 + 0.001 * sizes / efficiency) * GAMMA, mini_batch=sizes)
    line = fit.compute.sample_time
    assert line.full_at == 64
    assert line.exponent is not None
    assert line.exponent.value == pytest.approx(0.5, abs=0.05)
    assert build_profile(fit, "list")["cluster"]["compute"]["efficiency"]["full_at"] == 64


def test_one_size_leaves_the_fixed_part_unknown(tmp_path: Path) -> None:
    fit = fitted(tmp_path, seconds=0.1 * GAMMA, mini_batch=np.full(3000, 10))
    assert fit.compute.sample_time.per_sample.value == pytest.approx(0.01, rel=0.02)
    assert any("Only mini-batches of 10 were measured" in remark for remark in fit.remarks)


def test_warm_up_is_told_apart(tmp_path: Path) -> None:
    seconds = np.concatenate([[20.0, 5.0], 0.1 * GAMMA[:500]])
    compute = fitted(tmp_path, seconds=seconds).compute
    assert compute.warm_up is not None
    assert compute.warm_up.value == pytest.approx(12.5)
    assert compute.mini_batches == 500
    assert compute.mean.value == pytest.approx(0.1, rel=0.03)


def test_slow_beginnings_of_few_learners_are_no_warm_up(tmp_path: Path) -> None:
    seconds = 0.1 * GAMMA[:120] * np.where(np.arange(120) < 2, 10.0, 1.0)
    compute = fitted(tmp_path, learner=np.repeat([0, 1, 2], 40), seconds=seconds).compute
    assert (compute.warm_up, compute.mini_batches) == (None, 120)


def test_constant_times_of_unlike_learners(tmp_path: Path) -> None:
    compute = fitted(tmp_path, learner=np.repeat([0, 1], 20), seconds=np.repeat([0.1, 0.3], 20)).compute
    assert (compute.law, compute.kinds) == ("constant", ())
    assert compute.speeds is not None
    np.testing.assert_allclose(compute.speeds.each, [1.5, 0.5])


def test_times_that_no_law_fits_are_said_to_fit_none(tmp_path: Path) -> None:
    two = np.where(RANDOM.random(3000) < 0.5, 0.1, 0.4) * RANDOM.gamma(2500.0, 1 / 2500.0, 3000)
    fit = fitted(tmp_path, seconds=two)
    assert any("No law fits well" in remark and "distribution: trace" in remark for remark in fit.remarks)


def test_correlated_learners_are_named(tmp_path: Path) -> None:
    shared = RANDOM.gamma(100.0, 1 / 100.0, 1000)
    own = RANDOM.gamma(400.0, 1 / 400.0, (2, 1000))
    seconds = np.concatenate([shared * own[0], shared * own[1]])
    start = np.tile(2.0 * np.arange(1000), 2)
    fit = fitted(tmp_path, learner=np.repeat([0, 1], 1000), seconds=seconds, start=start)
    assert any("The learners' times are correlated" in remark for remark in fit.remarks)


def test_too_few_computations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the log has 19 computations that took time; a law needs at least 20"):
        fitted(tmp_path, seconds=GAMMA[:19])


@pytest.mark.parametrize("unit", [1e15, 1e-14])
def test_times_beyond_a_scenarios_range_are_refused(unit: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"takes .* s on average; expected 1e-12 s to 1e\+12 s \(is the unit"):
        fitted(tmp_path, seconds=unit * GAMMA[:100])


def test_messages_without_bytes_have_no_line(tmp_path: Path) -> None:
    assert with_messages(tmp_path, np.zeros(5), np.full(5, 0.1)).link is None


def with_messages(folder: Path, sizes: np.ndarray, seconds: np.ndarray) -> Calibration:
    many = len(sizes)
    return fitted(
        folder,
        operation=["compute"] * 30 + ["push"] * many + ["update"] * 40,
        seconds=np.concatenate([0.1 * GAMMA[:30], seconds, 0.002 * GAMMA[:40]]),
        bytes=np.concatenate([np.full(30, np.nan), sizes, np.full(40, np.nan)]),
    )


def test_latency_and_bandwidth_are_found_by_least_squares(tmp_path: Path) -> None:
    sizes = np.tile([1e3, 1e6, 1e7], 100)
    noise = 1e-5 * RANDOM.standard_normal(300)
    link = with_messages(tmp_path, sizes, 1e-4 + sizes / 1e9 + noise).link
    assert link is not None
    assert abs(link.latency.value - 1e-4) < 2 * link.latency.error
    assert abs(link.bandwidth.value - 1e9) < 2 * link.bandwidth.error


def test_updates_have_a_mean_and_a_law(tmp_path: Path) -> None:
    fit = with_messages(tmp_path, np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    assert fit.update is not None
    assert fit.update.mean.value == pytest.approx(0.002, rel=0.1)
    assert build_profile(fit, "list")["cluster"]["server"]["update_law"]["distribution"] in ("gamma", "lognormal")


@pytest.mark.parametrize(
    ("sizes", "seconds", "expected"),
    [
        ([1e6] * 5, [0.1] * 5, "All messages have one size"),
        ([1e6, 2e6, 3e6], [0.3, 0.2, 0.1], "the bandwidth is taken as unlimited"),
        ([1e6, 2e6, 3e6, 1e6, 2e6, 3e6], [0.1, 0.9, 0.3, 0.5, 0.1, 0.7], "are off the line by"),
    ],
)
def test_what_a_line_does_not_catch_is_said(sizes: list[float], seconds: list[float], expected: str, tmp_path: Path) -> None:
    assert any(expected in remark for remark in with_messages(tmp_path, np.array(sizes), np.array(seconds)).remarks)


def test_a_line_needs_three_messages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the log has 2 messages with a size; a line needs at least 3"):
        with_messages(tmp_path, np.array([1.0, 2.0]), np.array([1.0, 2.0]))


def test_steps_mixing_and_copies_are_costs(tmp_path: Path) -> None:
    sizes = np.tile([1e6, 2e6], 20)
    columns = {
        "operation": ["compute"] * 30 + ["step"] * 40 + ["mix"] * 40 + ["copy"] * 40,
        "seconds": np.concatenate([0.1 * GAMMA[:30], np.full(40, 0.004), 0.01 * GAMMA[:40], 1e-4 + sizes / 1e9]),
        "bytes": np.concatenate([np.full(110, np.nan), sizes]),
    }
    profile = build_profile(fitted(tmp_path, **columns), "list")
    costs = profile["cluster"]["costs"]
    assert costs["step"] == {"mean": "4 ms", "distribution": "constant"}
    assert costs["mixing"]["distribution"] in ("gamma", "lognormal")
    assert (costs["per_message"], costs["copy_bandwidth"]) == ("100 us", "1 GB/s")
    own = tmp_path / "own.yaml"
    own.write_text(yaml_layer.dump_yaml(profile), encoding="utf-8")
    found = Scenario.load("quickstart", f"profile={own}").cluster.costs
    assert found.per_message == pytest.approx(1e-4)
    assert isinstance(found.mixing, CostTimes)
