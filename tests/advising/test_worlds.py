"""What would change the answer, on clusters whose timing is known."""

from __future__ import annotations

import pytest

from simasgd.advising.aims import Aim
from simasgd.advising.answers import list_answers, list_worlds_found
from simasgd.advising.candidates import Candidate
from simasgd.advising.pace import measure_paces
from simasgd.advising.search import SEEDS, Search
from simasgd.advising.worlds import in_world, list_worlds
from simasgd.scenario.schema import Scenario
from tests.advising.problems import TARGET, KnownCurves

# A message of 1 MB takes 8 ms at 1 Gbit/s, and a mini-batch of 4 samples takes 4 ms. Eight learners keep the server's
# link busy: an epoch of 400 gradients takes 400 · 8 ms in each direction.
STARVED = {
    "name": "starved",
    "cluster": {
        "learners": 8,
        "compute": {"per_sample": "1 ms", "distribution": "gamma", "cv": 0.1},
        "network": {"latency": "0 s", "bandwidth": "1 Gbit/s"},
        "server": {"bandwidth": "1 Gbit/s", "update": "0 s"},
    },
    "workload": {"mini_batch": 4, "payload": "1 MB", "samples_per_epoch": 1600},
    "protocol": "async",
    "learning": {"data": "digits", "model": "softmax", "optimizer": {"kind": "sgd", "learning_rate": 0.01}},
    "stop": {"epochs": 30},
}


def test_worlds_change_the_timing_as_they_say() -> None:
    base = Scenario.load(STARVED)
    worlds = list_worlds(base)
    assert "twice the latency" not in worlds  # there is none
    names = ["half the bandwidth", "twice the bandwidth", "steady compute times"]
    here, half, twice, steady = measure_paces([base, *(in_world(base, worlds[name]) for name in names)])
    assert here.seconds_per_epoch == pytest.approx(400 * 0.008, rel=0.01)
    assert half.seconds_per_epoch == pytest.approx(400 * 0.016, rel=0.01)
    assert twice.seconds_per_epoch == pytest.approx(400 * 0.004, rel=0.02)
    assert steady.seconds_per_epoch == pytest.approx(here.seconds_per_epoch, rel=0.01)
    assert here.low <= here.seconds_per_epoch <= here.high


def test_half_the_bandwidth_makes_local_sgd_win() -> None:
    """Local SGD sends an eighth of the messages. Here it needs so many epochs that it takes 1.3 times as long as async."""
    scenarios = [Scenario.load(STARVED), Scenario.load(STARVED, "protocol=local-sgd")]
    paces = measure_paces(scenarios)
    ratio = paces[0].seconds_per_epoch / paces[1].seconds_per_epoch
    candidates = [
        Candidate(number, one.protocol.kind, (), one, pace, "as given")
        for number, (one, pace) in enumerate(zip(scenarios, paces, strict=True))
    ]
    epochs = float(round(4 * ratio * 1.3))  # 1.3 times as long as async here
    search = Search(candidates, KnownCurves([[4.0] * SEEDS, [epochs] * SEEDS]), target=TARGET, most=30.0, seed=0)
    search.run()
    answers = list_answers(search)
    assert candidates[answers[0].leader].variant == "async"
    worlds = {world.world: world for world in list_worlds_found(search, answers, scenarios[0]) if world.aim is Aim.SOONEST}
    here = next(iter(worlds.values()))
    assert (here.world, here.changes, here.costs) == ("this cluster", False, here.stays)
    assert here.costs == pytest.approx(4 * paces[0].seconds_per_epoch)
    steady = worlds["steady compute times"]
    assert steady.costs == pytest.approx(here.costs, rel=0.01)
    narrow, wide = worlds["half the bandwidth"], worlds["twice the bandwidth"]
    assert (narrow.changes, candidates[narrow.leader].variant) == (True, "local-sgd")
    assert (wide.changes, candidates[wide.leader].variant) == (False, "async")
    assert narrow.stays == pytest.approx(2 * answers[0].seconds[0], rel=0.02)
    assert narrow.costs < narrow.stays
