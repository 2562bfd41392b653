"""A mistake in a protocol of another package is reported with its file, line and verb; supervision changes nothing else."""

from __future__ import annotations

import re

import pytest

from simasgd.errors import ProtocolFault
from tests.build import TIMING, clock, same_tape, scenario
from tests.protocols.mistakes import MISTAKES, peers, served
from tests.protocols.table import ROWS
from tests.protocols.test_properties import CLUSTER

FAULTS = {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}


def run(source, folder, *changes):
    """The tape of a protocol in a file of its own."""
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    names = {"__name__": "mine"}
    exec(compile(source, str(path), "exec", dont_inherit=True), names)
    return clock(scenario(TIMING, *changes).model_copy(update={"protocol": names["Mine"]()}))[1]


@pytest.mark.parametrize("label", MISTAKES)
def test_a_mistake_is_told(label, tmp_path):
    source, role, said = MISTAKES[label]
    places = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("HERE")]
    with pytest.raises(ProtocolFault, match=said) as raised:
        run(source, tmp_path)
    place, line, told = re.fullmatch(r"(.*):(\d+): protocol 'mine', (.*)", str(raised.value)).groups()
    assert place == str(tmp_path / "mine.py")
    assert int(line) in places
    assert told.startswith(f"{role}: ")


def test_without_a_mistake_nothing_is_told(tmp_path):
    """Else the cases above could fail for another reason than theirs."""
    for source, kind in ((served(), "async"), (peers(), None)):
        tape = run(source, tmp_path)
        assert tape.num_gradients == 400
        if kind is not None:
            assert same_tape(tape, clock(scenario(TIMING, {"protocol": kind}))[1])


def of_another_package(protocol):
    """The same protocol as a class of this module."""
    kind = type(protocol)
    return type(kind.__name__, (kind,), {"__module__": __name__}).model_construct(**dict(protocol))


@pytest.mark.parametrize("faults", [None, FAULTS], ids=["healthy", "crashes"])
@pytest.mark.parametrize("kind", sorted(ROWS))
def test_every_protocol_runs_the_same_under_supervision(kind, faults):
    if faults is not None and ROWS[kind].serverless:
        pytest.skip("there are no crashes without a server")
    chosen = scenario(TIMING, {"cluster": {**CLUSTER, "faults": faults} if faults else CLUSTER, "protocol": ROWS[kind].typical})
    under_supervision = chosen.model_copy(update={"protocol": of_another_package(chosen.protocol)})
    assert same_tape(clock(chosen)[1], clock(under_supervision)[1])
