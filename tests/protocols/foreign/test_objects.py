"""Protocol objects in Python: where a word stands for a protocol, an object may."""

from __future__ import annotations

from typing import Literal

import pytest

import simasgd
from simasgd.errors import ScenarioError
from simasgd.protocols import AbstractServerProtocol, Count, Hardsync, NSoftsync, Seconds
from simasgd.scenario.reading.overrides import parse_protocol
from simasgd.sweeps.spelling import spell_axis, spell_protocol
from tests.build import TIMING, scenario


class DropStale(AbstractServerProtocol):
    """The server drops gradients that are more than `limit` updates late."""

    kind: Literal["drop-stale"] = "drop-stale"
    limit: Count = 2
    wait: Seconds = 0.02

    def serve(self, server):
        while True:
            for gradient in (yield from server.collect(1)):
                is_late = server.timestamp - gradient.timestamp > self.limit
                (server.drop if is_late else server.update)([gradient])

    def learn(self, learner):
        while True:
            weights = yield from learner.pull()
            yield from learner.push((yield from learner.compute(weights)))

    def nominal_staleness(self, learners):
        return None


class Async(DropStale):
    """Has the kind of one of simasgd's protocols."""

    kind: Literal["async"] = "async"


def test_objects_and_words_are_compared():
    found = simasgd.compare(scenario(TIMING), DropStale(limit=7, wait="3 ms"), DropStale(), NSoftsync(n=2), "async")
    held = {name: one.protocol for name, one in found.study.scenario.variants.items()}
    assert list(held) == ["drop-stale-limit7-wait3-ms", "drop-stale", "n-softsync-n2", "async"]
    assert (held["drop-stale-limit7-wait3-ms"].limit, held["drop-stale-limit7-wait3-ms"].wait) == (7, 0.003)
    assert held["n-softsync-n2"] == NSoftsync(n=2)
    staleness = {name: runs[0].updates["staleness"].max() for name, runs in found.study.runs.items()}
    assert staleness["drop-stale"] == 2 < staleness["async"], "the class of the object is run"


def test_a_scenario_that_holds_one_is_compared():
    held = scenario(TIMING).model_copy(update={"protocol": DropStale()})
    found = simasgd.compare(held, "drop-stale:limit=1", "hardsync")
    assert found.study.scenario.variants["drop-stale-limit1"].protocol == DropStale(limit=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((DropStale(), DropStale()), "drop-stale: is given twice"),
        ((Async(), "hardsync"), r"test_objects.py:\d+: class Async: another protocol has the kind 'async', too"),
        ((DropStale, "hardsync"), r"found <class .*DropStale'>; write DropStale\(\)"),
        ((3, "hardsync"), "found 3; give text such as 'hardsync', or an object of a protocol"),
    ],
)
def test_what_cannot_be_compared_is_told(words, message):
    with pytest.raises(ScenarioError, match=message):
        simasgd.compare(scenario(TIMING), *words)


@pytest.mark.parametrize("label", ["a+none", "+", "it's a+b, c", "1e+0"])
def test_text_with_a_plus_is_no_modulation(label):
    spelt = spell_protocol({"kind": "drop-stale", "label": label})
    layer = parse_protocol(f"protocol={spelt}", len("protocol="))
    assert layer.tree["protocol"] == {"kind": "drop-stale", "label": label}
    assert "learning" not in layer.tree


def test_axes_of_a_sweep_take_objects_that_other_processes_find():
    assert spell_axis("protocol", [NSoftsync(n=2), Hardsync()]) == "protocol=choice({kind: n-softsync, n: 2}, {kind: hardsync})"
    assert spell_protocol(NSoftsync(n=2)) == "n-softsync:n=2"
    for spelt in (lambda: simasgd.sweep(scenario(TIMING), {"protocol": [DropStale(), "async"]}, workers=1), advise):
        with pytest.raises(ScenarioError, match=r"find the protocol 'drop-stale' by its kind only; give it an entry"):
            spelt()


def advise():
    return simasgd.advise("digits", target=0.1, vary={"protocol": DropStale()})
