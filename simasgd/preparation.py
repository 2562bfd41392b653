"""Learning before there is a tape: what can be done while another process simulates the clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from simasgd.ahead.helper import Helper
from simasgd.ahead.worth import count_gradients
from simasgd.errors import RunFailed
from simasgd.results.unfinished import UnfinishedWork
from simasgd.scenario.schema import Scenario
from simasgd.timing import ReportPart, simulate_first

if TYPE_CHECKING:
    from simasgd.learning.early import EarlyLearning
    from simasgd.learning.own import Task
    from simasgd.learning.players.player import AbstractPlayer

_FIRST, _FIRST_ROUNDS = 4_000, 4
"""The gradients from which the shapes of a whole tape are foretold: in all, or of each learner if that is more."""
_MOST_OF_CLOCK = 0.25  # of a clock is simulated twice, at most


@final
class Preparation:
    """What learning a group of scenarios can do before it has their tape.

    Data is read and programs are compiled. Those of the loop depend on the tape, so its first part
    is simulated here, too. Then the tape is replayed as far as it is written. `early` is what this
    has come to; None if nothing was replayed.
    """

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        progress: ReportPart,
        task: Task | None = None,
        player: AbstractPlayer | None = None,
        work: UnfinishedWork | None = None,
    ) -> None:
        """Take the arguments of `simulator.run_group`; there is learning. `progress` is told how much of the clock is done."""
        self.early: EarlyLearning | None = None
        self._scenarios = scenarios
        self._progress = progress
        self._task = task
        self._player = player
        self._work = work

    def __call__(self, helper: Helper) -> None:
        """Do all this while a helper simulates the clock of these scenarios."""
        from simasgd.learning import train

        train.prepare(self._scenarios[0], self._task)
        if self._player is None:
            self._compile_loop()
            self._replay(helper)

    def _compile_loop(self) -> None:
        """Compile the loop for a tape like that of the clock's first part, if this part is short and the memory suffices.

        It saves time only: a loop that is not compiled here is compiled once its tape is there.
        """
        from simasgd.learning import train

        scenario = self._scenarios[0]
        gradients = max(_FIRST, _FIRST_ROUNDS * scenario.cluster.learners)
        in_all = count_gradients(scenario)
        if in_all and gradients > _MOST_OF_CLOCK * in_all:
            return
        try:
            first, fraction = simulate_first(scenario, gradients)
        except MemoryError:
            return
        if 0.0 < fraction < _MOST_OF_CLOCK:
            train.expect(self._scenarios, first, 1.0 / fraction, self._task)

    def _replay(self, helper: Helper) -> None:
        """Replay the tape as far as it is written, until it is whole.

        A run that is continued, and one that resumes from a checkpoint, wait for the whole tape. So does one whose
        clock was begun ahead: the time is better spent on the next clock.
        """
        from simasgd.learning.early import EarlyLearning

        resumes = self._work is not None and self._work.checkpoint(self._scenarios).is_file()
        if not helper.sends_parts or self._scenarios[0].stop.continued or resumes:
            return

        def is_whole() -> bool:
            self._progress("simulate", helper.fraction)
            return helper.is_done

        early = EarlyLearning(self._scenarios, self._task)
        while not is_whole() and not early.is_over:
            part = helper.wait()
            if part is None:
                continue
            try:
                early.go_on(part, is_whole)
            except (MemoryError, RunFailed):  # the message for the whole tape has its own numbers
                early.forget()
                return
        self.early = early
