"""A tape made ready for one compiled loop: which gradients are one evaluation, which evaluations go together, and which
versions of the weights are kept where. NumPy only, and no data: a plan can be looked at before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simasgd.tape import Floats, Ints, Tape

_SLOTS_BY = 4  # slot and row counts are rounded up, so that tapes of about one length share a compilation


class Device(NamedTuple):
    """What pays on a kind of device.

    An evaluation costs `launch` seconds, and some passes over the weights at `bytes_per_second`, whatever its samples, which
    take their operations at `operations_per_second`. `most_samples` is the greatest mini-batch that is still computed at once,
    if µ is not greater; `most_in_wave` how many evaluations on different weights are, 1 where one by one is faster.
    """

    launch: float
    bytes_per_second: float
    operations_per_second: float
    most_samples: int
    most_in_wave: int

    def overhead(self, weight_bytes: int, operations: float) -> float:
        """What an evaluation costs beside its samples, in samples of so many `operations`."""
        return (self.launch + _PASSES * weight_bytes / self.bytes_per_second) * self.operations_per_second / operations


_PASSES = 6  # the weights are read twice, their gradient, the optimizer's state and the new weights written and read
# Fitted on two cores (DESIGN.md): 5 µs and 0.2 µs a sample for 2,410 weights, about 70 µs and 6 µs for 109,386;
# and batches of matrices that all differ gain nothing.
CPU = Device(5e-6, 30e9, 60e9, most_samples=1024, most_in_wave=1)
# Not measured: what data sheets let one expect. An accelerator is idle unless thousands of samples are under way.
ACCELERATOR = Device(200e-6, 1e12, 10e12, most_samples=8192, most_in_wave=64)


class Evaluations(NamedTuple):
    """One row per gradient evaluation, E of them, of f gradients of the tape (f mini-batches that are one).

    place (E, f): which gradient rows. real (E, f): False where a row only fills up; None where none does. timestamp (E, L):
    the weights that it reads, in every layer or (L = 1) as a whole. staleness, learner (E,): of its first gradient. ahead (E,):
    whether it reads its learner's own copy of them; None where none does. coefficient (E,): its part in the mean of its step.
    """

    place: Ints
    real: npt.NDArray[np.bool_] | None
    timestamp: Ints
    staleness: Ints
    learner: Ints
    ahead: npt.NDArray[np.bool_] | None
    coefficient: Floats


class Waves(NamedTuple):
    """Evaluations that are computed at once, since all the weights that they read are there when the first step of theirs
    begins. Whole steps: wave v has steps step[v] to step[v + 1]; shape (V + 1,). `width` is the greatest number of
    evaluations in a wave."""

    step: Ints
    width: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps u = 0 … U − 1 apply evaluations first[u] to first[u + 1], first of shape (U + 1,).

    slot (U + 1,): where version u of the weights is kept; the last slot is never read. With no slots every gradient is
    computed on the current weights. `num_copies` learners step copies of their own. Without `waves` evaluations are computed
    one by one.
    """

    evaluations: Evaluations
    first: Ints
    slot: Ints
    num_slots: int
    num_copies: int
    waves: Waves | None

    @property
    def num_steps(self) -> int:
        return len(self.first) - 1

    @property
    def num_evaluations(self) -> int:
        return len(self.evaluations.place)

    @property
    def fused(self) -> int:
        """f, the number of the tape's gradients that an evaluation may hold."""
        fused: int = self.evaluations.place.shape[1]
        return fused

    @cached_property
    def one_each(self) -> bool:
        """Whether every step applies one evaluation, as it is, and may do so outside an inner loop. Learners' copies are
        updated in place within one only: 4.2 against 1.6 of the time that async takes for a gradient."""
        alone = self.num_evaluations == self.num_steps and (np.diff(self.first) == 1).all()
        return bool(alone and (self.evaluations.coefficient == 1.0).all()) and not self.num_copies


def plan(tape: Tape, device: Device, overhead: Callable[[], float], linear: bool = True, stops: Sequence[int] = ()) -> Plan:
    """Lay a tape out. If the rule is `linear`, gradients of a step that read one version are one mini-batch: they go through
    one affine map, and the mean of their means is the mean over all their samples. Waves end at the `stops`.

    `overhead()` is what an evaluation costs beside its samples, in samples; it is asked for only where that decides.
    """
    evaluations, first = _evaluations(tape, device, overhead, linear)
    newest = evaluations.timestamp.max(axis=1)
    step = np.repeat(np.arange(tape.num_steps), np.diff(first))
    has_waves = device.most_in_wave > 1 and tape.ahead is None  # a copy's gradients need each other
    waves = _waves(newest, first, device.most_in_wave, stops) if has_waves else None
    if waves is not None:  # all that a wave reads is read when it begins
        starts = np.repeat(waves.step[:-1], np.diff(waves.step))
        slot, num_slots = assign_slots(tape.num_steps, evaluations.timestamp, starts[step])
    elif (step == evaluations.timestamp.min(axis=1)).all():
        slot, num_slots = np.zeros(tape.num_steps + 1, np.int64), 0
    else:
        slot, num_slots = assign_slots(tape.num_steps, evaluations.timestamp, step)
    num_copies = 0 if tape.ahead is None else int(tape.learner.max()) + 1
    return Plan(evaluations, first, slot, num_slots, num_copies, waves)


def _evaluations(tape: Tape, device: Device, overhead: Callable[[], float], linear: bool) -> tuple[Evaluations, Ints]:
    counts = np.diff(tape.offsets)
    if linear and tape.layers is None and tape.ahead is None:
        order, sizes = _groups(tape)
    else:
        order, sizes = np.arange(tape.num_gradients), np.ones(tape.num_gradients, np.int64)
    fused = _gradients_an_evaluation(sizes, tape.mini_batch, max(1, device.most_samples // tape.mini_batch), overhead)
    pieces = -(-sizes // fused)
    group = np.repeat(np.arange(len(sizes)), pieces)
    piece = np.arange(len(group)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = (np.cumsum(sizes) - sizes)[group] + piece * fused
    held = np.minimum(fused, sizes[group] - piece * fused)
    inside = np.arange(fused) < held[:, None]
    place = order[np.where(inside, begin[:, None] + np.arange(fused), begin[:, None])]
    leader = place[:, 0]
    step = tape.step[leader]
    evaluations = Evaluations(
        place=place,
        real=None if inside.all() else inside,
        timestamp=tape.timestamp[leader, None] if tape.layers is None else tape.layers[leader],
        staleness=tape.staleness[leader],
        learner=tape.learner[leader],
        ahead=None if tape.ahead is None else tape.ahead[leader] > 0,
        coefficient=held / counts[step] * (1 if tape.summed is None else tape.summed[step]),
    )
    return evaluations, np.concatenate([[0], np.cumsum(np.bincount(step, minlength=tape.num_steps))])


def _groups(tape: Tape) -> tuple[Ints, Ints]:
    """The gradient rows in an order in which those of a step that read one version are neighbours, and the sizes of these
    groups; groups are in order of their first row."""
    key = tape.step * (tape.num_steps + 1) + tape.timestamp
    _, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    by_first = np.argsort(first, kind="stable")
    rank = np.empty(len(by_first), np.int64)
    rank[by_first] = np.arange(len(by_first))
    return np.argsort(rank[inverse], kind="stable"), counts[by_first]


def _gradients_an_evaluation(sizes: Ints, mini_batch: int, most: int, overhead: Callable[[], float]) -> int:
    """The number of gradients in an evaluation, at most `most`, with which groups of these sizes cost least."""
    values, numbers = np.unique(sizes, return_counts=True)
    if len(values) <= 1 and values.max(initial=1) <= most:
        return int(values.max(initial=1))
    most = min(most, int(values[-1]))
    candidates = np.unique(np.concatenate([values[values <= most], 2 ** np.arange(most.bit_length()), [most]]))
    evaluations = (-(-values // candidates[:, None]) * numbers).sum(axis=1)
    costs = evaluations * (overhead() + candidates * mini_batch)
    return int(candidates[costs.argmin()])


def _waves(newest: Ints, first: Ints, most: int, stops: Sequence[int]) -> Waves:
    """Greedily the longest waves of whole steps, none of more than `most` evaluations unless a single step has more."""
    cuts = set(stops)
    steps = len(first) - 1
    newest_of_step = np.maximum.reduceat(newest, first[:-1]).tolist() if steps else []
    starts, bounds = [0], first.tolist()
    for u in range(1, steps):
        if u in cuts or newest_of_step[u] > starts[-1] or bounds[u + 1] - bounds[starts[-1]] > most:
            starts.append(u)
    step = np.array([*starts, steps]) if steps else np.zeros(1, np.int64)
    return Waves(step, int(np.diff(first[step]).max(initial=1)))


def assign_slots(steps: int, timestamp: Ints, read_in: Ints) -> tuple[Ints, int]:
    """The slot of each version, shape (U + 1,), by linear scan over their lives, and the number of slots.

    Versions timestamp[e] are read when step read_in[e] begins. A version lives from the step that makes it to the last step
    that reads it; one that is never read goes to the last slot.
    """
    last_read = np.full(steps + 1, -1)
    np.maximum.at(last_read, timestamp, np.broadcast_to(read_in[:, None], timestamp.shape))
    order = np.argsort(last_read, kind="stable")
    dying = np.split(order, np.searchsorted(last_read[order], np.arange(steps + 1)))[1:]
    slots = [-1] * (steps + 1)
    read = (last_read >= 0).tolist()
    free: list[int] = []
    used = 0
    for version in range(steps + 1):
        if version > 0:  # step `version` − 1 reads first, then writes
            free.extend(slots[dead] for dead in dying[version - 1].tolist())
        if read[version]:
            if free:
                slots[version] = free.pop()
            else:
                slots[version], used = used, used + 1
    num_slots = -(-(used + 1) // _SLOTS_BY) * _SLOTS_BY
    result = np.array(slots)
    result[result < 0] = num_slots - 1
    return result, num_slots


def rounded(rows: int) -> int:
    """At least `rows`, with two significant binary digits after the first: 1, 1.25, 1.5 or 1.75 times a power of two."""
    unit = 1 << max(0, rows.bit_length() - 3)
    return max(1, -(-rows // unit) * unit)


def padded(column: npt.NDArray[Any], size: int, dtype: Any) -> npt.NDArray[Any]:
    """The column with rows of zeros after it, `size` rows in all."""
    result = np.zeros((size, *column.shape[1:]), dtype)
    result[: len(column)] = column
    return result
