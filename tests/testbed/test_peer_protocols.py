"""Every protocol without a parameter server runs on real processes, by its own law, and learns what the players learn."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from simasgd.protocols import AbstractPeerProtocol, Protocol
from simasgd.tape.mixing import NONE
from simasgd.testbed.driver.driver import RecordedRun
from simasgd.testbed.driver.selection import make_driver
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.system.pacing import DrawnPacing
from tests.protocols.table import ROWS
from tests.testbed.peer_laws import LAWS, SECTIONS
from tests.testbed.recorded import check_conservation, check_weights, small

pytestmark = pytest.mark.compiles
UNLIKE = {
    "workload": {"mini_batch": [4, 2, 8]},
    "learning": {"learner_rates": [1.0, 0.5, 2.0], "partition": {"kind": "shards"}},
}


def record(engine: AbstractEngine, name: str, *changes: dict[str, Any]) -> RecordedRun:
    """Record a small scenario, and check what holds under every protocol."""
    chosen = small(SECTIONS[name], *changes)
    recorded = make_driver(engine, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    check_weights(chosen, recorded)
    clock, tape = recorded.timing.clock, recorded.timing.tape
    assert tape is not None
    assert clock.hang is None
    assert clock.updates == tape.updates_before[-1]
    assert clock.simulated_seconds == tape.stepped_at[-1]
    assert (np.diff(tape.stepped_at) >= 0).all()
    assert (tape.read_at <= tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step]).all()
    return recorded


def test_every_protocol_without_a_server_is_here() -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(Protocol) if issubclass(one, AbstractPeerProtocol)}
    assert {section["kind"] for section in SECTIONS.values()} == kinds


@pytest.mark.parametrize("name", SECTIONS)
def test_a_protocol_without_a_server_on_real_processes(engine: AbstractEngine, name: str) -> None:
    recorded = record(engine, name)
    tape, row = recorded.timing.tape, ROWS[SECTIONS[name]["kind"]]
    assert tape is not None
    assert tape.num_gradients == 60
    if row.most_stale(small(SECTIONS[name]).protocol) == 0:
        assert not tape.staleness.any()
    if tape.mixing is not None:
        assert tape.mixing.age.min() >= NONE
        assert tape.mixing.has_centre == row.has_centre
    LAWS[name](tape)


@pytest.mark.parametrize("name", ["all-reduce", "local-sgd with states", "easgd", "elastic-gossip"])
def test_doubles_are_averaged_as_doubles(engine: AbstractEngine, name: str) -> None:
    record(engine, name, {"learning": {"precision": "float64"}})


@pytest.mark.parametrize("name", ["all-reduce", "gossip-pull"])
def test_rules_without_a_server(engine: AbstractEngine, name: str) -> None:
    """Unlike mini-batches, learning rates and data, weight decay and a modulation give the weights of both players."""
    decay = {"learning": {"optimizer": {"weight_decay": 0.01}, "modulation": {"kind": "inverse-staleness"}}}
    record(engine, name, UNLIKE, decay)


def test_a_schedule_of_common_steps(engine: AbstractEngine) -> None:
    record(engine, "all-reduce", {"learning": {"schedule": {"factor": 0.5, "boundaries": [0.1], "warmup": 0.05}}})
