"""The sections of a validation's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from simasgd.report.drawing import figures as drawing
from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Card, KeyFigure, LegendEntry, Panel, Table, draw_line_mark, draw_swatch
from simasgd.report.facts.formats import NBSP, format_duration, format_number, format_share, list_some
from simasgd.report.validation import figures
from simasgd.validation.forms import Phase, PhaseTimes, QuantityPair, StalenessDistance, SteadyState, Validation

_MAX_ROWS = 60
_UNNAMED = "other"


METHOD = (
    "Both runs are measured in the same way. A round is one gradient of each learner on average. The warm-up is left out: as "
    "many of the first rounds as make the standard error of the mean round time least (MSER, White 1997), and at most half of "
    "them. A learner's cycle lasts from the start of one computation to the start of the next. An error is simulated ÷ "
    "measured − 1. The two halves of the measured run are its first and its second half in time: a model cannot be expected to "
    "come closer to the whole run than they come to each other. The total variation distance of two distributions is between 0 "
    "(equal) and 1 (no value in common)."
)


def describe_validation(found: Validation) -> list[tuple[str, str]]:
    """Return terms and short texts that say what was compared."""
    state = found.measured_state
    seeds = ", ".join(str(seed) for seed in found.seeds[:5]) + (", …" if len(found.seeds) > 5 else "")
    return [
        ("Measured", list_some([file.name for file in found.measured_files])),
        ("Protocol", found.protocol),
        ("Learners, λ", f"{found.learners:,}"),
        ("Gradients measured", f"{state.warm_up_gradients + state.steady_gradients:,} {found.counted}"),
        ("Seeds of the simulation", seeds),
        ("Not compared", "; ".join(found.lacks) or "nothing"),
    ]


def tabulate_provenance(found: Validation) -> Table:
    """Tabulate files, hashes and versions."""
    logs = [("measured log", f"{file.name}, sha256 {file.digest}") for file in found.measured_files]
    return Table.of(("what", "value"), [*logs, ("scenario hash", found.scenario_hash), ("simasgd", found.version)], words=2)


def build_cards(found: Validation) -> list[Card]:
    """Build a card for each error: of the rate, the staleness, the largest phase and the barriers."""
    cards = [_show_error("rate", "error of the rate", found.rate)]
    if found.staleness is not None:
        distance = found.staleness
        far, below = distance.total_variation, f"measured halves: {distance.halves:.2g}"
        cards.append(KeyFigure("total_variation", "distance of staleness", repr(far), f"{far:.2g}", below))
    compute = next((phase for phase in found.learner_phases if phase.name == "compute" and phase.error is not None), None)
    if compute is not None:
        below = "mean time of a mini-batch"
        cards.append(KeyFigure("compute", "error of computing", repr(compute.error), _signed(compute.error), below))
    if found.barrier is not None:
        cards.append(_show_error("barrier", "error of barriers", found.barrier))
    state = found.measured_state
    cards.append(
        KeyFigure(
            "warm_up", "measured warm-up", repr(state.warm_up_seconds), _show_warm_up(state), f"of {_whole(state)}, left out"
        )
    )
    return [Card("", "", [figure]) for figure in cards]


def _show_error(key: str, name: str, pair: QuantityPair) -> KeyFigure:
    halves = "" if pair.halves is None else f"measured halves: {format_share(pair.halves)}"
    return KeyFigure(key, name, "" if pair.error is None else repr(pair.error), _signed(pair.error), halves)


def _show_warm_up(state: SteadyState) -> str:
    return format_duration(state.warm_up_seconds) if state.warm_up_seconds else "none"


def _whole(state: SteadyState) -> str:
    return format_duration(state.warm_up_seconds + state.steady_seconds)


def _signed(fraction: float | None) -> str:
    """Return an error with its sign: `+3.1 %`."""
    return "–" if fraction is None else f"{100 * fraction:+.1f}{NBSP}%".replace("-", "−")


def build_validation_blocks(found: Validation) -> list[Block]:
    """Build the sections on throughput, phases and staleness."""
    return [
        _build_throughput(found),
        *([_build_phases(found)] if any(phase.measured for phase in found.learner_phases) else []),
        *([_build_staleness(found.staleness)] if found.staleness is not None else []),
    ]


def _legend() -> list[LegendEntry]:
    return [
        LegendEntry(draw_line_mark(f"series-{number}", number), name) for number, name in enumerate(("measured", "simulated"))
    ]


def _build_throughput(found: Validation) -> Block:
    curves = [(curve.seconds, curve.gradients) for curve in (found.measured_curve, found.simulated_curve)]
    states = (found.measured_state, found.simulated_state)
    label = f"Gradients {found.counted} against time, measured and simulated: {_describe_rate(found)}"
    figure = svg.render_inline(figures.draw_progress(curves, [state.warm_up_seconds for state in states]), "progress", label)
    rows = [
        _write_pair("gradients per second", found.rate),
        *([_write_pair("updates per second", found.updates_rate)] if found.updates_rate is not None else []),
        _write_pair("with the warm-up", found.whole_rate),
        *([_write_pair("slowest ÷ mean computing", found.barrier)] if found.barrier is not None else []),
    ]
    warm = "; ".join(
        f"{name}: {_show_warm_up(state)}, {state.warm_up_gradients:,} gradients"
        for name, state in zip(("measured", "simulated"), states, strict=True)
    )
    return Block(
        id="throughput",
        nav="Throughput",
        title="Throughput",
        reading=f"{_describe_rate(found)} The warm-up is left out ({warm}); dots show where it ends.",
        panels=[
            Panel(f"Gradients {found.counted}", figure),
            Panel(
                "Rates",
                subtitle="without the warm-up, where not said otherwise",
                table=Table.of(("", "measured", "simulated", "error"), [row[:-1] for row in rows]),
            ),
        ],
        legend=_legend(),
        table=Table.of(("quantity", "measured", "simulated", "error", "difference of the measured halves"), rows),
        summary="How far the two halves of the measured run differ",
    )


def _describe_rate(found: Validation) -> str:
    if found.rate.measured is None or found.rate.simulated is None:
        return "There is no rate to compare."
    measured, simulated = format_number(found.rate.measured), format_number(found.rate.simulated)
    return (
        f"{measured} gradients per second were {found.counted} in the measured run, and {simulated} in the simulation "
        f"({_signed(found.rate.error)})."
    )


def _write_pair(name: str, pair: QuantityPair) -> list[str]:
    return [name, _number(pair.measured), _number(pair.simulated), _signed(pair.error), _share(pair.halves)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}{NBSP}%"


def _build_phases(found: Validation) -> Block:
    bars = [
        (name, figures.list_shares({phase.name: times.share for phase in found.learner_phases if (times := get(phase))}))
        for name, get in (("measured", _measured), ("simulated", _simulated))
    ]
    shown = {name for _, shares in bars for name in shares}
    listed = "; ".join(f"{name}: {_list_shares(shares)}" for name, shares in bars)
    draw = partial(drawing.draw_shares, rows=bars, whole="a learner's cycle")
    figure = svg.draw_inline(draw, drawing.measure_rows(len(bars)), "phases", f"Stacked bars of the learners' time. {listed}.")
    rows = [row for phase in found.learner_phases for row in _write_phase(phase)]
    return Block(
        id="phases",
        nav="Phases",
        title="A learner's cycle",
        reading=_describe_phases(found.learner_phases),
        panels=[
            Panel("Shares of a cycle", figure, "from one computation to the next"),
            Panel(
                "Mean time for each mini-batch",
                table=Table.of(
                    ("phase", "measured", "simulated", "error"), [_write_means(one) for one in found.learner_phases]
                ),
            ),
        ],
        table=Table.of(("phase", "", "mean", "median", "95 %", "share"), rows, words=2),
        summary="Mean, median and 95 % quantile of each phase",
        legend=[
            LegendEntry(draw_swatch(name), "other (no row names it)" if name == _UNNAMED else name)
            for name in svg.ACTIVITIES
            if name in shown
        ],
    )


def _find(phases: Sequence[Phase], name: str) -> Phase | None:
    return next((phase for phase in phases if phase.name == name), None)


def _list_shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {format_share(share)}" for part, share in shares.items())


def _measured(phase: Phase) -> PhaseTimes | None:
    return phase.measured


def _simulated(phase: Phase) -> PhaseTimes | None:
    return phase.simulated


def _describe_phases(phases: Sequence[Phase]) -> str:
    compute = _find(phases, "compute")
    absent = [phase.name for phase in phases if phase.measured is None and phase.name != _UNNAMED]
    untold = f" The log has no {' and no '.join(absent)}." if absent else ""
    if compute is None or compute.measured is None or compute.simulated is None:
        return f"The activities of learners from one computation to the next.{untold}"
    measured, simulated = format_duration(compute.measured.mean), format_duration(compute.simulated.mean)
    return (
        f"Computing a mini-batch takes {measured} in the measured run, and {simulated} in the simulation "
        f"({_signed(compute.error)}).{untold}"
    )


def _write_means(phase: Phase) -> list[str]:
    means = ["–" if times is None else _seconds(times.mean) for times in (phase.measured, phase.simulated)]
    return [phase.name, *means, _signed(phase.error)]


def _write_phase(phase: Phase) -> list[list[str]]:
    return [
        [phase.name, name, _seconds(times.mean), _seconds(times.p50), _seconds(times.p95), _share(times.share)]
        for name, times in (("measured", phase.measured), ("simulated", phase.simulated))
        if times is not None
    ]


def _seconds(value: float) -> str:
    return format_duration(value) if value else "0"


def _build_staleness(found: StalenessDistance) -> Block:
    means = (
        f"mean {format_number(found.measured_mean)} in the measured run, and {format_number(found.simulated_mean)} in the "
        "simulation"
    )
    label = f"Bars of the shares of each staleness, measured and simulated: {means}."
    figure = svg.render_inline(figures.draw_staleness(found.measured, found.simulated), "staleness", label)
    longest = max(len(found.measured), len(found.simulated))
    width = max(1, -(-longest // _MAX_ROWS))
    rows = [
        [
            str(least) if width == 1 else f"{least}–{least + width - 1}",
            f"{sum(found.measured[least : least + width]):,}",
            f"{sum(found.simulated[least : least + width]):,}",
        ]
        for least in range(0, longest, width)
    ]
    within = "no more than" if found.agrees else "more than"
    return Block(
        id="staleness",
        nav="Staleness",
        title="Staleness",
        reading=(
            f"The staleness has the {means}. The total variation distance of the two distributions is "
            f"{found.total_variation:.2g}: {within} that of the measured run's two halves ({found.halves:.2g})."
        ),
        panels=[Panel("Shares of each staleness", figure)],
        legend=[LegendEntry(draw_swatch(f"series-{number}"), name) for number, name in enumerate(("measured", "simulated"))],
        table=Table.of(("staleness σ", "measured", "simulated"), rows, words=0),
        summary="How many gradients of each staleness",
    )
