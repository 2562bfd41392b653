"""The timing that was simulated last, and the next one, which another process may simulate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

from simasgd.ahead.helper import Helper
from simasgd.ahead.worth import Pace, count_helpers
from simasgd.scenario.schema import Scenario
from simasgd.timing import ReportPart, Timing, simulate_timing, timing_name


@final
class LatestTiming:
    """The timing that was simulated last, for the next scenario if that has the same.

    Where the next scenarios are known, another process simulates the first of other timing
    meanwhile, if `count(scenarios, pace)` says that this is worth its start. `close` ends it.
    """

    def __init__(self, count: Callable[[Sequence[Scenario], Pace], int] = count_helpers) -> None:
        self._name = ""
        self._timing: Timing | None = None
        self._count = count
        self._pace = Pace()
        self._helper: Helper | None = None
        self._under_way = ""
        self._can_start = True

    def get(self, scenario: Scenario, progress: ReportPart, following: Sequence[Scenario] = ()) -> Timing:
        """Return the timing of a scenario, which these scenarios follow. If it is the last one, it takes no time again."""
        name = timing_name(scenario)
        if self._timing is not None and name == self._name:
            self._look_ahead(following)
            return replace(self._timing, seconds=0.0)
        self._timing, self._name = None, name  # before another one takes memory
        if self._under_way != name:
            self._look_ahead(following)
        self._timing = timing = self._take(name, progress) or simulate_timing(scenario, progress)
        self._pace.note(timing)
        self._look_ahead(following)
        return timing

    def close(self) -> None:
        """End the other process, if there is one."""
        if self._helper is not None:
            self._helper.close()
        self._helper, self._under_way = None, ""

    def _take(self, name: str, progress: ReportPart) -> Timing | None:
        if self._helper is None or self._under_way != name:
            return None
        self._under_way = ""
        return self._helper.take(lambda fraction: progress("simulate", fraction))

    def _look_ahead(self, following: Sequence[Scenario]) -> None:
        """Begin to simulate the next timing, unless it is under way; end the process if there is no next one."""
        to_come = {timing_name(one): one for one in following}
        to_come.pop(self._name, None)
        if self._under_way and self._under_way in to_come:
            return
        if self._under_way or not to_come:
            self.close()
        if not to_come:
            return
        if self._helper is None and self._can_start and self._count([*to_come.values()], self._pace):
            try:
                self._helper = Helper()
            except OSError:  # no further process can be started here, so this one does the work
                self._can_start = False
        if self._helper is not None:
            self._under_way = next(iter(to_come))
            self._helper.begin(to_come[self._under_way])
