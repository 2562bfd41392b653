"""The pages of recorded runs, alone and beside simulated ones: `measured` stands wherever their numbers are."""

from __future__ import annotations

import json
import re
from contextlib import chdir
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner

from simasgd.command import cli
from simasgd.report.page import render_study, write_study
from simasgd.report.terminal.study import conclude_study
from simasgd.results.study import Study
from simasgd.scenario.reading.yaml_layer import dump_yaml
from tests.build import TIMING, scenario
from tests.results.recorded import NOTE, SYSTEM, record


def text_of(page: str) -> str:
    """Return a page's text without its tags and its glossary."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page))).rpartition("How to read this page")[0]


@pytest.mark.parametrize(
    ("protocol", "record_what"),
    [("async", "updates"), ("hardsync", "timeline"), ("gossip-pull", "timeline"), ("all-reduce", "updates")],
)
def test_a_recorded_run_is_called_measured(protocol: str, record_what: str, tmp_path: Path) -> None:
    chosen = scenario(TIMING, {"protocol": {"kind": protocol}, "record": record_what, "stop": {"gradients": 40}})
    run = record(chosen)
    study = Study(chosen, {"": [run]}, "simasgd record test", (run.summary.note,))
    table = conclude_study(study).table
    assert table is not None
    assert "measured time" in [column.title for column in table.columns]
    study.save(tmp_path)
    page = write_study(Study.load(tmp_path), tmp_path).read_text(encoding="utf-8")
    assert protocol != "hardsync" or page == render_study(study)
    told = text_of(page)
    assert "Report on a measured run" in told
    assert NOTE in told
    assert "recorded by ray 2.60.0 on one machine (Xeon Gold 6338, 2 cores, Python 3.11.7)" in told
    assert all(sentence in told for sentence in SYSTEM.sentences())
    assert f"measured {protocol}" in told
    assert "The times of real processes differ from one recording to the next" in told
    assert "nan" not in told.lower().split()
    told = re.sub("not simulated|simulated_time:", "", told)
    assert [told[max(0, at.start() - 60) : at.end() + 20] for at in re.finditer("simulated", told)] == []


def test_values_of_a_profile_that_were_measured_are_not_used() -> None:
    chosen = scenario(TIMING, {"cluster": {"profile": "p775"}, "stop": {"gradients": 20}})
    paced, free = (record(chosen, SYSTEM.model_copy(update={"pace": pace})) for pace in ("paced", "free"))
    counts = [text_of(render_study(Study(chosen, {"": [run]}))).count("not used: it was measured") for run in (paced, free)]
    assert 0 < counts[0] < counts[1]


def test_an_interrupted_recording_says_so() -> None:
    asked = scenario(TIMING, {"stop": {"gradients": 40}})
    run = record(asked, until=scenario(TIMING, {"stop": {"gradients": 30}}))
    assert "40 gradients (interrupted before)" in text_of(render_study(Study(asked, {"": [run]})))


def test_a_recorded_run_stands_beside_simulated_ones(tmp_path: Path) -> None:
    chosen = scenario(TIMING, {"cluster": {"compute": {"per_batch": "1 ms"}}, "stop": {"gradients": 20}})
    (tmp_path / "mine.yaml").write_text(dump_yaml(chosen.resolved()))
    run = record(chosen)
    Study(chosen, {"": [run]}, "simasgd record mine.yaml").save(tmp_path / "seen")
    with chdir(tmp_path):
        words = ["compare", "mine.yaml", "--measured", "seen", "--out", "both"]
        done = CliRunner().invoke(cli.app, words, catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()[:3]]
    assert [row[1] for row in rows] == ["times", "simulated", "measured"]
    rows = json.loads((tmp_path / "both/compare.json").read_text())["variants"]
    assert [(row["variant"], row["origin"]) for row in rows] == [
        ("async", "simulated"), ("measured", "measured"),
    ]  # fmt: skip
    told = text_of((tmp_path / "both/index.html").read_text())
    assert "comparison of two simulated and measured variants" in told
    assert f"measured: {NOTE}" in told
    assert "The same recorded run and versions give the same numbers" in told
    own = text_of((tmp_path / "both/measured/index.html").read_text())
    assert "The same recorded run and versions give the same numbers" in own
    names = [path.name for path in (tmp_path / "both/measured").iterdir()]
    assert "operations.parquet" in names
    before = (tmp_path / "both/index.html").read_bytes()
    with chdir(tmp_path):
        CliRunner().invoke(cli.app, ["report", "both"], catch_exceptions=False, prog_name="simasgd")
    assert (tmp_path / "both/index.html").read_bytes() == before
