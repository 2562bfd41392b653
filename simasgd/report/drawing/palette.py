"""The colours of the pages and figures, on light and on dark paper.

Figures are drawn in the light colours, and a page replaces each by its CSS variable. So a figure is
right in a notebook too. Colours of `SERIES` differ also for readers who do not see all colours, which
a test computes.
"""

from __future__ import annotations

from collections.abc import Mapping

NUM_SERIES = 8
"""The number of series with a colour of their own; later ones differ by their markers."""

_PAGE_LIGHT = {
    "paper": "#fbfbfa", "card": "#ffffff", "ink": "#16181d", "muted": "#5b626e", "grid": "#e3e5e9", "line": "#e3e5ea",
    "accent": "#0b5cad", "note": "#fff6dd", "note-line": "#e3b341", "code": "#f4f5f7",
    "fault": "#b3261e",
}  # fmt: skip
_PAGE_DARK = {
    "paper": "#111418", "card": "#191d23", "ink": "#e9ebee", "muted": "#a3abb7", "grid": "#2c323b", "line": "#2c323c",
    "accent": "#79b8ff", "note": "#2d2610", "note-line": "#b08a2e", "code": "#14171c",
    "fault": "#ff8a80",
}  # fmt: skip
_SERIES_LIGHT = ("#0072b2", "#d9700a", "#0a5000", "#c3003c", "#322d96", "#9b5069", "#1496fa", "#780a41")
_SERIES_DARK = ("#4aa8e0", "#f0a93b", "#37facd", "#f550af", "#9bbe8c", "#ffc8f5", "#148c7d", "#9b7850")
_ACTIVITIES_LIGHT = {
    "compute": "#3a2f94", "step": "#7a9a2e", "mix": "#c98bd4", "launch": "#8a6d3b", "copy": "#d97f3e", "push": "#2f9c8a",
    "wait": "#e0b84c", "pull": "#79c3e6", "idle": "#b9bdc4", "update": "#b0476b", "other": "#d9dce1",
    "down": "#6a707b", "resend": "#b94a2c", "timeout": "#f2b19b", "pause": "#44719f",
}  # fmt: skip
_ACTIVITIES_DARK = {
    "compute": "#8d84ea", "step": "#a9c94f", "mix": "#dca3e6", "launch": "#b9965a", "copy": "#ee9a5c", "push": "#3fb8a4",
    "wait": "#e0bc5a", "pull": "#6db9de", "idle": "#6c737e", "update": "#e27f9f", "other": "#474e59",
    "down": "#8b929e", "resend": "#f07a55", "timeout": "#f7c4b2", "pause": "#7fa6cf",
}  # fmt: skip
# A colour of light paper belongs to one variable, so white is written in three ways.
_ON_LIGHT = {
    "compute": "#fffffe", "step": "#141c02", "mix": "#2b0733", "launch": "#fffffd", "copy": "#2a1200", "push": "#06231f",
    "wait": "#2b2204", "pull": "#062431", "idle": "#1d2025", "update": "#fffffc", "other": "#1d2026",
    "down": "#fffffb", "resend": "#fffffa", "timeout": "#2d0d03", "pause": "#fffff9",
}  # fmt: skip
_ON_DARK = {
    "compute": "#0c0930", "step": "#1b2402", "mix": "#2b0733", "launch": "#231803", "copy": "#2a1200", "push": "#04201c",
    "wait": "#2b2204", "pull": "#041f2c", "idle": "#ffffff", "update": "#33091a", "other": "#ffffff",
    "down": "#101216", "resend": "#2d0a00", "timeout": "#2d0d04", "pause": "#04182b",
}  # fmt: skip


def _name(
    page: Mapping[str, str], series: tuple[str, ...], activities: Mapping[str, str], on: Mapping[str, str], link: str
) -> dict[str, str]:
    return {
        **page,
        **{f"series-{i}": colour for i, colour in enumerate(series)},
        **activities,
        "transfer": link,
        **{f"on-{name}": colour for name, colour in on.items()},
    }


LIGHT = _name(_PAGE_LIGHT, _SERIES_LIGHT, _ACTIVITIES_LIGHT, _ON_LIGHT, "#74829a")
DARK = _name(_PAGE_DARK, _SERIES_DARK, _ACTIVITIES_DARK, _ON_DARK, "#8d9cb8")
"""The colours by the names of their CSS variables."""

ACTIVITIES = _ACTIVITIES_LIGHT
"""The colours of bars: activities of learners, and other parts of a critical path."""
ON_ACTIVITIES = _ON_LIGHT
"""The colours of text on these bars."""


def write_css() -> str:
    """Return the rules that define the CSS variables: dark on a dark screen, light otherwise."""
    light, dark = ("; ".join(f"--{name}: {colour}" for name, colour in table.items()) for table in (LIGHT, DARK))
    return f":root {{ {light}; }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark}; }} }}"
