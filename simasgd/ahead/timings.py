"""The timings of a sequence of scenarios, the next ones simulated ahead by other processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeAlias, final

from simasgd.ahead.helper import Helper
from simasgd.ahead.worth import Pace, count_helpers
from simasgd.scenario.schema import Scenario
from simasgd.timing import ReportPart, Timing, simulate_timing, timing_name

Meanwhile: TypeAlias = Callable[[Helper], None]
"""A function that this process calls while the helper simulates the clock. Its argument is the helper."""


def silent(phase: str, fraction: float) -> None:
    """Report nothing."""
    del phase, fraction


@final
class Timings:
    """The timings of scenarios, which are asked for in their order.

    Each is simulated once and kept until its last scenario is done. While this process simulates or
    learns, others simulate the next ones. `count(scenarios, pace)` says how many processes the clocks to
    come are worth. A timing is a function of its scenario, whoever simulates it.

    A context manager: at its end the other processes have ended, too.
    """

    def __init__(self, scenarios: Sequence[Scenario], count: Callable[[Sequence[Scenario], Pace], int] = count_helpers) -> None:
        names = [timing_name(scenario) for scenario in scenarios]
        self._uses_left = Counter(names)
        self._to_come = dict(zip(names, scenarios, strict=True))
        self._kept: dict[str, Timing] = {}
        self._helpers: list[Helper] = []
        self._under_way: dict[str, Helper] = {}
        self._pace = Pace()
        self._count = count
        self._can_start = True

    def __enter__(self) -> Timings:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for helper in self._helpers:
            helper.close()

    def get(self, scenario: Scenario, progress: ReportPart, meanwhile: Meanwhile | None = None) -> Timing:
        """Return the timing of a scenario, simulated now unless it is there or under way.

        What is to be done `meanwhile` is done here if another process simulates the clock for it, and is
        not ready. It may wait for that process, and get the tape while it is written.
        """
        name = timing_name(scenario)
        if name not in self._kept:
            self._to_come.pop(name, None)
            if meanwhile is not None and name not in self._under_way:
                self._hand_over(name, scenario)
            self._look_ahead()
            if meanwhile is not None and name in self._under_way and not self._under_way[name].is_done:
                meanwhile(self._under_way[name])
            self._kept[name] = timing = self._take(name, scenario, progress)
            self._pace.note(timing)
            self._look_ahead()
        return self._kept[name]

    def release(self, scenario: Scenario) -> None:
        """Count one use of a timing as done, and forget the timing after its last use."""
        name = timing_name(scenario)
        self._uses_left[name] -= 1
        if not self._uses_left[name]:
            self._kept.pop(name, None)

    def _take(self, name: str, scenario: Scenario, progress: ReportPart) -> Timing:
        helper, found = self._under_way.pop(name, None), None
        if helper is not None:
            if self._to_come and not helper.is_done:
                self._simulate_following()
            found = helper.take(lambda fraction: progress("simulate", fraction))
        return simulate_timing(scenario, progress) if found is None else found

    def _simulate_following(self) -> None:
        """Simulate the clock of a scenario to come, in place of waiting for another process."""
        following = next(iter(self._to_come))
        try:
            self._kept[following] = timing = simulate_timing(self._to_come.pop(following), silent)
        except Exception:  # noqa: BLE001  # simulated again, it is raised when that scenario is asked for
            return
        self._pace.note(timing)

    def _hand_over(self, name: str, scenario: Scenario) -> None:
        """Let another process simulate a clock that is due, if there is a core for it besides those for the clocks to come.

        Where there is only one, or none to come, this process loses nothing by what it does meanwhile.
        """
        most = self._count([scenario, *self._to_come.values()], self._pace)
        if most > len(self._helpers) and (most > 1 or not self._to_come) and self._start():
            self._helpers[-1].begin(scenario, sends_parts=True)
            self._under_way[name] = self._helpers[-1]

    def _start(self) -> bool:
        """Start a process, unless that failed before; tell whether there is one more."""
        if not self._can_start:
            return False
        try:
            self._helpers.append(Helper())
        except OSError:  # no further process can be started here, so this one does the work
            self._can_start = False
        return self._can_start

    def _look_ahead(self) -> None:
        """Begin to simulate the next clocks, as many as there are processes for them."""
        most = self._count([*self._to_come.values()], self._pace) if self._to_come else 0
        while len(self._helpers) < most and self._start():
            pass
        for helper in [helper for helper in self._helpers if helper.is_free]:
            if self._to_come:
                name = next(iter(self._to_come))
                helper.begin(self._to_come.pop(name))
                self._under_way[name] = helper
            else:
                self._helpers.remove(helper)
                helper.close()
