"""A model and data of one's own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd import DataMissing, Run, RunFailed, Scenario, Task, simulate, study
from simasgd.learning.data.examples import Examples
from simasgd.learning.data.sets import load
from simasgd.learning.models import build as models
from simasgd.learning.players.reference import Reference
from simasgd.report.page import render_study
from simasgd.scenario.learning.data import Digits
from simasgd.scenario.learning.models import MLP
from tests.build import LEARNING, TIMING, scenario

DOCUMENT = Path(__file__).parents[3] / "docs" / "own-model.md"
DIGITS = load(Digits())


def digits_task():
    objective = models.objective(MLP(hidden=(16,)), Digits().shape)
    return Task(
        init=objective.init,
        losses=objective.losses,
        wrong=objective.wrong,
        train=(DIGITS.train_inputs, DIGITS.train_labels),
        test=(DIGITS.test_inputs, DIGITS.test_labels),
    )


@pytest.mark.compiles
def test_the_documents_ten_lines_learn(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    exec(code, {})
    error, staleness = map(float, capsys.readouterr().out.split())
    assert error < 0.02
    assert staleness == pytest.approx(7, abs=0.1)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("player", [None, Reference()], ids=["compiled", "reference"])
def test_a_task_that_is_the_scenarios_own_gives_its_numbers(player):
    chosen = scenario(LEARNING, {"stop": {"gradients": 300}})
    theirs, own = simulate(chosen, player=player), simulate(chosen, task=digits_task(), player=player)
    assert own.evaluations.equals(theirs.evaluations)
    assert own.scenario.learning.model.parameters == theirs.scenario.learning.num_parameters == 1210
    assert own.scenario.payload == theirs.scenario.payload
    assert own.scenario.samples_per_epoch == 1437
    data = own.scenario.learning.data
    assert (data.samples, data.test, data.sample, data.classes) == (1437, 360, (64,), 10)


@pytest.mark.usefixtures("quickly_compiled")
def test_an_error_that_is_no_fraction_fails_the_run():
    task = replace(digits_task(), wrong=lambda parameters, inputs, labels: 3.0 * jax.numpy.ones(len(labels)))
    with pytest.raises(RunFailed, match=r"the results are not valid: .*less than or equal to 1"):
        simulate(scenario(LEARNING, {"stop": {"gradients": 50}}), task=task)


@pytest.mark.usefixtures("quickly_compiled")
def test_a_task_without_wrong_ones_of_any_shape(tmp_path):
    """Least squares of matrices, in variants, on disk and on a page."""
    inputs = np.random.default_rng(0).normal(size=(200, 3, 2)).astype(np.float32)
    task = Task(
        init=lambda key: {"w": jax.random.normal(key, (3, 2))},
        losses=lambda p, x, y: jnp.square((p["w"] * x).sum((1, 2)) - y),
        train=(inputs, inputs.sum((1, 2))),
        test=(inputs[:10], inputs[:10].sum((1, 2))),
    )
    base = scenario(LEARNING, {"variants": {"one": None, "sync": {"protocol": "hardsync"}}, "stop": {"gradients": 2000}})
    result = study(base, task=task)
    for runs in result.runs.values():
        assert runs[0].test_error is None
        assert runs[0].summary.test_loss < 1e-3
    result.save(tmp_path / "out")
    assert "own" in render_study(result)
    loaded = Run.load(tmp_path / "out" / "one")
    with pytest.raises(DataMissing, match=r"learning.data: own: give its samples in Python"):
        simulate(loaded.scenario)


def test_what_does_not_fit_is_said():
    task = digits_task()
    with pytest.raises(ValueError, match="has no learning section"):
        task.described(scenario(TIMING))
    shorter = Task(task.init, task.losses, (DIGITS.train_inputs, DIGITS.train_labels[:-1]), task.test)
    with pytest.raises(ValueError, match=r"train: inputs of shape \(1437, 64\) and labels of shape \(1436,\)"):
        shorter.described(scenario(LEARNING))


def test_a_study_of_a_task_is_not_gone_on_with(tmp_path):
    with pytest.raises(ValueError, match="cannot be resumed"):
        study(scenario(LEARNING), task=digits_task(), unfinished=tmp_path)


@pytest.mark.parametrize(("given", "on_device"), [(np.float64, np.float32), (np.float32, np.float32), (np.int64, np.int32)])
def test_large_arrays_are_copied_as_small_ones_are(given, on_device):
    array = np.arange(1_100_000).reshape(1_100, 1_000).astype(given)
    placed = Examples.placed(array, array[:1].ravel(), np.float32).inputs
    array[0, 1] = -1
    assert placed.dtype == on_device
    assert np.array_equal(placed[:2], np.arange(2_000).reshape(2, 1_000))
    assert placed[-1, -1] == 1_099_999


@pytest.mark.usefixtures("quickly_compiled")
def test_own_data_go_with_an_own_model():
    chosen = simulate(scenario(LEARNING, {"stop": {"gradients": 20}}), task=digits_task()).scenario
    for section in ({"model": "softmax"}, {"data": "digits"}):
        tree = chosen.resolved()
        tree["learning"] |= section
        with pytest.raises(ValueError, match="of your own"):
            Scenario.model_validate(tree)
