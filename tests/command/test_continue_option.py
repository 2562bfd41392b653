"""`simasgd run --continue`: it finds the finished run, and says what to do where there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from simasgd import Study, UsageError, study
from simasgd.command.cli import app
from simasgd.report.comparison.comparison_json import write_comparison
from simasgd.scenario.reading.yaml_layer import dump_yaml
from tests.build import LINEAR, TIMING, scenario


def refused(*arguments: str, text: str = "") -> str:
    done = CliRunner().invoke(app, ["run", *arguments], input=text)
    assert isinstance(done.exception, UsageError)
    return str(done.exception)


def test_the_command_goes_on_with_the_run_of_a_scenario_or_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = scenario(TIMING, {"record": "summary", "stop": {"gradients": 40}})
    Path("t.yaml").write_text(dump_yaml(base.resolved()))
    assert "there is no finished run of this scenario; run it first: simasgd run t.yaml seed=5" in refused(
        "t.yaml", "seed=5", "--continue", "1"
    )
    first = study(base)
    first.save("reports/test")
    done = CliRunner().invoke(app, ["run", "t.yaml", "--continue", "0.2", "-q"])
    assert done.exception is None, done.output
    whole = Study.load("reports/test-continued")
    assert any("Continued after epoch 0.16" in note for note in whole.notes)
    assert whole.command == "simasgd run t.yaml --continue 0.2"
    assert whole.runs[""][0].summary.gradients.applied == 90
    assert "Continued after epoch 0.16" in Path("reports/test-continued/index.html").read_text()
    assert Study.load("reports/test").runs[""][0].summary.gradients.applied == 40, "the first part stays"
    assert "leave out seed=5" in refused("reports/test", "seed=5", "--continue", "1")


def test_a_comparison_goes_on_as_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its target and its notes."""
    monkeypatch.chdir(tmp_path)
    base = scenario(
        TIMING,
        {"record": "summary", "stop": {"gradients": 40}, "variants": {"async": {}, "hardsync": {"protocol": "hardsync"}}},
    )
    write_comparison(replace(study(base), target=0.25, notes=["a note"]), Path("both"))
    done = CliRunner().invoke(app, ["run", "both", "--continue", "0.2", "-q"])
    assert done.exception is None, done.output
    whole = Study.load("reports/test-compare-continued")
    assert (whole.target, whole.notes[0]) == (0.25, "a note")
    rows = json.loads(Path("reports/test-compare-continued/compare.json").read_text())["variants"]
    assert [row["variant"] for row in rows] == ["async", "hardsync"]
    assert "did you mean 'async'?" in refused("both", "--continue", "1", "--variant", "asink")


@pytest.mark.usefixtures("quickly_compiled")
def test_the_commands_that_it_names_can_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenario comes from standard input, or came from there; or the runs kept no weights."""
    monkeypatch.chdir(tmp_path)
    text = dump_yaml(scenario(LINEAR, {"stop": {"gradients": 40}}).resolved())
    told = refused("-", "seed=5", "--continue", "1", text=text)
    assert "run it first, from the same standard input: simasgd run - seed=5 record.weights=true\n" in told
    told = refused("-", "seed=5", "record.weights=true", "--continue", "1", text=text)
    assert "simasgd run - seed=5 record.weights=true\n" in told, "it is asked for once"
    first = study(scenario(LINEAR, {"stop": {"gradients": 4}}))
    for command, words in (("simasgd run t.yaml", "run t.yaml"), ("simasgd run scenario.yaml", "run kept/scenario.yaml")):
        replace(first, command=command).save("kept")
        told = refused("kept", "--continue", "1")
        assert "kept: test: the run kept no weights, so it cannot go on; " in told
        assert told.endswith(f"keep them: simasgd {words} record.weights=true")
