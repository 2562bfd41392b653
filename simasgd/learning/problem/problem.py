"""What both players share: the samples, the objective, the initial weights, the update rule and the columns they follow."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from simasgd.learning.data import augment
from simasgd.learning.data import sets as data
from simasgd.learning.data.analytic import BYTES_A_NUMBER
from simasgd.learning.data.augment import Augmentation
from simasgd.learning.data.examples import Examples
from simasgd.learning.data.image_folder import LazyImages
from simasgd.learning.data.partition import parts
from simasgd.learning.data.sets import Dataset
from simasgd.learning.models import build as models
from simasgd.learning.models.build import Parameters
from simasgd.learning.models.objective import Objective
from simasgd.learning.problem.schedule import schedule_factors
from simasgd.learning.problem.space import refuse
from simasgd.learning.rules import Rule, Setting, rule
from simasgd.scenario.learning.compression import Compression, NoCompression
from simasgd.scenario.learning.data import AbstractData, AbstractRegression, Noise
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.learning.modulation import Modulation, RunFact
from simasgd.scenario.learning.optimizers import SGD, Optimizer, TotalMomentum
from simasgd.scenario.schema import Scenario
from simasgd.tape import Floats, Ints, Tape

_DRAWING = 20  # bytes for each sample that is drawn: a random number and its index, at the players' two more


class AbstractTask(abc.ABC):
    """What is to be learned. Equal tasks share their compilations, so it can be hashed."""

    @property
    @abc.abstractmethod
    def objective(self) -> Objective:
        """The functions."""

    @property
    @abc.abstractmethod
    def augmentation(self) -> Augmentation | None:
        """What is done to each sample each time it is drawn for training."""

    @property
    @abc.abstractmethod
    def dataset(self) -> Dataset:
        """The samples. Raises simasgd.DataMissing."""


@final
@dataclass(frozen=True)
class Described(AbstractTask):
    """What a scenario describes."""

    model: AbstractModel
    data: AbstractData

    @property
    def objective(self) -> Objective:
        return models.objective(self.model, self.data.shape)

    @property
    def augmentation(self) -> Augmentation | None:
        return augment.augmentation(self.data)

    @property
    def dataset(self) -> Dataset:
        return data.load(self.data)


class Recipe(NamedTuple):
    """All that shapes the programs and nothing that is data, so that runs which share it share their compilation."""

    task: AbstractTask
    optimizer: Optimizer
    modulation: Modulation
    setting: Setting
    local_learning_rate: float = 0.0
    """Of the learners' own steps, if there are any."""
    compression: Compression = NoCompression()

    @property
    def rule(self) -> Rule:
        rates, decays = self.task.objective.rates, self.task.objective.decays
        local = self.local_learning_rate
        return rule(self.optimizer, self.modulation, self.setting, rates, decays, local, self.compression)


class Sample(NamedTuple):
    """One training sample's shapes and types."""

    inputs: jax.ShapeDtypeStruct
    label: jax.ShapeDtypeStruct


@dataclass(frozen=True, eq=False)
class Problem:
    """A tape's gradients made concrete. `start` are the initial weights.

    `batches[i]` holds the indices of the training samples of gradient row i, shape (G, µ), `codes[i]` how each is augmented
    (None where they are not); `factors[u]` is the schedule's factor at step u, shape (U,).
    """

    recipe: Recipe
    tape: Tape
    start: Parameters
    train: Examples
    test: Examples
    batches: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int32] | None
    factors: Floats
    note: str

    @property
    def dtype(self) -> Any:
        """Of the weights."""
        return jax.tree.leaves(self.start)[0].dtype

    @property
    def sample(self) -> Sample:
        inputs, labels = self.train.inputs, self.train.labels
        types = (jnp.float32 if isinstance(inputs, LazyImages) else inputs.dtype, labels.dtype)
        return Sample(*(jax.ShapeDtypeStruct(a.shape[1:], t) for a, t in zip((inputs, labels), types, strict=True)))

    def evaluate(self, weights: Parameters) -> tuple[float, float | None]:
        """Mean loss and error (a fraction; None where nothing can be wrong) on the test set."""
        evaluator = _evaluator(self.recipe.task)
        found = [[float(number) for number in evaluator(weights, *portion)] for portion in self.test.portions()]
        value, wrong = (sum(numbers) / len(self.test) for numbers in zip(*found, strict=True))
        return value, None if self.recipe.task.objective.wrong is None else wrong


def pose(scenario: Scenario, tape: Tape, task: AbstractTask | None = None) -> Problem:
    """The problem that a scenario's learning section, or a task in place of its model and data, poses on its tape. Raises
    simasgd.DataMissing, and simasgd.RunFailed where the memory does not suffice for its mini-batches."""
    learning, samples_per_epoch = scenario.learning, scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    task = Described(learning.model, learning.data) if task is None else task
    number = tape.num_gradients * tape.mini_batch
    refuse(_DRAWING * number, f"to draw the mini-batches: {tape.num_gradients} of {tape.mini_batch} samples")
    refuse(made_bytes(learning.data), f"to make {learning.data.shape.train:,} samples of {learning.data.kind}")
    refuse(2 * learning.model_bytes, f"for the weights: {learning.num_parameters:,} parameters")
    source, seed = task.dataset, scenario.learning_seed
    recipe = recipe_of(scenario, tape, task)
    dtype = jnp.dtype(learning.precision)
    own = parts(learning.partition, source.train_labels, scenario.cluster.learners, seed)
    return Problem(
        recipe=recipe,
        tape=tape,
        start=jax.tree.map(lambda p: p.astype(dtype), task.objective.init(jax.random.key(seed))),
        train=Examples.placed(source.train_inputs, source.train_labels, dtype),
        test=Examples.placed(source.test_inputs, source.test_labels, dtype),
        batches=_batches(seed, tape, len(source.train_labels), own),
        codes=None if task.augmentation is None else _codes(learning.data, seed, tape),
        factors=schedule_factors(learning.schedule, tape, samples_per_epoch),
        note=source.note,
    )


def made_bytes(spec: AbstractData) -> int:
    """Bytes that making a data set takes, where it is made and not read."""
    if not isinstance(spec, AbstractRegression | Noise):
        return 0
    return BYTES_A_NUMBER * (spec.shape.train + spec.shape.test) * spec.shape.features


def recipe_of(scenario: Scenario, tape: Tape, task: AbstractTask | None = None) -> Recipe:
    """The recipe of a scenario's learning section on its tape, without any data."""
    learning = scenario.learning
    assert learning is not None
    chosen = Described(learning.model, learning.data) if task is None else task
    setting, modulation = _setting(scenario.modulation, scenario, tape), scenario.modulation
    if isinstance(learning.optimizer, SGD) and isinstance(learning.optimizer.momentum, TotalMomentum):
        setting = setting._replace(tape_staleness=_tape_mean(tape))
    local = 0.0 if tape.ahead is None else learning.local_learning_rate or learning.optimizer.learning_rate
    compression = scenario.workload.compression
    if compression.changes_values and (compression.has_feedback or tape.summed is not None):
        setting = setting._replace(learners=scenario.cluster.learners, sums=tape.summed is not None)
    return Recipe(chosen, learning.optimizer, modulation, setting, local, compression)


def local_factors(problem: Problem) -> Floats:
    """The schedule's factor for the step of its learner's copy with each gradient, shape (G,): that of the first step after the
    copy was made."""
    factors, tape = problem.factors, problem.tape
    factored: Floats = factors[np.minimum(tape.timestamp, tape.num_steps - 1)]
    return factored


def sample_of(scenario: Scenario) -> Sample:
    """A training sample of a scenario's data, without reading it."""
    learning = scenario.learning
    assert learning is not None
    dtype, shape = jnp.dtype(learning.precision), learning.data.shape
    label = jnp.dtype("int32") if shape.label == "class" else dtype
    return Sample(jax.ShapeDtypeStruct((shape.features,), dtype), jax.ShapeDtypeStruct((), label))


def _setting(modulation: Modulation, scenario: Scenario, tape: Tape) -> Setting:
    """Return the numbers of the run that the modulation needs; the others keep their defaults."""
    needed = {fact: _measured(fact, scenario, tape) for fact in modulation.needs}
    return Setting()._replace(**needed)


def _measured(fact: RunFact, scenario: Scenario, tape: Tape) -> Any:
    """Return one number of a run."""
    learners = scenario.cluster.learners
    match fact:
        case "learners":
            return learners
        case "samples_per_round":
            return learners * tape.mini_batch
        case "mean_staleness":
            nominal = scenario.protocol.nominal_staleness(learners)
            return _tape_mean(tape) if nominal is None else nominal
        case "window":
            # A power of two, so that runs of about the same staleness share a compilation.
            return 1 << int(tape.staleness.max(initial=0)).bit_length()


def _tape_mean(tape: Tape) -> float:
    return float(tape.staleness.mean()) if tape.num_gradients else 0.0


def _batches(seed: int, tape: Tape, samples: int, own: Sequence[Ints] | None) -> npt.NDArray[np.int32]:
    """The sample indices of every gradient row, shape (G, µ), from each learner's part of the samples if they are parted."""

    def drawn(learner: int, count: int) -> npt.NDArray[np.int32]:
        number = samples if own is None else len(own[learner])
        places = data.mini_batches(seed, learner, count, tape.mini_batch, number)
        return places if own is None else own[learner][places].astype(np.int32)

    return _by_learner(tape, drawn)


def _codes(spec: AbstractData, seed: int, tape: Tape) -> npt.NDArray[np.int32]:
    """How each sample of every gradient row is augmented, shape (G, µ)."""
    return _by_learner(tape, lambda learner, count: augment.draws(spec, seed, learner, count, tape.mini_batch))


def _by_learner(tape: Tape, drawn: Callable[[int, int], npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
    """For every gradient row its mini-batch's row, shape (G, µ), of `drawn(learner, count)`, which gives the learner's first
    `count` mini-batches."""
    rows = np.empty((tape.num_gradients, tape.mini_batch), np.int32)
    order = np.argsort(tape.learner, kind="stable")
    learners, first = np.unique(tape.learner[order], return_index=True)
    for learner, mine in zip(learners.tolist(), np.split(order, first)[1:], strict=True):
        numbers = tape.batch[mine]
        rows[mine] = drawn(learner, int(numbers.max()) + 1)[numbers]
    return rows


@cache
def _evaluator(task: AbstractTask) -> Any:
    objective = task.objective

    @jax.jit
    def evaluate(weights: Parameters, inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Sums of the losses and of the wrong ones."""
        losses = objective.losses(weights, inputs, labels)
        wrong = jnp.zeros(()) if objective.wrong is None else objective.wrong(weights, inputs, labels).sum()
        return losses.sum(), wrong

    return evaluate


@jax.jit
def all_finite(weights: Parameters) -> jax.Array:
    """Whether no weight is infinite or NaN."""
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(weights)]))
