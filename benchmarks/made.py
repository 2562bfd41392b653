"""Problems for the players: those of scenarios, and made samples of the shapes of data sets, so that no files are needed."""

from __future__ import annotations

import numpy as np

from simasgd import Scenario, Task
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.learning.models.objective import Objective
from simasgd.learning.problem.problem import Problem, build_problem
from simasgd.scenario.learning.data import DataShape
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Tape


def task(objective: Objective, shape: DataShape, train: int, test: int) -> Task:
    """Ten classes of noisy copies of a picture each, as many and as large as is asked for."""
    random = np.random.default_rng(0)
    pictures = random.random((shape.classes, shape.features), np.float32)
    labels = random.integers(shape.classes, size=train + test).astype(np.int32)
    inputs = 0.5 * (pictures[labels] + random.random((train + test, shape.features), np.float32))
    made, unseen = (inputs[:train], labels[:train]), (inputs[train:], labels[train:])
    return Task(objective.init, objective.losses, made, unseen, objective.wrong)


def tape(scenario: Scenario) -> Tape:
    recorder = TapeRecorder()
    run(Job.of(scenario), recorder)
    return recorder.tape(scenario.workload.mini_batch)


def problem(scenario: Scenario, learned: Task | None = None) -> Problem:
    """What a scenario asks a player to do, perhaps with a task in place of its model and data."""
    described = scenario if learned is None else learned.described(scenario)
    return build_problem(described, tape(described), learned)
