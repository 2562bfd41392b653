"""Kinds of slow spells, as `cluster.stragglers` has them, from the times at which learners were slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import NamedTuple, final

import numpy as np

from simasgd.calibration.laws.law_fit import fit_laws, is_constant
from simasgd.calibration.laws.series import Series
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.calibration.spells.groups import find_groups, is_by_chance, sample_slowness
from simasgd.calibration.spells.paths import Booleans
from simasgd.tape.arrays import Floats

_LENGTHS = 30  # spells from which a law of their lengths is fitted
_LONG = 10.0  # mini-batches in a mean slow spell, from which the laws of lengths can be told
_EVEN = 0.03  # coefficient of variation of lengths below which they are constant
_CLEARLY = 10.0  # by which the information of a law must be better than that of the exponential law
_SLOWDOWNS, _BATCHES = 8, 3  # the fewest spells, and mini-batches in them, from which a law of slowdowns is fitted
_VARIED = 0.3  # coefficient of variation of slowdown − 1 from which slowdowns vary
_UNLIKE = 0.15  # relative distance between the means of slowdowns over spells and over time, from which kinds are divided
_DUE = 5.0  # spells: with as many due, none is seen in 7 cases of 1,000
MOST_KINDS = 20  # that a scenario may have


class FactorLaw(NamedTuple):
    """A law of factors with mean 1."""

    name: str
    cv: Estimate


@final
@dataclass(frozen=True)
class KindFit:
    """Slow spells of one kind."""

    members: tuple[int, ...] | None
    """Positions of the learners that have them; None: all."""
    together: bool
    """Whether all members are slow at once."""
    slowdown: Estimate
    slowdowns: FactorLaw | None
    """Law of slowdown − 1 over its mean, where every spell has its own."""
    normal: Estimate
    """Mean length of a normal spell (s)."""
    normal_law: FactorLaw | None
    """None: exponential."""
    slow: Estimate
    """Mean length of a slow spell (s)."""
    slow_law: FactorLaw | None
    spells: int


class _Runs(NamedTuple):
    """Slow spells of one learner or group. Arrays have one element for each spell."""

    begins: Floats
    """(s)"""
    ends: Floats
    """(s)"""
    slowdowns: Floats
    """Mean slowdown of each spell."""
    batches: Floats
    """Mini-batches in each spell."""
    first: float
    """When the log begins (s)."""
    last: float

    @property
    def lengths(self) -> Floats:
        return self.ends - self.begins

    def choose(self, chosen: Booleans) -> _Runs:
        return _Runs(
            self.begins[chosen], self.ends[chosen], self.slowdowns[chosen], self.batches[chosen], self.first, self.last
        )

    def whole(self) -> tuple[Floats, Floats]:
        """Return the lengths of the whole normal and slow spells, which the log's ends do not cut (s)."""
        inside = (self.begins > self.first) & (self.ends < self.last)
        return self.begins[1:] - self.ends[:-1], self.lengths[inside]


def describe_kinds(series: Series, paths: Sequence[Booleans], levels: Floats) -> list[KindFit]:
    """Return the kinds of spells: of each group of learners that are slow together, and of all others.

    Args:
        levels: mean time of a mini-batch at normal speed, of each learner (s).
    """
    instants, slow = sample_slowness(series, paths)
    own = [_find_runs(series, paths, levels, number) for number in range(len(paths))]
    lasting = max(float(instants[-1] - instants[0]), 1e-300)

    def is_real(group: Sequence[int]) -> bool:
        slow_times = [series.times[number][paths[number]] for number in group]
        near = float(np.mean(np.concatenate(slow_times)))
        return not is_by_chance([own[number].begins for number in group], near, lasting, len(paths))

    groups = [group for group in find_groups(slow) if is_real(group)]
    kinds: list[KindFit] = []
    for group in groups:
        runs = [_find_common_runs(series, paths, levels, group, instants, np.mean(slow[group], axis=0) >= 0.5)]
        members = tuple(group) if len(group) < len(paths) else None
        kinds += [_summarize(part, members, together=True) for part in _split(runs)]
    grouped = {number for group in groups for number in group}
    single = [number for number in range(len(paths)) if number not in grouped]
    of_single = [own[number] for number in single]
    if sum(len(one.begins) for one in of_single):
        for part in _split(of_single):
            kinds.append(_of_singles(single, part, everyone=not groups))
    kinds.sort(key=lambda kind: -kind.slow.value * kind.spells * (kind.slowdown.value - 1))
    return kinds[:MOST_KINDS]


def _of_singles(numbers: Sequence[int], runs: Sequence[_Runs], *, everyone: bool) -> KindFit:
    """Return a kind of learners that each have spells of their own."""
    spells = sum(len(one.begins) for one in runs)
    hit = [(number, one) for number, one in zip(numbers, runs, strict=True) if len(one.begins)]
    if spells * (1 - len(hit) / len(numbers)) > _DUE:
        # Learners that had no spell, though several were due, have none at all.
        return _summarize([one for _, one in hit], tuple(number for number, _ in hit), together=False)
    return _summarize(runs, None if everyone else tuple(numbers), together=False)


def _split(runs: Sequence[_Runs]) -> list[Sequence[_Runs]]:
    """Divide spells into a mild and a severe kind where long ones are of another slowdown than short ones."""
    # A spell of one or two mini-batches is partly normal, or only an unusual draw of the law.
    long = [one.choose(one.batches >= _BATCHES) for one in runs]
    slowdowns, weights = np.concatenate([one.slowdowns for one in long]), np.concatenate([one.lengths for one in long])
    if len(slowdowns) < 2:
        return [runs]
    mean, weighted = float(np.mean(slowdowns)), float(np.sum(slowdowns * weights) / np.sum(weights))
    if abs(weighted / mean - 1) < _UNLIKE:
        return [runs]
    limit = _find_limit(np.log(slowdowns), weights)
    parts = [[one.choose(flags) for one, flags in zip(runs, side, strict=True)] for side in (
        [one.slowdowns <= limit for one in runs], [one.slowdowns > limit for one in runs]
    )]  # fmt: skip
    means = [float(np.mean(np.concatenate([one.slowdowns for one in part]))) for part in parts]
    return list(parts) if means[1] - 1 > 1.5 * (means[0] - 1) else [runs]


def _find_limit(values: Floats, weights: Floats) -> float:
    """Return the limit between two classes of logarithms that leaves the least variance within them (N. Otsu, 1979)."""
    order = np.argsort(values)
    value, weight = values[order], weights[order]
    below, above = np.cumsum(weight)[:-1], np.cumsum(weight[::-1])[::-1][1:]
    sums = np.cumsum(weight * value)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    at = int(np.nanargmax(between))
    return float(np.exp((value[at] + value[at + 1]) / 2))


def _find_runs(series: Series, paths: Sequence[Booleans], levels: Floats, number: int) -> _Runs:
    """Return the spells of one learner, from the start of the first mini-batch to the end of the last."""
    path, times, starts = paths[number], series.times[number], series.starts[number]
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    last = float(starts[-1] + times[-1])
    moments = np.append(starts[bounds[:-1]], last)
    is_slow, batches = path[bounds[:-1]], np.diff(bounds)
    slowdowns = np.add.reduceat(times, bounds[:-1]) / batches / levels[number]
    return _Runs(
        moments[:-1][is_slow], moments[1:][is_slow], slowdowns[is_slow], batches[is_slow].astype(float), float(starts[0]), last
    )


def _find_common_runs(
    series: Series, paths: Sequence[Booleans], levels: Floats, group: Sequence[int], instants: Floats, common: Booleans
) -> _Runs:
    """Return the spells that a group has in common."""
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(common)) + 1, [len(common) - 1]])
    is_slow = common[bounds[:-1]]
    begins, ends = instants[bounds[:-1]][is_slow], instants[bounds[1:]][is_slow]
    slowdowns, batches = np.zeros(len(begins)), np.zeros(len(begins))
    for number in group:
        middle = series.starts[number] + series.times[number] / 2
        factors = np.where(paths[number], series.times[number] / levels[number], 0.0)
        place = np.searchsorted(begins, middle, side="right") - 1
        inside = (place >= 0) & paths[number] & (middle <= ends[np.maximum(place, 0)])
        np.add.at(slowdowns, place[inside], factors[inside])
        np.add.at(batches, place[inside], 1.0)
    seen = batches > 0
    return _Runs(
        begins[seen], ends[seen], slowdowns[seen] / batches[seen], batches[seen], float(instants[0]), float(instants[-1])
    )


def _summarize(runs: Sequence[_Runs], members: tuple[int, ...] | None, *, together: bool) -> KindFit:
    """Return the mean slowdown and lengths of spells, and their laws."""
    slowdowns, batches = (np.concatenate([getattr(one, name) for one in runs]) for name in ("slowdowns", "batches"))
    law = fit_slowdowns(slowdowns, batches)
    chosen = batches >= _BATCHES if law is not None else batches > 0
    weights = np.ones(int(chosen.sum())) if law is not None else batches[chosen]
    mean = float(np.sum(slowdowns[chosen] * weights) / np.sum(weights))
    # The error is that of a mean over spells.
    off = weights * (slowdowns[chosen] - mean)
    error = sqrt(float(np.sum(off**2))) / float(np.sum(weights)) if len(off) > 1 else inf
    normal, slow = (np.concatenate(lengths) for lengths in zip(*(one.whole() for one in runs), strict=True))
    spent = sum(float(np.sum(one.lengths)) for one in runs)
    total = sum(one.last - one.first for one in runs)
    begun = sum(int(np.sum(one.begins > one.first)) for one in runs)
    size = float(np.sum(batches)) / len(batches)
    normal_mean, normal_law = _estimate_length(normal, total - spent, begun, size)
    slow_mean, slow_law = _estimate_length(slow, spent, len(slow), size)
    return KindFit(members, together, Estimate(mean, error), law, normal_mean, normal_law, slow_mean, slow_law, len(slowdowns))


def _estimate_length(whole: Floats, total: float, ended: int, batches: float) -> tuple[Estimate, FactorLaw | None]:
    """Return the mean length (s) of spells that last so long in all, and end so often; and the law of whole ones."""
    law = fit_lengths(whole) if batches >= _LONG else None
    value = total / max(ended, 1)
    variation = law.cv.value if law is not None else 1.0
    if not variation:
        return Estimate(value, 0.0), law
    return Estimate.of_lengths(value, ended / variation**2), law


def fit_lengths(lengths: Floats) -> FactorLaw | None:
    """Return the law of the lengths of spells; None where nothing is clearly better than the exponential law."""
    if len(lengths) < _LENGTHS:
        return None
    if is_constant([lengths]) or np.std(lengths) < _EVEN * np.mean(lengths):
        return FactorLaw("constant", Estimate(0.0, 0.0))
    fits = {fit.family.name: fit for fit in fit_laws([lengths])}
    # Laws with a least length fit well only because short spells are not seen.
    best = min((fits[name] for name in ("gamma", "lognormal", "exponential")), key=lambda fit: fit.information)
    if best.information > fits["exponential"].information - _CLEARLY:
        return None
    return FactorLaw(best.family.name, best.cv)


def fit_slowdowns(slowdowns: Floats, batches: Floats) -> FactorLaw | None:
    """Return the law of slowdown − 1 over its mean; None where spells have one slowdown."""
    long = slowdowns[batches >= _BATCHES]
    if len(long) < _SLOWDOWNS:
        return None
    excess = long - 1.0
    noise = float(np.mean((0.2 * long) ** 2 / batches[batches >= _BATCHES]))
    variation = sqrt(max(float(np.var(excess, ddof=1)) - noise, 0.0)) / float(np.mean(excess))
    if variation < _VARIED:
        return None
    best = fit_laws([excess])[0]
    return FactorLaw(best.family.name, best.cv)
