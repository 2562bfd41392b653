"""A fit as a node profile: the values, and the source of each with its standard error."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Literal

from simasgd.calibration.compute import ComputeFit
from simasgd.calibration.fit import Calibration
from simasgd.calibration.laws.law_fit import write_distance
from simasgd.calibration.links import TimesFit
from simasgd.calibration.spells.kinds import FactorLaw, KindFit

FITTED_CV = ("gamma", "lognormal", "shifted-exponential", "pareto")
"""Laws whose coefficient of variation is a parameter."""
_SHOWN = 64  # standard errors in a source
_MOST_SPEEDS = 1_000  # learners in a list of speeds

_LEAST = 1e-15  # of a time (s) in a scenario

ListOrLaw = Literal["list", "law"]
"""Whether speeds and spells are those of the log's learners, or laws over any number of learners."""


def build_profile(fit: Calibration, form: ListOrLaw) -> dict[str, Any]:
    """Return the tree of a profile."""
    cluster: dict[str, Any] = {}
    sources: dict[str, str] = {}
    cluster["compute"], found = _compute(fit.compute)
    sources |= found
    _speeds(fit.compute, form, cluster, sources)
    _spells(fit.compute, form, cluster, sources)
    _network(fit, cluster, sources)
    _server(fit, cluster, sources)
    _costs(fit, cluster, sources)
    learners = f"{len(fit.learners):,} learner{'' if len(fit.learners) == 1 else 's'}"
    names = ", ".join(fit.files[:5]) + (", …" if len(fit.files) > 5 else "")
    return {"title": f"Fitted to {names}: {fit.rows:,} rows of {learners}", "cluster": cluster, "sources": sources}


def _compute(fit: ComputeFit) -> tuple[dict[str, Any], dict[str, str]]:
    line = fit.sample_time
    measured = f"mini-batches of {_join(line.sizes)}" if line.sizes else "mini-batches of unknown size"
    outside = " outside slow spells" if fit.kinds else ""
    count = f"{fit.mini_batches:,} mini-batches"
    section: dict[str, Any] = {"per_batch": _time(line.per_batch.value), "per_sample": _time(line.per_sample.value)}
    sources = {
        "cluster.compute.per_batch": f"fitted: {line.per_batch.describe('s')}{outside}; {measured}",
        "cluster.compute.per_sample": f"fitted: {line.per_sample.describe('s')}{outside}; {measured}",
    }
    if line.sizes and len(line.sizes) == 1:
        sources["cluster.compute.per_batch"] = f"assumed: only {measured} were measured"
    if not line.sizes:
        sources["cluster.compute.per_sample"] = "assumed: the log does not say the mini-batch"
    if line.full_at is not None and line.exponent is not None:
        section["efficiency"] = {"full_at": line.full_at, "exponent": _round(line.exponent.value)}
        sources["cluster.compute.efficiency.full_at"] = "fitted: the measured size that suits best"
        sources["cluster.compute.efficiency.exponent"] = f"fitted: {line.exponent.describe()}; {measured}"
    section["distribution"] = fit.law
    sources["cluster.compute.distribution"] = (
        f"the best of the scenario's laws for {count} by information criterion"
        + _write_distance(fit.distance, fit.law, with_spells=bool(fit.kinds))
    )
    if fit.law in FITTED_CV:
        section["cv"] = _round(fit.cv.value)
        sources["cluster.compute.cv"] = f"fitted: {fit.cv.describe()}{outside}; {count} in all"
    return section, sources


def _speeds(fit: ComputeFit, form: ListOrLaw, cluster: dict[str, Any], sources: dict[str, str]) -> None:
    if fit.speeds is None:
        return
    if form == "list" and len(fit.speeds.each) <= _MOST_SPEEDS:
        cluster["speeds"] = [_round(speed) for speed in fit.speeds.each.tolist()]
        errors = [f"{error:.2g}" if isfinite(error) else "unknown" for error in fit.speeds.errors[:_SHOWN].tolist()]
        more = ", …" if len(fit.speeds.errors) > _SHOWN else ""
        names = ", ".join(fit.learners[:_SHOWN])
        each = f"standard errors {', '.join(errors)}{more}" if len(set(errors)) > 1 else f"standard error of each {errors[0]}"
        sources["cluster.speeds"] = f"fitted for learners {names}{more}; {each}"
        return
    cluster["speeds"] = {"distribution": fit.speeds.law, "cv": _round(fit.speeds.cv.value)}
    over = f"{len(fit.speeds.each):,} learners"
    sources["cluster.speeds.distribution"] = f"the likelier of the scenario's two laws over {over}"
    sources["cluster.speeds.cv"] = f"fitted: {fit.speeds.cv.describe()}; {over}"


def _spells(fit: ComputeFit, form: ListOrLaw, cluster: dict[str, Any], sources: dict[str, str]) -> None:
    kinds = [_kind(kind, form, len(fit.learners)) for kind in fit.kinds]
    if not kinds:
        return
    if len(kinds) == 1:
        cluster["stragglers"] = kinds[0][0]
        sources |= {f"cluster.stragglers.{key}": text for key, text in kinds[0][1].items()}
        return
    cluster["stragglers"] = [section for section, _ in kinds]
    described = (", ".join(f"{key} {text}" for key, text in texts.items()) for _, texts in kinds)
    sources["cluster.stragglers"] = "; ".join(f"kind {number}: {text}" for number, text in enumerate(described, 1))


def _kind(kind: KindFit, form: ListOrLaw, learners: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a kind of slow spells, and the sources of its values by their keys within it."""
    many = f"about {kind.spells:,} spell{'' if kind.spells == 1 else 's'} in the log"
    section: dict[str, Any] = {"slowdown": _round(kind.slowdown.value)}
    sources = {"slowdown": f"fitted: {kind.slowdown.describe()}; {many}"}
    if kind.slowdowns is not None:
        law, texts = _law(kind.slowdowns)
        section["slowdown"] = {"mean": section["slowdown"], **law}
        sources = {"slowdown.mean": sources["slowdown"], **{f"slowdown.{key}": text for key, text in texts.items()}}
    for key, mean, law_of in (("normal", kind.normal, kind.normal_law), ("slow", kind.slow, kind.slow_law)):
        section[f"mean_{key}"] = _time(mean.value)
        sources[f"mean_{key}"] = f"fitted: {mean.describe('s')}; {many}"
        if law_of is not None:
            section[f"{key}_law"], texts = _law(law_of)
            sources |= {f"{key}_law.{name}": text for name, text in texts.items()}
    if kind.together:
        section["hits"] = "all"
        sources["hits"] = "found: these learners were slow at the same times"
    if kind.members is not None and form == "list":
        section["members"] = list(kind.members)
        sources["members"] = "found: the learners that had such spells"
    elif kind.members is not None:
        section["share"] = _round(len(kind.members) / learners)
        sources["share"] = f"found: {len(kind.members)} of {learners} learners had such spells"
    return section, sources


def _law(law: FactorLaw) -> tuple[dict[str, Any], dict[str, str]]:
    section: dict[str, Any] = {"distribution": law.name}
    sources = {"distribution": "found: clearly better than an exponential law"}
    if law.name in FITTED_CV:
        section["cv"] = _round(law.cv.value)
        sources["cv"] = f"fitted: {law.cv.describe()}"
    return section, sources


def _network(fit: Calibration, cluster: dict[str, Any], sources: dict[str, str]) -> None:
    link, interface = fit.link, fit.interface
    if interface is not None:
        cluster["network"] = {"latency": _time(interface.latency.value), "bandwidth": "unlimited"}
        queued = f"{interface.messages:,} messages of one size, {interface.overlapping:.0%} of which overlap another one"
        sources["cluster.network.latency"] = f"beside the server's interface: {interface.latency.describe('s')}; {queued}"
        sources["cluster.network.bandwidth"] = "assumed: messages of one size do not tell it apart from the latency"
        return
    if link is None:
        cluster["network"] = {"latency": "0 s", "bandwidth": "unlimited"}
        absent = "assumed: the log has no messages with sizes; give your own"
        sources |= {"cluster.network.latency": absent, "cluster.network.bandwidth": absent}
        return
    sizes = f"{link.messages:,} messages of {link.sizes[0]:,.0f} to {link.sizes[1]:,.0f} B"
    bandwidth = _bandwidth(link.bandwidth.value) if isfinite(link.bandwidth.value) else "unlimited"
    cluster["network"] = {"latency": _time(link.latency.value), "bandwidth": bandwidth}
    sources["cluster.network.latency"] = f"least squares: {link.latency.describe('s')}; {sizes}"
    sources["cluster.network.bandwidth"] = f"least squares: {link.describe_bandwidth()}; {sizes}"


def _server(fit: Calibration, cluster: dict[str, Any], sources: dict[str, str]) -> None:
    server: dict[str, Any] = {"bandwidth": cluster["network"]["bandwidth"], "duplex": "full", "update": "0 s"}
    sources["cluster.server.bandwidth"] = "assumed: as network.bandwidth"
    sources["cluster.server.duplex"] = "assumed"
    if (interface := fit.interface) is not None:
        server |= {"bandwidth": _bandwidth(interface.bandwidth), "duplex": interface.duplex}
        sources["cluster.server.bandwidth"] = (
            f"first in, first out: a message of {interface.size:,.0f} B occupies the interface for "
            f"{interface.occupied.describe('s')}; {interface.messages:,} messages"
        )
        sources["cluster.server.duplex"] = "the likelier of the two by the messages' times"
    sources["cluster.server.update"] = "assumed: the log has no updates that take time; give your own"
    if fit.update is not None:
        many = f"{fit.update.operations:,} updates"
        server["update"] = _time(fit.update.mean.value)
        sources["cluster.server.update"] = f"mean: {fit.update.mean.describe('s')}; {many}"
        server["update_law"] = {"distribution": fit.update.law}
        sources["cluster.server.update_law.distribution"] = _choose_law(fit.update)
        if fit.update.law in FITTED_CV:
            server["update_law"]["cv"] = _round(fit.update.cv.value)
            sources["cluster.server.update_law.cv"] = f"fitted: {fit.update.cv.describe()}; {many}"
    cluster["server"] = server


def _costs(fit: Calibration, cluster: dict[str, Any], sources: dict[str, str]) -> None:
    costs: dict[str, Any] = {}
    for key, found in (("step", fit.step), ("mixing", fit.mixing)):
        if found is None:
            continue
        path, many = f"cluster.costs.{key}", f"{found.operations:,} operations"
        costs[key] = {"mean": _time(found.mean.value), "distribution": found.law}
        sources[f"{path}.mean"] = f"mean: {found.mean.describe('s')}; {many}"
        sources[f"{path}.distribution"] = _choose_law(found)
        if found.law in FITTED_CV:
            costs[key]["cv"] = _round(found.cv.value)
            sources[f"{path}.cv"] = f"fitted: {found.cv.describe()}; {many}"
    if fit.copies is not None:
        line = fit.copies
        many = f"{line.messages:,} copies of {line.sizes[0]:,.0f} to {line.sizes[1]:,.0f} B"
        costs["per_message"] = _time(line.latency.value)
        sources["cluster.costs.per_message"] = f"least squares: {line.latency.describe('s')}; {many}"
        if isfinite(line.bandwidth.value):
            costs["copy_bandwidth"] = _bandwidth(line.bandwidth.value)
            sources["cluster.costs.copy_bandwidth"] = f"least squares: {line.describe_bandwidth()}; {many}"
    if costs:
        cluster["costs"] = costs


def _choose_law(found: TimesFit) -> str:
    return f"the best of the scenario's laws{_write_distance(found.distance, found.law)}"


def _write_distance(distance: float, law: str, *, with_spells: bool = False) -> str:
    """Return the distance of a law with its slow spells from the times, to end a sentence; constant times have none."""
    if law == "constant":
        return "; all times outside slow spells are equal" if with_spells else "; all times are equal"
    of = " from all times, with the slow spells" if with_spells else ""
    return f"; Kolmogorov-Smirnov distance {write_distance(distance)}{of}"


def _time(seconds: float) -> str:
    """Write a time with six digits, in a unit that suits them."""
    return _write(seconds, (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)))


def _bandwidth(rate: float) -> str:
    """Write a bandwidth (bytes/s) with six digits, in a unit that suits them."""
    return _write(rate, (("GB/s", 1e9), ("MB/s", 1e6), ("kB/s", 1e3), ("B/s", 1.0)))


def _write(value: float, units: Sequence[tuple[str, float]]) -> str:
    if value < _LEAST:
        return f"0 {units[0][0]}"
    unit, size = next((pair for pair in units if value >= pair[1]), units[-1])
    return f"{value / size:.6g} {unit}"


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _join(sizes: Sequence[float]) -> str:
    listed = ", ".join(f"{size:g}" for size in sizes[:8])
    return f"{listed}, …" if len(sizes) > 8 else listed
