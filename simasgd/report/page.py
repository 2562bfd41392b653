"""A study or a sweep as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import simasgd
from simasgd.report.blocks import blocks
from simasgd.report.facts.facts import facts_of
from simasgd.report.facts.glossary import WORDS
from simasgd.report.facts.words import few, joined, without_controls
from simasgd.report.sections.cards import cards
from simasgd.report.sections.provenance import about, profiles, provenance
from simasgd.report.sections.verdict import verdict
from simasgd.report.sweep import blocks as sweep_blocks
from simasgd.report.sweep.facts import SweepFacts, short
from simasgd.report.sweep.verdict import sweep_verdict
from simasgd.results.run import PAGE, Study
from simasgd.scenario.reading import text

if TYPE_CHECKING:
    from simasgd.sweeps.sweep import SweepTable

_TEMPLATES = Path(__file__).parent / "templates"
_GANTT = ("gantt_paint.js", "gantt.js")


def study_page(study: Study) -> str:
    """The report on all runs of a scenario, as HTML."""
    variants = facts_of(study)
    scenario = study.scenario
    sections = blocks(study, variants)
    return _render(
        "study.html.j2",
        scripts=("page.js", *(_GANTT if any(section.timelines for section in sections) else ())),
        version=next(iter(study.runs.values()))[0].summary["version"],
        name=scenario.name,
        heading=f"{scenario.name}: {study.variant}" if study.variant else scenario.name,
        title=scenario.title,  # what its author expects, which the verdict may contradict
        verdict=verdict(variants),
        names=[one.name for one in variants],
        notes=study.notes,
        about=about(study),
        single=len(variants) == 1,
        cards=cards(variants),
        blocks=sections,
        command=study.command or "simasgd run scenario.yaml",
        repeat=_repeat(study),
        yaml=text.dump(scenario.resolved()),
        provenance=provenance(study),
        profiles=profiles(study),
        words=WORDS,
    )


def write_study(study: Study, folder: Path) -> Path:
    """Write a study's report into its folder, and each variant's own below; returns the page's path."""
    if study.has_variants:
        for variant in study.runs:
            _write(study_page(study.alone(variant)), folder / variant)
    return _write(study_page(study), folder)


def sweep_page(sweep: SweepTable) -> str:
    """The report on a sweep, as HTML."""
    facts = SweepFacts.of(sweep)
    scenario = sweep.scenario
    return _render(
        "sweep.html.j2",
        scripts=("page.js",),
        version=simasgd.__version__,
        name=scenario.name,
        heading=f"Sweep over {joined([short(axis) for axis in sweep.axes]) or 'seeds'}",
        verdict=sweep_verdict(facts),
        names=[variant for variant in facts.variants if variant],
        about=[(axis.key, few(axis.values, 8)) for axis in sweep.axes],
        blocks=sweep_blocks.blocks(facts),
        points=sweep_blocks.all_points(facts),
        command=sweep.command,
        yaml=text.dump(scenario.resolved()),
        words=WORDS,
    )


def write_sweep(sweep: SweepTable, folder: Path) -> Path:
    """Write a sweep's report into its folder; returns the page's path."""
    return _write(sweep_page(sweep), folder)


def _write(page: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _repeat(study: Study) -> str:
    if study.command:
        return "This command repeats the study. The same scenario under the same versions gives the same numbers."
    return "The scenario below, saved as scenario.yaml, is repeated by this command. The same versions give the same numbers."


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["naming"] = naming
    return environment


def naming(sentence: str, names: Sequence[str]) -> Markup:
    """The sentence with the variants' names emphasised, so that `async` at its beginning reads as the name it is."""
    if not names:
        return Markup("{}").format(sentence)
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    parts = re.split(rf"(?<![\w.-])({longest_first})(?![\w-])", sentence)
    emphasised = (Markup("<b>{}</b>").format(part) if i % 2 else Markup("{}").format(part) for i, part in enumerate(parts))
    return Markup().join(emphasised)


def _render(template: str, scripts: Sequence[str], **content: Any) -> str:
    script = "\n".join((_TEMPLATES / name).read_text(encoding="utf-8").strip() for name in scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8").strip())
    page = _environment().get_template(template).render(script=Markup(script), script_hash=digest, style=style, **content)
    return without_controls(page)
