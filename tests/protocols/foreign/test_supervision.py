"""Supervision reports a mistake with its file, line and verb, and changes nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Literal

import pytest

from simasgd.cluster.supervision.role import MOST_USES
from simasgd.cluster.supervision.supervise import Supervised
from simasgd.cluster.supervision.watchdog import RoleTimeout, Watchdog
from simasgd.errors import ProtocolFault
from simasgd.protocols import AbstractServerProtocol
from tests.build import TIMING, clock, same_tape, scenario, thin
from tests.protocols.cluster import CLUSTER
from tests.protocols.foreign.mistakes import LEARN, MISTAKES, PEER, SERVE, peer_protocol, server_protocol
from tests.protocols.table import ROWS

FAULTS = {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}


def run(source, folder, *changes):
    """Return the tape of a protocol in its own file."""
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    names = {"__name__": "mine"}
    exec(compile(source, str(path), "exec", dont_inherit=True), names)
    return clock(scenario(TIMING, *changes).model_copy(update={"protocol": names["Mine"]()}))[1]


@pytest.mark.parametrize("label", MISTAKES)
def test_a_mistake_is_reported(label, tmp_path):
    source, role, message = MISTAKES[label]
    places = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("HERE")]
    with pytest.raises(ProtocolFault, match=message) as raised:
        run(source, tmp_path)
    place, line, text = re.fullmatch(r"(.*):(\d+): protocol 'mine', (.*)", str(raised.value)).groups()
    assert place == str(tmp_path / "mine.py")
    assert int(line) in places
    assert text.startswith(f"{role}: ")


def test_protocols_without_a_mistake_run(tmp_path):
    """The cases above must not fail for another reason."""
    for source, kind in ((server_protocol(), "async"), (peer_protocol(), None)):
        tape = run(source, tmp_path)
        assert tape.num_gradients == 400
        if kind is not None:
            assert same_tape(tape, clock(scenario(TIMING, {"protocol": kind}))[1])


REUSED = """\
        batch = []
        while True:
            batch += (yield from server.collect(2))
            server.update(batch)
            batch.clear()
"""


@pytest.mark.parametrize("update", ["0 s", "1 ms"])
def test_a_server_may_use_its_list_again(update, tmp_path):
    """An update that is made or recorded later has the gradients that it was asked for with."""
    changes = {"cluster": {"server": {"update": update}}}
    fresh = SERVE.replace("collect(1)", "collect(2)")
    reused, expected = (run(server_protocol(serve), tmp_path, changes) for serve in (REUSED, fresh))
    assert expected.num_gradients == 400
    assert same_tape(reused, expected)


def make_foreign(protocol):
    """Return the same protocol as a class of this module."""
    kind = type(protocol)
    return type(kind.__name__, (kind,), {"__module__": __name__}).model_construct(**dict(protocol))


@pytest.mark.parametrize(
    ("faults", "kind"),
    [*((None, kind) for kind in sorted(ROWS)), *thin([(FAULTS, kind) for kind in sorted(ROWS)], 2)],
    ids=lambda case: case if isinstance(case, str) else "crashes" if case else "healthy",
)
def test_every_protocol_runs_the_same_under_supervision(kind, faults):
    chosen = scenario(TIMING, {"cluster": {**CLUSTER, "faults": faults} if faults else CLUSTER, "protocol": ROWS[kind].typical})
    under_supervision = chosen.model_copy(update={"protocol": make_foreign(chosen.protocol)})
    assert same_tape(clock(chosen)[1], clock(under_supervision)[1])


class Counts(AbstractServerProtocol):
    """Its learner counts for ever after its first pull."""

    kind: Literal["counts"] = "counts"

    def serve(self, server):
        while True:
            server.update((yield from server.collect(1)))

    def learn(self, learner):
        yield from learner.pull()
        count = 0
        while True:
            try:
                count += 1  # HERE
            except Exception:  # noqa: BLE001  (a role of a user may do this)
                count = 0

    def nominal_staleness(self, learners):
        return None


class Waits:
    """A learner whose pull waits for one event."""

    number = 0

    def pull(self):
        yield "an event"


def test_a_role_that_counts_for_ever_ends():
    role = Supervised(Counts(), patience=0.2).learn(Waits())
    assert next(role) == "an event"
    with pytest.raises(ProtocolFault, match="protocol 'counts', learn: computes without end") as raised:
        role.send(None)
    line = int(re.search(r":(\d+): ", str(raised.value))[1])
    assert Path(__file__).read_text(encoding="utf-8").splitlines()[line - 1].split()[0] in ("try:", "count", "while")


def count_forever():
    count = 0
    while True:
        count += 1


def test_a_role_that_waits_is_left_alone():
    watchdog = Watchdog(0.2)
    for _ in range(3):
        with watchdog:
            pass
    end = time.process_time() + 1.0
    while time.process_time() < end:
        pass  # outside the block nobody is watched
    with pytest.raises(RoleTimeout), watchdog:
        count_forever()


def resume_another_then_count(watchdog):
    with watchdog:
        pass
    count_forever()


def test_an_inner_block_does_not_end_the_watch_of_the_outer_one():
    """A role's step may resume another role: a push wakes the server."""
    watchdog = Watchdog(0.2)
    with pytest.raises(RoleTimeout), watchdog:
        resume_another_then_count(watchdog)
    with watchdog:
        pass  # it can be used again


def test_a_learner_that_counts_for_ever_after_a_push_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(Supervised.__init__, "__defaults__", (0.3, MOST_USES))
    source = server_protocol(learn=LEARN.replace("            yield from learner.settle()", "            while True: pass"))
    with pytest.raises(ProtocolFault, match="learn: computes without end"):
        run(source, tmp_path)


@pytest.mark.parametrize(("verb", "needs"), [("push(peer.model)", "has_centre"), ("hand_over(gradient)", "thread")])
def test_a_peer_names_the_property_that_a_verb_needs(verb, needs, tmp_path):
    source = peer_protocol(PEER.replace("peer.step(gradient)", f"peer.{verb}"))
    with pytest.raises(ProtocolFault, match=f"{verb.partition('(')[0]} needs a protocol with `{needs}`"):
        run(source, tmp_path)
