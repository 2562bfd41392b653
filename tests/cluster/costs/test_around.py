"""What else must know of costs: what-if, starts, notes, layers, files, and the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simasgd import Run, Scenario, simulate
from simasgd.assembly import learner_table
from simasgd.cluster.clock.activity import CostActivity
from simasgd.cluster.job import Job
from simasgd.command import cli
from simasgd.report.facts.formats import NBSP
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.sections.critical_path import describe_path
from simasgd.report.sections.learner_time import build_time_block
from simasgd.report.sections.single_variant import describe_time_spent
from simasgd.results.quantities import COST_TIMES
from simasgd.scenario.alike import clock_of
from simasgd.scenario.common_start import will_probably_lock_step
from simasgd.scenario.reading import yaml_layer
from simasgd.what_if.changes import faster_network, faster_node, faster_server
from tests.build import TIMING, clock, scenario
from tests.clockwork import PATH, altered, run, study_of

COSTS = {"step": "1 ms", "mixing": "0.5 ms", "per_message": "0.2 ms", "copy_bandwidth": "10 MB/s", "collective_start": "0.3 ms"}
EVEN = {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant", "cv": None}
LOCAL = {"cluster": {"compute": EVEN, "costs": COSTS, "network": {"bandwidth": "10 MB/s"}}, "protocol": "local-sgd"}


def test_a_faster_network_or_server_copies_no_faster_and_a_faster_node_does_all_its_work_faster():
    law = {"mean": "2 ms", "distribution": "gamma", "cv": 0.5}
    measured = {"mean": None, "measured": ["1 ms", "3 ms"]}
    cluster = scenario(TIMING, LOCAL, {"cluster": {"costs": {"mixing": law, "collective_start": measured}}}).cluster
    assert faster_network(cluster).costs == faster_server(cluster).costs == cluster.costs
    faster = faster_node(cluster).costs
    assert (faster.step, faster.per_message, faster.copy_bandwidth) == (0.0005, 0.0001, 20e6)
    assert (faster.mixing.average, faster.collective_start.average) == (0.001, 0.001)
    assert faster.mixing.variation == cluster.costs.mixing.variation
    assert faster_network(cluster).network.goodput == cluster.network.goodput


def test_what_if_halves_the_messages_but_not_their_copies():
    chosen = scenario(TIMING, LOCAL, {"protocol": {"kind": "local-sgd", "steps": 1}})
    faster = chosen.model_copy(update={"cluster": faster_network(chosen.cluster)})
    (slow, _), (fast, _) = clock(chosen), clock(faster)
    spent = [result.learner_seconds[0][CostActivity.COPY] for result in (slow, fast)]
    assert spent[0] == pytest.approx(spent[1])
    assert fast.learner_seconds[0][1] == pytest.approx(slow.learner_seconds[0][1] / 2)  # push


@pytest.mark.parametrize(
    ("protocol", "cycle"),
    [
        # 10 of computing; a message of 10 kB takes 1 each way, and a copy 1.2 at each of four ends.
        ("async", 10 + 2 + 4 * 1.2),
        ("downpour", 10 + 1 + 2 + 4 * 1.2),
        ({"kind": "local-sgd", "steps": 1}, 10 + 1 + 0.5 + 0.3 + 1 + 2 * 1.2),
        ("all-reduce", 10 + 1 + 0.3 + 1 + 2 * 1.2),
        ("gossip-pull", 10 + 1 + 0.5 + 1 + 2 * 1.2),
        ({"kind": "easgd"}, 10 + 1 + 0.5 + 2 + 4 * 1.2),
    ],
    ids=str,
)
def test_learners_that_start_apart_do_so_within_a_cycle_with_its_costs(protocol, cycle):
    chosen = scenario(TIMING, LOCAL, {"protocol": protocol, "cluster": {"learners": 2}})
    assert Job.of(chosen).mean_cycles()[0] == pytest.approx(cycle * 1e-3)
    halved = scenario(TIMING, LOCAL, {"protocol": protocol, "cluster": {"learners": 2, "network": {"goodput": 0.5}}})
    messages = 2 if chosen.protocol.has_server else 1
    assert Job.of(halved).mean_cycles()[0] == pytest.approx((cycle + messages) * 1e-3)


def test_costs_tell_clocks_apart_and_random_ones_break_a_lock_step():
    chosen = scenario(TIMING, LOCAL)
    for change in ({"costs": None}, {"costs": {"step": "2 ms"}}, {"network": {"goodput": 0.9}}):
        assert clock_of(scenario(TIMING, LOCAL, {"cluster": change})) != clock_of(chosen)
    fair = {"cluster": {"network": {"sharing": "fair"}}, "protocol": "gossip-pull"}
    assert will_probably_lock_step(scenario(TIMING, LOCAL, fair))
    random = {"cluster": {"costs": {"step": {"mean": "1 ms", "distribution": "exponential"}}}}
    assert not will_probably_lock_step(scenario(TIMING, LOCAL, fair, random))


@pytest.mark.parametrize(
    ("change", "notes"),
    [
        ({}, []),
        ({"protocol": "hardsync"}, ["step", "mixing", "collective_start"]),
        ({"protocol": "downpour"}, ["mixing", "collective_start"]),
        ({"protocol": "all-reduce"}, ["mixing"]),
        ({"protocol": "easgd"}, ["collective_start"]),
        ({"protocol": "gossip-pull", "cluster": {"learners": 1}}, ["mixing", "collective_start", "per_message"]),
        ({"cluster": {"network": {"goodput": 0.9, "bandwidth": "unlimited"}}}, ["goodput"]),
        ({"cluster": {"costs": None}}, []),
    ],
    ids=str,
)
def test_check_notes_each_key_without_an_effect(change, notes, tmp_path: Path, capsys):
    file = tmp_path / "s.yaml"
    file.write_text(yaml_layer.dump_yaml(scenario(TIMING, LOCAL, change).resolved()), encoding="utf-8")
    cli.app.main(["check", str(file)], "simasgd", standalone_mode=False)
    fine, *found = capsys.readouterr().out.splitlines()
    assert fine.endswith("fine (1 run)")
    keys = [line.removeprefix("note: cluster.").split(" has ")[0].split(" and ")[0].split(".")[-1] for line in found]
    assert keys == notes
    assert all("no effect" in line for line in found)


def test_a_later_mapping_takes_the_time_of_an_earlier_layer_for_its_mean():
    text = yaml_layer.dump_yaml(scenario(TIMING, LOCAL).resolved())
    layer = yaml_layer.parse_layer(text, "s.yaml")
    found = Scenario.from_layer(layer, ["costs.step={distribution: gamma, cv: 0.2}", "costs.mixing.distribution=exponential"])
    assert (found.cluster.costs.step.average, found.cluster.costs.step.variation) == (0.001, 0.2)
    assert (found.cluster.costs.mixing.average, found.cluster.costs.mixing.variation) == (0.0005, 1.0)
    measured = Scenario.from_layer(layer, ["costs.step={measured: [1 ms, 3 ms]}"]).cluster.costs.step
    assert (measured.average, measured.distribution) == (0.002, "empirical")
    ratios = Scenario.from_layer(layer, ["costs.step={mean: 4 ms, measured: [1 ms, 3 ms]}"]).cluster.costs.step
    assert (ratios.average, ratios.variation) == (0.004, 0.5)
    assert Scenario.from_layer(layer, ["costs.step=2 ms"]).cluster.costs.step == 0.002
    assert not Scenario.from_layer(layer, ["costs=null"]).cluster.costs.any


def test_measured_costs_come_from_a_file(tmp_path: Path):
    (tmp_path / "steps.txt").write_text("0.001\n0.003\n", encoding="utf-8")
    file = tmp_path / "s.yaml"
    tree = {**TIMING, "cluster": {**TIMING["cluster"], "costs": {"step": {"file": "steps.txt"}}}, "protocol": "local-sgd"}
    file.write_text(yaml_layer.dump_yaml(tree), encoding="utf-8")
    step = Scenario.load(file).cluster.costs.step
    assert (step.average, step.measured) == (0.002, (0.001, 0.003))


def test_a_run_with_costs_comes_back_from_its_folder(tmp_path: Path):
    chosen = scenario(TIMING, LOCAL, {"stop": {"gradients": 100}, "record": "timeline"})
    finished = simulate(chosen)
    finished.save(tmp_path / "run")
    again = Run.load(tmp_path / "run")
    assert again.summary == finished.summary
    assert again.scenario == chosen
    stored = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    for times in (stored["learner_time"], stored["critical_path"]):
        assert set(COST_TIMES) <= set(times)
    assert sum(stored["learner_time"].values()) == pytest.approx(1.0)
    assert set(COST_TIMES) <= set(again.learners.columns)
    assert set(COST_TIMES) <= set(again.timeline["activity"])


def test_a_run_without_costs_says_nothing_of_them():
    chosen = scenario(TIMING, LOCAL, {"cluster": {"costs": None}, "stop": {"gradients": 100}})
    finished = simulate(chosen)
    content = finished.summary.as_json()
    for times in (content["learner_time"], content["critical_path"]):
        assert not set(COST_TIMES) & set(times)
    assert not set(COST_TIMES) & set(learner_table(chosen, clock(chosen)[0]).columns)
    block = build_time_block(study_of({"": finished}), collect_facts(study_of({"": finished})))
    assert not set(COST_TIMES) & {entry.text for entry in block.legend}
    assert not any(cost in column.title for column in block.table.columns for cost in COST_TIMES)


def test_the_page_shows_costs_that_took_time():
    free = altered(run(None), critical_path=PATH)
    times = {"compute": 0.2, "push": 0.1, "wait": 0.1, "pull": 0.0, "idle": 0.0, "step": 0.05, "copy": 0.55}
    costly = altered(run(None), learner_time=times, critical_path={**PATH, "copy": 60.0, "launch": 40.0})
    study = study_of({"free": free, "costly": costly})
    facts = collect_facts(study)
    block = build_time_block(study, facts)
    assert [entry.text for entry in block.legend][:5] == ["compute", "step", "launch", "copy", "push"]
    titles = [column.title for column in block.table.columns]
    assert {"step", "copy", "critical path: launch"} <= set(titles)
    assert not {"mix", "launch", "critical path: mix"} & set(titles)
    rows = {row[0].text: [cell.text.replace(NBSP, " ") for cell in row] for row in block.table.rows}
    assert rows["costly"][titles.index("copy")] == "55 %"
    assert rows["free"][titles.index("critical path: launch")] == "0 %"
    assert describe_time_spent(facts[1]).replace(NBSP, " ") == "Learners copy messages 55 % of the time and wait 10 %"
    said = "31 % is computing, 15 % messages, 4.0 % updates, 30 % copies and 20 % starts of collectives"
    assert describe_path(facts[1]).replace(NBSP, " ") == said
