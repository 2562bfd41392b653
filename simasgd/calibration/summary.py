"""A fit in numbers: for a terminal, and as JSON."""

from __future__ import annotations

from math import isfinite
from typing import Any

from simasgd.calibration.compute import ComputeFit
from simasgd.calibration.fit import Calibration
from simasgd.calibration.interface_fit import InterfaceFit
from simasgd.calibration.laws.law_fit import write_distance
from simasgd.calibration.laws.standard_errors import Estimate, write_quantity
from simasgd.calibration.links import LineFit, TimesFit
from simasgd.calibration.spells.kinds import FactorLaw, KindFit


def list_numbers(fit: Calibration) -> list[str]:
    """Return the lines of a table: what, and the number with its standard error."""
    compute, line = fit.compute, fit.compute.sample_time
    outside = " outside slow spells" if compute.kinds else ""
    overall = f"{write_quantity(compute.overall, 's', digits=4)} in all; " if compute.kinds else ""
    rows = [
        ("mini-batches", f"{compute.mini_batches:,} of {len(compute.learners):,} learners"),
        ("mean time", f"{overall}{compute.mean.describe('s')}{outside}"),
        ("per_batch", _describe_part(line.per_batch, bool(line.sizes), outside)),
        ("per_sample", _describe_part(line.per_sample, bool(line.sizes), outside)),
        ("distribution", _describe_law(compute)),
    ]
    rows += [
        (
            f"  {law.family.name}",
            f"log likelihood {law.log_likelihood:,.1f}, criterion +{law.information - compute.laws[0].information:,.1f}, "
            f"distance {write_distance(law.distance)}{outside}",
        )
        for law in compute.laws
    ]
    if compute.speeds is not None:
        each = compute.speeds.each
        rows.append(
            ("speeds", f"{each.min():.4g} to {each.max():.4g}; {compute.speeds.law}, cv {compute.speeds.cv.describe()}")
        )
    for kind in compute.kinds:
        rows.append((_name(kind, fit), _describe(kind)))
    if fit.interface is not None:
        interface = fit.interface
        rows += [
            ("latency", interface.latency.describe("s")),
            ("interface", f"{interface.occupied.describe('s')} a message, {interface.duplex} duplex"),
        ]
    elif fit.link is not None:
        rows += [("latency", fit.link.latency.describe("s")), ("bandwidth", fit.link.describe_bandwidth())]
    else:
        rows += [("latency", "0 s, assumed"), ("bandwidth", "unlimited, assumed")]
    for name, found in (("update", fit.update), ("step", fit.step), ("mixing", fit.mixing)):
        if found is not None:
            rows.append((name, f"{found.mean.describe('s')}; {found.law}"))
    if fit.copies is not None:
        rows += [("per_message", fit.copies.latency.describe("s")), ("copy_bandwidth", fit.copies.describe_bandwidth())]
    width = max(len(name) for name, _ in rows)
    return [f"{name:{width}}  {text}" for name, text in rows]


def _describe_part(part: Estimate, has_sizes: bool, outside: str) -> str:
    """Describe the time of a mini-batch or of a sample; one that the log does not tell is taken as 0."""
    if part.value == 0.0 and not isfinite(part.error):
        return f"0 s, assumed: {'one size of mini-batch was measured' if has_sizes else 'the log has no sizes of mini-batches'}"
    return f"{part.describe('s')}{outside}"


def _describe_law(compute: ComputeFit) -> str:
    if not compute.cv.value:
        return compute.law
    spells = f" outside slow spells; with them distance {write_distance(compute.distance)}" if compute.kinds else ""
    return f"{compute.law}, cv {compute.cv.describe()}{spells}"


def _name(kind: KindFit, fit: Calibration) -> str:
    if kind.members is None:
        return "all slow at once" if kind.together else "slow spells"
    names = ", ".join(fit.compute.learners[number] for number in kind.members[:4]) + (", …" if len(kind.members) > 4 else "")
    return f"{'together' if kind.together else 'slow'}: {names}"


def _describe(kind: KindFit) -> str:
    spells = f"about {kind.spells:,} spell{'' if kind.spells == 1 else 's'}"
    return (
        f"{spells} of {kind.slow.describe('s')}, {kind.normal.describe('s')} apart; a mini-batch takes "
        f"{kind.slowdown.describe()} times as long"
    )


def summarize(fit: Calibration, profile: dict[str, Any]) -> dict[str, Any]:
    """Return everything that was fitted, in JSON's types; an unknown standard error is null."""
    compute, line = fit.compute, fit.compute.sample_time
    return {
        "files": list(fit.files),
        "rows": fit.rows,
        "learners": list(fit.learners),
        "compute": {
            "mini_batches": compute.mini_batches,
            "mean": _plain(compute.mean),
            "overall_mean": compute.overall,
            "per_batch": _plain(line.per_batch),
            "per_sample": _plain(line.per_sample),
            "efficiency": None if line.exponent is None else {"full_at": line.full_at, "exponent": _plain(line.exponent)},
            "sizes": [
                {"mini_batch": size, "mean": mean, "fitted": fitted}
                for size, mean, fitted in zip(line.sizes, line.means, line.fitted, strict=True)
            ],
            "distribution": compute.law,
            "cv": _plain(compute.cv),
            "distance": compute.distance,
            "laws": [
                {
                    "distribution": law.family.name,
                    "cv": _plain(law.cv),
                    "log_likelihood": law.log_likelihood if isfinite(law.log_likelihood) else None,
                    "information": law.information if isfinite(law.information) else None,
                    "distance": law.distance,
                }
                for law in compute.laws
            ],
            "speeds": None
            if compute.speeds is None
            else {
                "each": [
                    {"learner": name, **_plain(Estimate(speed, error))}
                    for name, speed, error in zip(
                        compute.learners, compute.speeds.each.tolist(), compute.speeds.errors.tolist(), strict=True
                    )
                ],
                "distribution": compute.speeds.law,
                "cv": _plain(compute.speeds.cv),
            },
            "stragglers": [_plain_kind(kind, compute.learners) for kind in compute.kinds],
            "autocorrelation": [float(f"{value:.6g}") for value in compute.autocorrelation.tolist()],
            "warm_up": None if compute.warm_up is None else _plain(compute.warm_up),
        },
        "network": _plain_line(fit.link),
        "interface": _plain_interface(fit.interface),
        "update": _plain_times(fit.update),
        "costs": {"step": _plain_times(fit.step), "mixing": _plain_times(fit.mixing), "copies": _plain_line(fit.copies)},
        "remarks": list(fit.remarks),
        "profile": profile,
    }


def _plain_interface(interface: InterfaceFit | None) -> dict[str, Any] | None:
    if interface is None:
        return None
    return {
        "size": interface.size,
        "occupied": _plain(interface.occupied),
        "latency": _plain(interface.latency),
        "duplex": interface.duplex,
        "messages": interface.messages,
        "overlapping": interface.overlapping,
    }


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {
        "value": estimate.value if isfinite(estimate.value) else None,
        "error": estimate.error if isfinite(estimate.error) else None,
    }


def _plain_law(law: FactorLaw | None) -> dict[str, Any] | None:
    return None if law is None else {"distribution": law.name, "cv": _plain(law.cv)}


def _plain_kind(kind: KindFit, learners: tuple[str, ...]) -> dict[str, Any]:
    return {
        "learners": None if kind.members is None else [learners[number] for number in kind.members],
        "together": kind.together,
        "slowdown": _plain(kind.slowdown),
        "slowdowns": _plain_law(kind.slowdowns),
        "mean_normal": _plain(kind.normal),
        "normal_law": _plain_law(kind.normal_law),
        "mean_slow": _plain(kind.slow),
        "slow_law": _plain_law(kind.slow_law),
        "spells": kind.spells,
    }


def _plain_line(fit: LineFit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return {
        "messages": fit.messages,
        "latency": _plain(fit.latency),
        "bandwidth": _plain(fit.bandwidth),
        "scatter": fit.scatter,
    }


def _plain_times(fit: TimesFit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return {"operations": fit.operations, "mean": _plain(fit.mean), "distribution": fit.law, "cv": _plain(fit.cv)}
