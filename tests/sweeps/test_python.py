"""Sweeps from Python: `simasgd.sweep`, its table, its page, and its points as runs."""

from __future__ import annotations

import gc
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

import simasgd
from simasgd import Run, ScenarioError, Sweep, UsageError
from simasgd.sweeps.axes import parse
from simasgd.sweeps.spelling import spell_axis, spell_value
from tests.build import LEARNING, TIMING, scenario

SMALL = scenario(TIMING, {"stop": {"gradients": 12}, "repeats": 2})


@pytest.fixture(scope="module")
def swept() -> Sweep:
    axes = {"learners:mini_batch": [(1, 8), (2, 4)], "network.latency": [0, "2 ms"]}
    return simasgd.sweep(SMALL, axes, "network.bandwidth=1 MB/s", workers=1)


def test_a_sweep_has_numbers_and_a_column_for_each_key(swept: Sweep) -> None:
    points = swept.points
    assert len(points) == 8
    assert points["cluster.learners:workload.mini_batch"].unique().tolist() == ["1:8", "2:4"]
    assert points["cluster.learners"].dtype == points["workload.mini_batch"].dtype == np.int64
    assert points["workload.mini_batch"].tolist() == [8] * 4 + [4] * 4
    assert sorted(points["cluster.network.latency"].unique()) == [0.0, 0.002]
    assert swept.folder is not None
    pd.testing.assert_frame_equal(pd.read_parquet(swept.folder / "points.parquet"), points)
    assert Sweep.load(swept.folder).axes == swept.axes


def test_every_point_can_be_opened_as_a_run_with_its_page(swept: Sweep, tmp_path: Path) -> None:
    for number, row in swept.points.iterrows():
        assert isinstance(number, int)
        run = swept.open(number)
        assert isinstance(run, Run)
        assert (run.seed, run.scenario.cluster.learners) == (row["seed"], row["cluster.learners"])
        assert (run.speedup, run.simulated_seconds) == (row["speedup"], row["simulated_seconds"])
    assert "<h1>" in swept.open(0).write_page(tmp_path).read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="there is no point 8; the sweep has points 0 to 7"):
        swept.open(8)


def test_the_table_has_means_over_the_seeds(swept: Sweep) -> None:
    table = swept.table()
    assert table["seeds"].tolist() == [2] * 4
    for i, row in table.iterrows():
        of_setting = swept.points[2 * i : 2 * i + 2]["simulated_seconds"]
        assert (row["simulated_seconds_min"], row["simulated_seconds_max"]) == (of_setting.min(), of_setting.max())
        assert row["simulated_seconds"] == of_setting.mean()
    assert table["test_error"].isna().all()


def test_it_shows_itself_in_words_and_in_a_notebook(swept: Sweep, tmp_path: Path) -> None:
    assert repr(swept).startswith(
        "<Sweep of test over cluster.learners:workload.mini_batch (2), cluster.network.latency (2); 8 of 8 points: Use "
    )
    html = swept._repr_html_()
    assert swept.verdict.partition(": ")[0] in html
    assert html.count("<img") == 2
    assert "use this" in html
    page = swept.write_page(tmp_path).read_text(encoding="utf-8")
    assert "<h1>Use " in page.replace("\n", "")


def test_results_without_a_folder_live_as_long_as_the_sweep(tmp_path: Path) -> None:
    seen: list[float] = []
    kept = simasgd.sweep(
        SMALL, "learners=2", folder=tmp_path / "kept", workers=1, progress=lambda phase, fraction: seen.append(fraction)
    )
    assert seen == [0.5, 1.0]
    assert kept.folder == tmp_path / "kept"
    again = simasgd.sweep(SMALL, "learners=2", workers=1)
    home = again.folder
    assert home is not None
    assert home.is_dir()
    assert again.points["simulated_seconds"].tolist() == kept.points["simulated_seconds"].tolist()
    del again
    gc.collect()
    assert not home.exists()
    with pytest.raises(UsageError, match="other parameters"):
        simasgd.sweep(SMALL, "learners=3,4", "mini_batch=2", folder=tmp_path / "kept", workers=1)


def test_a_wrong_variable_of_jax_is_refused_before_any_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "")
    monkeypatch.setenv("JAX_DISABLE_JIT", "1")
    jax.config.update("jax_disable_jit", True)
    try:
        with pytest.raises(UsageError, match="JAX_DISABLE_JIT is set"):
            simasgd.sweep(scenario(LEARNING), "learners=1,2", folder=tmp_path / "out")
    finally:
        jax.config.update("jax_disable_jit", False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("learners", np.arange(1, 4), ("1", "2", "3")),
        ("learning_rate", [0.1, np.float64(1e-5)], ("0.1", "1e-05")),
        ("protocol", ["async", {"kind": "n-softsync", "n": 2}], ("async", "{kind: n-softsync, n: 2}")),
        ("hidden", [[32], (64, 32)], ("[32]", "[64, 32]")),
        ("latency", ["25 us", "1 ms"], ("25 us", "1 ms")),
        ("title", ["a, b", "it's", "4"], ("'a, b'", "'it''s'", "'4'")),
        ("seed", "range(0,3)", ("0", "1", "2")),
        ("learners:mini_batch", [(1, 64), [2, 32]], ("1:64", "2:32")),
        ("schedule", [None], ("null",)),
    ],
)
def test_values_of_python_are_values_as_written(key: str, values: object, expected: tuple[str, ...]) -> None:
    ((axis,), fixed) = parse([spell_axis(key, values)])
    assert (axis.values, fixed) == (expected, [])


def test_values_that_no_scenario_has_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a value that YAML has"):
        spell_value(object())
    with pytest.raises(ScenarioError, match=r"learners: found 4; expected a list of values"):
        spell_axis("learners", 4)
    with pytest.raises(ScenarioError, match=r"expected a value for each of 2 keys"):
        spell_axis("learners:mini_batch", [(1, 2, 3)])
