"""Random simulations over all protocols, architectures, topologies and faults, with extreme values.

Each simulation ends, and the invariants of every run hold.
"""

from __future__ import annotations

import json
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simasgd import simulate
from simasgd.assembly import assemble
from simasgd.cluster.clock.log import SpanLog
from simasgd.errors import ScenarioError
from simasgd.timing import Timing
from tests.build import TIMING, clock, scenario
from tests.cluster.invariants import holds
from tests.cluster.random_runs import EXTREME, ORDINARY, runs
from tests.protocols.table import ROWS

_LONGEST = 300.0  # CPU seconds that a case may take
_OF_THE_CLOCK = {
    "simulated_seconds", "gradients", "updates", "stopped_by", "hang", "samples", "epochs", "gradients_per_simulated_second",
}  # fmt: skip

compressions = st.sampled_from(
    ["none", "none", "fp16", {"kind": "top-k", "fraction": 0.01}, {"kind": "qsgd", "levels": 4}, "sign"]
)
stops = st.one_of(
    st.builds(
        lambda gradients, seconds: {"gradients": gradients, "simulated_time": seconds},
        st.integers(1, 150),
        st.sampled_from([None, None, "1e-15 s", "1 us", "50 ms", "3 s", "1e15 s"]),
    ),
    st.builds(lambda updates: {"gradients": None, "updates": updates}, st.integers(1, 50)),
)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a scenario's own values, to be merged over `TIMING`."""
    run = draw(runs(values=draw(st.sampled_from([ORDINARY, EXTREME, EXTREME]))))
    if not ROWS[run["protocol"]["kind"]].own_models:  # learners with their own models send no gradients
        run["workload"]["compression"] = draw(compressions)
    return {**run, "stop": draw(stops), "record": draw(st.sampled_from(["summary", "updates", "timeline"]))}


@dataclass
class Report:
    """The outcomes of the cases; `longest` is the CPU time of the slowest case."""

    ends: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    longest_case: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        ends = ", ".join(f"{number:,} {end}" for end, number in self.ends.most_common())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        longest = f"the longest took {self.longest:.1f} s of CPU"
        return f"{self.ends.total():,} simulations: {ends}; {longest}; peak memory {peak:.0f} MiB"


def fuzz(number: int, first: int) -> Report:
    """So many random simulations, fixed by the seed `first`. Raises what is wrong with one."""
    report = Report()

    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @seed(first)
    @given(case=cases())
    def one(case: dict[str, Any]) -> None:
        began = process_time()
        with _limited(), _named(case):
            report.ends[_outcome(case)] += 1
        seconds = process_time() - began
        if seconds > report.longest:
            report.longest, report.longest_case = seconds, case

    one()
    return report


class _EndsNot(Exception):
    """A case takes longer than any should."""


@contextmanager
def _limited() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise _EndsNot(f"it took {_LONGEST:g} s of CPU and was not done")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, _LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _named(case: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"of the case {json.dumps(case)}")
        raise


def _outcome(case: dict[str, Any]) -> str:
    try:
        chosen = scenario(TIMING, case)
    except ScenarioError:
        return "refused"
    clocked, tape = clock(chosen, SpanLog() if chosen.record.kind == "timeline" else None)
    holds(chosen, clocked, tape)
    staleness, ages = Counter(tape.staleness.tolist()), Counter[int]()
    summary = assemble(chosen, Timing(clocked, tape, staleness, ages, 0.0), None, 0.0).summary
    json.dumps(summary.as_json(), allow_nan=False)
    if chosen.record.kind == "summary" and clocked.hang is None:
        again = simulate(chosen).summary
        assert again.model_dump(include=_OF_THE_CLOCK) == summary.model_dump(include=_OF_THE_CLOCK)
    return f"ended by {summary.stopped_by}"


def main(cases: int, seed: int) -> int:
    """Run so many, say what became of them, and return an exit code."""
    report = fuzz(cases, seed)
    print(report)
    print("the longest:", json.dumps(report.longest_case))
    return 0
