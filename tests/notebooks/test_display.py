"""Results show themselves in a notebook, and draw their figures into matplotlib's axes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from simasgd import Comparison, Scenario, ScenarioError, UsageError, compare, figures, simulate
from simasgd.scenario.reading.yaml_layer import parse_layer
from tests.build import LEARNING, TIMING, compiled_quickly, scenario

SMALL = {"stop": {"gradients": 120}, "learning": {"model": {"kind": "softmax"}, "evaluate": "30 updates"}, "title": "<b>"}


@pytest.fixture(scope="module")
def compared() -> Iterator[Comparison]:
    """Return two variants that learn, and one that fails."""
    base = scenario(LEARNING, SMALL)
    with compiled_quickly():
        yield compare(base.resolved(), "async", "hardsync", "ssp:slack=1", "repeats=2", target="50%")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    plt.close("all")  # other tests' figures
    yield
    plt.close("all")


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html).replace("\xa0", " ")


@pytest.mark.usefixtures("quickly_compiled")
def test_a_comparison_shows_its_verdict_a_table_and_two_figures(compared: Comparison) -> None:
    html = compared._repr_html_()
    assert html == compared.study._repr_html_()
    assert compared.verdict in text_of(html)
    assert html.count("<tr") == 4
    images = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert len(images) == 2
    assert all(b"<svg" in base64.b64decode(image) for image in images)
    assert "var(--" not in "".join(base64.b64decode(image).decode() for image in images), "colours are real"
    assert not plt.get_fignums(), "no figure is left open, which a notebook would show again"
    for variant, runs in compared.study.runs.items():
        mean = sum(run.test_error or 0.0 for run in runs) / len(runs)
        assert f"{variant} finished {100 * mean:.1f} %" in " ".join(text_of(html).split())


@pytest.mark.usefixtures("quickly_compiled")
def test_texts_are_short(compared: Comparison) -> None:
    run = compared.study.runs["async"][0]
    assert run.test_error is not None
    assert repr(run) == (
        f"<Run test at seed 0: finished, test error {run.test_error:.1%}, {run.simulated_seconds:.4g} simulated s>"
    )
    assert repr(compared.study) == "<Study test: async, hardsync, ssp-slack1; 6 runs>"
    assert repr(compared).startswith(f"<Comparison of async, hardsync, ssp-slack1: {compared.verdict[:20]}")
    table, verdict = str(compared.study).split("\n\n")
    assert table.splitlines()[0].split()[0] == "variant"
    assert [line.split()[0] for line in table.splitlines()[1:4]] == list(compared.study.runs)
    assert verdict == compared.verdict == compared.study.verdict
    assert str(compared) == str(compared.study)
    assert repr(run.scenario) == "<Scenario test: 4 learners, async>"
    assert Scenario.from_layer(parse_layer(str(run.scenario), "s.yaml")) == run.scenario, "print gives YAML that loads"
    assert "&lt;b&gt;" in run.scenario._repr_html_()
    assert "<b>" not in run.scenario._repr_html_()


@pytest.mark.usefixtures("quickly_compiled")
def test_figures_draw_into_given_axes_and_return_them(compared: Comparison) -> None:
    run = compared.study.runs["hardsync"][0]
    drawing = [
        figures.error_over_time,
        figures.error_against_time,
        figures.time_to_target,
        figures.staleness,
        figures.staleness_over_time,
        figures.learner_time,
    ]
    for draw in drawing:
        _, axes = plt.subplots()
        assert draw(compared, axes) is axes, draw
        assert axes.get_xlabel()
        assert draw(compared.study).get_xlabel() == axes.get_xlabel()
    lines = figures.error_over_time(run, x="epochs").get_lines()
    assert run.evaluations is not None
    assert [lines[0].get_xdata()[-1], lines[0].get_ydata()[-1]] == list(run.evaluations[["epoch", "test_error"]].iloc[-1])
    with pytest.raises(UsageError, match="there is no test loss to draw"):
        figures.loss_over_time(run)
    with pytest.raises(UsageError, match=r"x='days' is not an axis; expected time, epochs, bytes"):
        figures.error_over_time(run, x="days")
    with pytest.raises(UsageError, match="fewer than two variants learn"):
        figures.error_against_time(run)


@pytest.mark.usefixtures("quickly_compiled")
def test_pages_and_facts_come_from_python(compared: Comparison, tmp_path: Path) -> None:
    assert compared.facts["comparisons"][0]["target"] == compared.study.target == 0.5
    assert list(compared.table()["variant"]) == ["async", "hardsync", "ssp-slack1"]
    assert compared.write_page(tmp_path) == tmp_path / "index.html"
    assert "tie as best" in compared.verdict
    assert "tie as best" in (tmp_path / "index.html").read_text().replace("\xa0", " ")
    with pytest.raises(UsageError, match="the page cannot be written: No such file"):
        compared.study.write_page(tmp_path / "no" / "page.html")
    with pytest.raises(ScenarioError, match="name protocols, as in: hardsync, async"):
        compare(scenario(TIMING))


def test_a_run_without_learning_shows_where_the_time_goes() -> None:
    run = simulate(scenario(TIMING, {"record": "summary"}))
    shown = text_of(run._repr_html_())
    assert "Where the learners' time goes" in unescape(shown)
    assert "test error" not in shown
    with pytest.raises(UsageError, match="keep no table of updates; run them with record=updates"):
        figures.staleness_over_time(run)
    with pytest.raises(UsageError, match="there is no test error to draw"):
        figures.error_over_time(run)


@pytest.mark.usefixtures("quickly_compiled")
def test_progress_is_a_callback_or_lines(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[str, float]] = []
    chosen = scenario(LEARNING, SMALL, {"stop": {"continued": [0.1, 0.2]}})
    simulate(chosen, progress=lambda *now: seen.append(now))
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen)
    assert seen[-1] == ("done", 1.0)
    assert {"compile", "replay"} <= {phase for phase, _ in seen}
    compilations = sorted({fraction for phase, fraction in seen if phase == "compile"})
    assert compilations == pytest.approx([0.025, 0.25 + 0.025, 0.5 + 0.05]), "three parts of 1 : 1 : 2"
    assert not capsys.readouterr().out
    simulate(chosen, progress=True)
    lines: list[Any] = capsys.readouterr().out.splitlines()
    assert lines[-1] == "test: 100% (learning)"
    assert len(lines) <= 11
