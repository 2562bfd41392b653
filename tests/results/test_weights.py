"""`record.weights` keeps the last weights, with all that a replay needs to go on from them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from simasgd import Run, ScenarioError, Study, Task, UsageError, simulate, study
from simasgd.learning.data.sets import load
from simasgd.learning.players.reference import Reference
from simasgd.results.kept.weights import KeptWeights, read_weights
from simasgd.scenario.alike import together
from simasgd.scenario.learning.data import Digits
from simasgd.simulator import simulate_together
from simasgd.storage.files import WEIGHTS
from tests.build import LEARNING, LINEAR, TIMING, scenario

pytestmark = pytest.mark.usefixtures("quickly_compiled")

KEPT: dict[str, Any] = {"record": {"weights": True}, "stop": {"gradients": 60}}
MOMENTUM = {"learning": {"optimizer": {"kind": "sgd", "learning_rate": 0.02, "momentum": 0.9}, "precision": "float64"}}
ADAM = {"learning": {"optimizer": {"kind": "adam", "learning_rate": 0.01}, "precision": "float64"}}


def kept(run: Run) -> KeptWeights:
    assert run.weights is not None
    return run.weights


def groups(weights: KeptWeights) -> dict[str, Any]:
    every = {"weights": weights.arrays, "learners": weights.learners, "centre": weights.centre}
    return {
        name: arrays for name, arrays in (every | {"optimizer": weights.optimizer, "memory": weights.memory}).items() if arrays
    }


def agree(one: KeptWeights, other: KeptWeights, tolerance: float) -> None:
    assert groups(one).keys() == groups(other).keys()
    for name, arrays in groups(one).items():
        for key, array in arrays.items():
            np.testing.assert_allclose(array, groups(other)[name][key], tolerance, tolerance, err_msg=f"{name}/{key}")


def test_the_kept_weights_have_the_test_error_of_the_run() -> None:
    """The forward pass of an MLP, computed by hand."""
    run = simulate(scenario(LEARNING, KEPT))
    weights, data = kept(run), load(Digits())
    assert {name: array.shape for name, array in weights.items()} == {
        "hidden1.w": (64, 16), "hidden1.b": (16,), "top.w": (10, 16), "top.b": (10,),
    }  # fmt: skip
    hidden = np.maximum(data.test_inputs @ weights["hidden1.w"] + weights["hidden1.b"], 0.0)
    outputs = hidden @ weights["top.w"].T + weights["top.b"]
    assert (outputs.argmax(axis=1) != data.test_labels).mean() == pytest.approx(run.test_error)
    assert weights.learners is weights.centre is None
    assert len(weights.optimizer) == 4, "the momentum of each array"


@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("easgd", MOMENTUM),
        ({"kind": "local-sgd", "steps": 3, "average_momentum": True}, ADAM),
    ],
    ids=str,
)
def test_both_players_keep_the_same(protocol: Any, changes: dict[str, Any]) -> None:
    chosen = scenario(LINEAR, KEPT, {"protocol": protocol}, changes)
    weights = kept(simulate(chosen))
    agree(weights, kept(simulate(chosen, player=Reference())), 1e-9)
    if weights.learners is not None:
        learners = chosen.cluster.learners
        for name, array in weights.items():
            assert weights.learners[name].shape == (learners, *array.shape)
            own = weights.learners[name].mean(axis=0) if weights.centre is None else weights.centre[name]
            np.testing.assert_allclose(array, own, 1e-12)
        assert all(array.shape[0] == learners for array in weights.optimizer.values())
        assert len({array.tobytes() for array in weights.learners["top.w"]}) > 1 or protocol["kind"] == "local-sgd"


def test_each_learner_has_the_momentum_of_its_own_gradients() -> None:
    """On a quadratic, whose gradient is known: the optimizer's state is that of the learner's last step."""
    quadratic = {
        "data": {"kind": "noise", "features": 1, "samples": 10, "deviation": 0.0},
        "model": {"kind": "quadratic", "spectrum": [1.0]},
        **MOMENTUM["learning"],
    }
    chosen = scenario(TIMING, {"workload": {"payload": None, "samples_per_epoch": None}}, KEPT, {"learning": quadratic})
    run = simulate(scenario(chosen.resolved(), {"protocol": {"kind": "easgd", "period": 1000}}))
    weights, x = kept(run), []
    assert weights.learners is not None
    assert run.updates is not None
    for learner in range(4):
        steps, position, trace = int((run.updates["learner"] == learner).sum()), 1.0, 0.0
        for _ in range(steps):
            trace = 0.9 * trace + position
            position -= 0.02 * trace
        x.append((position, trace))
    (state,) = weights.optimizer.values()
    np.testing.assert_allclose(weights.learners["weights"][:, 0], [position for position, _ in x])
    np.testing.assert_allclose(state[:, 0], [trace for _, trace in x])


def test_weights_survive_on_disk_for_every_variant_and_seed(tmp_path: Path) -> None:
    """A run that diverged has none."""
    variants = {
        "gossip": {"protocol": "gossip-pull"},
        "diverges": {"learning": {"optimizer": {"learning_rate": 1e30}}},
    }
    found = study(scenario(LINEAR, KEPT, {"repeats": 2, "variants": variants}))
    found.save(tmp_path)
    again = Study.load(tmp_path)
    for variant, runs in found.runs.items():
        for run, loaded in zip(runs, again.runs[variant], strict=True):
            if variant == "gossip":
                agree(kept(run), kept(loaded), 0.0)
            else:
                assert run.weights is loaded.weights is None
    assert found.runs["diverges"][0].diverged
    assert {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(WEIGHTS)} == {"gossip", "gossip/repeats/1"}
    one, other = (kept(run)["top.w"] for run in found.runs["gossip"])
    assert not np.array_equal(one, other)
    with np.load(tmp_path / "gossip" / WEIGHTS) as file:
        assert np.array_equal(file["weights/top.w"], one), "the file is readable without simasgd"


def test_a_run_goes_to_another_process() -> None:
    found = simulate(scenario(TIMING, {"stop": {"gradients": 4}}))
    again = pickle.loads(pickle.dumps(found))
    assert again.summary == found.summary
    assert again.weights is None


def test_without_learning_there_are_none() -> None:
    with pytest.raises(ScenarioError, match="nothing is learned without a learning section"):
        scenario(TIMING, {"record": {"weights": True}})


def test_a_run_that_is_cut_keeps_the_weights_at_its_target() -> None:
    """They are those of a run that stops there, and a run that shares a loop has those of a run by itself."""
    base = {"learning": {"evaluate": "5 updates", "model": {"kind": "softmax"}}, "stop": {"gradients": 20}}
    whole = simulate(scenario(LEARNING, KEPT, base))
    assert whole.evaluations is not None
    target = float(whole.evaluations["test_error"].iloc[2])
    cut = simulate(scenario(LEARNING, KEPT, base, {"stop": {"test_error": target}}))
    assert cut.summary.updates < 20
    agree(kept(cut), kept(simulate(scenario(LEARNING, KEPT, base, {"stop": {"gradients": cut.summary.updates}}))), 1e-6)

    seeds = [scenario(LINEAR, KEPT, {"cluster": {"seed": 1}, "learning": {"seed": seed}}) for seed in range(2)]
    assert together(seeds) == [[0, 1]]
    for run, alone in zip(simulate_together(seeds), map(simulate, seeds), strict=True):
        agree(kept(run), kept(alone), 1e-4)


def test_a_task_names_its_own_arrays() -> None:
    x = np.linspace(-1.0, 1.0, 40, dtype="float32")
    task = Task(
        init=lambda key: {"slope": jax.numpy.zeros(()), "pair": [jax.numpy.ones(2), jax.numpy.ones(3)]},
        losses=lambda p, x, y: (p["slope"] * x - y) ** 2 + 0.0 * (p["pair"][0].sum() + p["pair"][1].sum()),
        train=(x, 2 * x),
        test=(x, 2 * x),
    )
    run = simulate(scenario(LEARNING, KEPT, {"stop": {"gradients": 400}}), task=task)
    assert {name: array.shape for name, array in kept(run).items()} == {"pair.0": (2,), "pair.1": (3,), "slope": ()}
    assert kept(run)["slope"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    "content", [b"", b"PK not an archive", {"other/w": np.ones(2)}, {"learners/w": np.ones((2, 2))}, "pickle"]
)
def test_a_damaged_file_is_one_message(tmp_path: Path, content: Any) -> None:
    path = tmp_path / WEIGHTS
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "pickle":
        np.savez(path, **{"weights/w": np.array([{}], dtype=object)})
    else:
        np.savez(path, **content)
    with pytest.raises(UsageError, match=r"weights.npz"):
        read_weights(path)
