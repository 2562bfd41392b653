"""Learners that step copies of their own between two messages."""

from __future__ import annotations

import jax
import pytest

from simasgd import Scenario, ScenarioError
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.studies.several import study
from tests.build import LEARNING, LINEAR, clock, scenario
from tests.learning.agreement import final_weights, relative_distance

pytestmark = pytest.mark.usefixtures("quickly_compiled")

ALONE = {"cluster": {"learners": 1}}
PLAIN = {"learning": {"precision": "float64", "optimizer": {"momentum": 0, "learning_rate": 0.1}}}
QUADRATIC = {
    "learning": {
        "data": {"kind": "noise", "features": 1, "deviation": 0},
        "model": {"kind": "quadratic", "spectrum": [2.0], "start": 1.0},
    }
}


def weights_after(updates, *changes, player=None):
    chosen = scenario(LINEAR, {"stop": {"gradients": None, "updates": updates}}, *changes)
    with jax.enable_x64(True):
        problem = build_problem(chosen, clock(chosen)[1])
        return final_weights(Compiled() if player is None else player, problem)


@pytest.mark.parametrize("kind", ["downpour", "fedbuff"])
def test_a_lone_learners_steps_are_serial_sgd(kind):
    """It sends the way that its copy went at the server's own learning rate, so the server's weights are where the copy is."""
    parameters = {"downpour": {"n_fetch": 4, "n_push": 4}, "fedbuff": {"buffer": 1, "local_steps": 4}}[kind]
    never = {"learning": {"modulation": "none"}}
    serial = weights_after(100, ALONE, PLAIN)
    own = weights_after(25, ALONE, PLAIN, never, {"protocol": {"kind": kind, **parameters}})
    assert relative_distance(own, serial) <= 1e-12


def test_a_copy_outlives_its_messages():
    """Downpour with n_push < n_fetch, alone: the server adds up what the copy has done, so fetching seldom changes nothing."""
    serial = weights_after(60, ALONE, PLAIN)
    seldom = weights_after(30, ALONE, PLAIN, {"protocol": {"kind": "downpour", "n_fetch": 6, "n_push": 2}})
    assert relative_distance(seldom, serial) <= 1e-12


@pytest.mark.parametrize("player", [Reference(), Compiled()], ids=lambda player: type(player).__name__)
def test_the_local_learning_rate_by_hand(player):
    """F = w², w₀ = 1, so g₀ = 2, the copy goes to 1 − 0.1·2 = 0.8, and g₁ = 1.6.

    The server goes to 1 − 0.05·(2 + 1.6) = 0.82, and after the next message to 0.82².
    """
    fedbuff = {"protocol": {"kind": "fedbuff", "buffer": 1, "local_steps": 2}}
    rates = {"learning": {"optimizer": {"learning_rate": 0.05}, "local_learning_rate": 0.1}}
    (found,) = jax.tree.leaves(weights_after(2, ALONE, PLAIN, QUADRATIC, fedbuff, rates, player=player))
    assert float(found[0]) == pytest.approx(0.82**2, rel=1e-12)


@pytest.mark.parametrize("player", [Reference(), Compiled()], ids=lambda player: type(player).__name__)
def test_the_mean_is_over_messages(player):
    """A lone learner sends K = 2 equal messages of H = 2 steps from w₀ = 1, and their mean is one of them.

    At α = 0.1 the server goes to 1 − 0.1·(2 + 1.6).
    """
    fedbuff = {"protocol": {"kind": "fedbuff", "buffer": 2, "local_steps": 2}}
    (found,) = jax.tree.leaves(weights_after(1, ALONE, PLAIN, QUADRATIC, fedbuff, player=player))
    assert float(found[0]) == pytest.approx(0.64, rel=1e-12)


def test_the_schedule_holds_for_copies_too():
    """A lone learner's weights are serial SGD's under a schedule that changes between two messages."""
    halved = {"learning": {"schedule": {"boundaries": [(40 * 4 - 0.5) / 1437], "factor": 0.5}}}
    fedbuff = {"protocol": {"kind": "fedbuff", "buffer": 1, "local_steps": 4}, "learning": {"modulation": "none"}}
    serial = weights_after(80, ALONE, PLAIN, halved)
    assert relative_distance(weights_after(20, ALONE, PLAIN, halved, fedbuff), serial) <= 1e-12
    assert relative_distance(weights_after(80, ALONE, PLAIN), serial) > 1e-3


@pytest.mark.parametrize(
    ("protocol", "kind"), [("fedbuff", "polynomial-staleness"), ("dynsgd", "inverse-staleness"), ("async", "none")]
)
def test_a_protocol_brings_its_own_modulation(protocol, kind):
    chosen = scenario(LEARNING, {"protocol": protocol})
    assert chosen.modulation.kind == kind
    resolved = chosen.resolved()
    assert resolved["learning"]["modulation"]["kind"] == kind
    assert Scenario.model_validate(resolved).modulation == chosen.modulation
    assert scenario(LEARNING, {"protocol": protocol, "learning": {"modulation": "none"}}).modulation.kind == "none"


def test_a_local_rate_wants_somebody_who_has_it():
    with pytest.raises(
        ScenarioError, match=r"learning.local_learning_rate: under async learners do not step copies of their own"
    ):
        scenario(LEARNING, {"learning": {"local_learning_rate": 0.1}})


def test_dynsgd_is_async_with_its_modulation():
    stop = {"stop": {"gradients": 200}}
    dynsgd, modulated, plain = (
        scenario(LINEAR, stop, changes)
        for changes in ({"protocol": "dynsgd"}, {"learning": {"modulation": "inverse-staleness"}}, {})
    )
    ends = [final_weights(Compiled(), build_problem(chosen, clock(chosen)[1])) for chosen in (dynsgd, modulated, plain)]
    assert relative_distance(ends[0], ends[1]) == 0.0
    assert relative_distance(ends[0], ends[2]) > 1e-3


def test_learning_rates_of_copies_go_together():
    """Three learning rates in one loop, whose copies step at their own; a local one by itself is nobody's factor."""
    rates = {f"rate-{rate}": {"learning": {"optimizer": {"learning_rate": rate / 100}}} for rate in (1, 2, 4)}
    base = {"protocol": {"kind": "fedbuff", "buffer": 2, "local_steps": 3}, "stop": {"gradients": 120}}
    for local in ({}, {"learning": {"local_learning_rate": 0.03}}):
        whole = study(scenario(LINEAR, base, local, {"variants": rates}))
        for name, change in rates.items():
            (alone,) = study(scenario(LINEAR, base, local, change)).runs[""]
            (found,) = whole.runs[name]
            assert found.test_loss == pytest.approx(alone.test_loss, rel=1e-5)
        assert len({one.test_loss.mean for one in collect_facts(whole)}) == 3
