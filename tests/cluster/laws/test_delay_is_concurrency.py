"""The delay-concurrency identity (docs/papers.md B3.1).

Over all gradients, the updates by others during their lives add up to the others at work over all
updates. A gradient lives from the reading of its weights to its update, or to the crash or the stop
that ends it. Communication is free and the protocol async, so every learner that is not down is at
work on one gradient. No number of the left side is used on the right side.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.log import SpanLog
from tests.build import TIMING, clock, scenario

RANDOM_CRASHES = {"faults": {"crashes": {"mtbf": "60 ms", "mttr": "15 ms"}}}
MESSAGE_LOSS = {"message_loss": {"probability": 0.3, "resend_after": "2 ms"}}
PAUSES = [{"at": f"{at} ms", "lasting": "7 ms"} for at in range(3, 200, 20)]
CRASHES = [
    {"learner": 0, "at": "10.1 ms", "down": "20.3 ms"},
    {"learner": 0, "at": "50.7 ms", "down": "1.9 ms"},
    {"learner": 3, "at": "33.3 ms", "down": "99.7 ms"},
    {"learner": 5, "at": "77.7 ms"},
]
STRAGGLERS = {"stragglers": {"slowdown": 10.0, "mean_normal": "20 ms", "mean_slow": "5 ms"}}
SPEEDS = {"speeds": [1.0, 0.1, 3.0, 0.7, 1.0, 1.3]}


def law(distribution, cv=None):
    return {"compute": {"distribution": distribution, "cv": cv}}


WITHOUT_CRASHES = {
    "constant": law("constant"),
    "exponential": law("exponential"),
    "pareto": law("pareto", 2.0),
    "speeds": SPEEDS,
    "random speeds": {"speeds": {"distribution": "lognormal", "cv": 1.0}},
    "stragglers": STRAGGLERS,
    "pauses": {"faults": {"server_pauses": PAUSES}},
    "loss": {"faults": MESSAGE_LOSS},
    "all": {**law("gamma", 1.0), **SPEEDS, **STRAGGLERS, "faults": {**MESSAGE_LOSS, "server_pauses": PAUSES}},
}
WITH_CRASHES = {
    "crashes": RANDOM_CRASHES,
    "crashes, exponential": {**law("exponential"), **RANDOM_CRASHES},
    "scheduled crashes": {"faults": {"crashes": CRASHES}},
    "scheduled crashes, loss": {"faults": {"crashes": CRASHES, **MESSAGE_LOSS}},
    "crashes, all": {**law("gamma", 1.0), **SPEEDS, **STRAGGLERS, "faults": {**RANDOM_CRASHES["faults"], **MESSAGE_LOSS}},
}
BOTH = WITHOUT_CRASHES | WITH_CRASHES


def run(cluster, gradients=600):
    changed = {"cluster": {"learners": 6, **cluster}, "stop": {"gradients": gradients}}
    clocked, tape = clock(scenario(TIMING, changed), SpanLog())
    assert not clocked.hang
    return clocked, tape


def spells(clocked, learner, *, down):
    """When (from, to) a learner was down, or was not."""
    spans = clocked.spans
    (track,) = (i for i, track in enumerate(spans.tracks) if track.name == f"learner {learner}")
    chosen = (spans.track == track) & ((spans.activity == Activity.IDLE) == down)
    return list(zip(spans.start[chosen].tolist(), spans.end[chosen].tolist(), strict=True))


def ages_of_unapplied(clocked, tape):
    """Return the updates since their reading, summed over the gradients that a crash or the stop ended.

    A learner reads when its gradient is applied, and when it starts or rejoins.
    """
    total = 0
    for learner in range(6):
        down = spells(clocked, learner, down=True)
        cuts = [0.0, *(time for spell in down for time in spell), clocked.simulated_seconds]
        for joined, ended in list(pairwise(cuts))[::2]:
            if joined == clocked.simulated_seconds:
                continue  # down at the stop
            own = np.flatnonzero((tape.learner == learner) & (tape.stepped_at > joined) & (tape.stepped_at <= ended))
            read = own[-1] + 1 if len(own) else np.searchsorted(tape.stepped_at, joined)
            total += np.searchsorted(tape.stepped_at, ended, side="right") - read
    return total


@pytest.mark.parametrize("cluster", BOTH.values(), ids=BOTH)
def test_the_delays_of_all_gradients_add_up_to_the_others_at_work(cluster):
    clocked, tape = run(cluster)
    at_work = np.zeros(tape.num_steps, dtype=int)
    for learner in range(6):
        for start, end in spells(clocked, learner, down=False):
            at_work += (start < tape.stepped_at) & (tape.stepped_at <= end)
    assert tape.staleness.sum() + ages_of_unapplied(clocked, tape) == (at_work - 1).sum()


@pytest.mark.parametrize("cluster", WITHOUT_CRASHES.values(), ids=WITHOUT_CRASHES)
def test_without_crashes_the_mean_staleness_is_lambda_less_one_but_for_what_is_in_flight(cluster):
    """For any law, U·(λ − 1) is the sum over all gradients.

    A gradient in flight at the stop has seen the updates since its learner's last one.
    """
    _, tape = run(cluster)
    updates = tape.num_steps
    last = [np.flatnonzero(tape.learner == learner)[-1] for learner in range(6)]
    in_flight = sum(updates - 1 - step for step in last)
    assert tape.staleness.sum() == updates * (6 - 1) - in_flight


def test_with_a_schedule_of_crashes_the_mean_staleness_follows_from_the_schedule():
    """Nobody looks at spans here: who is down is what the scenario says."""
    clocked, tape = run({"faults": {"crashes": CRASHES}})
    ms = tape.stepped_at * 1e3
    down = np.zeros(tape.num_steps, dtype=int)
    for crash, back, learner in ((10.1, 30.4, 0), (50.7, 52.6, 0), (33.3, 133.0, 3), (77.7, np.inf, 5)):
        down += (crash < ms) & (ms < back)
        assert not ((crash < ms) & (ms < back) & (tape.learner == learner)).any()
    assert set(down) == {0, 1, 2}
    assert tape.staleness.sum() + ages_of_unapplied(clocked, tape) == (6 - 1 - down).sum()
    assert (clocked.fault_counts.crashes, clocked.fault_counts.rejoins) == (4, 3)
    stop = clocked.simulated_seconds
    assert clocked.fault_counts.down_seconds == pytest.approx(20.3e-3 + 1.9e-3 + 99.7e-3 + stop - 77.7e-3)
