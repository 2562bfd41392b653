"""Every protocol with a parameter server runs on real processes, by its own law, and learns what the players learn."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from simasgd.protocols import AbstractServerProtocol, Protocol
from simasgd.testbed.driver.driver import Driver
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import clock
from tests.protocols.table import ROWS
from tests.testbed.recorded import check_conservation, check_weights, small

pytestmark = pytest.mark.compiles
LEARNERS = 3
SECTIONS: dict[str, dict[str, Any]] = {
    **{kind: row.typical for kind, row in ROWS.items() if not row.serverless},
    "backup-workers": {"kind": "backup-workers", "backups": 1},
    "k-sync": {"kind": "k-sync", "k": 2},
    "k-async": {"kind": "k-async", "k": 2},
    "fedbuff": {"kind": "fedbuff", "buffer": 2, "local_steps": 2},
    "hardsync with a time-out": {"kind": "hardsync", "barrier_timeout": "200 ms"},
    "async with a spread": {"kind": "async", "spread": 1},
    "ssp in rounds": {"kind": "ssp", "slack": 0},
    "ringmaster without a bound": {"kind": "ringmaster-stop", "threshold": "infinite"},
}


def test_every_protocol_with_a_server_is_here() -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(Protocol) if issubclass(one, AbstractServerProtocol)}
    assert {section["kind"] for section in SECTIONS.values()} == kinds - {"injected-staleness"}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_protocol_with_a_server_on_real_processes(engine: AbstractEngine, name: str) -> None:
    chosen = small(SECTIONS[name])
    recorded = Driver(engine, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    check_weights(chosen, recorded)
    row, protocol, tape = ROWS[chosen.protocol.kind], chosen.protocol, recorded.timing.tape
    assert tape is not None
    assert recorded.timing.clock.hang is None
    assert tape.num_gradients >= 60
    sizes = np.diff(tape.offsets)
    size, most = row.size(protocol, LEARNERS), row.most_stale(protocol)
    if size is not None:
        assert (sizes == size).all()
    if most is not None:
        assert tape.staleness.max() <= most
    if not row.drops(protocol):
        assert recorded.timing.clock.gradients_dropped == recorded.timing.clock.gradients_cancelled == 0
    if row.distinct:
        for begin, end in zip(tape.offsets, tape.offsets[1:], strict=False):
            assert len(set(tape.learner[begin:end].tolist())) == end - begin
    assert (np.diff(tape.stepped_at) >= 0).all()
    assert (tape.read_at <= tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step]).all()


def test_ssp_keeps_its_bound(engine: AbstractEngine) -> None:
    """No learner is more than s + 1 applied gradients ahead of another one, although one is four times as slow."""
    chosen = small({"kind": "ssp", "slack": 2}, {"cluster": {"speeds": [1.0, 1.0, 0.25]}})
    tape = Driver(engine, chosen, pacing=DrawnPacing).record().timing.tape
    assert tape is not None
    counts = np.zeros(LEARNERS, int)
    widest = 0
    for learner in tape.learner:
        counts[learner] += 1
        widest = max(widest, counts.max() - counts.min())
    assert 2 <= widest <= 3


@pytest.mark.parametrize("delay", [3, {"distribution": "uniform", "low": 0, "high": 4}])
def test_injected_staleness_is_exact(engine: AbstractEngine, delay: Any) -> None:
    chosen = small({"kind": "injected-staleness", "delay": delay}, {"cluster": {"learners": 1}})
    recorded = Driver(engine, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    check_weights(chosen, recorded)
    tape = recorded.timing.tape
    assert tape is not None
    if delay == 3:
        assert tape.staleness.tolist() == [0, 1, 2, *[3] * (tape.num_gradients - 3)]
    else:
        assert set(tape.staleness[4:].tolist()) <= {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "change",
    [
        {"learning": {"precision": "float64"}},
        {"learning": {"modulation": {"kind": "inverse-staleness"}}},
        {"learning": {"modulation": {"kind": "delay-compensation", "lambda0": 0.5}}},
        {"learning": {"optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01}}},
        {"learning": {"optimizer": {"kind": "adam", "learning_rate": 0.01}}},
        {"learning": {"schedule": {"factor": 0.5, "boundaries": [0.1], "warmup": 0.05}}},
        {"learning": {"partition": {"kind": "shards"}, "learner_rates": [1.0, 0.5, 2.0]}},
        {"workload": {"mini_batch": [4, 2, 8]}},
    ],
    ids=lambda change: next(iter(next(iter(change.values())))),
)
def test_rules_on_real_processes(engine: AbstractEngine, change: dict[str, Any]) -> None:
    """Momentum, decay, modulations, schedules, rates and unlike mini-batches give the weights of both players."""
    chosen = small({"kind": "async"}, change)
    recorded = Driver(engine, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    check_weights(chosen, recorded)


def test_paced_times_are_those_of_the_simulator(engine: AbstractEngine) -> None:
    """A mini-batch takes the time that the simulator draws for it, or a little longer."""
    chosen = small({"kind": "hardsync"}, {"cluster": {"compute": {"per_batch": "20 ms"}}})
    recorded = Driver(engine, chosen, pacing=DrawnPacing).record()
    _, simulated = clock(chosen)
    tape = recorded.timing.tape
    assert tape is not None
    took = {key: end - start for key, start, end in _times(tape)}
    drawn = {key: end - start for key, start, end in _times(simulated)}
    common = sorted(took.keys() & drawn.keys())
    assert len(common) > 50
    excess = np.array([took[key] - drawn[key] for key in common])
    assert excess.min() > -1e-6
    assert np.median(excess) < np.median(list(drawn.values()))


def _times(tape: Any) -> list[tuple[tuple[int, int], float, float]]:
    keys = zip(tape.learner.tolist(), tape.batch.tolist(), strict=True)
    return list(zip(keys, tape.read_at.tolist(), tape.computed_at.tolist(), strict=True))
