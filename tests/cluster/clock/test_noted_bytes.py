"""The bytes sent at updates in between are what the network had counted then."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.clock import recording as book
from tests.build import TIMING, clock, scenario

PAYLOAD = 10_000.0  # bytes of a message in TIMING


def test_a_lone_learner_sends_two_messages_an_update() -> None:
    clocked, _ = clock(scenario(TIMING, {"cluster": {"learners": 1}, "stop": {"gradients": 200}}))
    every = book._NOTE_EVERY
    assert clocked.sampled_updates == (0, *range(every, 200, every), 200)
    # Weights and a gradient for each; the last update's reply is not under way when the clock stops.
    between = [2.0 * PAYLOAD * update for update in clocked.sampled_updates[:-1]]
    assert list(clocked.sampled_bytes[:-1]) == between
    assert clocked.sampled_bytes[-1] == clocked.bytes.sent


@pytest.mark.parametrize("protocol", ["hardsync", "async", {"kind": "n-softsync", "n": 2}], ids=str)
def test_notes_ascend_and_end_with_the_total(protocol: object) -> None:
    chosen = scenario(TIMING, {"cluster": {"profile": "p775"}, "protocol": protocol, "stop": {"gradients": 1000}})
    clocked, tape = clock(chosen)
    updates, sent = np.array(clocked.sampled_updates), np.array(clocked.sampled_bytes)
    assert (np.diff(updates) > 0).all()
    assert (np.diff(sent) > 0).all()
    assert (updates[-1], sent[-1]) == (tape.num_steps, clocked.bytes.sent)
    # All gradients applied by then were sent, and their weights before; no learner has more than one of each besides.
    applied = np.concatenate([[0], tape.offsets[1:]])[updates]
    assert (sent >= 2 * PAYLOAD * applied).all()
    assert (sent[:-1] <= 2 * PAYLOAD * (applied[:-1] + chosen.cluster.learners)).all()


def test_a_long_run_has_no_more_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "_MOST_NOTES", 10)
    monkeypatch.setattr(book, "_NOTE_EVERY", 1)
    clocked, _ = clock(scenario(TIMING, {"cluster": {"learners": 1}, "stop": {"gradients": 1000}}))
    updates = np.array(clocked.sampled_updates)
    assert 5 <= len(updates) <= 12
    assert len(set(np.diff(updates[:-1]).tolist())) == 1, "evenly spaced"
    assert list(clocked.sampled_bytes[:-1]) == (2.0 * PAYLOAD * updates[:-1]).tolist()


def test_a_run_without_an_update_has_sent_nothing_by_its_first_weights() -> None:
    stop = {"gradients": None, "simulated_time": "1 us"}
    clocked, _ = clock(scenario(TIMING, {"cluster": {"profile": "p775"}, "stop": stop}))
    assert (clocked.sampled_updates, clocked.sampled_bytes) == ((0,), (0.0,))
    assert clocked.bytes.sent > 0
