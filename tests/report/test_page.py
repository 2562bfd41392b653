"""A page shows the numbers of its runs, loads nothing, and is the same every time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from simasgd import Study, study
from simasgd.report.comparison.comparison_json import build_comparison_json
from simasgd.report.facts.metric import ERROR
from simasgd.report.facts.tables import tabulate_curves
from simasgd.report.page import emphasise_names, render_study, render_sweep, write_study, write_sweep
from simasgd.report.verdict.verdict import state_verdict
from simasgd.sweeps.table import Sweep
from tests.build import LEARNING, scenario

pytestmark = pytest.mark.usefixtures("quickly_compiled")

STUDIES = ["compared", "single", "timing", "diverging", "losses", "stopped_at_once", "clocked"]
KEY_FIGURE = re.compile(r'<data value="([^"]*)" data-figure="([^"]*)">([^<]*)</data>')


@pytest.fixture(scope="module", params=[*STUDIES, "swept", "swept_losses"])
def page(request: pytest.FixtureRequest, drawn: Callable[[str], str]) -> str:
    return drawn(request.param)


def text_of(page: str) -> str:
    """Return the text of a page without markup."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", body)


def test_key_figures_equal_run_json(compared: Study, tmp_path: Path, drawn: Callable[[str], str]) -> None:
    compared.save(tmp_path)
    figures = {key: float(value) for value, key, _ in KEY_FIGURE.findall(drawn("compared")) if value}
    expected = {}
    for variant in compared.runs:
        homes = [tmp_path / variant, tmp_path / variant / "repeats" / "1"]
        summaries = [json.loads((home / "run.json").read_text(encoding="utf-8")) for home in homes]
        expected[f"{variant}.test_error"] = fmean(summary["test_error"] for summary in summaries)
        expected[f"{variant}.simulated_seconds"] = fmean(summary["simulated_seconds"] for summary in summaries)
        for key in ("samples_per_simulated_second", "speedup", "learner_hours"):
            expected[f"{variant}.{key}"] = fmean(summary[key] for summary in summaries)
        expected[f"{variant}.bytes"] = fmean(summary["bytes"]["sent"] for summary in summaries)
    to_target = {key: figures.pop(key) for key in list(figures) if key.endswith(".seconds_to_target")}
    assert figures == pytest.approx(expected, rel=1e-12)
    rows = {row["variant"]: row["to_target"]["simulated_seconds"] for row in build_comparison_json(compared)["variants"]}
    assert to_target == {f"{name}.seconds_to_target": found["mean"] for name, found in rows.items() if found is not None}


def test_key_figures_of_a_single_run(single: Study, drawn: Callable[[str], str]) -> None:
    summary = single.runs[""][0].summary
    figures = {key: (float(value), text) for value, key, text in KEY_FIGURE.findall(drawn("single"))}
    assert figures["async.test_error"] == (summary.test_error, f"{100 * summary.test_error:.1f}\u00a0%")
    assert figures["async.staleness"] == (summary.staleness.mean, f"{summary.staleness.mean:.3g}")
    assert figures["async.epochs"] == (summary.epochs, f"{summary.epochs:.3g}")
    assert figures["async.simulated_seconds"][0] == summary.simulated_seconds
    assert figures["async.gradients_per_simulated_second"][0] == summary.gradients_per_simulated_second


def test_a_diverged_run_says_where(diverging: Study, drawn: Callable[[str], str]) -> None:
    page = drawn("diverging")
    for variant, (run,) in diverging.runs.items():
        assert run.diverged
        update = run.summary.diverged.update
        assert f'<data value="{update}" data-figure="{variant}.test_error">diverged</data>' in page
        assert f"at update {update:,}" in page


def test_where_there_is_no_error_the_loss_is_said(losses: Study, tmp_path: Path) -> None:
    losses.save(tmp_path)
    page = render_study(Study.load(tmp_path))
    figures = {key: (value, shown) for value, key, shown in KEY_FIGURE.findall(page)}
    for variant in ("sync", "async"):
        homes = [tmp_path / variant, tmp_path / variant / "repeats" / "1"]
        summaries = [json.loads((home / "run.json").read_text(encoding="utf-8")) for home in homes]
        mean = fmean(summary["test_loss"] for summary in summaries)
        assert figures[f"{variant}.test_loss"] == (repr(mean), f"{mean:.3g}")
        assert f"{variant}.test_error" not in figures
        assert [summary["test_error"] for summary in summaries] == [None, None]
    assert figures["rising.test_loss"] == ("", "infinite")
    assert "digits.test_error" in figures
    said = text_of(page)
    assert "Test loss against simulated time" in said
    assert "Test error against simulated time" in said
    assert "linear 4–1 (5 parameters)" in said
    loss, error = (page.split(f'<section id="{name}"')[1].split("</section>")[0] for name in ("loss", "error"))
    assert "digits" not in loss
    assert "async" not in error


def test_variants_that_learn_stand_beside_ones_that_do_not() -> None:
    """Check any order of variants, also if only one of them learns."""
    timing = {"learning": None, "workload": {"payload": "4840 B", "samples_per_epoch": 1437}}
    both = {"sync": {"protocol": "hardsync"}, "plain": None, "timing": timing}
    for names in (["sync", "plain", "timing"], ["timing", "plain"]):
        chosen = scenario(LEARNING, {"stop": {"gradients": 40}, "variants": {name: both[name] for name in names}})
        said = text_of(render_study(study(chosen)))
        assert re.search(r"Without learning:\s+timing\s+in", said)


def test_seeds_that_reach_different_epochs_end_where_the_verdict_says() -> None:
    time = {"stop": {"gradients": None, "simulated_time": "378 ms"}, "cluster": {"profile": "ethernet-25g", "learners": 3}}
    result = study(scenario(LEARNING, time, {"repeats": 4}))
    reached = [run.summary.epochs for run in result.runs[""]]
    assert min(reached) < 1 <= max(reached), "choose a time at which some seeds have finished an epoch"
    table = tabulate_curves(result, ERROR)
    assert table["seeds"].tolist() == [4] * len(table)
    assert table["value"].iloc[-1] == pytest.approx(fmean(run.test_error for run in result.runs[""] if run.test_error))


def test_a_payload_that_is_not_the_models_own_is_said() -> None:
    chosen = scenario(LEARNING, {"stop": {"gradients": 8}, "workload": {"payload": "350 kB"}})
    assert "the model that learns here has 4.84 kB" in text_of(render_study(study(chosen))).replace("\u00a0", " ")
    own = scenario(LEARNING, {"stop": {"gradients": 8}})
    assert "the one that learns here" not in text_of(render_study(study(own)))


def test_nothing_is_asked_of_a_network(page: str) -> None:
    links = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)|@import\s*(\S+)', page)
    outside = [link for found in links for link in found if link and not link.startswith(("#", "data:"))]
    # A variant's own page, the trace and a point's folder lie in a folder below, and load only on a click.
    assert all(re.fullmatch(r"([a-z0-9_-]+/)?(index\.html|timeline\.json\.gz)|points/[0-9a-f]{16}/", link) for link in outside)
    assert "default-src 'none'" in page
    assert len(page) < 1_000_000


def test_no_missing_number_is_printed(page: str) -> None:
    assert not re.search(r"\b(nan|NaN|inf|None|NaT|Infinity)\b", text_of(page))
    assert not re.search(r'\s(d|x|y|points|transform|width)="[^"]*(nan|inf)', page)


def test_identifiers_are_unique(page: str) -> None:
    names = re.findall(r'\sid="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(names)


def test_no_sentinel_colour_is_left(page: str) -> None:
    assert not re.search(r"#(0\d0\d0\d|[12]\d0\d0\d)\b", page)


def test_what_users_wrote_is_escaped(drawn: Callable[[str], str]) -> None:
    assert "simasgd run quickstart --set &lt;a&gt; &amp; &#39;b&#39;" in drawn("compared")
    assert '<p class="note" role="note">Some &lt;images&gt; were decoded twice.</p>' in drawn("single")
    assert emphasise_names("<b> & a", ["a"]) == "&lt;b&gt; &amp; <b>a</b>"


def test_names_are_emphasised_whole() -> None:
    assert emphasise_names("async and async-aware.", ["async", "async-aware"]) == "<b>async</b> and <b>async-aware</b>."


def test_the_verdict_leads(compared: Study, drawn: Callable[[str], str]) -> None:
    from simasgd.report.facts.variant_facts import collect_facts

    leading = re.search(r'<p class="verdict">(.*?)</p>', drawn("compared"))
    assert leading is not None
    assert re.sub(r"<[^>]+>", "", leading[1]) == state_verdict(collect_facts(compared))


def test_overridden_profile_values_are_marked(drawn: Callable[[str], str]) -> None:
    assert "overridden in the scenario: 0.3" in drawn("single")
    assert "overridden in the scenario" not in drawn("compared")
    assert "recalled, unverified (1 to 3 µs end to end)" in drawn("compared")


def test_timing_only_shows_no_test_error(drawn: Callable[[str], str]) -> None:
    page = drawn("timing")
    assert 'id="error"' not in page
    assert 'data-figure="async.gradients_per_simulated_second"' in page


def test_all_zero_staleness_has_no_histogram(compared: Study) -> None:
    alone = Study(compared.scenario, {"hardsync": compared.runs["hardsync"]})
    page = render_study(alone)
    assert "every gradient has staleness 0" in page
    assert "Histogram of staleness" not in page


def test_a_sweep_lists_every_point(swept: Sweep, drawn: Callable[[str], str]) -> None:
    page = drawn("swept")
    rows = page.split('id="points"')[1].split("</table>")[0].count("<tr>") - 1
    assert rows == len(swept.points) == 12
    assert all(f'href="{folder}/"' in page for folder in swept.points["folder"])
    assert "settings of 12 did not learn in 1\N{NO-BREAK SPACE}epoch (" in page
    assert "all 6 with learning rate 1e30" in page


def test_a_sweep_of_losses(swept_losses: Sweep, drawn: Callable[[str], str]) -> None:
    page = text_of(drawn("swept_losses"))
    assert "Use delay 0, learning rate 1: test loss 0 after" in page
    assert "Test loss over learning rate and delay" in page
    assert "test error" not in page.split("How to read")[0]
    assert swept_losses.points["test_error"].isna().all()
    # w²/2 after 500 steps from 1, each of which multiplies w by 1 − α.
    alone = swept_losses.points[swept_losses.points["protocol.delay"] == "0"]
    assert alone["test_loss"].tolist() == pytest.approx([0.5 * factor**1000 for factor in (0.9, 0.0, -1.5)], rel=1e-9)


def test_a_sweep_with_a_failed_point(swept: Sweep) -> None:
    points = swept.points.copy()
    points.loc[0, ["error", "outcome"]] = "RunFailed: the worker died", "failed"
    page = render_sweep(type(swept)(swept.scenario, swept.axes, points, swept.command))
    assert "One setting of 12 failed (" in page
    assert "settings of 12 did not learn in 1\N{NO-BREAK SPACE}epoch (" in page
    assert "failed: RunFailed: the worker died" in page
    points[["error", "outcome"]] = "not run yet"
    page = render_sweep(type(swept)(swept.scenario, swept.axes, points, swept.command))
    assert "<h1>No point has results.</h1>" in page
    assert "All 12 settings have not run yet" in page


def test_a_page_is_written_as_index_html_and_drawn_again_it_is_the_same(
    compared: Study, swept: Sweep, tmp_path: Path, drawn: Callable[[str], str]
) -> None:
    path = write_study(compared, tmp_path / "study")
    assert path == tmp_path / "study" / "index.html"
    assert path.read_text(encoding="utf-8") == drawn("compared")
    assert write_sweep(swept, tmp_path).read_text(encoding="utf-8") == drawn("swept")


def test_a_page_of_losses_is_the_same_when_it_is_drawn_again(swept_losses: Sweep, drawn: Callable[[str], str]) -> None:
    assert render_sweep(swept_losses) == drawn("swept_losses")
