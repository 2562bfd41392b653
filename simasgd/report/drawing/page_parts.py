"""The parts of a page, in the form that the templates use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from simasgd.report.drawing import svg
from simasgd.report.drawing.timeline_overview import Lane


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Cell:
    """A text, the number that sorts its column ("": none, None: the text sorts it), and what it links to."""

    text: str
    value: str | None = None
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table: its columns, and the cells of each row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    @classmethod
    def of(cls, titles: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Table:
        """Make a table of texts; all columns except the first `words` hold numbers."""
        columns = [Column(title, numeric=i >= words) for i, title in enumerate(titles)]
        return cls(columns, [[Cell(text) for text in row] for row in rows])


@dataclass(frozen=True)
class Panel:
    """A titled panel: a figure or a table."""

    title: str
    svg: Markup | None = None
    subtitle: str = ""
    note: str = ""
    table: Table | None = None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A time line: `data` for its script, a `still` for paper, and an `overview` of the whole run."""

    title: str
    label: str
    data: Markup
    still: Markup
    still_note: str
    """The time that the still shows."""
    overview: Sequence[Lane]
    ends: Sequence[str]
    """The times at the left end, the middle and the right end of the overview."""
    drawn: str = ""
    """The time up to which slices are drawn; "" if that is the whole run."""
    part: float = 1.0
    """That time as a fraction of the run."""
    note: str
    file: str
    """The path of the complete time line, relative to the page."""


@dataclass(frozen=True)
class LegendEntry:
    """An entry of a legend."""

    mark: Markup
    text: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """A section of a page: sentences, figures, and the numbers behind them."""

    id: str
    nav: str
    title: str
    reading: str
    panels: Sequence[Panel] = ()
    timelines: Sequence[Timeline] = ()
    legend: Sequence[LegendEntry] = ()
    table: Table | None = None
    summary: str = "The numbers behind the figures"
    more: Sequence[tuple[str, Table]] = ()
    """Further tables, each with its summary."""
    links: Sequence[Cell] = ()
    """What the section does not show, and the pages that do; `links_title` stands before them."""
    links_title: str = ""
    folded: Sequence[Panel] = ()
    """Further panels, behind `folded_summary`."""
    folded_summary: str = ""
    columns: int = 2
    """The number of panels side by side if there is room: 1 or 2."""


@dataclass(frozen=True)
class KeyFigure:
    """A result in large type: the exact number `value`, and the `text` that shows it."""

    key: str
    name: str
    value: str
    text: str
    spread: str = ""


@dataclass(frozen=True)
class Card:
    """A card with results in large type."""

    title: str
    subtitle: str
    figures: Sequence[KeyFigure]
    tone: str = ""
    """A CSS variable's name."""
    mark: str = ""
    """The distinction of the card: `best`."""
    glyph: str = ""
    """The marker of its series in the figures."""
    leading: int = 1
    """The number of figures in the largest type."""


@dataclass(frozen=True)
class Profile:
    """A node profile and the sources of its numbers."""

    name: str
    title: str
    table: Table = field(repr=False)


def draw_line_mark(variable: str, dash: int = 0, marker: str = "") -> Markup:
    """Draw a legend's line in a CSS variable's colour, with a marker on it if one is given."""
    pattern = " ".join(f"{1.8 * length:g}" for length in svg.DASHES[dash % len(svg.DASHES)][1])
    line = Markup('<line x1="0" x2="32" y1="6" y2="6" stroke-width="2.5" stroke="var(--{})" stroke-dasharray="{}"/>')
    return _draw_mark(line.format(variable, pattern) + (_draw_text(variable, marker) if marker else Markup()))


def draw_glyph(variable: str, marker: str) -> Markup:
    """Draw a legend's marker in a CSS variable's colour."""
    return _draw_mark(_draw_text(variable, marker))


def _draw_text(variable: str, marker: str) -> Markup:
    text = Markup('<text x="16" y="10" text-anchor="middle" font-size="12" fill="var(--{})">{}</text>')
    return text.format(variable, marker)


def _draw_mark(inside: Markup) -> Markup:
    return Markup('<svg viewBox="0 0 32 12" aria-hidden="true">{}</svg>').format(inside)


def draw_swatch(variable: str) -> Markup:
    """Draw a legend's square in a CSS variable's colour."""
    return Markup('<i style="--tone: var(--{})"></i>').format(variable)
