"""Time, critical path, what-if, faults and hangs: as in the summaries, and only if they are there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from simasgd import Study
from simasgd.report.drawing.page_parts import Block
from simasgd.report.facts.formats import NBSP
from simasgd.report.facts.part_facts import HangFact, WhatIfFact
from simasgd.report.facts.variant_facts import VariantFacts, collect_facts
from simasgd.report.page import render_study
from simasgd.report.sections.critical_path import describe_path
from simasgd.report.sections.faults import build_fault_blocks, describe_hang
from simasgd.report.sections.learner_time import build_time_block
from simasgd.report.sections.what_if import describe_best_gain
from simasgd.report.verdict.verdict import state_verdict
from tests.clockwork import HANG, NO_FAULTS, NO_PATH, PATH, THREADS, WHAT_IF, run, study_of, timeline


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


def section(study: Study) -> Block:
    return build_time_block(study, collect_facts(study))


def facts(**summary: Any) -> VariantFacts:
    (found,) = collect_facts(study_of({"": run(None, **summary)}))
    return found


def cells(block: Block, title: str) -> dict[str, str]:
    """Return a column of the table behind the figures, by the texts of the first column."""
    assert block.table is not None
    column = [one.title for one in block.table.columns].index(title)
    return {row[0].text: plain(row[column].text) for row in block.table.rows}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((62.0, 18.0, 8.0, 12.0, 0.0), "62 % is computing, 30 % messages and 8.0 % updates"),
        ((0.0, 1.0, 1.0, 0.0, 2.0), "25 % is messages, 25 % updates and 50 % something else"),
        ((3.0, 0.0, 0.0, 0.0, 0.0), "100 % is computing"),
    ],
)
def test_the_critical_path_is_read(parts: tuple[float, ...], said: str) -> None:
    assert plain(describe_path(facts(critical_path=dict(zip(PATH, parts, strict=True))))) == said


def test_a_run_without_a_critical_path_shows_none() -> None:
    block = section(study_of({"": run(None, critical_path=NO_PATH)}))
    assert [panel.title for panel in block.panels] == ["Learners", "Servers and links"]


def test_the_critical_path_is_the_mean_of_the_seeds() -> None:
    paths = ({"compute": 3.0, "push": 1.0}, {"compute": 10.0, "push": 10.0})
    rest = dict.fromkeys(("update", "pull", "other"), 0.0)
    runs = [run(None, seed=seed, critical_path=path | rest) for seed, path in enumerate(paths)]
    (found,) = collect_facts(study_of({"": runs}))
    assert found.critical_path == {"compute": 0.625, "push": 0.375, **rest}


def test_what_would_be_sooner_is_a_table_with_its_best() -> None:
    block = section(study_of({"": run(None, what_if=WHAT_IF)}))
    (panel,) = [panel for panel in block.panels if panel.table is not None]
    assert panel.title == "If one part were twice as fast"
    assert panel.table is not None
    assert [column.title for column in panel.table.columns] == ["under", "network", "server", "node"]
    assert [[cell.text for cell in row] for row in panel.table.rows] == [["async", "1.31×", "1.02×", "1.40×"]]
    assert (
        panel.note
        == "A node twice as fast makes the run 1.40× as fast. The first 2,000 gradients were simulated again for this."
    )


def test_no_gain_is_said_and_factors_are_named() -> None:
    assert (
        describe_best_gain([WhatIfFact("network", 2, 1.004, 10), WhatIfFact("node", 2, 0.99, 10)])
        == "no single part makes the run faster"
    )
    assert describe_best_gain([WhatIfFact("network", 4, 1.5, 10), WhatIfFact("node", 2, 1.2, 10)]) == (
        "a network 4 times as fast makes the run 1.50× as fast"
    )


def test_what_was_not_simulated_is_a_limit() -> None:
    """The critical path allows 1.9 times as fast with another network; a limit is no gain that a sentence may promise."""
    limit = {"gradients": 0, "seconds": None, "base_seconds": None, "speedup": None, "path_speedup": 1.9}
    block = section(study_of({"": run(None, what_if=[WHAT_IF[0] | limit, *WHAT_IF[1:]])}))
    (panel,) = [panel for panel in block.panels if panel.title.startswith("If one part")]
    assert panel.table is not None
    assert [cell.text for cell in panel.table.rows[0]] == ["async", "≤\xa01.90×", "1.02×", "1.40×"]
    assert panel.note == (
        "A node twice as fast makes the run 1.40× as fast. The first 2,000 gradients were simulated again for this. "
        "A number after ≤ is the most that the critical path allows, if messages keep their order."
    )
    alone = describe_best_gain([WhatIfFact("network", 2, 1.9, 0), WhatIfFact("node", 2, 1.001, 10)])
    assert alone == "a network twice as fast can make the run 1.90× as fast at most"


def test_what_if_is_asked_of_the_first_seed_only() -> None:
    (found,) = collect_facts(study_of({"": [run(None, what_if=WHAT_IF), run(None, seed=1, what_if=None)]}))
    assert [(row.part, row.factor, row.speedup, row.gradients) for row in found.what_if] == [
        ("network", 2, 1.31, 2000), ("server", 2, 1.02, 2000), ("node", 2, 1.4, 2000),
    ]  # fmt: skip


def test_threads_stand_beside_the_computing_one() -> None:
    alone = run(None, architecture="adv*", overlap=0.9956, threads=THREADS)
    block = section(study_of({"star": alone, "base": run(None, seed=1, architecture="base", overlap=0.1152, threads={})}))
    drawn = str(block.panels[0].svg)
    assert all(f">{label}<" in drawn for label in ("star: computing thread", "star: push thread", "star: pull thread", "base"))
    assert "base: computing thread" not in drawn
    assert plain(block.reading).endswith(" Communication overlap: star (adv*) 99.6 % and base 12 %.")
    assert cells(block, "overlap") == {"star": "99.6 %", "star: push thread": "", "star: pull thread": "", "base": "11.5 %"}
    assert cells(block, "push")["star: push thread"] == "55 %"
    assert cells(block, "idle")["star: pull thread"] == "50 %"


def test_in_the_base_architecture_the_overlap_is_in_the_table_only() -> None:
    block = section(study_of({"": run(None, architecture="base", overlap=0.5)}))
    assert "overlap" not in block.reading
    assert cells(block, "overlap") == {"async": "50 %"}


def test_many_links_are_cut_to_the_busiest_in_the_figure_and_all_in_the_table() -> None:
    links = [{"name": f"node {i} nic out", "busy": 0.3 + 0.01 * i, "mean_queue": 0.0, "bytes": 0.0} for i in range(60)]
    block = section(study_of({"": run(None, links=links)}))
    drawn = re.findall(r">(node \d+, link out|server[^:<]*): ", str(block.panels[1].svg))
    assert drawn == [f"node {i}, link out" for i in range(59, 53, -1)]
    assert block.panels[1].note == "Shown are the 6 busiest of 61; the table below lists all."
    ((_, table),) = block.more
    assert len(table.rows) == 61
    assert ["async", "node 7, link out", f"37{NBSP}%", "0"] in [[cell.text for cell in row] for row in table.rows]


def test_who_has_more_servers_and_links_than_are_shown_is_named() -> None:
    """Three variants have four bars at most; the server is one of them, and the run by hand has no link of its own."""
    links = [{"name": f"node {i} nic out", "busy": 0.3, "mean_queue": 0.0, "bytes": 0.0} for i in range(6)]
    runs = {name: run(None, seed=i, links=links[:many]) for i, (name, many) in enumerate({"a": 6, "b": 4, "c": 1}.items())}
    note = section(study_of(runs)).panels[1].note
    assert note == "Shown are the 4 busiest of a (7) and b (5), and all of the others; the table below lists all."


def test_variants_with_other_links_have_rows_of_their_own() -> None:
    some = {"name": "rack 0 up", "busy": 0.75, "mean_queue": 2.0, "bytes": 0.0}
    block = section(study_of({"star": run(None), "tree": run(None, seed=1, links=[some])}))
    ((_, table),) = block.more
    found = [[cell.text for cell in row[:2]] for row in table.rows]
    assert ["tree", "rack 0, uplink"] in found
    assert ["star", "rack 0, uplink"] not in found
    assert found.count(["tree", "server"]) == found.count(["star", "server"]) == 1


def test_a_hang_follows_the_winner_with_its_reason() -> None:
    study = study_of({"whole": run(None, hang=None), "hung": run(None, seed=1, hang=HANG)})
    said = plain(state_verdict(collect_facts(study)))
    assert said.startswith("Only whole ")
    assert said.endswith(" hung hangs after its last update at 123 ms: the barrier waits for learner 3, which crashed.")
    shown = r'data-figure="hung.simulated_seconds">hung</data><span class="spread">after its last update at 123.ms</span>'
    assert re.search(shown, render_study(study))


def test_a_hang_of_some_seeds_is_counted() -> None:
    found = replace(facts(), seeds=(0, 1, 2), hangs=(HangFact(1, 5.0, "later.", 1), HangFact(2, 4.0, "first.", 1)))
    assert plain(describe_hang(found)) == "async hangs (2 of 3 seeds) after its last update at 4 s: first."
    idle = replace(found, hangs=(HangFact(1, 0.0, "nobody pushes.", 0),), seeds=(1,))
    assert plain(describe_hang(idle)) == "async hangs before its first update: nobody pushes."


@pytest.mark.parametrize(
    ("faults", "gradients", "said"),
    [
        (
            {"crashes": 2, "rejoins": 1, "down": 1.5},
            {},
            "async has two crashes (one rejoin, learners are down for 1.5 s in total).",
        ),
        (
            {"crashes": 1, "down": 0.5},
            {"lost": 1},
            "async has one crash (none rejoins, learners are down for 500 ms in total) and one gradient lost.",
        ),
        ({"messages_lost": 14}, {"lost": 14}, "async has 14 lost messages and 14 gradients lost."),
        (
            {"barrier_timeouts": 3, "members_dropped": 4},
            {"dropped": 2, "cancelled": 1},
            "async has three barrier time-outs (continuing without four members), two gradients dropped "
            "and one gradient cancelled.",
        ),
        ({"server_paused": 0.25}, {}, "async has 250 ms of server pauses."),
    ],
)
def test_faults_are_read(faults: dict[str, float], gradients: dict[str, int], said: str) -> None:
    (block,) = build_fault_blocks([facts(faults=NO_FAULTS | faults, gradients=gradients)])
    assert plain(block.reading) == said


def test_faults_are_summed_over_the_seeds_and_counted_in_a_table() -> None:
    runs = [run(None, seed=seed, faults=NO_FAULTS | {"crashes": 1 + seed, "down": 2.0}) for seed in (0, 1)]
    quiet = run(None, seed=7, faults=NO_FAULTS)
    (block,) = build_fault_blocks(collect_facts(study_of({"bad": runs, "good": quiet})))
    assert plain(block.reading) == "bad has three crashes (none rejoins, learners are down for 4 s in total), over two seeds."
    assert cells(block, "crashes") == {"bad": "3", "good": "0"}
    assert cells(block, "learners down") == {"bad": "4 s", "good": "0 s"}


def test_nothing_wrong_is_no_section() -> None:
    assert build_fault_blocks([facts(faults=NO_FAULTS, hang=None)]) == []
    assert 'id="faults"' not in render_study(study_of({"": run(None, faults=NO_FAULTS)}))


def test_the_section_has_it_all(clocked: Study) -> None:
    page = render_study(clocked)
    for text in ("The critical path", "If one part were twice as fast", "Every server and link", "Faults and lost work"):
        assert text in page
    assert "Communication overlap" in page


def test_of_many_variants_the_figures_say_it_alone() -> None:
    runs = {f"v{i}": run(timeline(1, 2 + i), critical_path=PATH, what_if=WHAT_IF) for i in range(4)}
    notes = {panel.title: panel.note for panel in section(study_of(runs)).panels}
    assert notes["The critical path"] == ""
    assert notes["If one part were twice as fast"] == "The first 2,000 gradients were simulated again for this."
    fewer = {name: runs[name] for name in ("v0", "v1")}
    notes = {panel.title: plain(panel.note) for panel in section(study_of(fewer)).panels}
    assert notes["The critical path"].count("62 % is computing") == 2
    assert notes["If one part were twice as fast"].startswith(
        "Under v0, a node twice as fast makes the run 1.40× as fast; "
        "under v1, a node twice as fast makes the run 1.40× as fast. "
    )


def test_the_legend_holds_what_the_bars_show() -> None:
    bars = ["compute", "push", "wait", "pull", "idle"]
    for path, more in ((NO_PATH, []), (PATH, ["update"]), (PATH | {"other": 1.0}, ["update", "other"])):
        block = section(study_of({"": run(None, critical_path=path)}))
        assert [entry.text for entry in block.legend] == [*bars, *more]
