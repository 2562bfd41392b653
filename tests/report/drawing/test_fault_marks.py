"""Faults on the time line: the scenario's times, on the tracks that they concern."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from simasgd import Run, simulate
from simasgd.report.facts.fault_marks import PAUSED, FaultMark, list_fault_marks, take_out_pauses
from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.sections.timeline import build_timeline_blocks
from tests.build import TIMING, scenario
from tests.clockwork import study_of


def with_faults(faults: dict[str, Any]) -> Run:
    network = {"latency": "1 ms", "bandwidth": "1 MB/s"}
    cluster = {"learners": 3, "network": network, "faults": faults}
    changes = {"record": "timeline", "workload": {"payload": "1 kB"}, "stop": {"gradients": None, "simulated_time": "1 s"}}
    return simulate(scenario(TIMING, {"protocol": "async", "cluster": cluster}, changes))


def test_faults_are_marked_at_their_times() -> None:
    run = with_faults(
        {
            "crashes": [{"learner": 1, "at": "200 ms", "down": "100 ms"}, {"learner": 2, "at": "900 ms", "down": "5 s"}],
            "server_pauses": [{"at": "400 ms", "lasting": "50 ms"}],
            "degraded_links": [{"link": "node 0", "at": "600 ms", "lasting": "100 ms", "factor": 0.25}],
        }
    )
    length = run.simulated_seconds
    marks = list_fault_marks(run)
    assert [(one.begin, one.end, use_plain_spaces(one.what)) for one in marks] == [
        (0.2, pytest.approx(0.3), "learner 1 away"),
        (0.4, pytest.approx(0.45), "server paused"),
        (0.6, pytest.approx(0.7), "link of node 0 at 25 % of its bandwidth"),
        (0.9, length, "learner 2 away"),
    ]
    study = study_of({"": run})
    (block,) = build_timeline_blocks(study, collect_facts(study))
    (shown,) = block.timelines
    content = json.loads(shown.data)
    tracks = [track for track, _, _ in content["tracks"]]
    named = [{tracks[i] for i in rows} for _, _, _, rows in content["marks"]]
    assert named[0] == {"learner 1"}
    assert named[1] == {"server"}
    assert named[2] == {track for track in tracks if track.startswith("node 0, link")} != set()
    assert named[3] == {"learner 2"}
    assert use_plain_spaces(shown.note).startswith("Marked: learner 1 away from 200 ms to 300 ms, server paused from")


def test_a_server_does_nothing_while_it_pauses() -> None:
    rows = pd.DataFrame({"start": [0.0, 1.0, 2.0, 6.0], "end": [1.0, 1.5, 5.0, 7.0], "activity": "update"})
    pauses = [FaultMark(begin, end, PAUSED, "servers", "server") for begin, end in ((1.2, 1.4), (3.0, 6.5))]
    found = take_out_pauses(rows, pauses)
    assert list(zip(found["start"], found["end"], strict=True)) == [(0, 1), (1, 1.2), (1.4, 1.5), (2, 3), (6.5, 7)]


def test_random_crashes_are_where_the_learner_is_idle() -> None:
    run = with_faults({"crashes": {"mtbf": "200 ms", "mttr": "30 ms"}})
    marks = list_fault_marks(run)
    totals = run.summary.faults
    assert len(marks) == totals.crashes > 3
    assert sum(mark.end - mark.begin for mark in marks) == pytest.approx(totals.down)


def test_a_run_without_faults_has_no_marks() -> None:
    assert list_fault_marks(with_faults({})) == []
