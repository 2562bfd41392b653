"""Slow spells in compute times: whether there are any, of which kinds, and the law at normal speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import final

import numpy as np

from simasgd.calibration.laws.correlation import estimate_memory
from simasgd.calibration.laws.families import AbstractFamily
from simasgd.calibration.laws.law_fit import LawFit, compute_distance, fit_laws
from simasgd.calibration.laws.series import Series
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.calibration.spells.constant import describe_constant, find_levels
from simasgd.calibration.spells.kinds import KindFit, describe_kinds
from simasgd.calibration.spells.likelihood import Sequences, Spells
from simasgd.calibration.spells.markov import BestProcess, MarkovFit, describe_process, refine_scales, search_spells
from simasgd.calibration.spells.paths import find_paths
from simasgd.calibration.spells.replicas import (
    MEMBERS,
    MUCH,
    NORMAL_LAW,
    SEVERAL,
    SLOW_LAW,
    SLOWDOWNS,
    TOGETHER,
    measure_chance,
    measure_features,
    simulate_times,
)
from simasgd.tape.arrays import Floats

_SOUGHT, _SHORTEST, _LONGEST = 400_000, 20, 5_000  # mini-batches in which spells are sought: of all, and of each learner
_LEAST = 1.1  # slowdown of a spell
_FEW, _MOST = 2_500, 12_000  # mini-batches of the first and of the last search for a process
_UNLIKELY = 0.3  # log likelihood a mini-batch by which a law is worse that cannot be right
_OF_PATHS = frozenset({SEVERAL, TOGETHER, MEMBERS, SLOWDOWNS, MUCH})  # what a process with one slowdown has not
_DISTINCT = 0.6  # coefficient of variation below which slow mini-batches stand out one by one
_DRAWS = 50_000


@final
@dataclass(frozen=True)
class SlowFit:
    """Slow spells, and the law of times at normal speed."""

    kinds: tuple[KindFit, ...]
    laws: tuple[LawFit, ...]
    """Of the times outside slow spells, the best first."""
    law: str
    """The best of them; `constant` if there are none."""
    cv: Estimate
    means: Floats
    """Of each learner's mini-batches at normal speed (s)."""
    mean_error: float
    """Relative standard error of their mean."""
    distance: float
    """Kolmogorov–Smirnov distance of the law with its spells from the times."""
    apart: bool
    """Whether learners differ."""
    normal_times: tuple[Floats, ...]
    """Of each learner outside slow spells (s)."""
    sought: int
    """Mini-batches in which spells were sought, the first of each learner."""
    fitted: int
    """Mini-batches to which the process was fitted."""


def find_slowness(series: Series) -> SlowFit | None:
    """Find slow spells in times that are autocorrelated; None where they explain the times no better than a law alone."""
    even = find_levels(series.times)
    if even is not None and (kind := describe_constant(series.times, series.gaps, even)) is not None:
        return _of_constant(kind, even, series.times)
    each = int(np.clip(_SOUGHT // len(series.times), _SHORTEST, _LONGEST))
    few = series.take(min(each, max(len(one) for one in series.times)) * len(series.times), 2)
    paths = find_paths(few.times)
    normal = [one[~path] if np.sum(~path) >= 2 else one for one, path in zip(few.times, paths, strict=True)]
    laws = fit_laws(normal)
    kinds = describe_kinds(few, paths, np.array([float(np.mean(one)) for one in normal]))
    found = _find_process(few, kinds, laws, normal)
    claimed = {
        feature: strength for feature, strength in measure_features(kinds, paths).items() if feature != MUCH or found is None
    }
    chance = measure_chance(few, *_explain(few, found)) if claimed else {}
    told = frozenset(feature for feature, strength in claimed.items() if strength > chance.get(feature, 0.0))
    if told & _OF_PATHS:
        return _of_paths(kinds, laws, normal, few.size)
    return None if found is None else _of_process(few, kinds, laws, told, *found)


def _of_constant(kind: KindFit, levels: Floats, times: Sequence[Floats]) -> SlowFit:
    apart = float(np.ptp(levels)) > 1e-6 * float(np.mean(levels))
    size = sum(len(one) for one in times)
    normal = tuple(one[one < 1.000003 * level] for one, level in zip(times, levels, strict=True))
    return SlowFit((kind,), (), "constant", Estimate(0.0, 0.0), levels, 0.0, 0.0, apart, normal, size, size)


def _of_paths(kinds: Sequence[KindFit], laws: Sequence[LawFit], normal: Sequence[Floats], sought: int) -> SlowFit:
    best, size = laws[0], sum(len(one) for one in normal)
    return SlowFit(
        tuple(kinds), tuple(laws), best.family.name, best.cv, best.means, best.cv.value / np.sqrt(size), best.distance,
        len(set(best.means.tolist())) > 1, tuple(normal), sought, sought,
    )  # fmt: skip


def _explain(series: Series, found: tuple[BestProcess, Floats] | None) -> tuple[AbstractFamily, Spells, Floats]:
    """Return the simplest law that explains the times, its parameters and the learners' scales: with spells, or without."""
    if found is not None:
        return found[0].family, found[0].spells, found[1]
    plain = fit_laws(series.times)[0]
    mean = float(np.mean(plain.means))
    return plain.family, Spells(mean, plain.cv.value, 1.0, mean, mean), plain.means / mean


def _find_process(
    series: Series, kinds: Sequence[KindFit], laws: Sequence[LawFit], normal: Sequence[Floats]
) -> tuple[BestProcess, Floats] | None:
    """Find the process with one slowdown, and the learners' scales; None where a law without spells is more likely."""
    levels = np.array([float(np.mean(one)) for one in normal])
    apart = len(set(laws[0].means.tolist())) > 1
    sequences = Sequences.of(series.times, series.gaps)
    plain = fit_laws(series.times)
    ones = np.ones(len(levels))

    def search(law: LawFit, starts: Sequence[Spells]) -> list[tuple[BestProcess, Floats]]:
        scales = _scale(series, levels, law.family) if apart else ones
        few = sequences.over(scales).take(_FEW)
        tried = (search_spells(law.family, few, start) for start in starts)
        return [(one, scales) for one in tried if one is not None]

    def rank(pair: tuple[BestProcess, Floats]) -> float:
        return pair[0].information + _stretch(sequences.over(pair[1]).take(_FEW))

    base, by_name = float(np.mean(levels)), {fit.family.name: fit for fit in laws}
    first = next(fit for fit in laws if not fit.family.has_bound)
    found = search(first, _guess(series, kinds, base, first))
    if not found:
        return None
    near = min(found, key=rank)[0].spells
    # Times outside spells were told apart by a rough law, so of every law that may be right the process decides.
    for law in (by_name[name] for name in _list_likely(laws, plain) if name != first.family.name):
        own = float(np.clip(law.cv.value, 1e-3, law.family.largest_cv * 0.99)) if law.family.has_cv else 1.0
        found += search(law, [near._replace(cv=own)])
    best, scales = min(found, key=rank)
    if best.family.name != first.family.name:  # the first law's spells may be far off
        own_law = by_name[best.family.name]
        best, scales = min([*found, *search(own_law, _guess(series, kinds, base, own_law))], key=rank)
    if apart and not best.family.has_bound:
        scales = scales * refine_scales(best, sequences.over(scales))
    compared = sequences.over(scales).take(_MOST)
    best = search_spells(best.family, compared, best.spells) or best
    extra = _stretch(compared) + ((len(compared.scales) - 1) * np.log(best.observations) if apart else 0.0)
    without = fit_laws(sequences.take(_MOST).times)[0].information
    return (best, scales) if best.information + extra < without else None


def _list_likely(laws: Sequence[LawFit], plain: Sequence[LawFit]) -> list[str]:
    """Return the laws that may be right: those nearly as likely as the best, of times outside spells or of all times."""
    names = []
    for fits in (laws, plain):
        least = min(fit.information for fit in fits)
        names += [fit.family.name for fit in fits if fit.information < least + 2 * _UNLIKELY * fit.observations]
    return list(dict.fromkeys(names))


def _of_process(
    series: Series, kinds: Sequence[KindFit], laws: Sequence[LawFit], told: frozenset[str], found: BestProcess, scales: Floats
) -> SlowFit | None:
    """Describe a process with one slowdown; None where the slowdown is not told."""
    sequences = Sequences.of(series.times, series.gaps).over(scales)
    compared = sequences.take(_MOST)
    fit = describe_process(found, compared)
    if not (isfinite(fit.slowdown.error) and fit.slowdown.value > _LEAST):
        return None
    means = fit.mean.value * scales
    return SlowFit(
        (_kind_of(fit, kinds, told, compared),), tuple(laws), found.family.name, fit.cv, means,
        fit.mean.error / fit.mean.value, _compute_distance(found, series, scales), len(set(scales.tolist())) > 1,
        tuple(one[one < 0.5 * (1 + fit.slowdown.value) * mean] for one, mean in zip(series.times, means, strict=True)),
        series.size, compared.size,
    )  # fmt: skip


def _kind_of(fit: MarkovFit, kinds: Sequence[KindFit], told: frozenset[str], sequences: Sequences) -> KindFit:
    """Return the process as a kind of spells; laws of lengths, where they are told, come from the spells that were seen."""
    if len(kinds) == 1 and told & {SLOW_LAW, NORMAL_LAW}:
        seen = replace(kinds[0], slowdown=fit.slowdown, slowdowns=None, members=None)
        slow_law, normal_law = seen.slow_law if SLOW_LAW in told else None, seen.normal_law if NORMAL_LAW in told else None
        return replace(seen, slow_law=slow_law, normal_law=normal_law)
    spent = sum(float(np.sum(one)) for one in sequences.real_times) + sum(float(np.sum(one)) for one in sequences.gaps)
    spells = round(spent / (fit.normal.value + fit.slow.value))
    return KindFit(None, False, fit.slowdown, None, fit.normal, None, fit.slow, None, spells)


def _scale(series: Series, levels: Floats, family: AbstractFamily) -> Floats:
    """Return by how much each learner's times are longer than others': of a law with a least time, by that."""
    scales = np.array([float(np.min(one)) for one in series.times]) if family.has_bound else levels
    result: Floats = scales / np.mean(scales)
    return result


def _stretch(sequences: Sequences) -> float:
    """Return by how much −2·log likelihood of times as they were is more than that at speed 1, whose density is greater."""
    return 2 * sum(len(one) * float(np.log(scale)) for one, scale in zip(sequences.times, sequences.scales, strict=True))


def _guess(series: Series, kinds: Sequence[KindFit], base: float, law: LawFit) -> list[Spells]:
    """Return starts of the search: from the spells that were found, and from the autocorrelation."""
    family = law.family
    cv = float(np.clip(law.cv.value, 1e-3, min(family.largest_cv, 2.0) * 0.99)) if family.has_cv else 1.0
    starts = [Spells(base, cv, max(kind.slowdown.value, 1.2), kind.normal.value, kind.slow.value) for kind in kinds[-1:]]
    if kinds and cv < _DISTINCT and kinds[-1].spells >= 5 and kinds[-1].slow.value > 3 * base * kinds[-1].slowdown.value:
        return starts
    # From how long the autocorrelation lasts, with a fifth of the time slow.
    mean = sum(float(np.sum(one)) for one in series.times) / series.size
    slow = mean * estimate_memory(series.times) * 1.25
    for slowdown in (2.0, 5.0):
        normal_mean = mean * (0.8 + 0.2 / slowdown)
        own = float(np.clip(cv * 0.8, 0.01, 0.99)) if family.has_cv else 1.0
        starts.append(Spells(normal_mean, own, slowdown, 4 * slow, slow))
    return starts


def _compute_distance(found: BestProcess, series: Series, scales: Floats) -> float:
    """Compute the Kolmogorov–Smirnov distance of times at speed 1 from the process, by simulation of as long a log."""
    many = max(_DRAWS // series.size, 1)
    drawn = simulate_times(series, found.family, found.spells, scales, many, np.random.default_rng(0))
    simulated, measured = (
        np.sort(np.concatenate([one / scales[row % len(scales)] for row, one in enumerate(times)]))
        for times in (drawn, series.times)
    )
    return compute_distance(measured, np.searchsorted(simulated, measured, side="right") / len(simulated))
