"""The figures of a sweep average over nothing but seeds; labels do not overlap; values keep their names."""

from __future__ import annotations

import math
from itertools import pairwise, product
from math import inf

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.report.drawing.labels import spread_apart
from simasgd.report.sweep.facts.dials import Dial, find_dials
from simasgd.report.sweep.facts.sweep_facts import NAMES, SECONDS, SweepFacts
from simasgd.report.sweep.layout import lay_out, moves
from simasgd.report.sweep.quantity_blocks import build_quantity, draw_panels
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.table import Sweep
from tests.build import TIMING, scenario
from tests.report.sweep.tables import AXES, LATENCY, LEARNERS, RATE, point, sweep


@pytest.fixture(scope="module")
def facts() -> SweepFacts:
    """Return 3 × 2 × 2 × 2 settings at two seeds: the error depends on all but the protocol, the time on two axes."""
    protocols = ("async", "{kind: n-softsync, n: 2}")
    keys = product(("2", "4", "8"), ("0.1", "0.2"), ("25 us", "5 ms"), protocols, (0, 1))
    rows = [
        (
            (count, rate, latency, protocol),
            point(
                test_error=float(rate) * int(count) / 10 + 0.001 * seed + 0.01 * (latency == "5 ms"),
                seconds=10 / int(count) + (latency == "5 ms"),
                seed=seed,
                count=int(count),
            ),
        )
        for count, rate, latency, protocol, seed in keys
    ]
    return SweepFacts.of(sweep([LEARNERS, RATE, LATENCY, "protocol"], rows))


@pytest.mark.parametrize("quantity", NAMES)
def test_a_figure_shows_each_setting_by_itself(quantity: str, facts: SweepFacts) -> None:
    """No two settings have one place, and all that vary a quantity have a place or are said to be held."""
    anchor = SweepVerdict.of(facts).anchor
    assert anchor is not None
    layout = lay_out(quantity, facts, anchor)
    if layout is None:
        assert facts.settings[quantity].isna().all()
        return
    drawn = [dial.key for dial in (layout.across, layout.lines, *layout.panels) if dial is not None]
    assert {*drawn, *(dial.key for dial in (*layout.still, *layout.held))} == {dial.key for dial in facts.varying}
    place = [key for key in drawn if key not in {dial.key for dial in layout.panels}]
    for values in layout.list_panels():
        rows = layout.find_rows(facts, values)
        assert not rows.duplicated(place).any()
    assert "protocol" not in drawn
    assert (RATE in drawn) is (quantity == "test_error")


def test_a_target_that_one_protocol_reaches_and_another_does_not_is_not_the_same_at_both() -> None:
    rows = [
        (
            (count, protocol),
            point(count=int(count), seconds=2.0, test_error=0.1, seconds_to_target=1.0 if protocol == "async" else math.nan),
        )
        for count, protocol in product(("2", "4"), ("async", "hardsync"))
    ]
    found = SweepFacts.of(sweep([LEARNERS, "protocol"], rows))
    (protocol,) = [dial for dial in found.varying if dial.key == "protocol"]
    (learners,) = [dial for dial in found.varying if dial.key == LEARNERS]
    assert moves(protocol, "seconds_to_target", found)
    assert not moves(learners, "seconds_to_target", found)
    assert not moves(protocol, "simulated_seconds", found)


def test_a_target_that_no_setting_reaches_where_an_axis_is_held_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, rates = [str(i) for i in range(1, 10)], [f"0.{i}" for i in range(1, 9)]  # too many for lines or panels
    monkeypatch.setitem(AXES, LEARNERS, Axis(LEARNERS, tuple(counts), tuple(map(int, counts))))
    monkeypatch.setitem(AXES, RATE, Axis(RATE, tuple(rates), tuple(map(float, rates))))
    rows = [
        (
            (count, rate),
            point(count=int(count), test_error=float(rate), seconds_to_target=math.nan if rate == "0.1" else float(count)),
        )
        for count, rate in product(counts, rates)
    ]
    verdict = SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, RATE], rows)))
    assert verdict.anchor is not None
    assert verdict.anchor[RATE] == "0.1", "the lowest error, where nothing reaches the target"
    assert build_quantity("seconds_to_target", verdict) is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.3))
def test_labels_are_moved_apart_in_their_order_around_their_middle(places: list[float], gap: float) -> None:
    found = spread_apart(places, gap, -inf, inf)
    assert all(later - earlier >= gap - 1e-9 for earlier, later in pairwise(sorted(found)))
    order = sorted(range(len(places)), key=lambda i: places[i])
    assert [found[i] for i in order] == sorted(found)
    assert sum(found) == pytest.approx(sum(places))
    if all(later - earlier >= gap for earlier, later in pairwise(sorted(places))):
        assert found == pytest.approx(places)


def dial(key: str, *values: str, numbers: tuple[float, ...] | None = None) -> Dial:
    table = sweep([LEARNERS], [(("2",), point())])
    (found,) = find_dials(Sweep(table.scenario, (Axis(key, values, numbers),), table.points, ""), table.points)
    return found


@pytest.mark.parametrize(
    ("found", "said", "title", "ticks"),
    [
        (dial(LEARNERS, "2", "4", numbers=(2, 4)), "2 learners", "learners λ", ["2", "4"]),
        (dial(LATENCY, "25 us", "50us", numbers=(25e-6, 50e-6)), "latency 25\u00a0µs", "latency (µs)", ["25", "50"]),
        (dial(LATENCY, "25 us", "5 ms", numbers=(25e-6, 5e-3)), "latency 25\u00a0µs", "latency", ["25\u00a0µs", "5\u00a0ms"]),
        (dial(RATE, "0.1", "0.2", numbers=(0.1, 0.2)), "learning rate 0.1", "learning rate", ["0.1", "0.2"]),
        (dial("workload.mini_batch", "4", "8", numbers=(4, 8)), "mini-batch 4", "mini-batch µ (samples)", ["4", "8"]),
        (
            dial("learning.data", "digits", "{kind: cifar10, subtract_mean: true}"),
            "data digits",
            "data",
            ["digits", "cifar10 (subtract mean true)"],
        ),
        (dial("cluster.server.bandwidth", "unlimited", "1 GB/s"), "server bandwidth unlimited", "server bandwidth",
         ["unlimited", "1\u00a0GB/s"]),
        (dial("learning.modulation.kind", "none", "polynomial"), "modulation none", "modulation", ["none", "polynomial"]),
        (dial("title", "{kind: a, bb: 1}", "a (bb 1)"), "title {kind: a, bb: 1}", "title", ["{kind: a, bb: 1}", "a (bb 1)"]),
        (dial("cluster.stragglers", "{slowdown: 5, mean_slow: 1 min}", "null"), "stragglers slowdown 5, mean slow 1 min",
         "stragglers", ["slowdown 5, mean slow 1 min", "none"]),
        (dial(LEARNERS, "1", "2", numbers=(1, 2)), "1 learner", "learners λ", ["1", "2"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_axes_in_words(found: Dial, said: str, title: str, ticks: list[str]) -> None:
    assert (found.say(found.values[0]), found.title, list(found.label_ticks().values())) == (said, title, ticks)


def test_many_values_that_vary_together_are_drawn_against_each_key() -> None:
    """Ten draws of a latency and of learners: a panel for each, on a logarithmic axis with units, and no line."""
    pairs = [(f"{i + 1}", f"{2.0**i:g} us") for i in range(10)]
    values = tuple(f"{count}:{latency}" for count, latency in pairs)
    parts = (tuple(range(1, 11)), tuple(2.0**i * 1e-6 for i in range(10)))
    axis = Axis("cluster.learners:cluster.network.latency", values, None, parts)
    rows = [{axis.key: value, **point(seconds=1.0 + i)} for i, value in enumerate(values)]
    facts = SweepFacts.of(Sweep(scenario(TIMING), (axis,), pd.DataFrame(rows), "simasgd sweep test"))
    layout = lay_out(SECONDS, facts, facts.settings.iloc[0].to_dict())
    assert layout is not None
    found = [(against, figure.axes[0]) for _, _, figure, against in draw_panels(layout, facts)]
    assert [against for against, _ in found] == ["learners λ", "latency"]
    for (_, axes), numbers in zip(found, parts, strict=True):
        drawn = [line for line in axes.get_lines() if len(line.get_xdata()) == 10]
        assert [list(line.get_xdata()) for line in drawn] == [list(numbers)]
        assert drawn[0].get_linestyle() == "None"
        assert axes.get_xscale() == "log"
    assert found[1][1].xaxis.get_major_formatter()(2e-5) == "20\N{NO-BREAK SPACE}µs"
