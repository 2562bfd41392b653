"""The search finds the best of candidates with known curves, and learns little for it."""

from __future__ import annotations

import math
from random import Random

import pytest

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.allowance import list_rungs
from simasgd.advising.answers import list_answers, list_epochs, list_rows
from simasgd.advising.candidates import Candidate
from simasgd.advising.search import HOPE, SEEDS, Search
from tests.advising.problems import TARGET, KnownCurves, make_candidate

MOST = 30.0


def search_among(candidates: list[Candidate], curves: KnownCurves, budget: float = math.inf, seeds: int = SEEDS) -> Search:
    search = Search(
        candidates,
        curves,
        target=TARGET,
        most=MOST,
        seed=0,
        seeds=seeds,
        left=lambda spent: budget - spent if len(curves.asked) < curves.most_trials else 0.0,
    )
    search.run()
    return search


def draw_problem(seed: int, size: int = 96) -> tuple[list[Candidate], KnownCurves]:
    """Return candidates of times per epoch over a factor of 100, whose epochs grow with the learners, up to more than MOST."""
    random = Random(seed)
    candidates, epochs = [], []
    for number in range(size):
        learners = random.choice([1, 2, 4, 8, 16])
        candidates.append(make_candidate(number, 10.0 ** random.uniform(-1, 1), learners, 4.0 * learners))
        usual = random.uniform(6, 11) * (1 + learners / 8) * random.choice([1, 1, 2])
        epochs.append([usual * random.uniform(0.95, 1.05) for _ in range(SEEDS)])
    return candidates, KnownCurves(epochs)


@pytest.mark.parametrize("seed", range(12))
def test_the_best_is_found_at_less_than_a_tenth_of_the_grid(seed: int) -> None:
    candidates, curves = draw_problem(seed)
    search = search_among(candidates, curves)
    answers = {answer.aim: answer for answer in list_answers(search)}
    for aim in Aim:
        costs = {one.number: true_cost(one, curves, aim) for one in candidates}
        best = min(costs.values())
        named = [answers[aim].leader, *(rival.number for rival in answers[aim].rivals if rival.verdict in ("tie", "unsure"))]
        # The names of the answer and of its ties hold somebody who is best, up to the spacing of evaluations.
        assert min(costs[number] for number in named) <= best * 1.1
    grid = sum(min(needed, MOST) for each in curves.epochs for needed in each)
    assert search.spent == curves.learned
    assert search.spent < grid / 10


def true_cost(one: Candidate, curves: KnownCurves, aim: Aim) -> float:
    """Return the geometric mean over the seeds of what a candidate needs; infinite if it takes too many epochs."""
    if max(curves.epochs[one.number]) > MOST:
        return math.inf
    logs = [math.log(math.ceil(needed) * one.pace.seconds_per_epoch) for needed in curves.epochs[one.number]]
    seconds = math.exp(math.fsum(logs) / len(logs))
    return seconds if aim is Aim.SOONEST else seconds * one.learners / 3600.0


@pytest.mark.parametrize("seed", range(4))
def test_who_is_out_by_timing_would_have_been_worse(seed: int) -> None:
    candidates, curves = draw_problem(seed)
    search = search_among(candidates, curves)
    out = [one for one in candidates if search.stages[one.number] is SearchStage.BOUND]
    assert out
    fewest = min(course.reached for course in search.learned if course.reached is not None)
    for aim in Aim:
        best = min(cost for one in candidates if (cost := search.paid.cost(one, 0, aim)) is not None)
        for one in out:
            epochs = math.ceil(curves.epochs[one.number][0])
            factor = one.pace.seconds_per_epoch * (1.0 if aim is Aim.SOONEST else one.learners / 3600.0)
            assert epochs * factor > best or epochs < HOPE * fewest


def test_equal_candidates_tie_and_the_race_uses_all_seeds() -> None:
    candidates = [make_candidate(0, 1.0), make_candidate(1, 1.0)]
    search = search_among(candidates, KnownCurves([[20.0, 22.0, 21.0, 20.0, 22.0], [22.0, 20.0, 21.0, 22.0, 20.0]]))
    soonest, cheapest = list_answers(search)
    assert (soonest.confidence, cheapest.confidence) == ("tie", "tie")
    assert [rival.verdict for rival in soonest.rivals] == ["tie"]
    assert soonest.seconds == (20.0, 22.0, 21.0, 20.0, 22.0)


def test_few_seeds_of_wide_spread_cannot_tell() -> None:
    """The leader takes 8 s at each seed, and the other 10 to 20 s. Their ranges are disjoint, but the interval holds 1."""
    search = search_among(
        [make_candidate(0, 1.0), make_candidate(1, 1.0)], KnownCurves([[8.0] * 3, [10.0, 10.0, 20.0]]), seeds=3
    )
    soonest = list_answers(search)[0]
    assert soonest.confidence == "unsure"
    assert [(rival.verdict, rival.costs) for rival in soonest.rivals] == [("unsure", (10.0, 10.0, 20.0))]


def test_who_learned_all_epochs_in_vain_missed_the_target_and_no_absurd_forecast_is_told() -> None:
    candidates = [make_candidate(0, 1.0), make_candidate(1, 0.1, in_flight=4.0)]
    search = search_among(candidates, KnownCurves([[8.0] * SEEDS, [1e6] * SEEDS]))
    rows = list_rows(search)
    assert (rows[1].stage, rows[1].epochs) == (str(SearchStage.MISSED), MOST)
    assert (rows[1].epochs_to_target, rows[1].seconds, rows[1].learner_hours) == (None, None, None)


def test_a_clear_winner_ends_the_race_early() -> None:
    """One costs 1.3 times as much at every seed: three seeds suffice."""
    candidates = [make_candidate(0, 1.0), make_candidate(1, 1.3)]
    curves = KnownCurves([[20.0] * SEEDS, [20.0] * SEEDS])
    search = search_among(candidates, curves)
    soonest = list_answers(search)[0]
    assert soonest.leader == 0
    assert soonest.confidence == "clear"
    assert [(rival.verdict, round(rival.ratio or 0.0, 9)) for rival in soonest.rivals] == [("more", 1.3)]
    assert max(trial.seed for trial in curves.asked) == 2


def test_a_candidate_that_misses_the_target_at_a_seed_does_not_win() -> None:
    candidates = [make_candidate(0, 1.0), make_candidate(1, 1.2)]
    search = search_among(candidates, KnownCurves([[8.0, 50.0, 8.0, 8.0, 8.0], [8.0] * SEEDS]))
    soonest = list_answers(search)[0]
    assert soonest.leader == 1
    assert [rival.verdict for rival in soonest.rivals] == ["missed"]
    assert search.stages[0] is SearchStage.BEATEN


def test_nobody_reaches_the_target() -> None:
    candidates = [make_candidate(0, 1.0), make_candidate(1, 2.0)]
    search = search_among(candidates, KnownCurves([[90.0] * SEEDS, [80.0] * SEEDS]))
    assert list_answers(search) == []
    assert SearchStage.MISSED in search.stages.values()


@pytest.mark.parametrize(("budget", "answers"), [(0.0, 0), (3.0, 0), (31.0, 2), (60.0, 2)])
def test_no_more_is_learned_than_the_budget(budget: float, answers: int) -> None:
    candidates, curves = draw_problem(3, size=24)
    search = search_among(candidates, curves, budget)
    assert curves.learned <= budget
    assert search.is_cut
    assert [answer.confidence for answer in list_answers(search)] == ["open"] * answers


def test_a_budget_counts_what_is_learned() -> None:
    """Each run takes 8 of the 30 epochs that it may take. So 47 epochs suffice for three seeds, and 16 for a seed of two."""
    curves = KnownCurves([[8.0] * SEEDS])
    search = search_among([make_candidate(0, 1.0)], curves, budget=47.0, seeds=3)
    assert (curves.learned, search.is_cut, len(search.courses[0])) == (24.0, False, 3)
    candidates, curves = [make_candidate(0, 1.0), make_candidate(1, 1.0)], KnownCurves([[8.0] * SEEDS] * 2)
    before = search_among(candidates, curves, seeds=2)
    again = KnownCurves(curves.epochs)
    search = search_among(candidates, again, before.spent + 16.0)
    assert (search.is_cut, again.learned, [len(each) for each in search.courses.values()]) == (
        True,
        before.spent + 16.0,
        [3, 3],
    )


def test_epochs_that_are_left_are_used_and_no_miss_is_made_of_them() -> None:
    """The third seed needs more than the others: 12 epochs, but 10 are left."""
    curves = KnownCurves([[8.0, 8.0, 12.0, 8.0, 8.0]])
    search = search_among([make_candidate(0, 1.0)], curves, budget=26.5)
    assert (search.is_cut, curves.learned, len(search.courses[0])) == (True, 26.0, 2)
    assert [answer.confidence for answer in list_answers(search)] == ["open", "open"]


def test_time_that_is_over_within_a_rung_leaves_the_others_open() -> None:
    candidates, curves = draw_problem(3, size=24)
    curves.most_trials = 6
    search = search_among(candidates, curves)
    assert search.is_cut
    assert len(search.learned) == len(curves.asked) == 6
    assert SearchStage.OPEN in search.stages.values()
    assert [answer.confidence for answer in list_answers(search)] == ["open", "open"]


def list_rivals() -> tuple[list[Candidate], KnownCurves]:
    """Return two that are as quick: the first is better at the first seed, and the second at the others."""
    return [make_candidate(0, 1.0), make_candidate(1, 1.0)], KnownCurves([[20.0, *[28.0] * 4], [21.0] * SEEDS])


@pytest.mark.parametrize("is_time", [False, True])
def test_a_budget_that_ends_within_a_seed_compares_at_those_before(is_time: bool) -> None:
    """The budget suffices for one of the two at the third seed. Whoever that is does not lead by it."""
    candidates, curves = list_rivals()
    before = search_among(candidates, curves, seeds=2)
    candidates, again = list_rivals()
    again.most_trials = len(curves.asked) + 1 if is_time else math.inf
    search = search_among(candidates, again, math.inf if is_time else before.spent + 1.5 * MOST)
    assert search.is_cut
    assert [len(search.courses[number]) for number in (0, 1)] == [3, 2]
    soonest = list_answers(search)[0]
    assert (soonest.leader, soonest.seconds, soonest.confidence) == (1, (21.0, 21.0), "open")
    assert [rival.costs for rival in soonest.rivals] == [(20.0, 28.0)]


def test_who_was_better_at_the_first_seed_may_win_elsewhere_by_its_mean() -> None:
    search = search_among(*list_rivals())
    soonest, cheapest = list_answers(search)
    for answer in (soonest, cheapest):
        assert list_epochs(search, answer) == pytest.approx({1: 21.0, 0: (20.0 + 4 * 28.0) / 5})


def test_the_race_and_the_answer_judge_alike() -> None:
    """The third is out after three seeds, and the second is unsure by the intervals of three pairs at two looks.

    The mean of ln(21 … 24 ÷ 20) is 4.07 standard errors; Student's quantile is 3.18 for one comparison, and 6.23 for six.
    """
    candidates = [make_candidate(0, 1.0), make_candidate(1, 1.0), make_candidate(2, 1.5)]
    search = search_among(candidates, KnownCurves([[20.0] * 4, [21.0, 22.0, 23.0, 24.0], [20.0] * 4]), seeds=4)
    soonest = list_answers(search)[0]
    assert {rival.number: rival.verdict for rival in soonest.rivals} == {1: "unsure", 2: "more"}
    assert [search.stages[number] for number in (1, 2)] == [SearchStage.FINALIST, SearchStage.BEATEN]


def test_one_lucky_seed_of_the_best_takes_nobody_out() -> None:
    """The first takes 2 s at the first seed and 20 s elsewhere, 12.6 s in the mean; the other one 10.5 s at each seed.

    A bar of 2 s would take the other one out after the rung of 3 epochs, which are 4.5 s, and keep it from the final.
    """
    candidates = [make_candidate(0, 1.0), make_candidate(1, 1.5)]
    search = search_among(candidates, KnownCurves([[2.0, *[20.0] * 4], [7.0] * SEEDS]))
    soonest = list_answers(search)[0]
    assert (soonest.leader, soonest.seconds) == (1, (10.5,) * SEEDS)
    assert [rival.number for rival in soonest.rivals] == [0]


def test_who_is_luckiest_next_is_confirmed_next() -> None:
    """Each of three takes fewer epochs than the next at the first seed, and more than it at the others: 4, 5 and 6, then 30."""
    candidates = [make_candidate(number, 1.0) for number in range(4)]
    curves = KnownCurves([[4.0, *[30.0] * 4], [5.0, *[29.0] * 4], [6.0, *[28.0] * 4], [9.0] * SEEDS])
    search = search_among(candidates, curves)
    assert list_answers(search)[0].leader == 3
    assert search.paid.find_bar(Aim.SOONEST) == pytest.approx(9.0)


def test_a_search_is_a_function_of_its_problem() -> None:
    first, again = (search_among(*draw_problem(5)) for _ in range(2))
    assert first.stages == again.stages
    assert first.courses == again.courses


def test_rungs_are_thirds_of_the_epochs() -> None:
    assert list_rungs(27.0) == [1.0, 3.0, 9.0, 27.0]
    assert list_rungs(2.0) == [1.0, 2.0]
    assert list_rungs(0.5) == [0.5]
