"""The sections of the page of a fit: sentences, figures and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from simasgd.calibration.compute import ComputeFit
from simasgd.calibration.fit import Calibration
from simasgd.calibration.interface_fit import InterfaceFit
from simasgd.calibration.laws.law_fit import write_distance
from simasgd.calibration.links import LineFit
from simasgd.calibration.spells.kinds import FactorLaw, KindFit
from simasgd.report.calibration import figures
from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import format_bytes, format_duration, format_percent, join_words, spell_count


def _block(
    identifier: str, nav: str, title: str, reading: str, panels: Sequence[Panel], table: Table | None = None, summary: str = ""
) -> Block:
    return Block(id=identifier, nav=nav, title=title, reading=reading, panels=panels, table=table, summary=summary)


def state_fit(fit: Calibration) -> str:
    """Return in a few sentences what was found."""
    compute = fit.compute
    sentences = [_state_times(compute)]
    if compute.kinds:
        sentences.append(_state_spells(compute.kinds))
    if any(remark.startswith("No law fits well") for remark in fit.remarks):
        sentences.append("No law fits well.")
    if fit.link is None:
        sentences.append("The network is unknown, because the log has no sizes of messages.")
    return " ".join(sentences)


def _state_times(compute: ComputeFit) -> str:
    law = (
        "constant" if compute.law == "constant" else f"{compute.law} with a coefficient of variation of {compute.cv.value:.3g}"
    )
    mean = format_duration(compute.mean.value)
    if not compute.kinds:
        return f"A mini-batch takes {mean} on average; its time is {law}."
    overall = format_duration(compute.overall)
    return f"A mini-batch takes {overall} on average, and {mean} outside slow spells, where its time is {law}."


def _state_spells(kinds: Sequence[KindFit]) -> str:
    many = sum(kind.spells for kind in kinds)
    about = f"The log has about {spell_count(many, 'slow spell')}"
    if len(kinds) > 1:
        return f"{about} of {spell_count(len(kinds), 'kind')}."
    (kind,) = kinds
    return (
        f"{about}: a mini-batch then takes {kind.slowdown.value:.3g} times as long. A spell lasts "
        f"{format_duration(kind.slow.value)} on average, and {format_duration(kind.normal.value)} pass until the next one."
    )


def describe_log(fit: Calibration) -> list[tuple[str, str]]:
    """Return terms and short texts that say what the log holds."""
    compute = fit.compute
    found = [
        ("Log", ", ".join(fit.files[:5]) + (", …" if len(fit.files) > 5 else "")),
        ("Rows", f"{fit.rows:,}"),
        ("Learners", f"{len(fit.learners):,}"),
        ("Mini-batches fitted", f"{compute.mini_batches:,}"),
        ("Messages", _count_messages(fit)),
        ("Updates", f"{fit.update.operations:,}" if fit.update is not None else "none that take time"),
    ]
    return [(term, text) for term, text in found if text]


def _count_messages(fit: Calibration) -> str:
    if fit.link is not None:
        return f"{fit.link.messages:,}"
    return f"{fit.messages:,}, none with a size" if fit.messages else "none"


def build_fit_blocks(fit: Calibration) -> list[Block]:
    """Build the sections of the page."""
    return [*_build_law(fit.compute), *_build_spells(fit.compute), *_build_speeds(fit.compute), *_build_sizes(fit.compute),
            *_build_links(fit.link, fit.interface)]  # fmt: skip


def tabulate_sources(profile: dict[str, Any]) -> Table:
    """Tabulate a profile's tree: key, value and source."""
    rows = []
    for key, source in profile["sources"].items():
        value: Any = profile
        for part in key.split("."):
            value = value[part]
        rows.append((key, _write_value(value), source))
    return Table.of(("key", "value", "source"), rows, words=3)


def _write_value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_write_value(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "; ".join(map(_write_value, value)) if value and isinstance(value[0], dict) else ", ".join(map(str, value))
    return str(value)


def _build_law(fit: ComputeFit) -> Iterator[Block]:
    if not fit.laws:
        return
    outside = " outside slow spells" if fit.kinds else ""
    best = fit.laws[0]
    shown = fit.law if any(one.family.name == fit.law for one in fit.laws) else best.family.name
    panels = [
        Panel(
            f"Quantiles: {name}",
            svg.render_inline(
                figures.draw_quantiles(fit, name), f"quantiles-{name}", f"Measured times over quantiles of {name}"
            ),
            note="On the dashed line, times are as the law expects. Above it on the right, they are longer.",
        )
        for name in dict.fromkeys((shown, next(one.family.name for one in fit.laws if one.family.name != shown)))
    ]
    rows = [
        (
            one.family.name, one.cv.describe() if one.family.has_cv else f"{one.cv.value:g} (fixed)",
            f"{one.log_likelihood:,.1f}", f"{one.information - best.information:,.1f}", write_distance(one.distance),
        )
        for one in fit.laws
    ]  # fmt: skip
    columns = ("law", "cv", "log likelihood", "information criterion above the best", f"distance{outside}")
    with_spells = f" With the slow spells, the law of the profile is {write_distance(fit.distance)} from all times."
    yield _block(
        "law", "Compute times", "The law of compute times",
        f"Times{outside}, each over its learner's mean, by maximum likelihood under every law that a scenario knows. The "
        f"criterion (BIC) chooses {best.family.name}. The distance (Kolmogorov–Smirnov) is the largest difference between "
        f"the shares of times up to a value, measured and expected: {write_distance(best.distance)} under {best.family.name}"
        f"{outside}.{with_spells if fit.kinds else ''}",
        panels, table=Table.of(columns, rows), summary="Every law: likelihood, criterion and distance",
    )  # fmt: skip


def _build_spells(fit: ComputeFit) -> Iterator[Block]:
    values = fit.autocorrelation
    at_first = f"{values[0]:.2f}".replace("-", "−")
    correlated = f"The autocorrelation of successive times is {at_first} at lag 1."
    if fit.law == "constant" and not fit.kinds:
        return
    figure = svg.render_inline(
        figures.draw_autocorrelation(values, fit.mini_batches), "autocorrelation", "Autocorrelation of compute times"
    )
    panel = Panel("Autocorrelation", figure, note="Dashed: independent times stay within these lines at 19 lags of 20.")
    if not fit.kinds:
        reading = f"{correlated} No slow spells are in the profile."
        yield _block("spells", "Slow spells", "Slow spells", reading, [panel])
        return
    names = (
        "learners", "time of a mini-batch", "mean length of a spell", "mean time between spells", "laws",
        "spells in the log",
    )  # fmt: skip
    columns = [_describe_kind(kind, fit) for kind in fit.kinds]
    titles = ("", *(f"kind {number}" for number in range(1, len(columns) + 1)))
    rows = [(name, *(column[place] for column in columns)) for place, name in enumerate(names)]
    reading = (
        f"{correlated} Slow spells that last over several mini-batches "
        f"explain it; the profile has {spell_count(len(fit.kinds), 'kind')} of them."
    )
    table = Panel("Kinds of spells", table=Table.of(titles, rows, words=len(titles)))
    yield _block("spells", "Slow spells", "Slow spells", reading, [panel, table])


def _describe_kind(kind: KindFit, fit: ComputeFit) -> tuple[str, ...]:
    named = "all" if kind.members is None else ", ".join(fit.learners[number] for number in kind.members[:10])
    named_laws = (
        ("slowdown − 1", kind.slowdowns), ("length", kind.slow_law), ("time between spells", kind.normal_law)
    )  # fmt: skip
    laws = [_name_law(what, law) for what, law in named_laws]
    more = ", …" if kind.members is not None and len(kind.members) > 10 else ""
    return (
        f"{named}{more}, {'at the same times' if kind.together else 'each at times of its own'}",
        f"{kind.slowdown.describe()} times as long", kind.slow.describe("s"), kind.normal.describe("s"),
        join_words([law for law in laws if law]) or "exponential lengths",
        f"about {kind.spells:,}",
    )  # fmt: skip


def _name_law(what: str, law: FactorLaw | None) -> str:
    return "" if law is None else f"{what}: {law.name}, cv {law.cv.describe()}"


def _build_speeds(fit: ComputeFit) -> Iterator[Block]:
    if fit.speeds is None:
        return
    each, errors = fit.speeds.each, fit.speeds.errors
    rows = [
        (name, f"{speed:.4g}", f"{error:.2g}" if isfinite(error) else "unknown")
        for name, speed, error in zip(fit.learners, each.tolist(), errors.tolist(), strict=True)
    ]
    figure = svg.render_inline(figures.draw_speeds(fit), "speeds", "Speed of each learner")
    fastest, slowest = fit.learners[int(each.argmax())], fit.learners[int(each.argmin())]
    yield _block(
        "speeds", "Speeds", "The learners' speeds",
        f"The fastest learner, {fastest}, computes {each.max() / each.min():.3g} times as fast as the slowest, {slowest}. Over "
        f"learners the speeds are {fit.speeds.law} with a coefficient of variation of {fit.speeds.cv.describe()}.",
        [Panel("Speed of each learner", figure, note="Bars: two standard errors to each side.")],
        table=Table.of(("learner", "speed", "standard error"), rows), summary="Every learner's speed",
    )  # fmt: skip


def _build_sizes(fit: ComputeFit) -> Iterator[Block]:
    line = fit.sample_time
    if len(line.sizes) < 2:
        return
    rows = [
        (f"{size:g}", format_duration(mean), format_duration(fitted), f"{100 * (fitted / mean - 1):+.1f} %")
        for size, mean, fitted in zip(line.sizes, line.means, line.fitted, strict=True)
    ]
    figure = svg.render_inline(figures.draw_sizes(fit), "sizes", "Mean time over the mini-batch")
    curve = f", with full efficiency from {line.full_at} samples on" if line.full_at is not None else ""
    yield _block(
        "sizes", "Mini-batch", "The size of the mini-batch",
        f"A mini-batch takes {format_duration(line.per_batch.value)}, and {format_duration(line.per_sample.value)} more for "
        f"every sample{curve}. The formula is off the measured means by up to {format_percent(line.residual)}.",
        [Panel("Mean time over the mini-batch", figure, "points: measured; line: formula")],
        table=Table.of(("mini-batch", "measured", "formula", "off by"), rows, words=0), summary="Every size, and its residual",
    )  # fmt: skip


def _build_links(link: LineFit | None, interface: InterfaceFit | None) -> Iterator[Block]:
    if link is None:
        return
    rate = f"{format_bytes(link.bandwidth.value)}/s" if isfinite(link.bandwidth.value) else "unlimited bandwidth"
    panels = [
        Panel("Time over size", svg.render_inline(figures.draw_messages(link), "messages", "Time over size of messages")),
        Panel("Residuals", svg.render_inline(figures.draw_residuals(link), "residuals", "Time off the line over size")),
    ]
    if interface is not None:
        shared = "both directions share" if interface.duplex == "half" else "each direction has its own of"
        yield _block(
            "links", "Network", "Messages",
            f"A message occupies the server's interface for {format_duration(interface.occupied.value)} and takes "
            f"{format_duration(interface.latency.value)} beside that: the queue, first in, first out, that fits best to "
            f"{interface.messages:,} messages of one size, {format_percent(interface.overlapping)} of which overlap another "
            f"one; {shared} the interface.",
            panels,
        )  # fmt: skip
        return
    yield _block(
        "links", "Network", "Messages",
        f"A message takes {format_duration(link.latency.value)}, and the time of its bytes at {rate}, by least squares over "
        f"{link.messages:,} messages. Their times are off the line by {format_percent(link.scatter)} of the mean.",
        panels,
    )  # fmt: skip
