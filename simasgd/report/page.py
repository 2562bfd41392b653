"""The report on a study or a sweep: one HTML page that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import simasgd
from simasgd.errors import UsageError
from simasgd.report.advice import blocks as advice_blocks
from simasgd.report.advice import sentences as advice_sentences
from simasgd.report.advice.candidates_table import say_shared, tabulate_candidates
from simasgd.report.advice.wording import format_target
from simasgd.report.calibration import blocks as calibration_blocks
from simasgd.report.cards import build_cards
from simasgd.report.comparison.comparison import compare_variants
from simasgd.report.drawing.palette import write_css
from simasgd.report.facts.formats import join_words, list_some, replace_controls
from simasgd.report.facts.glossary import find_terms
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.headings import name_kind, name_study
from simasgd.report.index import rows as index_rows
from simasgd.report.sections.provenance import describe_study, tabulate_profiles, tabulate_provenance
from simasgd.report.study_blocks import build_study_blocks
from simasgd.report.sweep import blocks as sweep_blocks
from simasgd.report.sweep import points_table
from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.report.validation import blocks as validation_blocks
from simasgd.report.verdict.verdict import state_verdict
from simasgd.results.study import Study
from simasgd.scenario.reading import yaml_layer
from simasgd.storage.files import PAGE

if TYPE_CHECKING:
    from simasgd.advising.findings import Findings
    from simasgd.calibration.fit import Calibration
    from simasgd.scenario.schema import Scenario
    from simasgd.sweeps.table import Sweep
    from simasgd.validation.forms import Validation

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_UNFOLDED = 25
"""Up to this number of points the table of all points is open."""
_TIMELINE_SCRIPTS = ("gantt_paint.js", "gantt.js")
_WITH_FILTERS = {"scripts": ("page.js", "filters.js"), "styles": ("style.css", "filters.css")}


def render_study(study: Study) -> str:
    """Render the report on all runs of a scenario as HTML."""
    variants = collect_facts(study)
    scenario = study.scenario
    compared = compare_variants(study, variants)
    sections = build_study_blocks(study, variants, compared)
    data_notes = {run.summary.note for runs in study.runs.values() for run in runs if run.summary.recorded is None}
    return _render(
        "study.html.j2",
        scripts=("page.js", *(_TIMELINE_SCRIPTS if any(section.timelines for section in sections) else ())),
        version=next(iter(study.runs.values()))[0].summary.version,
        kicker=name_kind(study, variants),
        name=scenario.name,
        heading=name_study(study, variants, compared),
        title=scenario.title,  # the author's expectation, which the verdict may contradict
        verdict=state_verdict(variants),
        names=[variant.name for variant in variants],
        notes=[note for note in study.notes if note in data_notes],
        warnings=[note for note in study.notes if note not in data_notes],
        about=describe_study(study),
        single=len(variants) == 1,
        cards=build_cards(variants, compared),
        blocks=sections,
        command=study.command or f"simasgd {'record' if _is_recording(study) else 'run'} scenario.yaml",
        repeat=_explain_command(study),
        yaml=yaml_layer.dump_yaml(scenario.resolved()),
        provenance=tabulate_provenance(study),
        profiles=tabulate_profiles(study),
    )


def write_study(study: Study, folder: Path) -> Path:
    """Write a study's report and each variant's own; return the path of the study's page."""
    if study.has_variants:
        for variant in study.runs:
            _write(render_study(study.alone(variant)), folder / variant)
    return _write(render_study(study), folder)


def render_sweep(sweep: Sweep) -> str:
    """Render the report on a sweep as HTML."""
    return _render_sweep(SweepVerdict.of(SweepFacts.of(sweep)))


def _render_sweep(verdict: SweepVerdict) -> str:
    facts, sweep = verdict.facts, verdict.facts.sweep
    scenario = sweep.scenario
    return _render(
        "sweep.html.j2",
        **_WITH_FILTERS,
        version=simasgd.__version__,
        name=scenario.name,
        heading=verdict.headline,
        axes=join_words([dial.name for dial in facts.varying]) or "seeds",
        reasons=verdict.reasons,
        effects=verdict.effects,
        where=sweep_blocks.say_where(verdict),
        names=[],
        about=sweep_blocks.describe_axes(facts),
        rules=sweep_blocks.explain_rules(facts),
        best=sweep_blocks.tabulate_best(verdict) if verdict.answers else None,
        blocks=sweep_blocks.build_sweep_blocks(verdict),
        settings=points_table.tabulate_settings(facts),
        points=points_table.tabulate_points(facts),
        folded=len(sweep.points) > _MOST_UNFOLDED,
        command=sweep.command,
        yaml=yaml_layer.dump_yaml(scenario.resolved()),
    )


def render_advice(found: Findings, scenario: Scenario) -> str:
    """Render the page of a search for advice as HTML."""
    candidates = tabulate_candidates(found)
    return _render(
        "advice.html.j2",
        **_WITH_FILTERS,
        version=found.version,
        name=found.name,
        target=format_target(found),
        heading=advice_sentences.state_headline(found),
        verdict=advice_sentences.list_answers(found),
        admissions=advice_sentences.list_grounds(found),
        names=[],
        about=advice_blocks.describe_search(found),
        answers=advice_blocks.lay_out_answers(found),
        method=advice_blocks.METHOD,
        blocks=advice_blocks.build_advice_blocks(found),
        candidates=candidates,
        shared=say_shared(found),
        refused=advice_blocks.tabulate_refused(found),
        folded=len(candidates.rows) > _MOST_UNFOLDED,
        command=found.command,
        yaml=yaml_layer.dump_yaml(scenario.resolved()),
    )


def write_advice(found: Findings, scenario: Scenario, folder: Path) -> Path:
    """Write the page of a search into its folder; return the page's path."""
    return _write(render_advice(found, scenario), folder)


def render_validation(found: Validation, scenario: Scenario) -> str:
    """Render the page of a measured system beside its simulation as HTML."""
    return _render(
        "validation.html.j2",
        scripts=("page.js",),
        version=found.version,
        heading=f"{found.name}: measured and simulated",
        verdict=found.verdict,
        names=[],
        notes=[f"{remark}." for remark in found.remarks],
        about=validation_blocks.describe_validation(found),
        cards=validation_blocks.build_cards(found),
        blocks=validation_blocks.build_validation_blocks(found),
        method=validation_blocks.METHOD,
        command=found.command,
        yaml=yaml_layer.dump_yaml(scenario.resolved()),
        provenance=validation_blocks.tabulate_provenance(found),
    )


def write_validation(found: Validation, scenario: Scenario, folder: Path) -> Path:
    """Write a validation's page into its folder; return the page's path."""
    return _write(render_validation(found, scenario), folder)


def render_calibration(fit: Calibration, profile: dict[str, Any], file: str, command: str) -> str:
    """Render the page of a fit as HTML; `file` is the name of the profile's file."""
    return _render(
        "calibration.html.j2",
        scripts=("page.js",),
        version=simasgd.__version__,
        heading=f"Fitted: {list_some(fit.files, 3)}",
        verdict=calibration_blocks.state_fit(fit),
        about=calibration_blocks.describe_log(fit),
        remarks=fit.remarks,
        blocks=calibration_blocks.build_fit_blocks(fit),
        file=file,
        command=command,
        sources=calibration_blocks.tabulate_sources(profile),
    )


def render_index(name: str, studies: Sequence[str], runs: Sequence[str], kinds: Mapping[str, int], number: int) -> str:
    """Render the index of a folder as HTML.

    `studies` and `runs` are rows of `simasgd.report.index.rows`. `kinds` has the number of studies of each kind, and `number`
    is that of all runs.
    """
    return _render(
        "index.html.j2",
        scripts=("index.js",),
        styles=("style.css", "index.css"),
        version=simasgd.__version__,
        name=name,
        heading=index_rows.name_index(number, name),
        summary=index_rows.summarise(kinds),
        pictures=index_rows.EXPLANATION,
        study_columns=index_rows.STUDY_COLUMNS,
        run_columns=index_rows.RUN_COLUMNS,
        studies=Markup("\n".join(studies)),
        runs=Markup("\n".join(runs)),
    )


def write_sweep(sweep: Sweep, folder: Path) -> Path:
    """Write a sweep's report into its folder, and its verdict into sweep.json; return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    verdict = SweepVerdict.of(SweepFacts.of(sweep))
    replace(sweep, verdict=verdict.text, best=verdict.list_best()).write_answers(folder)
    return _write(_render_sweep(verdict), folder)


def write_page(page: str, path: Path) -> Path:
    """Write a page where the user wants it, and return its path; a folder gets it as `index.html`.

    Raises simasgd.UsageError if it cannot be written.
    """
    target = path / PAGE if path.is_dir() else path
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target}: the page cannot be written: {error.strerror or error}") from None
    return target


def _write(page: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _is_recording(study: Study) -> bool:
    """Return whether the study's own command recorded its runs, rather than compared recorded ones."""
    is_recorded = all(run.summary.recorded is not None for runs in study.runs.values() for run in runs)
    return is_recorded and (not study.command or study.command.startswith("simasgd record "))


def _explain_command(study: Study) -> str:
    summaries = [run.summary for runs in study.runs.values() for run in runs]
    if _is_recording(study):
        return "This command records the system anew. The times of real processes differ from one recording to the next."
    if any(summary.is_measured for summary in summaries):
        source = "recorded run" if any(summary.recorded is not None for summary in summaries) else "log"
        placeholder = " A log does not tell its cluster and protocol, so the scenario below has placeholders for them."
        again = f"This command repeats the study from the same {source}. The same {source} and versions give the same numbers."
        return again + ("" if all(summary.has_scenario for summary in summaries) else placeholder)
    if study.command:
        return "This command repeats the study. The same scenario under the same versions gives the same numbers."
    return "Save the scenario below as scenario.yaml; this command then repeats it. The same versions give the same numbers."


@cache
def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["emphasise_names"] = emphasise_names
    environment.filters["find_terms"] = find_terms
    return environment


def emphasise_names(sentence: str, names: Sequence[str]) -> Markup:
    """Return a sentence with the variants' names emphasised."""
    if not names:
        return Markup("{}").format(sentence)
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    parts = re.split(rf"(?<![\w.-])({longest_first})(?![\w-])", sentence)
    emphasised = (Markup("<b>{}</b>").format(part) if i % 2 else Markup("{}").format(part) for i, part in enumerate(parts))
    return Markup().join(emphasised)


def _render(template: str, scripts: Sequence[str], styles: Sequence[str] = ("style.css",), **content: Any) -> str:
    script = "\n".join((_TEMPLATES / name).read_text(encoding="utf-8").strip() for name in scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = [(_TEMPLATES / name).read_text(encoding="utf-8").strip() for name in styles]
    style = Markup("\n".join([write_css(), *rules]))
    page = _make_environment().get_template(template).render(script=Markup(script), script_hash=digest, style=style, **content)
    return replace_controls(page)
