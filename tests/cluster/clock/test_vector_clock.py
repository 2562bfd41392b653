"""The vector clock against counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from simpy import Environment, Event

from simasgd.cluster.clock.trail import START
from simasgd.cluster.clock.vector_clock import VectorClock
from simasgd.tape.tape import Gradient

LEARNERS = 3
messages = st.lists(st.integers(0, LEARNERS - 1), min_size=1, max_size=4)
actions = st.lists(
    st.one_of(
        messages.map(lambda learners: ("advance", learners)),
        st.integers(-2, 4).map(lambda ahead: ("all", ahead)),
        st.tuples(st.integers(0, LEARNERS - 1), st.integers(0, 3)).map(lambda asked: ("one", asked)),
    ),
    max_size=40,
)


@given(actions)
def test_it_is_counting(actions):
    clock, counts = VectorClock(Environment(), LEARNERS), Counter(dict.fromkeys(range(LEARNERS), 0))
    timestamp, complete = 0, [0]  # complete[c]: the first timestamp at which everybody had c
    waiting: dict[object, tuple[Event, Callable[[], bool]]] = {}  # a learner waits for one thing at a time
    known_from = None  # the least is followed from the first question on
    for number, (action, value) in enumerate(actions):
        if action == "advance":
            timestamp += 1
            counts.update(value)
            complete += [timestamp] * (min(counts.values()) + 1 - len(complete))
            clock.advance([Gradient(learner, 0, 0, 0.0, 0.0) for learner in value], timestamp, START)
        elif action == "all":
            known_from = timestamp if known_from is None else known_from
            count = min(counts.values()) + value
            event = clock.all_done_with(count, timestamp, 2)
            assert (event is None) == (value <= 0)
            if event is not None:
                waiting[f"all {number}"] = (event, lambda count=count: min(counts.values()) >= count)
            elif count > 0:
                assert clock.complete(count) == max(complete[count], 0 if complete[count] > known_from else known_from)
        else:
            learner, ahead = value
            count = counts[learner] + ahead
            event = clock.done_with(learner, count)
            assert (event is None) == (ahead == 0)
            if event is not None:
                waiting[learner] = (event, lambda learner=learner, count=count: counts[learner] >= count)
        for event, is_done in waiting.values():
            assert event.triggered == is_done()
