"""Matplotlib figures as inline SVG that follows the page's theme.

Figures are drawn in the colours of light paper, which become CSS variables here. The SVG has no metadata,
only the identifiers that it refers to, and two decimals, so that equal tables give equal bytes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from simasgd.report.drawing import palette

INK, MUTED, GRID, PAPER = (palette.LIGHT[name] for name in ("ink", "muted", "grid", "card"))
SERIES = tuple(palette.LIGHT[f"series-{i}"] for i in range(palette.NUM_SERIES))
"""The colours of variants."""
ACTIVITIES, ON_ACTIVITIES = palette.ACTIVITIES, palette.ON_ACTIVITIES
MARKERS = (("o", "●"), ("s", "■"), ("^", "▲"), ("D", "◆"), ("v", "▼"), ("P", "✚"), ("X", "✖"), ("*", "★"))
"""Matplotlib's markers, and the same markers as text."""
DASHES: tuple[tuple[int, tuple[float, ...]], ...] = ((0, ()), (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
WIDTH = 4.2
"""The width of a figure in inches of 72 px; on a telephone of 420 px its text has 11 px."""

_NOT_DRAWN = ("paper", "line", "accent", "note", "note-line", "code", "fault", "transfer")
_VARIABLES = {colour: name for name, colour in palette.LIGHT.items() if name not in _NOT_DRAWN}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "simasgd",
    "text.parse_math": False,  # users' names and values may contain $
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9.2,
    "ytick.labelsize": 9.2,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.9,
    "hatch.linewidth": 0.8,
    "axes.unicode_minus": True,
}


def choose_series_colour(i: int) -> str:
    """Return the colour of the i-th variant."""
    return SERIES[i % len(SERIES)]


def choose_series_marker(i: int) -> tuple[str, str]:
    """Return the marker of the i-th variant, for matplotlib and as text.

    The first 64 variants differ in colour or marker.
    """
    return MARKERS[(i + i // len(SERIES)) % len(MARKERS)]


@contextmanager
def use_style() -> Iterator[None]:
    """Draw in the report's style."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # browsers draw the text
        yield


@contextmanager
def open_figure(height: float) -> Iterator[Figure]:
    """Open a figure of `height` inches in the report's style."""
    with use_style():
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def draw_inline(draw: Callable[[Axes], None], height: float, name: str, label: str) -> Markup:
    """Return a figure of one pair of axes and of `height` inches as an SVG element, as `render_inline` does."""
    with open_figure(height) as figure:
        draw(figure.subplots())
    return render_inline(figure, name, label)


def render_inline(figure: Figure, name: str, label: str) -> Markup:
    """Return the figure as an SVG element.

    `name` is unique on the page; `label` describes the figure for readers who do not see it.
    """
    stream = StringIO()
    with use_style():
        canvas = FigureCanvasSVG(figure)
        _lay_out(figure)
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for clutter in (r"<!--.*?-->", r"<metadata>.*?</metadata>", r"<defs>\s*<style.*?</style>\s*</defs>"):
        text = re.sub(clutter, "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]*;?\s*", "", text)
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"\d+\.\d{3,}", _round, tag[0]), text)
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"#[0-9a-f]{6}\b", _name_colour, tag[0]), text)
    text = _prefix_identifiers(text, name)
    _, _, rest = text.partition(">")
    box = " ".join(f"{72 * size:g}" for size in figure.get_size_inches())
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {box}" role="img" aria-label="{escape(label)}">'
    return Markup(head + re.sub(r">\s+<", "><", rest.strip()))


def _lay_out(figure: Figure) -> None:
    """Place the axes as the figure's layout says, and keep them there.

    `Figure.savefig` would draw the whole figure once more for this, and throw the drawing away.
    """
    figure.set_dpi(FigureCanvasSVG.fixed_dpi)  # texts are measured as they will be written
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _name_colour(match: re.Match[str]) -> str:
    """Return the CSS variable of a colour; a colour without one stays."""
    return f"var(--{_VARIABLES[match[0]]})" if match[0] in _VARIABLES else match[0]


def _round(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _prefix_identifiers(text: str, name: str) -> str:
    """Give referenced identifiers the figure's prefix, and remove the others."""
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    return re.sub(r"(url\(|href=\")#", rf"\g<1>#{name}-", text)
