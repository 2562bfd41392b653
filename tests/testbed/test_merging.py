"""Logs of several processes become one tape, in an order that respects causes."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd.cluster.clock.recording import Limit
from simasgd.tape.mixing import Row
from simasgd.tape.tape import Gradient
from simasgd.testbed.driver.merging import Merger
from simasgd.testbed.peers.models import ModelNumbers
from simasgd.testbed.peers.operations import MeetingInput, MeetingResult, ModelMade, ModelRead, NewOperations, Operation
from simasgd.testbed.peers.ring import RingExchange, Vector
from simasgd.testbed.peers.vectors import VectorCodec
from simasgd.testbed.system.pacing import Lateness


def collected(until: float, *operations: Operation) -> NewOperations:
    """Return a report with these operations only."""
    return NewOperations(until, operations, (), (), (), Lateness(), 0, endless=False, sent=0, received=0)


def step(time: float, learner: int, number: int, base: int, batch: int, state: int = 0) -> ModelMade:
    """Return a step of a learner's own model."""
    return ModelMade(time, number, Row(learner, base, step_share=1.0, state=state), Gradient(learner, batch, base, time, time))


def merger(limit: Limit) -> Merger:
    """Return the merger of two learners without a centre."""
    return Merger(2, (1, 1), limit, has_centre=False, has_own_models=True)


def test_operations_are_in_order_of_time() -> None:
    merged = merger(Limit(gradients=3))
    merged.add(0, collected(9.0, step(1.0, 0, 10, 0, 0), step(4.0, 0, 11, 10, 1, 10)))
    merged.add(1, collected(9.0, step(2.0, 1, 20, 0, 0), step(3.0, 1, 21, 20, 1, 20)))
    merged.advance()
    tape = merged.recorder.tape(1)
    assert tape.stepped_at.tolist() == [1.0, 2.0, 3.0], "the fourth is after the limit"
    assert tape.learner.tolist() == [0, 1, 1]
    assert tape.mixing is not None
    assert tape.mixing.base.tolist() == [0, 0, 2]
    assert tape.mixing.state.tolist() == [0, 0, 2]
    assert merged.is_over
    assert merged.merged == [1, 2]
    assert merged.held == [10, 21]


def test_nothing_is_merged_before_all_logs_reach_it() -> None:
    merged = merger(Limit(gradients=10))
    merged.add(0, collected(5.0, step(1.0, 0, 10, 0, 0), step(4.0, 0, 11, 10, 1, 10)))
    merged.add(1, collected(3.0))
    merged.advance()
    assert merged.gradients == 1
    merged.add(1, collected(6.0, step(3.5, 1, 20, 0, 0)))
    merged.advance()
    assert merged.recorder.tape(1).learner.tolist() == [0, 1, 0]


def test_a_model_is_made_before_it_is_used_although_a_clock_is_wrong() -> None:
    """Let learner 1 mix in a model whose maker's clock is half a second fast."""
    merged = merger(Limit(gradients=3))
    mixing = ModelMade(1.2, 20, Row(1, 0, 0.5, 10, 0.5), read=ModelRead(0, 1))
    merged.add(0, collected(9.0, step(1.5, 0, 10, 0, 0), step(2.0, 0, 11, 10, 1, 10)))
    merged.add(1, collected(9.0, mixing, step(1.4, 1, 21, 20, 0)))
    merged.advance()
    tape = merged.recorder.tape(1)
    assert tape.mixing is not None
    assert tape.mixing.other.tolist() == [-1, 1, -1, -1]
    assert tape.mixing.age.tolist() == [-1, 0, -1, -1]
    assert tape.stepped_at.tolist() == [1.5, 1.5, 1.5, 2.0], "times never decrease"


def test_the_age_of_a_model_counts_the_steps_of_its_holder_on_the_tape() -> None:
    merged = merger(Limit(gradients=3))
    merged.add(0, collected(9.0, step(1.0, 0, 10, 0, 0), step(2.0, 0, 11, 10, 1, 10)))
    merged.add(1, collected(9.0, ModelMade(3.0, 20, Row(1, 0, 0.5, 10, 0.5), read=ModelRead(0, 1)), step(4.0, 1, 21, 20, 0)))
    merged.advance()
    assert merged.recorder.age_counts() == {1: 1}


def test_a_mean_is_recorded_when_the_first_learner_takes_it_over() -> None:
    merged, mean = merger(Limit(gradients=3)), ModelNumbers(2, 0).of_meeting(1)
    gave = MeetingInput(2.0, 1, 10, 10), MeetingInput(3.0, 1, 20, 20)
    adopted = MeetingResult(4.0, 1, mean, with_states=True), MeetingResult(6.0, 1, mean, with_states=True)
    merged.add(0, collected(9.0, step(1.0, 0, 10, 0, 0), gave[0], adopted[0], step(5.0, 0, 11, mean, 1, mean)))
    merged.add(1, collected(9.0, step(1.5, 1, 20, 0, 0), gave[1], adopted[1]))
    merged.advance()
    mixing = merged.recorder.tape(1).mixing
    assert mixing is not None
    assert [(int(b), int(o), float(s)) for b, o, s in zip(mixing.base, mixing.other, mixing.base_share, strict=True)][2] == (
        1,
        2,
        0.5,
    )
    assert mixing.state.tolist() == [0, 0, 1, 3]
    assert mixing.other_state.tolist() == [-1, -1, 2, -1]
    assert mixing.holders(4).tolist() == [4, 2], "learner 1 has not taken it over by the end"


def test_a_time_limit_ends_the_tape() -> None:
    merged = merger(Limit(seconds=2.0))
    merged.add(0, collected(9.0, step(1.0, 0, 10, 0, 0), step(2.5, 0, 11, 10, 1, 10)))
    merged.add(1, collected(1.5))
    merged.advance()
    assert not merged.is_over
    merged.add(1, collected(9.0))
    merged.advance()
    assert merged.is_over
    assert not merged.has_reached_a_count
    assert merged.gradients == 1


@given(st.integers(2, 7), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_a_ring_adds_up(size: int, length: int, seed: int) -> None:
    """All learners have the same sum, bit for bit, whatever the length of the vector."""
    vectors = np.random.default_rng(seed).normal(size=(size, length))
    mail: dict[tuple[int, int], Vector] = {}
    arrived = threading.Condition()
    totals: list[Vector | None] = [None] * size

    def play(rank: int) -> None:
        def send(number: int, part: Vector) -> None:
            with arrived:
                mail[(rank + 1) % size, number] = part
                arrived.notify_all()

        def receive(number: int) -> Vector:
            with arrived:
                arrived.wait_for(lambda: (rank, number) in mail)
                return mail.pop((rank, number))

        totals[rank] = RingExchange(rank, size, send, receive).total(vectors[rank])

    threads = [threading.Thread(target=play, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not mail
    for total in totals:
        assert total is not None
        assert total.tobytes() == totals[0].tobytes()  # type: ignore[union-attr]
        assert total == pytest.approx(vectors.sum(axis=0))


@pytest.mark.parametrize("size", [0.0, 100.0])
def test_a_tree_and_its_vector(size: float) -> None:
    """Floats travel, counts stay, and zeros fill the message up."""
    tree = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(7.0), "count": np.int32(3)}
    vectors = VectorCodec(tree, size)
    vector = vectors.vector(tree, 0.5)
    assert vector.nbytes == max(size, 28)
    back = vectors.tree(2 * vector, {**tree, "count": np.int32(5)})
    assert back["a"].tolist() == tree["a"].tolist()
    assert float(back["b"]) == 7.0
    assert back["count"] == 5


def test_names_of_models_differ() -> None:
    names = [ModelNumbers(3, holder) for holder in range(3)]
    made: Sequence[int] = [one.next() for one in names for _ in range(50)]
    means = [names[0].of_meeting(meeting) for meeting in range(1, 51)]
    assert len({0, *made, *means}) == 201
    assert names[2].of_meeting(7) == names[0].of_meeting(7)
