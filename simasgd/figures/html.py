"""The HTML of results in notebooks: a verdict, a table and figures, in the colours of light paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import StringIO

from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.palette import LIGHT

_MOST_ROWS = 12
_WIDTH = "27em"


def put_together(name: str, verdict: str, table: str, figures: Sequence[str]) -> str:
    """Return a result as HTML, from its parts; `verdict` and `name` are plain text."""
    parts = [
        f'<p style="margin:0 0 .6em"><b>{escape(name)}.</b> {escape(verdict)}</p>',
        table,
        f'<div style="display:flex;flex-wrap:wrap;gap:.8em">{"".join(figures)}</div>',
    ]
    style = f"max-width:60em;padding:.8em;border-radius:6px;line-height:1.45;background:{LIGHT['card']};color:{LIGHT['ink']}"
    return f'<div class="simasgd" style="{style}">{"".join(parts)}</div>'


def tabulate(titles: Sequence[str], rows: Sequence[Sequence[str]], *, words: int) -> str:
    """Return the first rows of a table as HTML. The first `words` columns are no numbers."""
    head = "".join(_cell("th", escape(title), is_word=i < words) for i, title in enumerate(titles))
    listed = ["".join(_cell("td", escape(text), is_word=i < words) for i, text in enumerate(row)) for row in rows[:_MOST_ROWS]]
    body = "".join(f'<tr style="background:none">{row}</tr>' for row in listed)
    more = len(rows) - _MOST_ROWS
    rest = f'<p style="margin:.2em 0">and {more} more; <code>table()</code> has all</p>' if more > 0 else ""
    style = f"border-collapse:collapse;margin:0 0 .8em;color:{LIGHT['ink']}"
    return f'<table style="{style}"><thead><tr style="background:none">{head}</tr></thead><tbody>{body}</tbody></table>{rest}'


def _cell(tag: str, text: str, *, is_word: bool) -> str:
    side = "left" if is_word else "right"
    style = f"padding:.15em .7em;text-align:{side};white-space:nowrap;border-bottom:1px solid {LIGHT['line']}"
    return f'<{tag} style="{style}">{text}</{tag}>'


def embed(figure: Figure, title: str) -> str:
    """Return a figure under its title, as an image that needs nothing else."""
    stream = StringIO()
    with svg.use_style():
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    image = base64.b64encode(stream.getvalue().encode()).decode()
    return (
        f'<figure style="margin:0;max-width:{_WIDTH}"><figcaption>{escape(title)}</figcaption>'
        f'<img alt="{escape(title)}" style="width:100%" src="data:image/svg+xml;base64,{image}"></figure>'
    )
