"""Problems: a tape with its samples, initial weights and update rule, as the players need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int32

from simasgd.learning.data.analytic import BYTES_A_NUMBER
from simasgd.learning.data.examples import Examples
from simasgd.learning.data.image_folder import LazyImages
from simasgd.learning.data.partition import parts
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.batches import BatchRows, draw_augmentations, draw_batches
from simasgd.learning.problem.evaluation import evaluate
from simasgd.learning.problem.keeping import restore
from simasgd.learning.problem.memory import require_bytes
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.precision import describe_missing_tf32, products_in
from simasgd.learning.problem.rates import rates_of_learners
from simasgd.learning.problem.recipe import Recipe, build_recipe
from simasgd.learning.problem.schedule import schedule_factors
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.learning.problem.task import AbstractTask, SampleType, ScenarioTask, place
from simasgd.results.kept.weights import KeptWeights
from simasgd.scenario.learning.data import AbstractData, AbstractRegression, Noise
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.schema import Scenario
from simasgd.tape.arrays import Floats
from simasgd.tape.tape import Tape

_BYTES_A_DRAW = 20  # a random number and its index, and two copies of the index in a player

_BYTES_A_SHARE = 24  # a sample's coefficient, and two copies of it in a player


@dataclass(frozen=True, eq=False)
class Problem:
    """A tape with everything that its gradients need.

    The tape has G gradients of µ samples each, and U steps.
    """

    recipe: Recipe
    tape: Tape
    start: Parameters
    """The initial weights, or those that a later part of a run begins with."""
    train: Examples
    test: Examples
    batches: Int32[BatchRows, "G µ"]
    """The indices of the training samples of each gradient."""
    codes: Int32[BatchRows, "G µ"] | None
    """The augmentation code of each of these samples; None without augmentation."""
    factors: Float[Floats, " U"]
    """The factor of the learning rate at each step: the schedule's, times the factor of the learner that makes the step."""
    rates: Float[Floats, " G"] | None
    """The factor of each gradient's learner, where all gradients have one optimizer.

    The factor is part of the gradient's coefficient in the mean of its step. None: all are 1.
    """
    note: str
    """A remark on the data, or on the device, for readers of the results."""
    before: Snapshot | None
    """All that the part before hands over, of which `start` is a part; None for the first part."""
    cuts: tuple[int, ...]
    """The steps at which a loop over the tape is left and entered again, whatever is evaluated.

    These are the first steps at or after each epoch, and the last step.
    """

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The data type of the weights."""
        dtype: np.dtype[np.floating] = jax.tree.leaves(self.start)[0].dtype
        return dtype

    @property
    def sample(self) -> SampleType:
        """The type of a training sample."""
        inputs, labels = self.train.inputs, self.train.labels
        types = (jnp.float32 if isinstance(inputs, LazyImages) else inputs.dtype, labels.dtype)
        return SampleType(*(jax.ShapeDtypeStruct(a.shape[1:], t) for a, t in zip((inputs, labels), types, strict=True)))

    @cached_property
    def shares(self) -> Float[Floats, "G µ"] | None:
        """The coefficient of each sample in the mean over its gradient's mini-batch.

        It is 0 where a mini-batch has fewer samples than `batches` has columns. None: all are
        equal.
        """
        sizes = self.tape.sizes
        if sizes is None:
            return None
        shares: Floats = (np.arange(self.tape.mini_batch) < sizes[:, None]) / sizes[:, None]
        return shares

    @property
    def local_factors(self) -> Float[Floats, " G"]:
        """The factor of the learning rate in the step that each gradient makes on its learner's own copy.

        It is that of the first step after the copy was made, times the learner's own.
        """
        factors: Floats = self.factors[np.minimum(self.tape.timestamp, self.tape.num_steps - 1)]
        return factors if self.rates is None else factors * self.rates

    def evaluate(self, weights: Parameters) -> tuple[float, float | None]:
        """Return the mean loss and the error on the test set, as `evaluation.evaluate` does."""
        with products_in(self.recipe.precision):
            return evaluate(self.recipe.frame, weights, self.test)


def build_problem(scenario: Scenario, tape: Tape, task: AbstractTask | None = None, kept: KeptWeights | None = None) -> Problem:
    """Return the problem of a scenario on its tape.

    A `task`, if given, takes the place of the scenario's model and data. A tape that continues a
    run begins with the weights that were `kept` at the end of its part before.

    Raises simasgd.DataMissing, and simasgd.RunFailed where the memory does not suffice for the
    mini-batches.
    """
    learning, samples_per_epoch = scenario.learning, scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    task = ScenarioTask(learning.model, learning.data) if task is None else task
    draws = tape.num_gradients * tape.mini_batch
    of_draw = _BYTES_A_DRAW if tape.sizes is None else _BYTES_A_DRAW + _BYTES_A_SHARE
    require_bytes(of_draw * draws, f"to draw the mini-batches: {tape.num_gradients} of {tape.mini_batch} samples")
    require_data(learning)
    dataset, seed = task.dataset, scenario.learning_seed
    dtype = jnp.dtype(learning.number_format)
    factors, rates = schedule_factors(learning.schedule, tape, samples_per_epoch), rates_of_learners(scenario)
    of_gradients = None if rates is None else rates[tape.learner]
    if tape.mixing is not None and of_gradients is not None:  # every gradient is a step of its learner's own model
        factors[tape.step] *= of_gradients
        of_gradients = None
    partition = parts(learning.partition, dataset.train_labels, scenario.cluster.learners, seed)
    recipe, start = build_recipe(scenario, tape, task), initial_weights(task, dtype, seed)
    placed = place(task, dtype)
    before = None if kept is None else restore(kept, start, recipe, tape, learning.model)
    return Problem(
        recipe=recipe,
        tape=tape,
        start=start if before is None else before.weights,
        train=placed.train,
        test=placed.test,
        batches=draw_batches(seed, tape, len(dataset.train_labels), partition),
        codes=None if task.augmentation is None else draw_augmentations(learning.data, seed, tape),
        factors=factors,
        rates=of_gradients,
        note=" ".join(filter(None, (dataset.note, describe_missing_tf32(learning.precision)))),
        before=before,
        cuts=tuple(evaluation_points(tape, samples_per_epoch)[1]),
    )


def build_problems(
    scenarios: Sequence[Scenario], tape: Tape, task: AbstractTask | None = None, kept: KeptWeights | None = None
) -> list[Problem]:
    """Return the problems of scenarios that share a tape, with the samples of the first; see `build_problem`."""
    first = build_problem(scenarios[0], tape, task, kept)
    others = (build_problem(scenario, tape, task) for scenario in scenarios[1:])
    return [first, *(replace(other, train=first.train, test=first.test) for other in others)]


def require_data(learning: Learning) -> None:
    """Raise RunFailed where the memory does not suffice to make the data, or for two copies of the weights."""
    require_bytes(generated_bytes(learning.data), f"to make {learning.data.shape.train:,} samples of {learning.data.kind}")
    require_bytes(2 * learning.model_bytes, f"for the weights: {learning.num_parameters:,} parameters")


def initial_weights(task: AbstractTask, dtype: jnp.dtype, seed: int) -> Parameters:
    """Return the weights with which the learning begins at a seed."""
    return jax.tree.map(lambda p: p.astype(dtype), task.objective.init(jax.random.key(seed)))


def generated_bytes(spec: AbstractData) -> int:
    """Return the bytes needed to generate a data set; 0 for one that is read from files."""
    if not isinstance(spec, AbstractRegression | Noise):
        return 0
    return BYTES_A_NUMBER * (spec.shape.train + spec.shape.test) * spec.shape.features
