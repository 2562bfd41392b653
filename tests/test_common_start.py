"""Learners that move in step because they start together: where that is looked for, found, and said."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from simasgd.command.cli import app
from simasgd.report.page import render_study
from simasgd.results.summary import StartComparison
from simasgd.scenario.common_start import may_lock_step, will_probably_lock_step
from simasgd.scenario.reading import catalogue
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.scenario.schema import Scenario
from simasgd.studies.several import study
from simasgd.what_if.answers import what_if
from simasgd.what_if.question import Question
from simasgd.what_if.start import Start
from tests.build import TIMING, clock, scenario
from tests.protocols.table import ROWS

FAIR = {
    "cluster": {
        "profile": None,
        "learners": 16,
        "compute": {"per_batch": "9 ms", "per_sample": 0, "distribution": "constant"},
        "network": {"latency": 0, "bandwidth": "unlimited", "sharing": "fair"},
        "server": {"bandwidth": "25 Gbit/s", "duplex": "full", "update": 0},
    },
    "workload": {"payload": "50 MB"},
    "stop": {"gradients": 800},
}


def of_cluster(**changes):
    return {"cluster": changes}


def compute(distribution, cv=None):
    return of_cluster(compute={"distribution": distribution, "cv": cv})


@pytest.mark.parametrize(
    ("changes", "may", "will_probably"),
    [
        ({}, True, True),
        (compute("lognormal", 0.2), True, False),
        (compute("gamma", 0.7), False, False),
        (compute("exponential"), False, False),
        (of_cluster(network={"sharing": "fifo"}), True, False),
        ({"cluster": {**of_cluster(network={"sharing": "fifo"})["cluster"], **compute("gamma", 0.1)["cluster"]}}, False, False),
        (of_cluster(start="spread"), False, False),
        (of_cluster(learners=1), False, False),
        (of_cluster(stragglers={"slowdown": 5.0, "mean_normal": "1 s", "mean_slow": "1 s"}), False, False),
        (of_cluster(stragglers={"slowdown": 5.0, "mean_normal": "1 s", "mean_slow": "1 s", "hits": "all"}), True, False),
        (of_cluster(stragglers=[{"slowdown": 5.0, "mean_slow": "forever", "members": [1]}]), True, False),
        (of_cluster(stragglers=[]), True, True),
        (
            of_cluster(compute=[{"per_sample": "1 ms"}] * 15 + [{"per_sample": "1 ms", "distribution": "exponential"}]),
            True,
            False,
        ),
        (of_cluster(compute={"distribution": "trace", "measured": ["1 ms", "1.1 ms"], "per_sample": None}), True, False),
        (of_cluster(speeds={"distribution": "gamma", "cv": 0.2}), True, False),
        ({"workload": {"mini_batch": [4, *[5] * 15]}}, True, False),
        (of_cluster(network={"bandwidth": {"mean": "1 GB/s", "distribution": "gamma", "cv": 0.2}}), True, False),
        (of_cluster(network={"bandwidth": ["unlimited"] * 16}, server={"bandwidth": "unlimited"}), True, False),
        (of_cluster(server={"update": "1 ms", "update_law": {"distribution": "exponential"}}), True, False),
        (of_cluster(server={"bandwidth": "unlimited"}), True, False),
        ({"protocol": "hardsync"}, False, False),
        ({"protocol": {"kind": "ssp", "slack": 0}}, False, False),
        ({"protocol": {"kind": "ssp", "slack": 1}}, True, True),
    ],
    ids=str,
)
def test_where_it_is_looked_for(changes, may, will_probably):
    chosen = scenario(TIMING, FAIR, changes)
    assert (may_lock_step(chosen), will_probably_lock_step(chosen)) == (may, will_probably)


@pytest.mark.parametrize("name", catalogue.list_scenarios())
def test_no_scenario_that_comes_along_is_suspected(name):
    chosen = Scenario.load(name)
    assert not [variant for variant, one in chosen.by_variant.items() if may_lock_step(one)]


@pytest.mark.parametrize(
    ("seconds", "decides"),
    # 100 s with spread starts, of which a cycle of 5 s may be lost; 3 % and 1 % of chance.
    [(105.0, True), (103.9, False), (100.0, False), (95.0, False), (91.3, False), (91.1, True)],
)
def test_more_than_chance_and_a_cycle(seconds, decides):
    start = Start(gradients=1000, seconds=seconds, spread_seconds=100.0, cycle=5.0, chance=0.01)
    assert start.decides == decides
    compared = {"gradients": 1000, "seconds": seconds, "spread_seconds": 100.0, "decides": decides}
    assert start.comparison() == StartComparison(**compared)


def test_constant_times_on_fair_links_are_found_and_said():
    """16 learners in step take 16/30.7 s a round."""
    found = study(scenario(TIMING, FAIR))
    (run,) = found.runs[""]
    assert run.summary.lock_step.decides
    assert run.summary.lock_step.seconds == pytest.approx(800 / 30.71, rel=1e-3)
    assert run.summary.lock_step.spread_seconds < 800 / 50
    assert found.notes == run.summary.warnings
    (warning,) = run.summary.warnings
    assert warning.startswith("How learners start changes this run's speed: the first 800 gradients take 26.05 simulated")
    page = render_study(found)
    assert warning.replace("'", "&#39;") in page
    assert "If learners start at different times, the speed-up is" in page
    for row in run.summary.what_if:
        assert row.spread_speedup is not None


@pytest.mark.parametrize(
    "changes",
    [of_cluster(network={"sharing": "fifo"}), of_cluster(server={"bandwidth": "unlimited"}), of_cluster(start="spread")],
    ids=str,
)
def test_nothing_is_said_where_the_start_changes_nothing(changes):
    found = study(scenario(TIMING, FAIR, changes))
    assert not found.notes
    assert not found.runs[""][0].summary.warnings
    assert all(row.spread_speedup is None for row in found.runs[""][0].summary.what_if)


def test_a_note_names_its_variants():
    variants = {"a": {}, "b": of_cluster(start="spread"), "c": {"workload": {"mini_batch": 8}}}
    (note,) = study(scenario(TIMING, FAIR, {"variants": variants})).notes
    assert note.startswith("a, c: How learners start")


def test_a_faster_part_that_only_changes_the_step_has_both_answers():
    """Short runs of little variation: a node twice as fast seems to make 16 learners slower."""
    profile = {"profile": "ethernet-25g", "network": {"sharing": "fair"}, "server": {"bandwidth": "100 Gbit/s"}}
    chosen = {"cluster": {"learners": 16, **profile}, "workload": {"payload": "50 MB", "mini_batch": 16}}
    short = scenario(TIMING, chosen, {"stop": {"gradients": 500}})
    answers = what_if(short, Question.of(short, 500))
    (node,) = [row for row in answers.rows if row.change == "node"]
    assert node.speedup < 0.9 < node.spread_speedup


_WITH_ROUNDS = ("hardsync", "backup-workers", "k-sync", "all-reduce", "local-sgd", "easgd-sync", "sgp")


@pytest.mark.parametrize("kind", ROWS)
def test_protocols_with_rounds_lose_a_cycle_at_most(kind):
    """Of constant times on links of their own: whoever starts, a round begins with the last."""
    protocol = {**ROWS[kind].typical, **({"slack": 0} if kind == "ssp" else {})}
    compute = {"distribution": "constant", "cv": None}
    cluster = {"learners": 4, "compute": compute, "network": {"bandwidth": "1 MB/s", "sharing": "fair"}}
    seconds = {}
    for start in ("together", "spread"):
        chosen = scenario(TIMING, {"cluster": {**cluster, "start": start}, "protocol": protocol})
        seconds[start] = clock(chosen)[0].simulated_seconds
    if chosen.protocol.has_rounds:
        cycle = 4e-3 + 2 * 10e-3
        assert seconds["together"] <= seconds["spread"] <= seconds["together"] + cycle + 1e-9
    assert chosen.protocol.has_rounds == (kind in {*_WITH_ROUNDS, "ssp"})


@pytest.mark.parametrize(
    ("command", "note"),
    [
        (["check", "s.yaml"], "note: learners that start together and compute for constant times may stay in step"),
        (["run", "s.yaml"], "note: How learners start changes this run's speed: the first 64 gradients take"),
    ],
    ids=str,
)
def test_the_commands_say_it(command, note, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(
        dump_yaml(scenario(TIMING, FAIR, {"stop": {"gradients": 64}}).resolved()), encoding="utf-8"
    )
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if line.startswith(note)]
