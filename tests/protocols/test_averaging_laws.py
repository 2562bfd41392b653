"""Laws of elastic averaging, gossip and push-sum (docs/papers.md, part D: 48, 49, 50, 52)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simasgd import simulate
from simasgd.cluster import simulation
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.peers.cast import PeerCast
from simasgd.tape.recorder import AbstractRecorder
from tests.build import TIMING, clock, scenario
from tests.protocols.averaging import models_of, spread
from tests.protocols.table import ROWS

INSTANT = {"latency": "0 s", "bandwidth": "unlimited"}
FREE = {"network": INSTANT, "server": {"bandwidth": "unlimited", "update": "0 s"}}


def run(protocol, learners, gradients, *changes):
    cluster = {"learners": learners, "profile": "ideal", **FREE}
    return clock(scenario(TIMING, {"cluster": cluster, "protocol": protocol, "stop": {"gradients": gradients}}, *changes))[1]


CONSTANT = {"cluster": {"compute": {"distribution": "constant", "cv": None}}}
COSTS = {"step": "0.3 ms", "mixing": "0.2 ms", "per_message": "0.1 ms", "copy_bandwidth": "1 GB/s"}
EXPONENTIAL = {"cluster": {"compute": {"distribution": "exponential", "cv": None}}}


def diverges(step, rate, learners):
    """Return whether x_l and x̃ grow without bounds on ½x² when learners take turns."""
    protocol = {"kind": "easgd", "period": 1, "moving_rate": rate * learners}
    tape = run(protocol, learners, 400 * learners, CONSTANT)
    start = np.random.default_rng(0).normal(size=learners)

    def stepped(row, base, read):
        return base + start[row] if row < learners else base - step * read  # every learner's first step is from 0

    models = models_of(tape, 0.0, stepped)

    def size(rows):
        return sum(abs(models[held]) for held in tape.mixing.holders(rows))

    return size(tape.num_steps) > size(tape.num_steps // 2)


def boundary(step, learners):
    low, high = 0.0, 1.0
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (low, middle) if diverges(step, middle, learners) else (middle, high)
    return low


@pytest.mark.parametrize("step", [0.2, 1.0, 1.7])
def test_elastic_averaging_is_stable_up_to_its_boundary(step):
    """Check claim 48: 0 ≤ a ≤ (4 − 2η)/(4 − η) on ½x² (arXiv:1412.6651, condition recalled)."""
    assert boundary(step, 1) == pytest.approx((4 - 2 * step) / (4 - step), rel=0.01)


@pytest.mark.parametrize(("step", "learners"), [(1.0, 2), (1.7, 2), (1.0, 4)])
def test_learners_that_take_turns_are_stable_further_on(step, learners):
    """Check the boundary of several learners.

    Claim 48 suffices for any number of learners, because every turn is a symmetric map. It is the
    boundary for one learner. For several, the boundary is where the spectral radius of a round is 1
    (derived).
    """

    def radius(rate):
        whole = np.eye(learners + 1)
        for turn in range(learners):
            one = np.eye(learners + 1)
            one[turn, turn] -= step + rate
            one[turn, -1] = one[-1, turn] = rate
            one[-1, -1] -= rate
            whole = one @ whole
        return abs(np.linalg.eigvals(whole)).max()

    rates = np.linspace(0, 1, 1001)
    exact = rates[np.array([radius(rate) for rate in rates]) <= 1 + 1e-12].max()
    claimed = (4 - 2 * step) / (4 - step)
    assert boundary(step, learners) == pytest.approx(exact, rel=0.01)
    assert exact > 1.01 * claimed


@pytest.mark.parametrize("include_self", [False, True])
def test_a_round_of_pulling_contracts_as_it_should(include_self):
    """Check claim 49 for pulls by all learners at once.

    Pulls with β = ½ leave ½ − 1/(2(p − 1)) of S about the old mean, or ½ if a learner may choose
    itself. The tape says who pulls from whom. The models are drawn for each round.
    """
    p, rounds = 32, 600
    protocol = {"kind": "gossip-pull", "period": 1, "include_self": include_self}
    tape = run(protocol, p, p * rounds, CONSTANT)
    mixing, rng, before, after = tape.mixing, np.random.default_rng(1), 0.0, 0.0
    pulled = np.flatnonzero((mixing.other > 0) & (mixing.base > 0))  # without the first ones, of the initial model
    of_round = np.searchsorted(tape.step[p - 1 :: p], pulled)
    for number in range(1, rounds):
        rows = pulled[of_round == number]
        old = rng.normal(size=(p, 4))
        new, whom = old.copy(), mixing.owner[mixing.other[rows] - 1]
        shares = mixing.base_share[rows, None], mixing.other_share[rows, None]
        new[mixing.owner[rows]] = shares[0] * old[mixing.owner[rows]] + shares[1] * old[whom]
        s, mean = spread(old)
        before, after = before + s, after + ((new - mean) ** 2).sum()
    assert after / before == pytest.approx(0.5 if include_self else 0.5 - 1 / (2 * (p - 1)), rel=0.01)


def test_a_pair_that_exchanges_contracts_as_it_should():
    """Check claim 49: an exchange of a random pair with β = ½ takes 1/(p − 1) of S."""
    p, taken = 32, []
    for seed in range(8):
        tape = run({"kind": "elastic-gossip"}, p, 500, EXPONENTIAL, {"seed": seed})
        firsts = np.unique(tape.learner, return_index=True)[1]
        drawn = np.zeros((500, 50))
        drawn[firsts] = np.random.default_rng(seed).normal(size=(p, 50))
        models = models_of(tape, np.zeros(50), lambda row, base, read, drawn=drawn: base + drawn[row])
        # The exchange after the last first gradient belongs to a learner that is still far away.
        for row in range(int(tape.step[firsts.max()]) + 3, tape.num_steps - 1):
            if tape.mixing.base[row] == tape.mixing.other[row + 1]:
                old, new = (spread([models[held] for held in tape.mixing.holders(at)])[0] for at in (row, row + 2))
                taken.append(1 - new / old)
    assert len(taken) > 2500
    assert np.mean(taken) == pytest.approx(1 / (p - 1), rel=0.02)


def test_two_learners_that_exchange_have_the_mean():
    """Check p = 2 and β = ½: after an exchange, both learners have exactly half of the sum."""
    tape = run({"kind": "elastic-gossip"}, 2, 50, EXPONENTIAL)
    rng = np.random.default_rng(0)
    models = models_of(tape, 0.0, lambda row, base, read: base + rng.normal())
    pairs = [row for row in range(2, tape.num_steps - 1) if tape.mixing.base[row] == tape.mixing.other[row + 1] > 0]
    assert len(pairs) > 40
    for row in pairs:
        one, other = (models[held] for held in tape.mixing.holders(row))
        assert models[row + 1] == models[row + 2] == (one + other) / 2


class Observer(AbstractRecorder):
    """A recorder that calls `look` at every row."""

    def __init__(self, look):
        self._look = look
        self.seen = []

    def step(self, time, timestamp, gradients, summed=1):
        raise AssertionError("learners have models of their own")

    def models(self, learners, has_centre):
        pass

    def row(self, time, row, gradient, staleness):
        self.seen.append(self._look())

    def hold(self, rows, holder, model):
        pass

    def applied_of(self, learners):
        return [0] * learners

    def age_counts(self):
        return {}

    def staleness_counts(self):
        return {}


@pytest.mark.parametrize("protocol", ["sgp", {"kind": "overlap-sgp", "delay": 1}, {"kind": "overlap-sgp", "delay": 4}])
@pytest.mark.parametrize("learners", [2, 5, 8])
@pytest.mark.parametrize("costs", [None, COSTS], ids=["free", "costs"])
def test_push_sum_weights_add_up_to_the_number_of_learners(protocol, learners, costs, monkeypatch):
    """Check claim 50 through every delay, with the weights of messages included."""
    casts = []

    def kept(protocol, ground):
        casts.append(PeerCast(protocol, ground))
        return casts[0]

    monkeypatch.setattr(simulation, "PeerCast", kept)
    cluster = {
        "learners": learners,
        "profile": "ethernet-25g",
        "compute": {"distribution": "exponential", "cv": None},
        "network": {"bandwidth": "100 MB/s"},
        "costs": costs,
    }
    chosen = scenario(TIMING, {"cluster": cluster, "protocol": protocol, "workload": {"payload": "1 MB"}})
    weights = Observer(lambda: [(peer.weight, peer.weights_elsewhere) for peer in casts[0].workers])
    simulation.run(replace(Job.of(chosen), seed=3, limit=Limit(gradients=400)), weights)
    seen = np.array(weights.seen)
    assert seen.sum(axis=(1, 2)) == pytest.approx(learners, rel=1e-12)
    if protocol != "sgp" and learners > 2:
        assert np.ptp(seen[:, :, 0]) > 0.1, "all weights were 1 all the time"
    assert (seen[:, :, 1] > 0).any(), "no message was ever on its way"


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if row.keeps_the_mean])
def test_mixing_leaves_the_sum_as_it_is(kind):
    """Check that only the learners' own steps change Σ x_l.

    Under elastic averaging, the sum includes x̃ and the differences on their way to it.
    """
    tape = run(ROWS[kind].typical, 6, 300, EXPONENTIAL)
    steps, mixing = np.random.default_rng(2).normal(size=300), tape.mixing
    models = models_of(tape, 0.0, lambda row, base, read: base + steps[row])
    for gradient in range(50, 300, 25):
        rows = int(tape.step[gradient])
        total = sum(models[held] for held in mixing.holders(rows))
        if ROWS[kind].has_centre:
            moves = np.flatnonzero((mixing.other[:rows] > 0) & np.isin(mixing.other_share[:rows], [-1.0, 1.0]))
            total -= sum(mixing.other_share[row] * models[mixing.other[row]] for row in moves)
        assert total == pytest.approx(steps[:gradient].sum(), abs=1e-9)


@pytest.mark.compiles
def test_local_sgd_needs_the_root_of_the_communication():
    """Check claim 52 on a convex problem (Stich 2018, arXiv:1805.09767).

    H = √T local steps between means are as good as a mean at every step. Without a mean until the
    end, the result is worse.
    """
    losses = {}
    for steps in (1, 32, 1024):
        chosen = scenario(
            TIMING,
            {
                "cluster": {"learners": 4},
                "workload": {"payload": None, "samples_per_epoch": None, "mini_batch": 1},
                "protocol": {"kind": "local-sgd", "steps": steps},
                "learning": {
                    "data": {"kind": "logistic-regression", "features": 20, "condition": 100.0},
                    "model": "logistic",
                    "optimizer": {"kind": "sgd", "learning_rate": 0.5},
                    "schedule": None,
                },
                "stop": {"gradients": 4 * 1024},
            },
        )
        losses[steps] = simulate(chosen).test_loss
    assert losses[32] == pytest.approx(losses[1], rel=0.02)
    assert losses[1024] > 1.02 * losses[1]


@pytest.mark.parametrize("kind", ["elastic-gossip", "ad-psgd"])
def test_both_sides_of_an_exchange_are_mixings_with_an_age(kind):
    """Count exchanges on a crowded network.

    If another exchange comes between, the exchange is recorded as a difference, and counts as well.
    """
    crowded = {"cluster": {"network": {"bandwidth": "1 MB/s"}}, "workload": {"payload": "10 kB"}}
    tape = run(kind, 6, 1000, EXPONENTIAL, crowded)
    mixing = tape.mixing
    answered = (mixing.age >= 0) & (mixing.other_share == 0.5)
    late = (mixing.age >= 0) & (mixing.other_share == -1.0)
    asked = 1000 if kind == "elastic-gossip" else (tape.learner % 2 == 0).sum()
    assert (late.sum() > 100) == (kind == "elastic-gossip")
    assert answered.sum() + late.sum() == pytest.approx(2 * asked, abs=2 * 6)
