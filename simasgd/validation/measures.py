"""The measures of an observation in its steady state: rates, phases, staleness and the cost of barriers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd

from simasgd.tape.arrays import Floats, Ints
from simasgd.validation.forms import Curve, PhaseTimes, SteadyState
from simasgd.validation.observation import Observation
from simasgd.validation.steady import find_warm_up

OTHER = "other"
"""The time of a learner that no row names."""
REST = "all but computing"
"""The time of a learner's cycle without computing, whatever its rows call it."""
_LEAST_OTHER = 1e-6
_MOST_POINTS = 400
_TOGETHER = 0.25
"""The part of a round's computing by which learners may begin it at different times."""
_MOST_ROUNDS = 0.9
"""The part of the rounds that must have all learners."""
_LEAST_OF_HALF = 10
"""Gradients, or updates, of half a run from which it has a rate of its own."""

Counted = Literal["applied", "computed"]


@final
@dataclass(frozen=True, eq=False)
class Measures:
    """The measures of one run."""

    state: SteadyState
    rate: float | None
    """Gradients per second in the steady state."""
    rate_halves: float | None
    """The difference of the rates of the steady state's two halves, as a fraction of its rate."""
    updates_rate: float | None
    updates_halves: float | None
    whole_rate: float | None
    phases: Mapping[str, PhaseTimes]
    staleness: Ints | None
    """The staleness of the steady state's gradients, in order of time."""
    barrier: float | None
    """The longest ÷ the mean computing of the learners in a round, the mean over rounds; None without rounds."""
    barrier_halves: float | None
    no_barrier: str
    """Why there are no rounds, to follow "because"; "" if there are some."""
    curve: Curve


def measure(found: Observation, counted: Counted, round_size: int) -> Measures:
    """Measure an observation by its applied or computed gradients; learners meet after `round_size` mini-batches each."""
    done_at = found.applied_at if counted == "applied" else found.computed_at
    assert done_at is not None
    begin, left_out = find_warm_up(done_at, found.learners)
    steady = done_at[left_out:]
    middle = (begin + found.seconds) / 2
    halves = [
        _rate_of_half(steady[steady <= middle], middle - begin),
        _rate_of_half(steady[steady > middle], found.seconds - middle),
    ]
    rate = _rate(steady, found.seconds - begin)
    made_at = _made_at(found)
    updates_rate = updates_halves = None
    if made_at is not None:
        of_updates = made_at[made_at > begin] if left_out else made_at
        updates_rate = _rate(of_updates, found.seconds - begin)
        parts = [
            _rate_of_half(of_updates[of_updates <= middle], middle - begin),
            _rate_of_half(of_updates[of_updates > middle], found.seconds - middle),
        ]
        updates_halves = _differ(parts, updates_rate)
    no_barrier = _say_why_no_rounds(found, round_size)
    rounds = None if no_barrier else _round_costs(found, begin, round_size)
    if rounds is None and not no_barrier:
        no_barrier = "no round has computations of all learners"
    half = None if rounds is None else len(rounds) // 2
    barrier = None if rounds is None else float(rounds.mean())
    return Measures(
        state=SteadyState(
            warm_up_seconds=begin,
            warm_up_gradients=left_out,
            steady_seconds=max(0.0, found.seconds - begin),
            steady_gradients=len(steady),
        ),
        rate=rate,
        rate_halves=_differ(halves, rate),
        updates_rate=updates_rate,
        updates_halves=updates_halves,
        whole_rate=_rate(done_at, found.seconds),
        phases={} if found.spans is None else _measure_phases(found.spans, found.learners, begin, found.seconds),
        staleness=None if found.staleness is None or counted != "applied" else found.staleness[left_out:],
        barrier=barrier,
        barrier_halves=_differ([rounds[:half].mean(), rounds[half:].mean()], barrier) if rounds is not None and half else None,
        no_barrier=no_barrier,
        curve=_draw_curve(done_at),
    )


def _rate(done_at: Floats, seconds: float) -> float | None:
    return len(done_at) / seconds if seconds > 0.0 and len(done_at) else None


def _rate_of_half(done_at: Floats, seconds: float) -> float | None:
    """Return the rate of half a run; None if too little was done in it to have one."""
    return _rate(done_at, seconds) if len(done_at) >= _LEAST_OF_HALF else None


def _differ(parts: list[float | None] | list[float], whole: float | None) -> float | None:
    """Return the difference of two halves as a fraction of the whole; None if a half has nothing."""
    first, second = parts
    return None if first is None or second is None or not whole else float(abs(first - second) / whole)


def _made_at(found: Observation) -> Floats | None:
    """Return when each update was made."""
    if found.applied_at is None or found.step is None:
        return None
    return found.applied_at[np.flatnonzero(np.diff(found.step, prepend=-1))]


def _draw_curve(done_at: Floats) -> Curve:
    chosen = np.unique(np.linspace(0, len(done_at) - 1, min(len(done_at), _MOST_POINTS)).astype(np.int64))
    return Curve(seconds=tuple(done_at[chosen].tolist()), gradients=tuple((chosen + 1).tolist()))


def _measure_phases(spans: pd.DataFrame, learners: int, begin: float, end: float) -> dict[str, PhaseTimes]:
    """Return each activity's seconds for each mini-batch.

    A learner's cycle lasts from the start of one computation to the start of its next one. Cycles that begin in the
    warm-up, and the last of each learner, which the end of the run cuts off, do not count.
    """
    cycles = find_cycles(spans)
    kept = cycles[(cycles["begin"] >= begin) & cycles["whole"]]
    if kept.empty:
        return {}
    window = float(kept["lasts"].sum())
    kept = kept.assign(**{REST: np.maximum(0.0, kept["lasts"] - kept["compute"])})
    found = {}
    for name in [column for column in kept.columns if column not in ("learner", "begin", "lasts", "whole")]:
        seconds = kept[name].to_numpy(np.float64)
        if name == OTHER and seconds.sum() <= _LEAST_OTHER * window:
            continue
        found[name] = PhaseTimes(
            mean=float(seconds.mean()),
            p50=float(np.quantile(seconds, 0.5)),
            p95=float(np.quantile(seconds, 0.95)),
            share=float(seconds.sum() / window) if window else 0.0,
        )
    return found


def find_cycles(spans: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cycle of a learner: learner, begin, lasts (s), whole, and the seconds of each activity.

    `whole` is false for a learner's last cycle. OTHER is the time that no span names.
    """
    computes = (spans["activity"] == "compute").to_numpy()
    learner = spans["learner"].to_numpy()
    cycle = np.cumsum(computes)
    # What a learner does before its first computation belongs to no cycle.
    first = np.flatnonzero(np.diff(learner, prepend=-1))
    before = np.repeat(cycle[first] - computes[first], np.diff(np.append(first, len(learner))))
    inside = cycle > before
    rows = pd.DataFrame(
        {
            "cycle": cycle[inside],
            "activity": spans["activity"].to_numpy()[inside],
            "seconds": (spans["end"] - spans["start"]).to_numpy()[inside],
        }
    )
    sums = rows.pivot_table(index="cycle", columns="activity", values="seconds", aggfunc="sum", fill_value=0.0)
    starts = spans[computes]
    table = pd.DataFrame({"learner": starts["learner"].to_numpy(), "begin": starts["start"].to_numpy()}, index=sums.index)
    following = table["begin"].shift(-1)
    same = table["learner"].shift(-1) == table["learner"]
    table["lasts"] = np.where(same, following - table["begin"], 0.0)
    table["whole"] = same
    table = table.join(sums)
    table[OTHER] = np.maximum(0.0, table["lasts"] - sums.sum(axis=1))
    return table.reset_index(drop=True)


def _round_costs(found: Observation, begin: float, round_size: int) -> Floats | None:
    """Return the longest ÷ the mean computing of the learners in each round; None if no round is whole."""
    assert found.spans is not None
    computes = found.spans[found.spans["activity"] == "compute"]
    number = computes.groupby("learner").cumcount() // round_size
    table = computes.assign(seconds=computes["end"] - computes["start"], round=number)
    groups = table.groupby(["round", "learner"])
    sums = groups.agg(seconds=("seconds", "sum"), count=("seconds", "size"), begin=("start", "min"))
    whole = sums[sums["count"] == round_size].unstack("learner").dropna()
    if whole.empty or whole["seconds"].shape[1] < found.learners:
        return None
    kept = whole[whole["begin"].min(axis=1) >= begin]
    seconds = (kept if len(kept) else whole)["seconds"].to_numpy(np.float64)
    means = seconds.mean(axis=1)
    good = means > 0.0
    return seconds[good].max(axis=1) / means[good] if good.any() else None


def _say_why_no_rounds(found: Observation, round_size: int) -> str:
    """Return why learners do not go in rounds; "" if all do: updates have a fresh gradient of each, or all begin together.

    Where it is not known when they began, learners that compute equally often are taken to.
    """
    if found.learners < 2:
        return "there is one learner"
    if found.spans is None:
        return "it is not known what learners do"
    if found.step is not None and found.appliers is not None and found.staleness is not None:
        if not len(found.step):
            return "no update was made"
        if found.staleness.any():
            return "gradients are stale, so learners do not wait for each other"
        counts = np.unique(found.step, return_counts=True)[1]
        together = bool(np.mean(counts == found.learners) >= _MOST_ROUNDS)
        return "" if together else "updates do not have a gradient of every learner"
    computes = found.spans[found.spans["activity"] == "compute"]
    counts = computes.groupby("learner").size()
    if len(counts) < found.learners or int(counts.max() - counts.min()) > round_size or int(counts.min()) < round_size:
        return "learners do not compute equally often"
    if not found.has_starts:
        return ""
    # A barrier lets all learners go at once, whereas learners that do not meet drift apart.
    firsts = computes[computes.groupby("learner").cumcount() % round_size == 0]
    begins = firsts.groupby(firsts.groupby("learner").cumcount())["start"]
    apart = (begins.max() - begins.min()).to_numpy()
    near = _TOGETHER * round_size * (computes["end"] - computes["start"]).mean()
    return "" if np.mean(apart <= near) >= _MOST_ROUNDS else "learners do not begin to compute at the same times"
