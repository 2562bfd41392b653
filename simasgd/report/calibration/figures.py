"""The figures of the page of a fit."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from simasgd.calibration.compute import ComputeFit
from simasgd.calibration.laws.families import FAMILIES
from simasgd.calibration.links import LineFit
from simasgd.report.drawing import svg
from simasgd.report.facts.formats import choose_byte_unit, choose_time_unit
from simasgd.tape.arrays import Floats

_MOST_LEARNERS = 64


def draw_quantiles(fit: ComputeFit, law: str) -> Figure:
    """Draw measured times over their mean against the quantiles of a law: on the diagonal where they agree."""
    found = next(one for one in fit.laws if one.family.name == law)
    family = next(one for one in FAMILIES if one.name == law)
    size = len(fit.factors)
    expected = family.quantiles((np.arange(size) + 0.5) / size, 1.0, found.cv.value)
    with svg.open_figure(height=3.0) as figure:
        axes = figure.subplots()
        ends = (min(expected[0], fit.factors[0]), max(expected[-1], fit.factors[-1]))
        axes.plot(ends, ends, color=svg.MUTED, linewidth=1.2, linestyle=svg.DASHES[1])
        axes.plot(expected, fit.factors, "o", color=svg.choose_series_colour(0), markersize=2.6, markeredgewidth=0)
        axes.set(xlabel=f"time ÷ mean, expected under {law}", ylabel="time ÷ mean, measured")
        return figure


def draw_autocorrelation(values: Floats, mini_batches: int) -> Figure:
    """Draw the autocorrelation at lags 1, 2, …, and the limit that independent times rarely exceed."""
    with svg.open_figure(height=2.4) as figure:
        axes = figure.subplots()
        axes.bar(np.arange(1, len(values) + 1), values, width=0.7, color=svg.choose_series_colour(0))
        limit = 2 / np.sqrt(mini_batches)
        for level in (-limit, limit):
            axes.axhline(level, color=svg.MUTED, linewidth=1.0, linestyle=svg.DASHES[1])
        axes.axhline(0.0, color=svg.INK, linewidth=0.8)
        axes.set(xlabel="lag (mini-batches)", ylabel="autocorrelation")
        return figure


def draw_speeds(fit: ComputeFit) -> Figure:
    """Draw the speed of each learner, with two standard errors to each side."""
    assert fit.speeds is not None
    each, errors = fit.speeds.each[:_MOST_LEARNERS], fit.speeds.errors[:_MOST_LEARNERS]
    with svg.open_figure(height=2.4) as figure:
        axes = figure.subplots()
        place = np.arange(len(each))
        bars = np.where(np.isfinite(errors), 2 * errors, 0.0)
        axes.errorbar(place, each, bars, fmt="o", color=svg.choose_series_colour(0), markersize=4.5, elinewidth=1.4)
        axes.axhline(1.0, color=svg.MUTED, linewidth=1.0, linestyle=svg.DASHES[1])
        step = -(-len(each) // 12)
        axes.set_xticks(place[::step], [name[:12] for name in fit.learners[: len(each) : step]])
        axes.set(xlabel="learner", ylabel="speed ÷ mean speed")
        return figure


def draw_sizes(fit: ComputeFit) -> Figure:
    """Draw the mean time of each mini-batch size, and the fitted formula."""
    line = fit.sample_time
    scale, unit = choose_time_unit(max(line.means))
    with svg.open_figure(height=2.6) as figure:
        axes = figure.subplots()
        axes.plot(line.sizes, np.array(line.fitted) / scale, color=svg.MUTED)
        axes.plot(line.sizes, np.array(line.means) / scale, "o", color=svg.choose_series_colour(0), markersize=5)
        axes.set_ylim(0, None)
        axes.set(xlabel="mini-batch (samples)", ylabel=f"mean time ({unit})")
        return figure


def draw_messages(link: LineFit) -> Figure:
    """Draw the times of messages over their sizes, and the line."""
    sizes, seconds = link.sample
    scale, unit = choose_time_unit(float(np.max(seconds)) or 1.0)
    volume, name = choose_byte_unit(max(float(np.max(sizes)), 1.0))
    with svg.open_figure(height=2.6) as figure:
        axes = figure.subplots()
        axes.plot(sizes / volume, seconds / scale, "o", color=svg.choose_series_colour(0), markersize=3, markeredgewidth=0)
        ends = np.array([float(np.min(sizes)), float(np.max(sizes))])
        axes.plot(ends / volume, (link.latency.value + ends / link.bandwidth.value) / scale, color=svg.INK, linewidth=1.4)
        axes.set(xlabel=f"size ({name})", ylabel=f"time ({unit})")
        return figure


def draw_residuals(link: LineFit) -> Figure:
    """Draw how far the times of messages are off the line, over their sizes."""
    sizes, seconds = link.sample
    off = seconds - link.latency.value - sizes / link.bandwidth.value
    scale, unit = choose_time_unit(float(np.max(np.abs(off))) or 1.0)
    volume, name = choose_byte_unit(max(float(np.max(sizes)), 1.0))
    with svg.open_figure(height=2.6) as figure:
        axes = figure.subplots()
        axes.plot(sizes / volume, off / scale, "o", color=svg.choose_series_colour(0), markersize=3, markeredgewidth=0)
        axes.axhline(0.0, color=svg.INK, linewidth=0.8)
        axes.set(xlabel=f"size ({name})", ylabel=f"time − line ({unit})")
        return figure
