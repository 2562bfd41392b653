"""All learners together: the mean of their gradients, or of their models, by a collective operation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import Activity, CostActivity, Log
from simasgd.cluster.clock.trail import Trail, read_part
from simasgd.cluster.collectives.operations import AbstractOperations, Done, OnFirst
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.protocols.base import Meeting
from simasgd.tape.mixing import NOBODY, NONE, Model, Row
from simasgd.tape.tape import Gradient, Weights

_WAIT, _PUSH = Activity.WAIT, Activity.PUSH
MakeOperations = Callable[[OnFirst], AbstractOperations]


@final
class GradientEnsemble:
    """Learners that average their gradients and make the same step with the mean.

    The step is recorded when the first learner has made it. Bucket b of B is ready when the
    fraction `forward` + (1 − `forward`)·b/B of the mini-batch is done.
    """

    def __init__(self, context: RunContext, meeting: Meeting, make_operations: MakeOperations) -> None:
        self._env = context.env
        self._recording = context.recording
        self._steps = [costs.step for costs in context.costs]
        takes_time = any(times is not None for times in self._steps)
        self._operations = make_operations(_ignore if takes_time else self._record)
        self._wait = _wait_for_end if self._operations.keeps_logs else _wait_until_done
        self.step = self._step_at_cost if takes_time else self._step
        buckets, forward = meeting.buckets, meeting.forward
        self._fractions = [forward + (1.0 - forward) * bucket / buckets for bucket in range(1, buckets)]
        self._given: list[Gradient] = []
        self._timestamp = 0
        self.dropped_of = [0] * context.spec.learners

    @property
    def model(self) -> Model:
        """A handle on the common model."""
        return Model(self._timestamp)

    def drop(self, number: int) -> None:
        """Drop the gradient that a learner gave to the present step, because it left."""
        self._given = [gradient for gradient in self._given if gradient.learner != number]
        self.dropped_of[number] += 1

    @property
    def pending(self) -> int:
        """The number of computed gradients that are in no step yet."""
        return len(self._given)

    def _step(self, worker: AbstractWorker, read: Model) -> Generator[Event, Any, Model]:
        """Compute a gradient on the common model, average it bucket by bucket, and return the next common model."""
        operations, number, fractions = self._operations, worker.number, self._fractions
        met = operations.join(number, worker.activity_log.trail)

        def forecast(seconds: float, done: float, then: float) -> None:
            now, ready = self._env.now, [fraction for fraction in fractions if done < fraction <= then]
            operations.forecast(number, [now + seconds * ((fraction - done) / (then - done)) for fraction in ready])

        gradient = yield from worker.compute_gradient(Weights(read.number), forecast)
        self._given.append(gradient)
        operations.provide(number)
        yield from self._wait(self._env, worker.activity_log, met)
        return Model(self._timestamp)

    def _step_at_cost(self, worker: AbstractWorker, read: Model) -> Generator[Event, Any, Model]:
        """Do what `_step` does, where each learner's step takes time."""
        yield from self._step(worker, read)
        log, times = worker.activity_log, self._steps[worker.number]
        if times is not None:
            yield from worker.work(log, CostActivity.STEP, times)
        if self._timestamp == read.number:
            self._record(read.number, log.trail)
        return Model(read.number + 1)

    def _record(self, meeting: int, trail: Trail) -> None:
        gradients = sorted(self._given)
        self._given = []
        self._recording.trail = trail
        self._recording.write(self._env.now, self._timestamp, gradients, 1)
        self._timestamp += 1


@final
class ModelEnsemble:
    """Learners that replace their models by the mean of all models. It is recorded when the first learner takes it over."""

    def __init__(self, context: RunContext, make_operations: MakeOperations) -> None:
        self._env = context.env
        self._recording = context.recording
        self._mixings = [costs.mixing for costs in context.costs]
        takes_time = any(times is not None for times in self._mixings)
        self._operations = make_operations(_ignore if takes_time else self._record)
        self._wait = _wait_for_end if self._operations.keeps_logs else _wait_until_done
        self.average = self._average_at_cost if takes_time else self._average
        self._meetings = [0] * context.spec.learners  # of each learner, counted only if mixing takes time
        self._recorded = 0
        self._given: dict[int, Model] = {}
        self._with_states = False
        self._mean = Model(0)

    def _average(self, worker: AbstractWorker, holder: ModelHolder, *, with_states: bool) -> Generator[Event, Any, None]:
        """Set x_l ← the mean of the models of all that take part; `with_states` also averages the optimizers' states."""
        activity_log = worker.activity_log
        self._given[holder.number] = holder.model
        self._with_states = with_states
        met = self._operations.join(holder.number, activity_log.trail)
        self._operations.provide(holder.number)
        yield from self._wait(self._env, activity_log, met)
        holder.adopt(self._mean)

    def _average_at_cost(
        self, worker: AbstractWorker, holder: ModelHolder, *, with_states: bool
    ) -> Generator[Event, Any, None]:
        """Do what `_average` does, where each learner takes time to take the mean over."""
        number, log, times = holder.number, worker.activity_log, self._mixings[holder.number]
        self._given[number] = holder.model
        self._with_states = with_states
        met = self._operations.join(number, log.trail)
        self._operations.provide(number)
        yield from self._wait(self._env, log, met)
        if times is not None:
            yield from worker.work(log, CostActivity.MIX, times)
        self._meetings[number] += 1
        if self._recorded < self._meetings[number]:
            self._recorded += 1
            self._record(self._recorded, log.trail)
        holder.adopt(self._mean)

    def drop(self, number: int) -> None:
        """Leave out the model that a learner gave to the present mean, because it left."""
        del self._given[number]

    def _record(self, meeting: int, trail: Trail) -> None:
        first, *others = (self._given[number] for number in sorted(self._given))
        share = 1.0 / len(self._given)
        self._given = {}
        self._recording.trail = trail
        total, own_share = first, share
        for model in others:
            states = (total.state, model.state) if self._with_states else (NONE, NONE)
            row = Row(NOBODY, total.number, own_share, model.number, share, state=states[0], other_state=states[1])
            made = self._recording.row(self._env.now, row)
            total, own_share = Model(made, made), 1.0
        self._mean = total if self._with_states else total._replace(state=NONE)


def _ignore(meeting: int, trail: Trail) -> None:
    """Record nothing: what follows the operation takes time."""


def _wait_until_done(env: Environment, activity_log: Log, met: Event) -> Generator[Event, Any, None]:
    """Wait until a learner has finished a join; its messages count as pushed, but for the waiting to send lost ones again."""
    activity_log.begin(_WAIT, env.now)
    before = activity_log.trail
    done: Done = yield met
    activity_log.trail = done.trail
    lost = read_part(done.trail, "resend") - read_part(before, "resend")
    activity_log.then(_PUSH, min(env.now, done.started + max(0.0, lost)))


def _wait_for_end(env: Environment, activity_log: Log, met: Event) -> Generator[Event, Any, None]:
    """Wait until a learner has finished a join whose operations keep its log."""
    activity_log.begin(_WAIT, env.now)
    done: Done = yield met
    activity_log.trail = done.trail
