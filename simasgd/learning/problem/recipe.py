"""Recipes: the model, the update rule and the precision of a run, of which its compiled programs are made."""

from __future__ import annotations

from typing import NamedTuple

from simasgd.learning.problem.task import AbstractTask, Frame, ScenarioTask, frame_of
from simasgd.learning.rules import Rule, Setting, rule
from simasgd.scenario.learning.compression import Compression, NoCompression
from simasgd.scenario.learning.learning import Precision
from simasgd.scenario.learning.modulation import Modulation, RunFact
from simasgd.scenario.learning.optimizers import SGD, Optimizer, TotalMomentum
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Tape


class Recipe(NamedTuple):
    """Everything that shapes the compiled programs, and no data.

    Programs depend on the `frame` and on the structure of the `rule`. The rule's numbers are
    arguments of programs.
    """

    task: AbstractTask
    optimizer: Optimizer
    modulation: Modulation
    setting: Setting
    local_learning_rate: float = 0.0
    """Learning rate of the steps that learners make on their own copies of the weights.

    It is 0 without such steps.
    """
    compression: Compression = NoCompression()
    weighs_learners: bool = False
    """Whether learners have factors of the learning rate of their own."""
    keeps_states: bool = False
    """Whether the states of learners' own optimizers are kept to the end."""
    precision: Precision = "float32"

    @property
    def frame(self) -> Frame:
        """The functions of the programs, besides those of the rule."""
        return frame_of(self.task, self.precision)

    @property
    def rule(self) -> Rule:
        """The update rule, made anew at each call."""
        rates, decays = self.task.objective.rates, self.task.objective.decays
        local = self.local_learning_rate
        return rule(self.optimizer, self.modulation, self.setting, rates, decays, local, self.compression)


def build_recipe(scenario: Scenario, tape: Tape, task: AbstractTask | None = None) -> Recipe:
    """Return the recipe of a scenario on its tape.

    A `task` takes the place of the scenario's model and data. No data is read.
    """
    learning = scenario.learning
    assert learning is not None
    chosen = ScenarioTask(learning.model, learning.data) if task is None else task
    setting, modulation = Setting(), scenario.modulation
    for fact in modulation.needs:
        setting = _with_fact(setting, fact, scenario, tape)
    if isinstance(learning.optimizer, SGD) and isinstance(learning.optimizer.momentum, TotalMomentum):
        setting = setting._replace(tape_staleness=_mean_staleness(tape))
    local = 0.0 if tape.ahead is None else learning.local_learning_rate or learning.optimizer.learning_rate
    compression = scenario.workload.compression
    if compression.changes_values and (compression.has_feedback or tape.summed is not None):
        setting = setting._replace(learners=scenario.cluster.learners, sums=tape.summed is not None)
    weighs, keeps = learning.learner_rates is not None, scenario.record.weights and tape.mixing is not None
    return Recipe(chosen, learning.optimizer, modulation, setting, local, compression, weighs, keeps, learning.precision)


def _with_fact(setting: Setting, fact: RunFact, scenario: Scenario, tape: Tape) -> Setting:
    """Return the setting with one fact of the run filled in."""
    learners = scenario.cluster.learners
    match fact:
        case "learners":
            return setting._replace(learners=learners)
        case "samples_per_round":
            own = tape.mini_batches
            return setting._replace(samples_per_round=learners * tape.mini_batch if own is None else int(own.sum()))
        case "mean_staleness":
            nominal = scenario.protocol.nominal_staleness(learners)
            return setting._replace(mean_staleness=_mean_staleness(tape) if nominal is None else nominal)
        case "window":
            # A power of two, so that runs of similar staleness share compiled programs.
            return setting._replace(window=1 << int(tape.staleness.max(initial=0)).bit_length())


def _mean_staleness(tape: Tape) -> float:
    """Return the mean staleness of a run's first part: a rule that needs it is the same in all parts."""
    if tape.past.mean_staleness is not None:
        return tape.past.mean_staleness
    return float(tape.staleness.mean()) if tape.num_gradients else 0.0
