"""Properties of every protocol in the table.

tests/cluster/test_conservation.py draws from the same table. It tests conservation and freedom from
deadlock over random clusters and faults.
"""

from __future__ import annotations

from typing import get_args

import jax
import pytest

from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from simasgd.protocols import InjectedStaleness, Protocol
from tests.build import LEARNING, LINEAR, TIMING, clock, same_tape, scenario
from tests.learning.agreement import TOLERANCE, final_weights, name_case, relative_distance
from tests.protocols.cluster import CLUSTER
from tests.protocols.table import ROWS

KINDS = sorted(ROWS)


def tape_of(protocol, *changes):
    return clock(scenario(TIMING, {"cluster": CLUSTER, "protocol": protocol}, *changes))[1]


def test_the_table_has_every_protocol():
    """Check the table; injected staleness needs a lone learner and has its own tests."""
    assert set(ROWS) == {one.model_fields["kind"].default for one in get_args(Protocol) if one is not InjectedStaleness}


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_fixes_the_tape(kind):
    first, again = (tape_of(ROWS[kind].typical) for _ in range(2))
    assert same_tape(first, again)
    assert not same_tape(first, tape_of(ROWS[kind].typical, {"seed": 1}))


PARAMETERS = [
    (one.model_fields["kind"].default, name)
    for one in get_args(Protocol)
    if one is not InjectedStaleness
    for name in one.model_fields
    if name != "kind"
]


@pytest.mark.parametrize(("kind", "parameter"), PARAMETERS)
def test_every_parameter_changes_the_tape(kind, parameter):
    row = ROWS[kind]
    one, other = (tape_of({**row.typical, parameter: value}) for value in row.differ[parameter])
    assert not same_tape(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_progress_is_counted_in_samples(kind):
    """Check that an epoch ends by samples applied, whatever was dropped or cancelled."""
    chosen = scenario(TIMING, {"cluster": CLUSTER, "protocol": ROWS[kind].typical, "stop": {"gradients": None, "epochs": 0.5}})
    clocked, tape = clock(chosen)
    assert clocked.gradients_applied == tape.num_gradients
    samples = tape.samples_before
    assert samples[-1] >= 500 > samples[-2]


# A network for each form of the loop: one chain of weights, copies of learners beside it, and a
# model for every learner.
MODELS = [*((LINEAR, kind) for kind in KINDS), *((LEARNING, kind) for kind in ("async", "fedbuff", "easgd"))]


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("base", "kind"), MODELS, ids=name_case)
def test_the_players_agree(base, kind):
    changes = {"learning": {"precision": "float64"}, "stop": {"gradients": None, "updates": 200}}
    chosen = scenario(base, {"cluster": CLUSTER, "protocol": ROWS[kind].typical}, changes)
    with jax.enable_x64(True):
        problem = build_problem(chosen, clock(chosen)[1])
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE["float64"]
        assert relative_distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"
