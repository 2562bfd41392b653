"""Problems for the players: from scenarios, or with synthetic samples in a data set's shape."""

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


def make_task(objective: Objective, shape: DataShape, train: int, test: int) -> Task:
    """Make a task of ten classes, each of them noisy copies of one picture."""
    random = np.random.default_rng(0)
    pictures = random.random((shape.classes, shape.features), np.float32)
    labels = random.integers(shape.classes, size=train + test).astype(np.int32)
    inputs = 0.5 * (pictures[labels] + random.random((train + test, shape.features), np.float32))
    made, unseen = (inputs[:train], labels[:train]), (inputs[train:], labels[train:])
    return Task(objective.init, objective.losses, made, unseen, objective.wrong)


def record_tape(scenario: Scenario) -> Tape:
    """Simulate a scenario and return its tape."""
    recorder = TapeRecorder()
    run(Job.of(scenario), recorder)
    return recorder.tape(scenario.workload.mini_batch)


def make_problem(scenario: Scenario, learned: Task | None = None) -> Problem:
    """Make the problem of a scenario; a task replaces its model and data."""
    described = scenario if learned is None else learned.described(scenario)
    return build_problem(described, record_tape(described), learned)
