"""The cards of results: their units, and that nothing on them overlaps, whatever the numbers and the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from simasgd.report.cards import build_cards
from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.drawing.page_parts import Card, KeyFigure
from simasgd.report.facts.formats import choose_learner_time_unit, format_learner_time, use_plain_spaces
from simasgd.report.page import render_study
from tests.browser import MARKS, opened
from tests.clockwork import run, study_of, timeline
from tests.report.contenders import compared, contender
from tests.report.verdict.by_hand import facts, spread


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.00982, "35.4 learner-seconds"),
        (0.5, "1,800 learner-seconds"),
        (1.0, "1 learner-hours"),
        (35.34, "35.3 learner-hours"),
    ],
)
def test_time_of_learners_has_a_unit_by_its_size(hours: float, said: str) -> None:
    assert use_plain_spaces(format_learner_time(hours)) == said
    assert choose_learner_time_unit(hours)[1] == said.split(" ")[1]


def figures_of(card: Card) -> dict[str, KeyFigure]:
    return {use_plain_spaces(figure.name): figure for figure in card.figures}


def test_the_cards_of_a_comparison_have_one_unit_of_learner_time() -> None:
    variants = [facts("hardsync", learner_hours=spread(0.5)), facts("async", learner_hours=spread(2.0))]
    cards = build_cards(variants, [])
    assert [figures_of(card)["learner-hours"].text for card in cards] == ["0.5", "2"]
    alone = build_cards([facts("hardsync", learner_hours=spread(0.01))], [])
    assert {name: figure.text for card in alone for name, figure in figures_of(card).items()}["learner-seconds"] == "36"


@pytest.mark.parametrize(
    ("reached", "below"), [([2.0, 2.0], "at every seed"), ([2.0, 3.0], "2 s – 3 s"), ([2.0, None], "1 of 2 seeds")]
)
def test_the_time_to_a_target_says_of_which_seeds_it_is(reached: list[float | None], below: str) -> None:
    variants = [facts(name, seeds=(0, 1)) for name in ("hardsync", "async")]
    comparison: MetricComparison = compared(
        contender("hardsync", [0.03, 0.03], [10.0, 10.0], reached), contender("async", [0.03, 0.03], [10.0, 10.0], [4.0, 5.0])
    )
    (found, *_) = build_cards(variants, [comparison])
    assert use_plain_spaces(figures_of(found)["time to 5.0 %"].spread) == below


@pytest.mark.browser
@MARKS[1]
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_on_a_card_overlaps(browser: Browser, tmp_path: Path, width: int) -> None:
    """Each variant computes for years, so that its numbers and its label `gradients per second` are long."""
    found = run(timeline(2, 10))
    summary = found.summary.model_copy(update={"simulated_seconds": 3.6e12 / 7, "samples": 10**15 // 7})
    slow = replace(found, summary=summary)
    path = tmp_path / "index.html"
    path.write_text(render_study(study_of({"one": slow, "two": found, "three": slow})), encoding="utf-8")
    with opened(browser, path, width=width) as page:
        crowded = page.locator(".cards").evaluate(
            """cards => [...cards.querySelectorAll(".card")].flatMap((card) => {
                const texts = [...card.querySelectorAll("dt, dd > data, dd > .spread")].map((one) => {
                    const range = document.createRange();
                    range.selectNodeContents(one);
                    return [one.textContent, range.getBoundingClientRect()];
                });
                const frame = card.getBoundingClientRect();
                const outside = texts.filter(([, box]) => box.left < frame.left || box.right > frame.right);
                const meet = (a, b) => (
                    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1
                );
                const pairs = texts.flatMap((one, i) => texts.slice(i + 1).map((other) => [one, other]));
                const crowded = pairs.filter(([one, other]) => meet(one[1], other[1]));
                return [...outside.map(([text]) => text), ...crowded.map(([one, other]) => `${one[0]} on ${other[0]}`)];
            })"""
        )
        assert crowded == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
