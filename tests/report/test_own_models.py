"""Runs whose learners have their own models: consensus distance, age of mixed-in models, and no mention of a missing server."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simasgd import Run, Study, simulate
from simasgd.report.comparison.comparison import compare_variants
from simasgd.report.drawing.page_parts import Block
from simasgd.report.facts.formats import NBSP
from simasgd.report.facts.metric import ERROR
from simasgd.report.facts.part_facts import ResourceFact
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tables import group_by_clock, tabulate_distances
from simasgd.report.facts.variant_facts import VariantFacts, collect_facts
from simasgd.report.page import render_study
from simasgd.report.sections.learner_time import build_time_block
from simasgd.report.sections.learning import build_distance_blocks, describe_distances, describe_tested_models
from simasgd.report.sections.provenance import tabulate_profiles
from simasgd.report.sections.single_variant import describe_busiest, describe_time_spent
from simasgd.report.sections.staleness import build_staleness_block
from simasgd.report.sections.timeline import build_timeline_blocks
from simasgd.report.study_blocks import build_study_blocks
from simasgd.results.summary_parts import evaluation_rows
from tests.build import LEARNING, TIMING, scenario
from tests.clockwork import WHAT_IF, altered, run, study_of, timeline

AGES = {"mixed": 4, "mean": 0.75, "max": 2, "p50": 0, "p95": 2, "p99": 2, "histogram": [2, 1, 1]}
SMALL = {"cluster": {"profile": "ethernet-25g"}, "stop": {"gradients": 60}}


def alone(kind: str = "gossip-pull", seed: int = 0, **changes: Any) -> Run:
    """Return a run of the clock alone."""
    found = simulate(scenario(TIMING, SMALL, {"protocol": {"kind": kind}, "seed": seed}))
    return altered(found, **changes)


def learnt(kind: str, seed: int, distances: Sequence[float]) -> Run:
    """Return such a run with evaluations made by hand, one for each epoch."""
    found = alone(kind, seed)
    epochs = np.arange(len(distances), dtype=float)
    table = pd.DataFrame(
        {
            "epoch": epochs,
            "samples": (1437 * epochs).astype(int),
            "updates": (20 * epochs).astype(int),
            "simulated_seconds": 0.1 * epochs,
            "test_loss": 2.0 - 0.1 * epochs,
            "test_error": 0.9 - 0.3 * epochs,
            "consensus_distance": distances,
            "bytes": 1e5 * epochs,
        }
    )
    chosen = scenario(LEARNING, SMALL, {"protocol": {"kind": kind}, "seed": seed})
    last = {"test_error": float(table["test_error"].iloc[-1]), "test_loss": 1.8}
    rows = [row.model_dump() for row in evaluation_rows(table)]
    return altered(replace(found, scenario=chosen, evaluations=table), evaluations=rows, **last)


@pytest.fixture(scope="module")
def learned() -> Study:
    """Return a study of gossip at two seeds, a centre, an all-reduce and a server."""
    none = [math.nan] * 3
    runs = {
        "pull": [learnt("gossip-pull", 0, [3e-6, 3.0, 1.0]), learnt("gossip-pull", 1, [0.0, 4.0, 2.0])],
        "elastic": [learnt("easgd", 0, [0.0, 5.0, 6.0])],
        "reduced": [learnt("all-reduce", 0, none)],
        "served": [learnt("async", 0, none)],
    }
    variants = {name: {"protocol": {"kind": found[0].scenario.protocol.kind}} for name, found in runs.items()}
    return Study(scenario(LEARNING, SMALL, {"variants": variants}), runs)


def _build_blocks(study: Study) -> list[Block]:
    variants = collect_facts(study)
    return build_study_blocks(study, variants, compare_variants(study, variants))


@pytest.fixture(scope="module")
def sections(learned: Study) -> dict[str, Block]:
    return {block.id: block for block in _build_blocks(learned)}


def facts(**summary: Any) -> VariantFacts:
    (found,) = collect_facts(study_of({"": alone(**summary)}))
    return found


def read(page: str) -> str:
    """Return the text of a page without its glossary, scenario and figures."""
    body = re.sub(r"<(style|script|pre|svg)\b.*?</\1>", "", page, flags=re.DOTALL).split('<section id="words"')[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


def test_distances_are_those_of_the_evaluations_in_the_mean_over_the_seeds(learned: Study) -> None:
    table = tabulate_distances(learned)
    assert table["variant"].unique().tolist() == ["pull", "elastic"], "one common model has none"
    rows = table[table["variant"] == "pull"]
    assert rows["value"].tolist() == [0.0, 3.5, 1.5]
    assert (rows["low"].tolist(), rows["high"].tolist()) == ([0.0, 3.0, 1.0], [0.0, 4.0, 2.0])
    assert rows["seeds"].tolist() == [2, 2, 2]
    assert collect_facts(learned)[0].distance == Spread(1.5, 1.0, 2.0, pytest.approx(math.sqrt(0.5)), 2)


def test_a_distance_that_follows_the_means_of_models_is_explained() -> None:
    study = study_of({kind: learnt(kind, 0, [0.0, 0.5, 0.9]) for kind in ("local-sgd", "gossip-pull")})
    (reading,) = [block.reading for block in _build_blocks(study) if block.id == "consensus-distance"]
    assert "Under local-sgd all models become their mean every few steps" in reading


def test_the_distance_has_a_section_with_its_table(sections: dict[str, Block]) -> None:
    block = sections["consensus-distance"]
    assert [panel.title for panel in block.panels] == [
        "Consensus distance against simulated time",
        "Consensus distance against epochs",
    ]
    assert all(f">{name}<" in str(panel.svg) for panel in block.panels for name in ("pull", "elastic"))
    assert block.reading == (
        "At the last evaluation the consensus distance is 1.5 under pull (largest 3.5, at epoch 1) and 6 under elastic "
        "(its largest value). This is the root mean square distance of the learners' models from their mean. "
        "Curves show means over the seeds, bands and bars the range."
    )
    assert block.table is not None
    assert [row[0].text for row in block.table.rows] == ["pull"] * 3 + ["elastic"] * 3


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"a": [0.0, 3.0, 2.0]}, "2 under a (largest 3, at epoch 1)"),
        ({"a": [0.0, 1.0, 2.0], "b": [0.0, 0.0, 0.0]}, "2 under a (its largest value) and 0 under b"),
    ],
)
def test_the_distance_is_read(values: Mapping[str, list[float]], said: str) -> None:
    rows = [(name, float(i), value) for name, several in values.items() for i, value in enumerate(several)]
    table = pd.DataFrame(rows, columns=["variant", "epoch", "value"])
    assert describe_distances(table) == f"At the last evaluation the consensus distance is {said}."


def test_the_error_says_whose_it_is(learned: Study, sections: dict[str, Block]) -> None:
    whose = "is measured on the mean of the learners' models under pull, and on the centre under elastic."
    assert f"The test error {whose}" in sections["error"].reading
    assert describe_tested_models(tabulate_distances(learned), collect_facts(learned)[2:], ERROR) == ""


@pytest.mark.usefixtures("quickly_compiled")
def test_a_real_run_has_them_on_its_page() -> None:
    found = simulate(scenario(LEARNING, SMALL, {"protocol": {"kind": "gossip-pull"}}))
    page = render_study(Study(found.scenario, {"": [found]}))
    figures = dict(re.findall(r'<data value="([^"]*)" data-figure="gossip-pull.(consensus_distance|mixing)">', page))
    last = found.summary.evaluations[-1].consensus_distance
    assert last > 0
    assert {float(value): key for value, key in figures.items()} == {
        last: "consensus_distance",
        found.summary.mixing.mean: "mixing",
    }
    assert not re.search(r"\b(nan|None|inf)\b", read(page))


# The age of mixed-in models


def test_ages_stand_beside_staleness() -> None:
    found = study_of({"": alone(mixing=AGES)})
    block = build_staleness_block(found, collect_facts(found))
    assert block.title == "How stale the gradients are, and how old mixed-in models are"
    assert plain(block.reading).startswith(
        "gossip-pull: every gradient has staleness 0; the mean age of mixed-in models is 0.75 steps. "
        "If learners have their own models, the staleness of a gradient counts the changes of its learner's model"
    )
    (panel,) = block.panels
    assert plain(panel.note) == "Mean 0.75. 95 % are at most 2 steps old, and all at most 2 steps."
    assert "age (steps since it was read)" in str(panel.svg)
    ((_, table),) = block.more
    assert [[cell.text for cell in row] for row in table.rows] == [["0", "2"], ["1", "1"], ["2", "1"]]


def test_clocks_that_differ_in_ages_only_are_not_alike() -> None:
    runs = {"a": alone(), "b": alone(), "c": alone(mixing=AGES)}
    assert group_by_clock(study_of(runs)) == [(0, 1), (2,)]


def test_own_staleness_is_in_changes_of_the_own_model() -> None:
    for kind, unit in (("ad-psgd", "changes of the learner's model"), ("async", "updates")):
        found = study_of({"": alone(kind)})
        (panel, *_) = build_staleness_block(found, collect_facts(found)).panels
        assert f"staleness σ ({unit}" in str(panel.svg)


# Protocols without a server


def test_nothing_speaks_of_a_server_where_there_is_none(learned: Study) -> None:
    for name in ("pull", "reduced"):
        said = read(render_study(learned.alone(name)))
        found = set(re.findall(r"\w+ \w+ servers?\b", said.replace("cluster.server", "")))
        assert found <= {"is no server"}, name


def test_without_resources_there_is_no_panel_of_them(learned: Study, sections: dict[str, Block]) -> None:
    reduced = learned.alone("reduced")
    block = build_time_block(reduced, collect_facts(reduced))
    assert [panel.title for panel in block.panels] == ["Learners", "The critical path"]
    assert block.more == []
    (panel,) = [panel for panel in sections["time"].panels if panel.title == "Servers and links"]
    assert panel.note.endswith("Under reduced, there is no server, and no two messages share a link.")


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (("learners",), "all of them learners"),
        (("learners", "links"), "learners above, then links"),
        (("learners", "servers", "links"), "learners above, then servers and links"),
    ],
)
def test_a_time_line_says_who_is_on_it(groups: Sequence[str], said: str) -> None:
    table = timeline(2, 3)
    found = study_of({"": run(table[table["group"].isin(groups)])})
    (block,) = build_timeline_blocks(found, collect_facts(found))
    assert block.reading == f"The activities of each track over time: {said}."


def test_a_server_that_is_none_is_not_made_faster() -> None:
    assert [one.part for one in facts(what_if=WHAT_IF).what_if] == ["network", "node"]
    found = study_of({"pull": alone(what_if=WHAT_IF), "served": alone("async", what_if=WHAT_IF)})
    (panel,) = [panel for panel in build_time_block(found, collect_facts(found)).panels if panel.table is not None]
    assert panel.table is not None
    assert [column.title for column in panel.table.columns] == ["under", "network", "server", "node"]
    assert [row[2].text for row in panel.table.rows] == ["–", "1.02×"]


def test_links_are_matched_by_name_over_the_seeds() -> None:
    """Seeds may use links in another order, or not at all."""

    def links(*named: tuple[str, float]) -> list[dict[str, Any]]:
        return [{"name": name, "busy": busy, "mean_queue": 0.0, "bytes": 0.0} for name, busy in named]

    runs = [
        alone(links=links(("node 10 in", 0.4), ("node 2 out", 0.2))),
        alone(links=links(("node 2 out", 0.6), ("node 0 in", 0.1))),
    ]
    (found,) = collect_facts(study_of({"": runs}))
    loads = [("node 0, link in", 0.05), ("node 2, link out", 0.4), ("node 10, link in", 0.2)]
    assert found.resources == tuple(ResourceFact(name, busy, 0.0) for name, busy in loads)
    assert plain(describe_busiest(found)) == "the busiest resource is the link out of node 2, busy 40 % of the time"


def test_of_very_many_links_the_table_has_the_busiest_and_the_mean_of_the_others() -> None:
    links = [{"name": f"node {i} in", "busy": 0.5 if i % 2 else 0.1, "mean_queue": 0.0, "bytes": 0.0} for i in range(256)]
    found = study_of({"": alone(links=links)})
    block = build_time_block(found, collect_facts(found))
    assert block.panels[1].title == "Links"
    assert block.panels[1].note == "Shown are the 6 busiest of 256; the table below lists more."
    ((title, table),) = block.more
    assert title == "Links, the busiest ones"
    assert len(table.rows) == 101
    assert [plain(cell.text) for cell in table.rows[-1]] == ["gossip-pull", "the other 156, mean", "17.2 %", "0"]


def test_a_profiles_numbers_of_the_server_are_marked(learned: Study) -> None:
    def here(name: str) -> dict[str, str]:
        (profile,) = tabulate_profiles(learned.alone(name))
        return {row[0].text: row[2].text for row in profile.table.rows}

    assert here("pull")["cluster.server.bandwidth"] == "not used: there is no server"
    assert here("pull")["cluster.network.bandwidth"] == here("elastic")["cluster.server.bandwidth"] == ""


@pytest.mark.parametrize(("kind", "said"), [("push", "send models 60 %"), ("pull", "fetch models 60 %")])
def test_models_are_sent_and_fetched(kind: str, said: str) -> None:
    time = dict.fromkeys(("compute", "push", "wait", "pull", "idle"), 0.1) | {kind: 0.6}
    assert plain(describe_time_spent(facts(learner_time=time))) == f"Learners {said} of the time and wait 10 %"


def test_the_reference_without_a_server_is_the_all_reduce(learned: Study) -> None:
    found = collect_facts(learned)
    assert choose_reference(found).name == "reduced"
    assert choose_reference([one for one in found if one.name != "reduced"]).name == "pull", "the least stale"
    fresh = replace(found[3], name="fresh", staleness=found[0].staleness)
    assert choose_reference([found[0], fresh]).name == "fresh", "of equally stale ones that of one model"


def test_a_clock_alone_has_no_distance() -> None:
    found = study_of({"": alone()})
    assert build_distance_blocks(found, collect_facts(found)) == []
    assert run(None).summary.mixing is None
