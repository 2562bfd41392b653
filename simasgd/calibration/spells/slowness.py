"""Slow spells in compute times: whether there are any, of which kinds, and the law at normal speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import final

import numpy as np

from simasgd.calibration.laws.correlation import estimate_memory
from simasgd.calibration.laws.estimates import Estimate
from simasgd.calibration.laws.families import AbstractFamily
from simasgd.calibration.laws.law_fit import LawFit, compute_distance, fit_laws
from simasgd.calibration.laws.series import Series
from simasgd.calibration.spells.constant import describe_constant, find_levels
from simasgd.calibration.spells.kinds import KindFit, describe_kinds
from simasgd.calibration.spells.likelihood import Sequences, Spells
from simasgd.calibration.spells.markov import MarkovFit, fit_spells, refine_scales
from simasgd.calibration.spells.paths import Flags, find_paths
from simasgd.tape.arrays import Floats

_LONGEST = 5_000  # mini-batches of a learner, in which spells are sought
_LEAST = 1.1  # slowdown of a spell
_FEW, _MOST = 2_500, 12_000  # mini-batches of the first and of the last search for a process
_ALIKE = {"gamma", "lognormal"}  # laws that differ little where times vary little
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


def find_slowness(series: Series) -> SlowFit | None:
    """Find slow spells in times that are autocorrelated; None where they explain the times no better than a law alone."""
    even = find_levels(series.times)
    if even is not None and (kind := describe_constant(series.times, series.gaps, even)) is not None:
        return _of_constant(kind, even, series.times)
    each = min(_LONGEST, max(len(one) for one in series.times))
    few = series.take(each * len(series.times), 2)
    paths = find_paths(few.times)
    normal = [one[~path] if np.sum(~path) >= 2 else one for one, path in zip(few.times, paths, strict=True)]
    laws = fit_laws(normal)
    levels = np.array([float(np.mean(one)) for one in normal])
    kinds = describe_kinds(few, paths, levels)
    if len(kinds) > 1 or any(kind.together or kind.slowdowns is not None or kind.members is not None for kind in kinds):
        return _of_paths(kinds, laws, normal)
    found = _of_process(few, kinds, laws, levels)
    return found if found is not None or not _explain_much(few, paths, kinds) else _of_paths(kinds, laws, normal)


def _of_constant(kind: KindFit, levels: Floats, times: Sequence[Floats]) -> SlowFit:
    apart = float(np.ptp(levels)) > 1e-6 * float(np.mean(levels))
    normal = tuple(one[one < 1.000003 * level] for one, level in zip(times, levels, strict=True))
    return SlowFit((kind,), (), "constant", Estimate(0.0, 0.0), levels, 0.0, 0.0, apart, normal)


def _explain_much(series: Series, paths: Sequence[Flags], kinds: Sequence[KindFit]) -> bool:
    """Return whether spells that were found last, and slow mini-batches far more than the law does."""
    slow = sum(int(np.sum(path)) for path in paths)
    spells = sum(kind.spells for kind in kinds)
    return bool(kinds) and slow >= 3 * spells and slow >= 10


def _of_paths(kinds: Sequence[KindFit], laws: Sequence[LawFit], normal: Sequence[Floats]) -> SlowFit:
    best, size = laws[0], sum(len(one) for one in normal)
    return SlowFit(
        tuple(kinds), tuple(laws), best.family.name, best.cv, best.means, best.cv.value / np.sqrt(size), best.distance,
        len(set(best.means.tolist())) > 1, tuple(normal),
    )  # fmt: skip


def _of_process(series: Series, kinds: Sequence[KindFit], laws: Sequence[LawFit], levels: Floats) -> SlowFit | None:
    """Fit a process with one slowdown; None where a law without spells is more likely."""
    apart = len(set(laws[0].means.tolist())) > 1
    sequences, base = Sequences(series.times, series.gaps), float(np.mean(levels))
    plain = fit_laws(series.times)
    families = {fit.family.name: fit.family for fit in (laws[0], plain[0])}
    if laws[0].family.name in _ALIKE:  # which of the two is told only with the spells
        families |= {fit.family.name: fit.family for fit in laws if fit.family.name in _ALIKE}
    if abs(plain[0].cv.value - 1.0) < 0.3:  # spells make times vary more, so an exponential law may look like another one
        families["exponential"] = next(fit.family for fit in laws if not fit.family.has_cv)
    found: list[tuple[MarkovFit, Floats]] = []
    for family in families.values():
        scales = _scale(series, levels, family) if apart else np.ones(len(levels))
        law = next(fit for fit in laws if fit.family.name == family.name)
        for start in _guess(series, kinds, base, law):
            fit = fit_spells(family, sequences.over(scales), start, _FEW, _FEW)
            found += [(fit, scales)] if fit is not None else []
    if not found:
        return None
    few = sequences.take(_FEW)
    best, scales = min(found, key=lambda pair: pair[0].information + _stretch(few, pair[1]))
    if apart and not best.family.has_bound:
        scales = scales * refine_scales(best, sequences.over(scales))
    again = fit_spells(best.family, sequences.over(scales), _spells_of(best), _FEW, _MOST)
    best = again if again is not None else best
    compared = sequences.take(_MOST)
    extra = _stretch(compared, scales) + ((len(scales) - 1) * np.log(best.observations) if apart else 0.0)
    without = fit_laws(compared.times)[0].information
    if not (best.information + extra < without and isfinite(best.slowdown.error) and best.slowdown.value > _LEAST):
        return None
    kind = _kind_of(best, kinds)
    means = best.mean.value * scales
    distance = _compute_distance(best, sequences.over(scales))
    return SlowFit(
        (kind,), tuple(laws), best.family.name, best.cv, means, best.mean.error / best.mean.value, distance, apart,
        tuple(one[one < 0.5 * (1 + best.slowdown.value) * mean] for one, mean in zip(series.times, means, strict=True)),
    )  # fmt: skip


def _kind_of(fit: MarkovFit, kinds: Sequence[KindFit]) -> KindFit:
    """Return the process as a kind of spells; laws of lengths, where they are told, come from the spells that were seen."""
    seen = kinds[0] if len(kinds) == 1 else None
    if seen is not None and (seen.slow_law is not None or seen.normal_law is not None or seen.members is not None):
        return replace(seen, slowdown=fit.slowdown, slowdowns=None)
    return KindFit(None, False, fit.slowdown, None, fit.normal, None, fit.slow, None, seen.spells if seen is not None else 0)


def _scale(series: Series, levels: Floats, family: AbstractFamily) -> Floats:
    """Return by how much each learner's times are longer than others': of a law with a least time, by that."""
    scales = np.array([float(np.min(one)) for one in series.times]) if family.has_bound else levels
    result: Floats = scales / np.mean(scales)
    return result


def _stretch(sequences: Sequences, scales: Floats) -> float:
    """Return by how much −2·log likelihood of times is more than that of times over scales, whose density is greater."""
    return 2 * sum(len(one) * float(np.log(scale)) for one, scale in zip(sequences.times, scales, strict=True))


def _spells_of(fit: MarkovFit) -> Spells:
    return Spells(fit.mean.value, fit.cv.value, fit.slowdown.value, fit.normal.value, fit.slow.value)


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


def _compute_distance(fit: MarkovFit, sequences: Sequences) -> float:
    """Compute the Kolmogorov–Smirnov distance of times at speed 1 from the process in the long run, by simulation."""
    rng = np.random.default_rng(0)
    work = fit.family.quantiles(rng.random(_DRAWS) * (1 - 2e-12) + 1e-12, fit.mean.value, fit.cv.value)
    slowdown, normal, slow = fit.slowdown.value, fit.normal.value, fit.slow.value
    # Work is begun in the slow state with the share of the work that is done there.
    is_slow = rng.random(_DRAWS) < slow / slowdown / (normal + slow / slowdown)
    drawn, going = np.zeros(_DRAWS), np.ones(_DRAWS, dtype=bool)
    for _ in range(200):
        spell = rng.exponential(np.where(is_slow, slow, normal))
        stretch = np.where(is_slow, slowdown, 1.0)
        done = work * stretch <= spell
        drawn += np.where(going, np.where(done, work * stretch, spell), 0.0)
        work = np.where(done, 0.0, work - spell / stretch)
        going &= ~done
        is_slow = ~is_slow
        if not going.any():
            break
    drawn.sort()
    measured = np.sort(np.concatenate(sequences.times))
    return compute_distance(measured, np.searchsorted(drawn, measured, side="right") / _DRAWS)
