"""Pictures as small as a line of text: curves, dots and bars.

An index may have 10,000 of them. So each is a few paths of whole numbers, and its colours are the style's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup

from simasgd.queries.briefs import BriefWithCurve
from simasgd.report.drawing.palette import NUM_SERIES
from simasgd.report.facts.formats import format_number, format_percent, spell_count
from simasgd.report.index.entries import StudyEntry

_WIDTH, _HEIGHT, _MARGIN = 64, 18, 2
_MOST_POINTS, _MOST_DOTS, _MOST_BARS = 16, 150, 15
_SCORES: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "test_error": ("test error", format_percent),
    "test_loss": ("test loss", format_number),
}

Points = Sequence[tuple[float, float]]


def draw_study(study: StudyEntry) -> Markup:
    """Draw a study.

    It has the curve of each variant's first seed; of a sweep a dot for each run. Where nothing is learned it has bars: samples
    per second of each variant, or the staleness of a single run.
    """
    if not study.runs:
        return Markup()
    briefs = [run.brief for run in study.runs]
    if study.kind in ("sweep", "advice"):
        return _draw_sweep(briefs)
    first: dict[str, BriefWithCurve] = {}
    for run in study.runs:
        first.setdefault(run.variant, run.brief)
    score = _find_score(briefs)
    if score:
        curves = [_get_curve(brief, score) for brief in first.values()]
        title, form = _SCORES[score]
        if len(curves) > 1:
            return _wrap(_draw_curves(curves), f"{title} of {spell_count(len(curves), 'variant')} over the epochs")
        ends = f" from {form(curves[0][0][1])} to {form(curves[0][-1][1])}" if curves[0] else ""
        return _wrap(_draw_curves(curves), f"{title} over the epochs{ends}")
    if len(first) > 1:
        rates = [brief.samples_per_simulated_second or 0.0 for brief in first.values()]
        return _wrap(_draw_bars(rates, coloured=True), f"samples per second of {spell_count(len(rates), 'variant')}")
    return draw_run(briefs[0], "distribution of the staleness")


def draw_run(brief: BriefWithCurve, label: str = "") -> Markup:
    """Draw the curve of a run, or the distribution of its staleness where nothing is learned."""
    if score := _find_score([brief]):
        return _wrap(_draw_curves([_get_curve(brief, score)]), label)
    return _wrap(_draw_bars(_group(brief.staleness.histogram)), label)


def _find_score(briefs: Sequence[BriefWithCurve]) -> str:
    """Return the score of which there are curves: an error, otherwise a loss; "" without learning."""
    return next((score for score in _SCORES if any(_get_curve(brief, score) for brief in briefs)), "")


def _get_curve(brief: BriefWithCurve, score: str) -> Points:
    """Return the score over the epochs; a value that is missing, or no number, is left out."""
    rows = ((row.get("epoch"), row.get(score)) for row in brief.evaluations)
    return [(float(x), float(y)) for x, y in rows if isinstance(x, int | float) and isinstance(y, int | float)]


def _draw_sweep(briefs: Sequence[BriefWithCurve]) -> Markup:
    timed = [brief for brief in briefs if brief.has_time]
    score = next((score for score in _SCORES if any(getattr(brief, score) is not None for brief in timed)), "")
    if not score:
        rates = [brief.samples_per_simulated_second or 0.0 for brief in briefs]
        return _wrap(_draw_bars(_group(sorted(rates))), "samples per second of the runs, sorted")
    dots = [(brief.simulated_seconds, value) for brief in timed if (value := getattr(brief, score)) is not None]
    return _wrap(_draw_dots(dots), f"{_SCORES[score][0]} of the runs against simulated time")


def _draw_curves(curves: Sequence[Points]) -> str:
    """Draw curves on one scale, which begins at zero or below."""
    every = [point for curve in curves for point in curve]
    place = _Scale(every).place
    paths = []
    for i, curve in enumerate(curves):
        thin = (
            curve
            if len(curve) <= _MOST_POINTS
            else [curve[j * (len(curve) - 1) // (_MOST_POINTS - 1)] for j in range(_MOST_POINTS)]
        )
        spots = [place(x, y) for x, y in thin]
        if spots:
            steps = " ".join(f"{x - x0} {y - y0}" for (x0, y0), (x, y) in pairwise(spots))
            paths.append(f'<path{_colour(i)} d="M{spots[0][0]} {spots[0][1]}l{steps or "1 0"}"/>')
    return "".join(reversed(paths))


def _draw_dots(dots: Points) -> str:
    place = _Scale(dots).place
    spots = {place(x, y) for x, y in (dots[:: -(-len(dots) // _MOST_DOTS)] if dots else ())}
    return f'<path class="dots" d="{"".join(f"M{x} {y}h0" for x, y in sorted(spots))}"/>'


def _draw_bars(heights: Sequence[float], *, coloured: bool = False) -> str:
    """Draw bars side by side, which fill the width."""
    top = max(heights, default=0.0) or 1.0
    wide = (_WIDTH - 2 * _MARGIN) // max(1, len(heights))
    left, bottom = _MARGIN, _HEIGHT - 1
    shapes = [
        f"M{left + i * wide} {bottom}v-{round((_HEIGHT - 3) * height / top)}h{max(1, wide - 1)}V{bottom}z"
        for i, height in enumerate(heights)
    ]
    if not coloured:
        return f'<path class="bars" d="{"".join(shapes)}"/>'
    return "".join(f'<path class="bars s{i % NUM_SERIES}" d="{shape}"/>' for i, shape in enumerate(shapes))


def _group(values: Sequence[float]) -> list[float]:
    """Return the means of neighbouring groups: at most as many groups as there may be bars."""
    size = -(-len(values) // _MOST_BARS) if values else 1
    return [sum(part) / len(part) for part in (values[i : i + size] for i in range(0, len(values), size))]


def _colour(i: int) -> str:
    return f' class="s{i % NUM_SERIES}"' if i else ""


class _Scale:
    """The places of points in a picture."""

    def __init__(self, points: Points) -> None:
        self._left = min((x for x, _ in points), default=0.0)
        self._wide = (max((x for x, _ in points), default=0.0) - self._left) or 1.0
        self._low = min(0.0, min((y for _, y in points), default=0.0))
        self._high = (max((y for _, y in points), default=0.0) - self._low) or 1.0

    def place(self, x: float, y: float) -> tuple[int, int]:
        """Return the place of a point, in the picture's units from its upper left corner."""
        wide, high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
        return (
            _MARGIN + round(wide * (x - self._left) / self._wide),
            _MARGIN + round(high * (1.0 - (y - self._low) / self._high)),
        )


def _wrap(paths: str, label: str) -> Markup:
    """Return a picture; one without a label shows what the row says."""
    about = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="spark" viewBox="0 0 {} {}" {}>{}</svg>').format(_WIDTH, _HEIGHT, about, Markup(paths))
