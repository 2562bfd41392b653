"""A server that collects until a deadline after the last update: the example of docs/new-protocol.md, and its law."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pytest

from simasgd.errors import ProtocolFault
from simasgd.testbed.driver.driver import Driver
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import TIMING, clock, scenario
from tests.protocols.cluster import CLUSTER
from tests.testbed.recorded import check_conservation, small
from tests.testbed.threads import ThreadEngine

PAGE = (Path(__file__).parents[3] / "docs" / "new-protocol.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"<!-- file: deadline.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)
MODULE: Any = ModuleType("deadline_of_the_page")
sys.modules[MODULE.__name__] = MODULE
exec(compile(EXAMPLE, "deadline.py", "exec"), vars(MODULE))
DEADLINE = MODULE.Deadline


class Fresh(DEADLINE):
    """Drops gradients that are more than one update old."""

    kind: Literal["fresh"] = "fresh"

    def serve(self, server):
        while True:
            server.update((yield from server.collect(server.num_learners, 1, self.wait)))


class Whole(DEADLINE):
    """Waits for a gradient of every learner, however long that takes."""

    kind: Literal["whole"] = "whole"

    def serve(self, server):
        while True:
            server.update((yield from server.collect(server.num_learners)))


def under(protocol, *changes):
    return scenario(TIMING, *changes).model_copy(update={"protocol": protocol})


def constant(seconds, update="0 s"):
    """Return a cluster whose learners take so many seconds a mini-batch, with free communication."""
    compute = {"per_batch": 0, "per_sample": "250 ms", "distribution": "constant", "cv": None}  # 1 s at µ = 4
    speeds = [1.0 / one for one in seconds]
    return {"learners": len(speeds), "compute": compute, "speeds": speeds, "server": {"update": update}}


def sizes_of(tape):
    return np.diff(tape.offsets)


@pytest.mark.parametrize("update", [0.0, 0.5])
@pytest.mark.parametrize("seconds", [(1, 2, 5), (2, 2, 8, 9), (1, 2, 16)])
def test_with_free_communication_updates_come_at_the_deadlines(seconds, update):
    """With T after an update of u, a learner of c s has staleness ⌈(c − T)/(T + u)⌉, and an arrival at T is in time."""
    within = 2.0
    cluster = constant(seconds, f"{update} s")
    _, tape = clock(under(DEADLINE(wait=f"{within} s"), {"cluster": cluster, "stop": {"gradients": None, "updates": 12}}))
    assert tape.stepped_at == pytest.approx([(within + update) * number for number in range(1, 13)], abs=0)
    for learner, own in enumerate(seconds):
        found = set(tape.staleness[tape.learner == learner].tolist())
        assert found <= {max(0, math.ceil((own - within) / (within + update)))}
        assert found


def test_where_nothing_comes_by_the_deadline_the_first_gradient_is_waited_for():
    cluster = constant((1, 100, 100))
    for within in (0.0, 0.5):
        stop = {"gradients": None, "updates": 5}
        _, tape = clock(under(DEADLINE(wait=f"{within} s"), {"cluster": cluster, "stop": stop}))
        assert tape.stepped_at.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert set(tape.learner.tolist()) == {0}


def test_a_deadline_that_never_comes_changes_nothing():
    stop = {"gradients": 200}
    tapes = [clock(under(one, {"cluster": CLUSTER, "stop": stop}))[1] for one in (DEADLINE(wait="1e9 s"), Whole())]
    assert all((sizes_of(tape) == 6).all() for tape in tapes)
    for name in ("learner", "timestamp", "stepped_at", "offsets"):
        assert (getattr(tapes[0], name) == getattr(tapes[1], name)).all()


@pytest.mark.parametrize("protocol", [DEADLINE, Fresh])
@pytest.mark.parametrize("architecture", ["base", "adv", {"kind": "adv*"}])
def test_an_update_of_fewer_gradients_never_comes_before_its_deadline(protocol, architecture):
    within = 0.012
    cluster = {**CLUSTER, "architecture": architecture, "server": {"update": "1 ms"}}
    clocked, tape = clock(under(protocol(wait=f"{within} s"), {"cluster": cluster, "stop": {"gradients": 300}}))
    assert clocked.hang is None
    few = sizes_of(tape) < 6
    assert few.any()
    between = np.diff(tape.stepped_at, prepend=0.0)
    assert (between[few] >= within).all()
    assert (between[few] <= within + 0.001 + 0.030).all(), "30 ms: the longest gap until a first gradient comes"
    assert tape.staleness.max() <= 1 or protocol is DEADLINE
    pairs = list(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


def test_real_processes_keep_the_deadline_too():
    """Of three learners one needs ten times as long, so it misses deadlines."""
    within = 0.02
    chosen = small({"kind": "async"}, {"cluster": {"speeds": [1.0, 1.0, 0.1]}, "stop": {"gradients": 40}})
    recorded = Driver(
        ThreadEngine(), chosen.model_copy(update={"protocol": DEADLINE(wait=f"{within} s")}), pacing=DrawnPacing
    ).record()
    check_conservation(recorded)
    tape = recorded.timing.tape
    assert recorded.timing.clock.hang is None
    few = sizes_of(tape) < 3
    assert few.any()
    assert (np.diff(tape.stepped_at, prepend=0.0)[few] >= within).all()


def test_a_time_before_the_update_is_refused():
    with pytest.raises(ProtocolFault, match=r"collect\(\): within: -1\.0 is too small; it must be at least 0"):
        clock(under(DEADLINE.model_construct(wait=-1.0)))
