"""Preparation of a run's learning: data is read and programs are compiled while another process simulates the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from simasgd.ahead.worth import count_gradients
from simasgd.scenario.schema import Scenario
from simasgd.timing import simulate_first

if TYPE_CHECKING:
    from simasgd.learning.own import Task
    from simasgd.learning.players.player import AbstractPlayer

_FIRST, _FIRST_ROUNDS = 4_000, 4
"""The gradients from which the shapes of a whole tape are foretold: in all, or of each learner if that is more."""
_MOST_OF_CLOCK = 0.25  # of a clock is simulated twice, at most


def preparation_of(
    scenarios: Sequence[Scenario], task: Task | None = None, player: AbstractPlayer | None = None
) -> Callable[[], None] | None:
    """Return what learning a group of scenarios can do before it has their tape; None without learning.

    Data is read and programs are compiled. Those of the loop depend on the tape, so its first part
    is simulated here, too.
    """
    if scenarios[0].learning is None:
        return None

    def prepare() -> None:
        from simasgd.learning import train

        train.prepare(scenarios[0], task)
        if player is None:
            _compile_ahead(scenarios, task)

    return prepare


def _compile_ahead(scenarios: Sequence[Scenario], task: Task | None) -> None:
    """Compile the loop for a tape like that of the clock's first part, if this part is short and the memory suffices.

    It saves time only: a loop that is not compiled here is compiled once its tape is there.
    """
    from simasgd.learning import train

    gradients = max(_FIRST, _FIRST_ROUNDS * scenarios[0].cluster.learners)
    in_all = count_gradients(scenarios[0])
    if in_all and gradients > _MOST_OF_CLOCK * in_all:
        return
    try:
        first, fraction = simulate_first(scenarios[0], gradients)
    except MemoryError:
        return
    if 0.0 < fraction < _MOST_OF_CLOCK:
        train.expect(scenarios, first, 1.0 / fraction, task)
