"""Protocols of other packages under costs: supervision changes nothing, and mistakes are reported as they are without costs."""

from __future__ import annotations

import pytest

from simasgd.errors import ProtocolFault
from tests.build import TIMING, clock, same_tape, scenario
from tests.protocols.foreign.mistakes import MISTAKES, peer_protocol, server_protocol
from tests.protocols.foreign.test_supervision import make_foreign, run
from tests.protocols.table import ROWS

TIMES = {"step": "1 ms", "mixing": "0.5 ms", "per_message": "0.2 ms", "copy_bandwidth": "10 MB/s", "collective_start": "1 ms"}
COSTS = {"cluster": {"costs": TIMES}}
OF_PEERS = [label for label, (source, _, _) in MISTAKES.items() if "AbstractPeerProtocol" in source]


@pytest.mark.parametrize("kind", ROWS)
def test_supervision_changes_no_time(kind):
    changes = {"cluster": {"learners": 6}, "protocol": ROWS[kind].typical, "stop": {"gradients": 120}}
    own = scenario(TIMING, COSTS, changes)
    foreign = own.model_copy(update={"protocol": make_foreign(own.protocol)})
    assert same_tape(clock(own)[1], clock(foreign)[1])


@pytest.mark.parametrize("label", OF_PEERS)
def test_a_mistake_is_reported_with_costs_too(label, tmp_path):
    source, _, message = MISTAKES[label]
    with pytest.raises(ProtocolFault, match=message) as raised:
        run(source, tmp_path, COSTS)
    places = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("HERE")]
    assert int(str(raised.value).split(":")[1]) in places


def test_protocols_without_a_mistake_run(tmp_path):
    for source in (server_protocol(), peer_protocol()):
        assert run(source, tmp_path, COSTS).num_gradients == 400
