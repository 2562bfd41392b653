"""What varies: ranges, protocols with their keys, and mistakes."""

from __future__ import annotations

import pytest

from simasgd.advising.candidates import list_candidates, list_merged
from simasgd.advising.inquiry import SearchBudget, plan_inquiry
from simasgd.advising.pace import measure_paces
from simasgd.advising.vary import USUAL_PROTOCOLS, read_vary
from simasgd.errors import ScenarioError
from simasgd.scenario.schema import Scenario

DIGITS = Scenario.load("digits")


def test_ranges_double_up_to_their_end() -> None:
    vary = read_vary(["learners=1..16,mini_batch=3..20", "learning_rate=0.01..0.04"], DIGITS)
    assert [axis.key for axis in vary.axes] == ["cluster.learners", "workload.mini_batch", "learning.optimizer.learning_rate"]
    assert [axis.values for axis in vary.axes] == [
        ("1", "2", "4", "8", "16"), ("3", "6", "12", "20"), ("0.01", "0.02", "0.04"),
    ]  # fmt: skip


def test_protocols_keep_their_keys() -> None:
    vary = read_vary(
        ["protocol=hardsync,n-softsync:n=4,spread=10,async+inverse-staleness,learners=2,4,architecture=adv"], DIGITS
    )
    assert vary.protocols == ("hardsync", "n-softsync:n=4,spread=10", "async+inverse-staleness")
    assert [axis.values for axis in vary.axes] == [("2", "4")]
    assert vary.fixed == ("cluster.architecture=adv",)


def test_by_default_learners_mini_batches_and_a_protocol_of_each_family_vary() -> None:
    vary = read_vary([], DIGITS)
    assert vary.protocols == USUAL_PROTOCOLS
    assert [axis.values for axis in vary.axes] == [("1", "2", "4", "8", "16"), ("2", "4", "8")]
    assert read_vary([], Scenario.load("protocols")).protocols == ()  # its own variants


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("latency=1 us,2 us", "belongs to the world"),
        ("seed=1,2", "chooses the seeds itself"),
        ("epochs=1,2", "the search decides this itself"),
        ("protocol.n=1,2", "unknown key|write it with its protocol"),
        ("lerners=1,2", "did you mean"),
        ("1,2", "is not of the form KEY=VALUES"),
        ("learners=8..1", "begins with a positive number"),
        ("learners=1..x", "two numbers"),
        ("learners=", "empty value"),
    ],
)
def test_mistakes_are_named(words: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_vary([words], DIGITS)


@pytest.mark.parametrize(
    ("overrides", "target", "vary", "message"),
    [
        ((), "8", (), "did you mean 8%"),
        (("stop.epochs=null", "stop.updates=5"), "8%", (), "advise needs stop.epochs"),
        ((), "8%", ("protocol=asnyc",), "did you mean 'async'"),
        ((), "8%", ("learners=4,protocol=async,n-softsync:n=8",), "n"),
        ((), "8%", ("learners=range(1,1000),mini_batch=range(1,5)",), "at most 2,000"),
        (("learning=null",), "8%", (), "without a learning section"),
    ],
)
def test_a_question_is_checked_before_anything_runs(overrides, target, vary, message) -> None:
    with pytest.raises(ScenarioError, match=message):
        plan_inquiry("digits", overrides, target, vary)


def test_what_the_cluster_does_not_permit_is_left_out_by_default() -> None:
    """Backup workers need a second learner."""
    inquiry = plan_inquiry("digits", (), "8%")
    assert {(one.variant, one.values[0]) for one in inquiry.refused} == {("backup-workers-backups1", "1")}
    assert {one.words for one in inquiry.refused} == {"protocol.backups: 1 is not less than the 1 learners"}
    assert len(inquiry.configurations) == len(USUAL_PROTOCOLS) * 15 - 3


def test_budgets_are_epochs_or_times() -> None:
    assert SearchBudget.read("200 epochs").epochs == 200.0
    assert SearchBudget.read("10 min").seconds == 600.0
    for wrong in ("0 epochs", "x epochs", "3 bananas", "0 s"):
        with pytest.raises(ScenarioError, match=r"argument: budget .* for example '200 epochs'"):
            SearchBudget.read(wrong)


def test_rates_follow_rudras_rules_and_one_learner_is_one_candidate() -> None:
    """Hardsync: α₀·√(λµ/µ₀). Async: α₀·√(µ/µ₀)/⟨σ⟩, where ⟨σ⟩ = λ − 1 for constant times (docs/papers.md B3.1)."""
    over = ("profile=ideal", "modulation=none", "cluster.compute={per_sample: 1 ms, distribution: constant}")
    inquiry = plan_inquiry("digits", over, "8%", ("learners=1,4,mini_batch=4,16,protocol=hardsync,async",))
    configurations = inquiry.configurations
    paces = measure_paces([one.scenario for one in configurations])
    candidates = list_candidates(configurations, paces, inquiry.base, inquiry.vary)
    found = {(one.variant, *map(int, one.values), one.rule): one.rate for one in candidates}
    alpha = 0.02
    assert found["hardsync", 4, 4, "scaled"] == pytest.approx(alpha * 2)
    assert found["hardsync", 4, 16, "scaled"] == pytest.approx(alpha * 4)
    assert found["async", 4, 4, "scaled"] == pytest.approx(alpha / 3, rel=0.01)
    assert found["async", 4, 16, "scaled"] == pytest.approx(alpha * 2 / 3, rel=0.02)
    assert found["hardsync", 1, 16, "scaled"] == pytest.approx(alpha * 2)
    assert ("hardsync", 1, 4, "scaled") not in found  # the same rate
    assert not any(variant == "async" and learners == 1 for variant, learners, *_ in found)
    merged = [(one.variant, one.values, one.words) for one in list_merged(configurations, paces)]
    assert merged == [("async", ("1", size), "the same as hardsync, 1 learner") for size in ("4", "16")]
    for one in candidates:  # constant times, free communication: an epoch takes 1,437 · 1 ms ÷ λ
        assert one.pace.seconds_per_epoch == pytest.approx(1.437 / one.learners, rel=0.02)
