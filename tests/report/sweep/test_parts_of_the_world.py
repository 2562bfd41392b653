"""A sweep over learners at two latencies: its figures compare the latencies, and its tables have one unit."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from simasgd.report.sweep.blocks import draw_part
from simasgd.report.sweep.drawing.heat_map import draw_heat_map
from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.naming import name_settings
from simasgd.report.sweep.points_table import list_named, tabulate_points, tabulate_settings
from simasgd.report.sweep.verdict import SweepVerdict
from tests.report.sweep.tables import LATENCY, LEARNERS, point, sweep

ERRORS = {
    ("2", "25 us"): (0.05, 0.067), ("4", "25 us"): (0.036, 0.053), ("8", "25 us"): (0.047, 0.078),
    ("2", "5 ms"): (0.067, 0.081), ("4", "5 ms"): (0.047, 0.05), ("8", "5 ms"): (0.061, 0.078),
}  # fmt: skip


@pytest.fixture(scope="module")
def verdict() -> SweepVerdict:
    rows = []
    for (count, latency), errors in ERRORS.items():
        seconds = 4.8 / int(count) * (1.6 if latency == "5 ms" else 1.0)
        found = [point(test_error=error, seconds=seconds, seed=seed, count=int(count)) for seed, error in enumerate(errors)]
        rows += [((count, latency), one) for one in found]
    return SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, LATENCY], rows)))


def test_panels_of_error_against_time_have_one_scale_room_for_all_ranges_and_a_name_for_each_setting(
    verdict: SweepVerdict,
) -> None:
    limits = []
    for latency in ("25 us", "5 ms"):
        _, figure = draw_part({LATENCY: latency}, name_settings(verdict), "test_error", verdict.facts)
        (axes,) = figure.axes
        limits.append((axes.get_xlim(), axes.get_ylim()))
        texts = [text.get_text().replace("\u00a0", " ").replace("\n", " ") for text in axes.texts]
        assert sorted(texts) == ["2 learners", "best compromise: 8 learners", "use this: 4 learners"]
        assert len(axes.containers) == 3, "each has its range over the seeds"
    assert limits[0] == limits[1]
    (_, (low, high)) = limits[0]
    assert low < 0.036
    assert high > 0.081


def test_the_setting_to_use_has_a_frame_at_each_latency(verdict: SweepVerdict) -> None:
    across, down = verdict.facts.varying
    best = [one.row for one in name_settings(verdict) if one.is_best]
    (axes,) = draw_heat_map(verdict.facts.settings, across, down, "test_error", (0.04, 0.08), best).axes
    frames = [one for one in axes.patches if isinstance(one, Rectangle) and one.get_linewidth() > 2]
    assert sorted((int(one.get_x()), int(one.get_y())) for one in frames) == [(1, 0), (1, 1)]


def test_tables_have_one_unit_for_learner_hours_and_no_column_that_says_nothing(verdict: SweepVerdict) -> None:
    """4 learners that are there for 1.2 s are 4.8 learner-seconds."""
    titles, rows = list_named(name_settings(verdict), verdict.facts)
    assert (titles[-1], rows[0][-1]) == ("learner-seconds", "4.8")
    points, settings = tabulate_points(verdict.facts), tabulate_settings(verdict.facts)
    assert "outcome" not in [column.title for column in points.columns], "all points finished"
    for table in (points, settings):
        place = [column.title for column in table.columns].index("learner-seconds")
        assert {row[place].text for row in table.rows} == {"4.8", "7.68"}


def test_learner_hours_are_hours_where_there_are_many() -> None:
    rows = [((count, "25 us"), point(test_error=0.04, seconds=3600.0, count=int(count))) for count in ("2", "4")]
    rows += [((count, "5 ms"), point(test_error=0.04, seconds=3600.0, count=int(count))) for count in ("2", "4")]
    verdict = SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, LATENCY], rows)))
    titles, found = list_named(name_settings(verdict), verdict.facts)
    assert (titles[-1], found[0][-1]) == ("learner-hours", "2")


def test_each_part_of_the_world_is_named_with_its_numbers(verdict: SweepVerdict) -> None:
    assert verdict.headline.replace("\u00a0", " ") == (
        "Use 4 learners at every latency: 4.5 % test error after 1.2 s at latency 25 µs, 4.9 % test error after 1.92 s at "
        "latency 5 ms."
    )
    text = verdict.text
    assert "elsewhere" not in text.lower()
    assert "only case" not in text
    for latency in ("25 µs", "5 ms"):
        assert f"At latency {latency}: the setting to use has the lowest mean test error" in text
