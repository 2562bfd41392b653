"""Weights are evaluated when `learning.evaluate` says, and what is learned does not depend on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd import ScenarioError, simulate, study
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.points import evaluation_points
from simasgd.report.facts.metric import LOSS
from simasgd.report.facts.tables import tabulate_curves
from simasgd.scenario.learning.evaluate import parse
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.simulator import simulate_together
from tests.build import LINEAR, clock, scenario
from tests.learning.tapes import make_tape

ROUNDS = {"cluster": {"learners": 4}, "protocol": "hardsync", "stop": {"gradients": 80}}  # 20 updates of 16 samples


def every(period: str) -> dict[str, Any]:
    return {"learning": {"evaluate": period}}


def points(chosen: Scenario) -> tuple[list[float], list[int]]:
    assert chosen.learning is not None
    assert chosen.samples_per_epoch is not None
    return evaluation_points(clock(chosen)[1], chosen.samples_per_epoch, chosen.learning.evaluate)


def test_points_of_each_kind_by_hand() -> None:
    base = scenario(LINEAR, ROUNDS, {"workload": {"samples_per_epoch": 100}})
    assert points(base) == ([0.0, 1.0, 2.0, 3.0, 3.2], [0, 7, 13, 19, 20]), "112, 208, 304 and 320 samples"
    assert points(scenario(LINEAR, ROUNDS, {"workload": {"samples_per_epoch": 100}}, every("0.7 epochs"))) == (
        [0.0, 0.7, 1.4, 2.1, 2.8, 3.2],
        [0, 5, 9, 14, 18, 20],  # at 70, 140, 210 and 280 samples
    )
    of_updates = scenario(LINEAR, ROUNDS, {"workload": {"samples_per_epoch": 100}}, every("8 updates"))
    assert points(of_updates) == ([0.0, 1.28, 2.56, 3.2], [0, 8, 16, 20])
    of_samples = scenario(LINEAR, ROUNDS, {"workload": {"samples_per_epoch": 100}}, every("160 samples"))
    assert points(of_samples) == ([0.0, 1.6, 3.2], [0, 10, 20])


def test_points_in_simulated_time_are_the_first_updates_from_then_on() -> None:
    constant = {"cluster": {"compute": {"per_batch": "100 ms", "per_sample": 0, "distribution": "constant"}}}
    chosen = scenario(LINEAR, ROUNDS, constant, {"workload": {"payload": "0 B"}}, every("500 ms"))
    stepped_at = clock(chosen)[1].stepped_at
    assert np.allclose(stepped_at, np.arange(1, 21) / 10)
    assert points(chosen)[1] == [0, 5, 10, 15, 20], "rounding delays none to the next update"


def test_two_points_in_one_update_are_one_evaluation() -> None:
    tape = make_tape([[0] * 7, [1] * 2, [2] * 8])  # 7, 9 and 17 samples
    assert evaluation_points(tape, 3) == ([0.0, 2.0, 3.0, 5.0], [0, 1, 2, 3])


@given(
    sizes=st.lists(st.integers(1, 5), max_size=40),
    samples_per_epoch=st.integers(1, 20),
    number=st.integers(1, 30),
    unit=st.sampled_from(["samples", "updates", "ms", "epochs", "e-1 epochs", "e-9 epochs", "e9 s", "e-15 s"]),
)
def test_each_point_is_the_first_update_that_reaches_a_multiple(
    sizes: list[int], samples_per_epoch: int, number: int, unit: str
) -> None:
    tape = make_tape([[u] * size for u, size in enumerate(sizes)])
    period = parse(f"{number}{' ' if unit[0] != 'e' or unit == 'epochs' else ''}{unit}")
    length = period.number * (samples_per_epoch if period.unit == "epoch" else 1)
    expected, passed = [0], 0
    for step in range(1, tape.num_steps + 1):
        quantities = {"update": step, "second": float(tape.stepped_at[step - 1])}
        multiple = int(quantities.get(period.unit, int(tape.offsets[step])) / length + 1e-9)
        if multiple > passed:
            passed = multiple
            expected.append(step)
    epochs, steps = evaluation_points(tape, samples_per_epoch, period)
    assert steps == sorted({*expected, tape.num_steps})
    assert epochs == sorted(epochs)
    assert len(epochs) == len(steps)


PERIODS = ["7 updates", "333 samples", "50 ms", "50 epochs"]


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    "protocol", ["async", {"kind": "n-softsync", "n": 2}, "downpour", "local-sgd", "sgp", "easgd"], ids=str
)
def test_learned_numbers_do_not_depend_on_when_they_are_evaluated(protocol: Any) -> None:
    base = scenario(LINEAR, {"protocol": protocol, "workload": {"samples_per_epoch": 500}, "stop": {"gradients": 330}})
    plain = simulate(base).evaluations
    assert plain is not None
    of_step = {}
    for period in PERIODS:
        run = simulate(scenario(LINEAR, base.resolved(), every(period)))
        table = run.evaluations
        assert table is not None
        assert run.test_loss == plain["test_loss"].iloc[-1], "bit for bit"
        for row in [*plain.itertuples(), *table.itertuples()]:
            of_step.setdefault((row.updates, row.simulated_seconds), set()).add((row.test_loss, row.consensus_distance))
    assert len(of_step) > 30
    if protocol not in ("local-sgd", "sgp", "easgd"):  # of these the distance may be NaN, which equals nothing
        of_step = {at: {loss for loss, _ in found} for at, found in of_step.items()}
    assert all(len(found) == 1 for found in of_step.values()), "one number at one step, whichever the other steps are"


@pytest.mark.usefixtures("quickly_compiled")
def test_both_players_and_runs_in_one_loop_evaluate_alike() -> None:
    one = {"cluster": {"seed": 1}, "stop": {"gradients": 100}}
    chosen = [scenario(LINEAR, one, every("9 updates"), {"learning": {"seed": seed}}) for seed in (0, 1)]
    for run, scenario_of in zip(simulate_together(chosen), chosen, strict=True):
        other = simulate(scenario_of, player=Reference())
        assert run.evaluations is not None
        assert run.evaluations["updates"].tolist() == [*range(0, 100, 9), 100]
        pd.testing.assert_frame_equal(run.evaluations, other.evaluations, rtol=1e-4)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("period", ["30 updates", "40 ms", "0.05 epochs"])
def test_seeds_are_matched_at_the_points_that_all_reached(period: str) -> None:
    time = {"stop": {"gradients": None, "simulated_time": "150 ms"}, "cluster": {"profile": "ethernet-25g"}}
    result = study(scenario(LINEAR, time, every(period), {"repeats": 3}))
    tables = [run.evaluations for run in result.runs[""]]
    reached = min(len(table) for table in tables if table is not None)
    curve = tabulate_curves(result, LOSS)
    assert reached - 1 <= len(curve) <= reached + 1
    assert len(curve) > 3
    assert curve["seeds"].tolist() == [3] * len(curve)


FILE = """name: plain
cluster: {learners: 4, profile: ideal}
workload: {mini_batch: 4}
protocol: async
learning:
  data: {kind: linear-regression, features: 5}
  model: linear
  optimizer: {kind: sgd, learning_rate: 0.05}
  evaluate: 0.5 epochs
stop: {gradients: 10}
"""


@pytest.mark.parametrize(
    ("given", "stated"),
    [("0.5 epochs", "0.5 epochs"), ("1.0 epochs", "1 epoch"), ("1e3 updates", "1000 updates"), ("1500 ms", "1.5 s"),
     ("1 sample", "1 sample")],
)  # fmt: skip
def test_a_resolved_scenario_states_the_period(tmp_path: Path, given: str, stated: str) -> None:
    (tmp_path / "s.yaml").write_text(FILE)
    changed = Scenario.load(tmp_path / "s.yaml", f"evaluate={given}")
    assert changed.resolved()["learning"]["evaluate"] == stated
    assert Scenario.from_layer(Layer(changed.resolved())).hash() == changed.hash()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0 epochs", "0 epochs' is out of range"),
        ("1e999 epochs", "is out of range"),
        ("1.5 updates", "is not a whole number from 1"),
        ("-3 samples", "is not a whole number from 1"),
        ("0 s", "is no time"),
        ("1e-30 s", "out of range"),
        ("5", "has no unit; expected epochs, samples, updates or a time (e.g. 0.25 epochs, 100 updates, 10 s)"),
        ("'5'", "has no unit"),
        ("5 epoches", "did you mean 'epochs'"),
        ("5 GB", "unknown unit 'GB'"),
        ("often", "is not a period"),
        ("true", "is not a period"),
        ("{epochs: 1}", "is not a period"),
        ("null", "is not a period"),
    ],
)
def test_mistakes(tmp_path: Path, given: str, said: str) -> None:
    (tmp_path / "s.yaml").write_text(FILE.replace("0.5 epochs", given))
    with pytest.raises(ScenarioError, match=r"s\.yaml:9:.*learning\.evaluate: ") as caught:
        Scenario.load(tmp_path / "s.yaml")
    assert said in str(caught.value)
