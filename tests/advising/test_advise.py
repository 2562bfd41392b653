"""A small search from the command line and from Python: its files, its page, and how it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from re import escape
from shutil import copytree, rmtree
from typing import Any

import pytest
from playwright.sync_api import Browser

import simasgd
from simasgd.advising.aims import SearchStage
from simasgd.advising.candidates import list_candidates
from simasgd.advising.findings import RunnerUp
from simasgd.advising.inquiry import list_advice_paths, plan_inquiry
from simasgd.advising.pace import measure_paces
from simasgd.advising.trial_runner import Trial, TrialRunner
from simasgd.command.advising import advise as command
from simasgd.errors import ScenarioError, UsageError
from simasgd.report.advice.blocks import lay_out_answers
from simasgd.report.advice.candidates_table import tabulate_candidates
from simasgd.report.advice.figures import list_ticks, stack_dots
from simasgd.report.advice.sentences import list_reasons, state_headline, state_verdict
from simasgd.report.advice.wording import abbreviate, say_spread, say_stages
from simasgd.storage.opening import open_folder
from simasgd.studies.advising import Advice, advise
from simasgd.sweeps.pools.here import OwnProcess
from simasgd.sweeps.status import read_status
from simasgd.sweeps.table import Sweep
from tests.browser import MARKS, opened, require_accessible
from tests.build import LINEAR, compiled_quickly, merge

# Constant times and free communication: with 1 ms a sample, an epoch of 1,437 samples takes 1.437 s ÷ λ.
SMALL = merge(
    LINEAR,
    {
        "cluster": {"compute": {"per_sample": "1 ms", "distribution": "constant"}},
        "learning": {"optimizer": {"learning_rate": 0.01, "momentum": 0.0}},
        "stop": {"gradients": None, "epochs": 6},
        "repeats": 3,
    },
)
pytestmark = pytest.mark.compiles
VARY = {"learners": [1, 4], "learning_rate": 0.01}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a search in which four learners are four times as quick as one."""
    home = tmp_path_factory.mktemp("advice") / "out"
    with compiled_quickly():
        advise(SMALL, target=0.02, vary=VARY, folder=home, workers=1)
    return home


def test_more_learners_are_sooner_by_their_number_and_cost_the_same(folder: Path) -> None:
    advice = Advice.load(folder)
    one, four = advice.findings.candidates
    assert four.seconds_per_epoch == pytest.approx(1.437 / 4, rel=0.01)
    assert one.seconds_per_epoch == pytest.approx(1.437, rel=0.01)
    soonest = advice.findings.answers[0]
    assert (soonest.leader, len(soonest.seconds)) == (four.number, 3)
    assert advice.verdict == state_verdict(advice.findings)
    assert advice.verdict.startswith(
        "Use async, 4 learners, mini-batches of 4, learning rate 0.01: this reaches test loss 0.02"
    )
    assert advice.table().set_index("number").loc[four.number, "stage"] in map(str, SearchStage)


def test_the_files_are_a_sweep_and_strict_json(folder: Path) -> None:
    content = json.loads((folder / "advice.json").read_text(), parse_constant=pytest.fail)
    assert content == Advice.load(folder).facts
    sweep = Sweep.load(folder)
    assert len(sweep.points) == content["effort"]["runs"]
    assert {axis.key for axis in sweep.axes} == {"cluster.learners", "learning.optimizer.learning_rate", "stop.epochs"}
    assert set(sweep.points["error"]) == {""}
    for row in content["candidates"]:
        if row["folder"]:
            run = simasgd.Run.load(folder / row["folder"])
            assert run.summary.learners == row["learners"]
            assert run.summary.evaluations[-1].test_loss == row["score"]


@MARKS[0]
@MARKS[1]
@pytest.mark.parametrize(("width", "scheme"), [(420, "dark"), (1200, "light")])
def test_its_page_is_whole_on_screens_and_on_paper(browser: Browser, folder: Path, width: int, scheme: str) -> None:
    found = Advice.load(folder)
    with opened(browser, folder / "index.html", scheme, width) as page:
        heading = page.get_by_role("heading", level=1).inner_text().replace("\u00a0", " ")
        assert found.verdict.replace("\u00a0", " ").startswith(heading)
        require_accessible(page)
        if scheme == "dark":
            require_accessible(page, printed=True)
            assert page.locator("figure svg[role=img]:visible").count() >= 2


def test_the_same_search_computes_nothing_again(folder: Path) -> None:
    before = {path.name: (path / "run.json").stat().st_mtime_ns for path in (folder / "points").iterdir()}
    told = Advice.load(folder).findings
    again = advise(SMALL, target=0.02, vary=VARY, folder=folder, workers=1).findings
    assert before == {path.name: (path / "run.json").stat().st_mtime_ns for path in (folder / "points").iterdir()}
    same = {"effort": told.effort.model_copy(update={"real_seconds": again.effort.real_seconds})}
    assert again == told.model_copy(update=same)


def test_an_interrupted_search_goes_on(folder: Path, tmp_path: Path) -> None:
    """It is broken off before the race over seeds, and ends as the one that was not."""
    stages: list[str] = []

    def break_off(stage: str, fraction: float) -> None:
        stages.append(stage)
        if stage.startswith("seed"):
            raise KeyboardInterrupt

    home = tmp_path / "out"
    with compiled_quickly():
        with pytest.raises(KeyboardInterrupt):
            advise(SMALL, target=0.02, vary=VARY, folder=home, workers=1, progress=break_off)
        kept = {path.name for path in (home / "points").iterdir()}
        first, then = read_status(home).sentences()
        assert (
            first == f"test: a search for advice among 2 combinations: all are timed, and {len(kept)} runs were learned so far"
        )
        assert then.startswith("nobody works on it; this continues it: simasgd advise")
        assert not (home / "advice.json").exists()
        advise(SMALL, target=0.02, vary=VARY, folder=home, workers=1)
    found, whole = (
        {**facts, "effort": {**facts["effort"], "real_seconds": 0}, "command": facts["command"].removesuffix(f" --out {place}")}
        for place in (home, folder)
        for facts in [Advice.load(place).facts]
    )
    assert found == whole
    assert "--out" not in found["command"], "each has its own folder"
    assert kept < {path.name for path in (home / "points").iterdir()}


def test_a_failed_run_does_not_end_the_search_and_is_tried_again_on_request(folder: Path, tmp_path: Path) -> None:
    """The first probe failed earlier: its candidate is out, until it is tried again."""
    home = tmp_path / "out"
    copytree(folder, home)
    probe = Path(Sweep.load(home).points["folder"][0])
    rmtree(home / probe)
    (home / probe).mkdir()
    (home / probe / "failure.json").write_text('{"error": "out of memory"}')
    found = advise(SMALL, target=0.02, vary=VARY, folder=home, workers=1).findings
    assert [row.problem for row in found.candidates if row.problem] == ["out of memory"]
    assert found.answers
    assert "One candidate failed (advice.json says why); run again with --retry-failed to try them again." in found.verdict
    status = "\n".join(read_status(home).sentences())
    again_in = found.command.replace("scenario.yaml", str(home / "scenario.yaml"), 1)
    assert f"{again_in} --retry-failed" in status
    with compiled_quickly():
        again = advise(SMALL, target=0.02, vary=VARY, folder=home, workers=1, retry_failed=True).findings
    assert "failed" not in again.verdict
    assert again.answers == Advice.load(folder).findings.answers
    assert not (home / probe / "failure.json").exists()
    assert "--retry-failed" in [word for option in command.params for word in option.opts]


def test_runs_that_the_time_does_not_suffice_for_are_open(folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "out"
    copytree(folder, home)
    inquiry = plan_inquiry(SMALL, (), "0.02", ("learners=1,4", "learning_rate=0.01"))
    paces = measure_paces([one.scenario for one in inquiry.configurations])
    four = list_candidates(inquiry.configurations, paces, inquiry.base, inquiry.vary)[-1]
    with open_folder(home, inquiry.contents, list_advice_paths(inquiry), replacing=False) as place:
        own = OwnProcess()
        told = (inquiry.base, inquiry.vary.axes, "", inquiry.target, place, own, lambda finished, total: None)
        bench = TrialRunner(*told, seconds_left=lambda: 0.0)
        kept, late = bench.learn([Trial(four, inquiry.most_epochs, seed) for seed in (inquiry.base.seed, 99)])
        place.finish()
    assert kept is not None
    assert kept.reached is not None
    assert late is None


def test_python_says_that_the_budget_is_spent_and_takes_protocols_as_mappings() -> None:
    vary = {"learners": [2], "learning_rate": 0.01, "protocol": [{"kind": "async"}, {"kind": "n-softsync", "n": 2}]}
    advice = advise(SMALL, target=0.02, vary=vary, budget="0.5 epochs", workers=1)
    assert advice.is_cut
    assert advice.verdict.startswith(
        "Not decided yet: no candidate has reached test loss 0.02 within the budget of 0.5 epochs."
    )
    assert "The budget (0.5 epochs) ended the search" in advice.verdict
    assert [row.variant for row in advice.findings.candidates] == ["async", "n-softsync-n2"]
    assert "--vary protocol=async,n-softsync:n=2" in advice.findings.command


@pytest.mark.parametrize(
    ("vary", "budget", "message"),
    [
        (
            {"protocol": [{"n": 2}]},
            None,
            "expected text such as 'n-softsync:n=4', a mapping with its kind, or an object of a protocol",
        ),
        ({"protocol": [3]}, None, "vary: protocol: found 3; expected text"),
        (["learners=2", 3], None, "vary: found 3; expected text"),
        ({"learners": [2]}, 200, "argument: budget 200"),
    ],
)
def test_mistakes_of_python_have_one_message(vary: Any, budget: Any, message: str) -> None:
    with pytest.raises(ScenarioError, match=escape(message)) as caught:
        advise(SMALL, target=0.02, vary=vary, budget=budget, workers=1)
    assert "\n" not in str(caught.value)


def test_the_page_says_what_the_file_says(folder: Path, tmp_path: Path) -> None:
    advice = Advice.load(folder)
    page = advice.write_page(tmp_path).read_text()
    assert state_headline(advice.findings) in page
    assert all(sentence in page for sentence in list_reasons(advice.findings))
    assert page.count("<tr>") > len(advice.findings.candidates)
    assert advice.verdict in repr(advice)
    assert "<table>" in advice._repr_html_()
    with pytest.raises(UsageError, match="is not the folder of advice"):
        Advice.load(tmp_path)


def test_stages_are_counted_in_the_singular_and_the_plural(folder: Path) -> None:
    found = Advice.load(folder).findings
    rows = [
        found.candidates[0].model_copy(update={"stage": str(stage)})
        for stage in (SearchStage.MISSED, *[SearchStage.REACHED] * 2)
    ]
    counted = found.model_copy(update={"candidates": tuple(rows)})
    assert say_stages(counted) == "1 missed the target and 2 reached the target, not in the final"


def test_the_page_tells_who_missed_and_of_whom_seeds_cannot_tell(folder: Path) -> None:
    found = Advice.load(folder).findings
    unknown = {"epochs": 12.0, "score": 0.8, "epochs_to_target": None, "seconds": None, "stage": str(SearchStage.MISSED)}
    one, four = found.candidates
    rival = RunnerUp(number=one.number, verdict="unsure", ratio=2.0, low=0.5, high=8.0, seeds=3, costs=(1.0, 2.0, 4.0))
    answer = found.answers[0].model_copy(update={"confidence": "unsure", "rivals": (rival,)})
    changed = {"candidates": (one.model_copy(update=unknown), four), "answers": (answer,)}
    told = found.model_copy(update=changed)
    verdict = state_verdict(told)
    assert verdict.startswith(
        "Use async, 4 learners, mini-batches of 4, learning rate 0.01: this reaches test loss 0.02 soonest in "
    )
    assert "but three seeds are too few to be sure. That is the mean of three seeds" in verdict
    assert "Three seeds cannot show that these take longer: one learner." in verdict
    assert (
        "Beside 4 learners, the soonest: one learner takes 2.00× as long (95 % interval 0.50× – 8.00×, three seeds)." in verdict
    )
    assert "the geometric mean of the ratios at each seed" in verdict
    assert verdict.index("cannot show") < verdict.index("95 % interval"), "the short answer first"
    cells = [cell.text.replace("\u00a0", " ") for cell in tabulate_candidates(told).rows[-1]]
    assert "far more" in cells
    assert "missed the target: not reached in 12 epochs" in cells


def test_the_answers_have_a_column_for_each_aim_and_one_unit(folder: Path) -> None:
    found = Advice.load(folder).findings
    table = lay_out_answers(found)
    assert table is not None
    assert [column.title for column in table.columns] == ["", "soonest", "cheapest"]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert list(rows) == ["use", "simulated time", "learner-seconds", "epochs", "seeds", "how sure"]
    seconds = [3600.0 * sum(answer.learner_hours) / len(answer.learner_hours) for answer in found.answers]
    assert [float(text.partition(" (")[0]) for text in rows["learner-seconds"]] == pytest.approx(seconds, rel=0.01)


def test_the_table_of_candidates_has_the_means_of_the_answers(folder: Path) -> None:
    """Time, cost and result come first, right behind what tells candidates apart; both learn with µ = 4 at the rate 0.01."""
    found = Advice.load(folder).findings
    answer, table = found.answers[0], tabulate_candidates(found)
    titles = [column.title for column in table.columns]
    assert titles[:5] == ["protocol", "learners", "time to target", "learner-seconds", "result"]
    leader = found.candidates[answer.leader]
    assert leader.seconds == pytest.approx(sum(answer.seconds) / len(answer.seconds))
    assert leader.epochs_to_target == pytest.approx(sum(answer.epochs) / len(answer.epochs))
    assert abbreviate(leader, found) == "λ\u00a04"


def test_a_range_has_its_unit_once_if_both_ends_have_it() -> None:
    assert say_spread((0.4, 0.6), lambda value: f"{1000 * value:g} ms") == "500 ms (400 – 600 ms)"
    assert (
        say_spread((0.5, 1.5), lambda value: f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms") == "1 s (500 ms – 1.5 s)"
    )
    assert say_spread((2.0, 4.0), "{:g}".format) == "3 (2 – 4)"
    assert say_spread((2.0, 2.0), "{:g} s".format) == "2 s"


def test_dots_that_would_lie_on_each_other_stand_around_their_row() -> None:
    assert stack_dots([1.0, 5.0, 1.05], 0.1) == pytest.approx([-0.08, 0.0, 0.08])


@pytest.mark.parametrize("ends", [(1.0, 1.4), (0.9, 4.2), (110.0, 950.0), (1e-3, 1e3)])
def test_a_logarithmic_axis_has_several_round_ticks(ends: tuple[float, float]) -> None:
    ticks = list_ticks(*ends)
    assert 3 <= len(ticks) <= 9
    assert all(ends[0] <= tick <= ends[1] for tick in ticks)
