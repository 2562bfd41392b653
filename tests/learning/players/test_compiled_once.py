"""Nothing is compiled twice: other numbers, other data of one shape and other seeds are arguments of the same programs."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd import Task, simulate
from simasgd.learning.players.reference import Reference
from tests.build import LINEAR, scenario

SHORT = {"stop": {"gradients": 40}}
OPTIMIZERS = [
    {"kind": "sgd", "learning_rate": rate, "momentum": momentum, "weight_decay": decay, "clip": clip}
    for rate, momentum, decay, clip in ((0.02, 0.5, 0.1, 2.0), (0.05, 0.9, 0.2, 1.0))
]
ASYNC = [
    scenario(
        LINEAR, SHORT, {"learning": {"optimizer": optimizer, "modulation": modulation, "schedule": schedule, "seed": seed}}
    )
    for optimizer, modulation, schedule, seed in (
        (OPTIMIZERS[0], {"kind": "polynomial-staleness", "power": 0.5}, None, 0),
        (OPTIMIZERS[1], {"kind": "polynomial-staleness", "power": 1.0}, {"warmup": 1}, 1),
    )
]
ELASTIC = [
    scenario(LINEAR, SHORT, {"protocol": {"kind": "easgd", "moving_rate": rate}, "learning": {"optimizer": optimizer}})
    for rate, optimizer in zip((0.1, 0.2), OPTIMIZERS, strict=True)
]


def compiles(caplog, function, *arguments, **options):
    """Return the result of a call, and the number of programs that XLA compiled for it."""
    caplog.clear()
    with jax.log_compiles():
        result = function(*arguments, **options)
    return result, sum(record.getMessage().startswith("Compiling") for record in caplog.records)


@pytest.mark.usefixtures("quickly_compiled", "compiled_anew")
@pytest.mark.parametrize("scenarios", [ASYNC, ELASTIC], ids=["chain", "own models"])
@pytest.mark.parametrize("player", [None, Reference()], ids=["compiled", "reference"])
def test_other_numbers_compile_nothing(caplog, scenarios, player):
    first, most = compiles(caplog, simulate, scenarios[0], player=player)
    second, none = compiles(caplog, simulate, scenarios[1], player=player)
    assert most > 0 == none
    assert first.evaluations["test_loss"].iloc[-1] != second.evaluations["test_loss"].iloc[-1]
    again, none = compiles(caplog, simulate, scenarios[0], player=player)
    assert none == 0
    assert again.evaluations.equals(first.evaluations), "it has the bits of the program that was made for its own numbers"


def test_a_new_task_of_the_same_functions_is_another_program():
    """What the functions read may have changed. The programs keep no data of a task."""
    weight = {"of": 0.0}

    def losses(parameters, inputs, labels):
        return (inputs @ parameters - labels) ** 2 + weight["of"] * jnp.sum(parameters**2)

    def loss():
        data = np.ones((4, 2)), np.ones(4)
        task = Task(init=lambda _: jnp.ones(2), losses=losses, train=data, test=data)
        assert task.key == task.key != replace(task).key
        return simulate(scenario(LINEAR, {"stop": {"updates": 1}}), task=task).evaluations["test_loss"].iloc[0]

    without = loss()
    weight["of"] = 10.0
    assert loss() == pytest.approx(without + 20.0)
