"""Matplotlib figures as inline SVG that follows the page's theme.

Figures are drawn with sentinel colours, which become CSS variables here. The SVG has no metadata, only
the identifiers that it refers to, and two decimals, so that equal tables give equal bytes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
import seaborn as sns
from markupsafe import Markup
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#010203", "#020304", "#030405", "#040506"
SERIES = tuple(sns.color_palette("colorblind", 8).as_hex())
"""The colours of variants: safe for the colour-blind; style.css makes them brighter in the dark."""
ACTIVITIES = {
    "compute": "#110203",
    "step": "#18090a",
    "mix": "#190a0b",
    "launch": "#1a0b0c",
    "copy": "#1b0c0d",
    "push": "#120304",
    "wait": "#130405",
    "pull": "#140506",
    "idle": "#150607",
    "update": "#160708",
    "other": "#170809",
}
"""The colours of bars: activities of learners, and other parts of a critical path."""
ON_ACTIVITIES = {name: colour.replace("#1", "#2", 1) for name, colour in ACTIVITIES.items()}
DASHES: tuple[tuple[int, tuple[float, ...]], ...] = ((0, ()), (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
WIDTH = 4.7
"""The width of every figure in inches of 72 px; its text is readable on a telephone."""

_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "card",
    **{colour: f"series-{i}" for i, colour in enumerate(SERIES)},
    **{colour: name for name, colour in ACTIVITIES.items()},
    **{colour: f"on-{name}" for name, colour in ON_ACTIVITIES.items()},
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "simasgd",
    "text.parse_math": False,  # users' names and values may contain $
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
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
    return str(SERIES[i % len(SERIES)])


@contextmanager
def _use_style() -> Iterator[None]:
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # browsers draw the text
        yield


@contextmanager
def open_figure(height: float) -> Iterator[Figure]:
    """Open a figure of `height` inches in the report's style."""
    with _use_style():
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def render_inline(figure: Figure, name: str, label: str) -> Markup:
    """Return the figure as an SVG element.

    `name` is unique on the page; `label` describes the figure for readers who do not see it.
    """
    stream = StringIO()
    with _use_style():
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for clutter in (r"<!--.*?-->", r"<metadata>.*?</metadata>", r"<defs>\s*<style.*?</style>\s*</defs>"):
        text = re.sub(clutter, "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]*;?\s*", "", text)
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"\d+\.\d{3,}", _round, tag[0]), text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    text = _prefix_identifiers(text, name)
    _, _, rest = text.partition(">")
    box = " ".join(f"{72 * size:g}" for size in figure.get_size_inches())
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {box}" role="img" aria-label="{escape(label)}">'
    return Markup(head + re.sub(r">\s+<", "><", rest.strip()))


def _round(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _prefix_identifiers(text: str, name: str) -> str:
    """Give referenced identifiers the figure's prefix, and remove the others."""
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    return re.sub(r"(url\(|href=\")#", rf"\g<1>#{name}-", text)
