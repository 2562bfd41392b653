"""Data that is read or made once a process, and how much of it is kept."""

from __future__ import annotations

import gc
import weakref

import jax.numpy as jnp
import numpy as np

from simasgd import Task
from simasgd.learning.data.sets import load
from simasgd.learning.problem.task import ScenarioTask, place
from simasgd.scenario.learning.data import Digits, LinearRegression
from simasgd.scenario.learning.models import Linear


def test_two_sets_take_turns_and_a_third_takes_the_place_of_one() -> None:
    specs = [LinearRegression(features=features, samples=9, test=3) for features in (2, 3, 4)]
    first, second = map(load, specs[:2])
    assert load(specs[0]) is first
    assert load(specs[1]) is second
    gone = weakref.ref(first)
    del first
    load(specs[2])
    gc.collect()
    assert gone() is None


def test_data_stays_on_the_device_for_the_next_run_of_the_same() -> None:
    task, single = ScenarioTask(Linear(), Digits()), jnp.dtype("float32")
    placed = place(task, single)
    assert place(ScenarioTask(Linear(), Digits(crop=1)), single).train is placed.train  # augmentation comes later
    assert place(ScenarioTask(Linear(), Digits(subtract_mean=True)), single).train is not placed.train
    assert np.array_equal(place(task, single).test.inputs, load(Digits()).test_inputs)


def test_users_own_data_does_not_stay() -> None:
    rows = np.zeros((4, 2), np.float32)
    own = Task(init=lambda key: rows, losses=lambda w, x, y: y, train=(rows, rows[:, 0]), test=(rows, rows[:, 0]))
    single = jnp.dtype("float32")
    gone = weakref.ref(place(own, single).train)
    gc.collect()
    assert gone() is None
