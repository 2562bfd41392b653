"""Early learning, from parts of a tape: whatever was replayed, the results are those of the whole tape alone, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, final

import jax
import numpy as np
import pytest

from simasgd.learning.early import EarlyLearning
from simasgd.learning.layout.costs import CPU, DeviceCosts
from simasgd.learning.players import planner
from simasgd.learning.players.checkpoint import AbstractCheckpoint, FileCheckpoint, NoCheckpoint, State
from simasgd.learning.train import Learned, train
from simasgd.results.kept.weights import KeptWeights
from simasgd.scenario.schema import Scenario
from simasgd.stages.progress import silent
from simasgd.tape.growing import Part
from simasgd.tape.tape import Tape
from simasgd.timing import simulate_first, simulate_timing
from tests.build import LEARNING, LINEAR, scenario, thin
from tests.learning.agreement import IN_WAVES
from tests.protocols.table import ROWS

pytestmark = [pytest.mark.usefixtures("quickly_compiled"), pytest.mark.compiles]

GRADIENTS = 1600
SMALL: dict[str, Any] = {
    "cluster": {"learners": 6},
    "stop": {"gradients": GRADIENTS},
    "record": {"kind": "updates", "weights": True},
}


def whole_tape(chosen: Scenario) -> Tape:
    tape = simulate_timing(chosen, silent).tape
    assert tape is not None
    return tape


def begin(scenarios: Sequence[Scenario], parts: Sequence[int] = (400, 600, 1000)) -> EarlyLearning:
    """Learn from the tape's first gradients, then from more of them."""
    early = EarlyLearning(scenarios)
    for gradients in parts:
        early.go_on(Part(*simulate_first(scenarios[0], gradients)))
    return early


def learn(
    scenarios: Sequence[Scenario], early: EarlyLearning | None, checkpoint: AbstractCheckpoint | None = None
) -> list[Learned]:
    tape, checkpoint = whole_tape(scenarios[0]), NoCheckpoint() if checkpoint is None else checkpoint
    return train(scenarios, tape, task=None, player=None, checkpoint=checkpoint, progress=lambda steps: None, early=early)


def assert_equal(found: Sequence[Learned], expected: Sequence[Learned]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.evaluations.equals(other.evaluations)
        assert (one.divergence, one.cut) == (other.divergence, other.cut)
        assert all(map(np.array_equal, arrays_of(one.weights), arrays_of(other.weights)))
        assert (one.weights is None) == (other.weights is None)


def arrays_of(kept: KeptWeights | None) -> list[np.ndarray]:
    """Return all arrays that are kept: weights, learners' models, states."""
    return [] if kept is None else jax.tree.leaves([vars(kept)[field.name] for field in fields(KeptWeights)])


@final
class Noting(AbstractCheckpoint):
    """A checkpoint that keeps nothing, and notes from which step a replay begins."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = 0

    def _read(self, start: Any) -> State | None:
        self.begin = 0 if self._begin is None else self._begin.steps
        return None

    def keep(self, steps: int, carry: Any) -> None:
        pass

    def save(self) -> None:
        pass


def check(scenarios: Sequence[Scenario], early: EarlyLearning, least: int) -> list[Learned]:
    """Learn with and without early learning: the results are equal, and at least so many steps were taken over."""
    expected, noting, steps = learn(scenarios, None), Noting(), early.steps
    assert_equal(learn(scenarios, early, noting), expected)
    assert noting.begin == steps >= least
    assert early.steps == 0, "what was replayed is not held any longer"
    return expected


@pytest.mark.parametrize(("kind", "costs"), thin([(kind, costs) for costs in (IN_WAVES, CPU) for kind in ROWS], 3))
def test_every_protocol_goes_on_where_early_learning_has_come(
    kind: str, costs: DeviceCosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least half of the steps of 1,000 gradients of 1,600 are settled."""
    monkeypatch.setattr(planner, "device_costs", lambda: costs)
    chosen = scenario(LINEAR, SMALL, {"protocol": ROWS[kind].typical})
    early = begin([chosen])
    check([chosen], early, whole_tape(chosen).num_steps * 5 // 16)


def test_a_group_of_runs_goes_on_together() -> None:
    seeds = [scenario(LINEAR, SMALL, {"learning": {"seed": seed}}) for seed in range(3)]
    check(seeds, begin(seeds), 500)


def test_a_network_with_augmented_samples_in_double_precision_goes_on() -> None:
    data = {"kind": "digits", "crop": 1, "flip": True}
    chosen = scenario(LEARNING, SMALL, {"learning": {"data": data, "precision": "float64", "schedule": {"warmup": 1}}})
    check([chosen], begin([chosen]), 500)


def test_a_run_that_reaches_its_error_early_ends_there_with_its_weights() -> None:
    target = {"stop": {"test_error": 0.2}, "learning": {"evaluate": "0.1 epochs"}}
    chosen = scenario(LEARNING, SMALL, target)
    early = begin([chosen])
    assert early.is_over
    (learned,) = check([chosen], early, 1)
    assert learned.cut is not None
    assert learned.cut < 1000
    assert learned.weights is not None


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_run_that_diverges_early_diverges_at_the_same_update() -> None:
    chosen = scenario(LINEAR, SMALL, {"learning": {"schedule": {"boundaries": [1.5], "factor": 1e39}}})
    early = begin([chosen])
    assert early.is_over
    (learned,) = check([chosen], early, 1)
    assert learned.divergence is not None


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_group_whose_members_have_all_ended_early_is_not_replayed_to_the_end() -> None:
    """One has reached its error, and one has diverged."""
    changes: list[dict[str, Any]] = [{"learning": {"optimizer": {"learning_rate": rate}}} for rate in (0.05, 1e30)]
    target = {"stop": {"test_error": 0.2}, "record": {"weights": False}, "learning": {"evaluate": "0.1 epochs"}}
    rates = [scenario(LEARNING, SMALL, target, change) for change in changes]
    early = begin(rates)
    assert early.is_over
    told: list[int] = []
    learned = train(
        rates, whole_tape(rates[0]), task=None, player=None, checkpoint=NoCheckpoint(), progress=told.append, early=early
    )
    assert_equal(learned, learn(rates, None))
    assert max(told) < 1000


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_member_of_a_group_diverges_early_and_the_others_go_on() -> None:
    rates = [scenario(LINEAR, SMALL, {"learning": {"optimizer": {"learning_rate": rate}}}) for rate in (0.01, 1e30)]
    early = begin(rates)
    assert not early.is_over
    fine, diverged = check(rates, early, 500)
    assert (fine.divergence is None, diverged.divergence is None) == (True, False)


def test_a_tape_that_was_foretold_wrongly_is_replayed_from_its_beginning() -> None:
    """Parts of another seed's clock: other learners have computed, on other mini-batches."""
    chosen = scenario(LINEAR, SMALL)
    early = begin([chosen.with_seed(7)])
    assert early.steps > 500
    noting = Noting()
    assert_equal(learn([chosen], early, noting), learn([chosen], None))
    assert noting.begin == 0


def test_parts_that_contradict_each_other_begin_anew_and_are_given_up() -> None:
    chosen = scenario(LINEAR, SMALL)
    early = EarlyLearning([chosen])
    for number, gradients in enumerate((400, 600, 800)):
        assert not early.is_over
        early.go_on(Part(*simulate_first(chosen.with_seed(number), gradients)))
    assert early.is_over
    assert early.steps == 0
    check([chosen], early, 0)


def test_other_evaluations_are_not_taken_over() -> None:
    chosen = scenario(LINEAR, SMALL)
    early = begin([scenario(LINEAR, SMALL, {"learning": {"evaluate": "0.1 epochs"}})])
    noting = Noting()
    assert_equal(learn([chosen], early, noting), learn([chosen], None))
    assert noting.begin == 0


def test_a_state_on_disk_comes_before_early_learning_and_has_it_afterwards(tmp_path: Path) -> None:
    chosen = scenario(LINEAR, SMALL)
    first = FileCheckpoint(tmp_path / "x", "run", 0.0)
    expected = learn([chosen], begin([chosen]), first)
    assert_equal(expected, learn([chosen], None))
    again = FileCheckpoint(tmp_path / "x", "run", 1e9)
    assert_equal(learn([chosen], begin([chosen]), again), expected)
    assert again.restore(None)[0] > 1000


def test_it_is_given_up_where_the_memory_suffices_for_the_whole_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = scenario(LINEAR, SMALL)
    early = begin([chosen])

    def available() -> int:
        return 0 if early.steps else 1 << 40

    expected, noting = learn([chosen], None), Noting()
    monkeypatch.setattr("simasgd.learning.problem.memory.available_bytes", available)
    assert_equal(learn([chosen], early, noting), expected)
    assert noting.begin == 0


def test_it_is_left_when_it_is_enough() -> None:
    """The tape is whole, say: what was replayed until then is taken over."""
    chosen, asked = scenario(LINEAR, SMALL), []

    def is_enough() -> bool:
        asked.append(1)
        return len(asked) == 3

    early = EarlyLearning([chosen])
    early.go_on(Part(*simulate_first(chosen, 1000)), is_enough)
    assert len(asked) == 3
    assert 0 < early.steps < 400
    check([chosen], early, 1)
