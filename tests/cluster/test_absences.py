"""Learners that are away at listed times: a list in the scenario, or a file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simasgd import ScenarioError
from simasgd.cluster.clock.log import SpanLog
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from tests.build import TIMING, clock, same_tape, scenario
from tests.cluster.invariants import holds
from tests.protocols.table import ROWS

FILE = """name: absent
cluster: {learners: 4, profile: ideal, faults: {absences_file: FILE}}
workload: {mini_batch: 4, payload: 10 kB}
protocol: async
stop: {gradients: 100}
"""


def load(folder: Path, name: str, content: str) -> Scenario:
    (folder / name).write_text(content)
    (folder / "s.yaml").write_text(FILE.replace("FILE", name))
    return Scenario.load(folder / "s.yaml")


def absent(*absences: dict[str, Any], **faults: Any) -> dict[str, Any]:
    return {"cluster": {"faults": {"absences": list(absences), **faults}}}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "learner,since,until\n3,0.01,0.05\n1,0.02,\n"),
        ("units.csv", "learner,since (s),until (s)\n3,0.01,0.05\n1,0.02,\n"),
        ("more.csv", "why,learner,since,until\nx,3,0.01,0.05\n,1,0.02\n"),
        ("a.csv", "until,learner,from\n0.05,3,0.01\n,1,0.02\n"),
        ("a.txt", "# learner since until\n3 0.01 0.05\n\n1 0.02  # for good\n"),
    ],
)
def test_a_file_is_the_list_of_its_rows(tmp_path: Path, name: str, content: str) -> None:
    chosen = load(tmp_path, name, content)
    assert [tuple(one) for one in chosen.cluster.faults.outages] == [(3, 0.01, 0.05), (1, 0.02, float("inf"))]
    again = Scenario.from_layer(Layer(chosen.resolved()))
    assert again.hash() == chosen.hash(), "a resolved scenario has the rows, and needs no file"
    assert same_tape(clock(again)[1], clock(chosen)[1])


def test_a_parquet_file_is_the_same(tmp_path: Path) -> None:
    pd.DataFrame({"learner": [3, 1], "since": [0.01, 0.02], "until": [0.05, None]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "s.yaml").write_text(FILE.replace("FILE", "a.parquet"))
    found = Scenario.load(tmp_path / "s.yaml").cluster.faults.outages
    assert [tuple(one) for one in found] == [(3, 0.01, 0.05), (1, 0.02, float("inf"))]


@pytest.mark.parametrize("kind", sorted(set(ROWS) - {"injected-staleness"}))
def test_one_comes_late_one_leaves_for_a_while_and_one_for_good(kind: str) -> None:
    away = absent(
        {"learner": 0, "since": "0 s", "until": "50 ms"},
        {"learner": 1, "since": "30 ms", "until": "80 ms"},
        {"learner": 2, "since": "60 ms"},
        **({"member_timeout": "5 ms"} if ROWS[kind].serverless else {}),
    )
    protocol = {"protocol": {**ROWS[kind].typical, **({"barrier_timeout": "5 ms"} if kind == "hardsync" else {})}}
    stop = {"stop": {"gradients": 200, "simulated_time": "1 s"}, "cluster": {"learners": 6}}
    chosen = scenario(TIMING, away, protocol, stop)
    clocked, tape = clock(chosen, SpanLog())
    holds(chosen, clocked, tape)
    assert not (tape.read_at[tape.learner == 0] < 0.05).any()
    assert not (tape.computed_at[tape.learner == 2] > 0.06).any()
    spell = (tape.read_at > 0.03) & (tape.read_at < 0.08)
    assert not (tape.learner[spell] == 1).any()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("learner,since,until\n3,0.01,0.05\n1,-2,3\n", "a.csv, line 3: '1 -2 3' is not an absence"),
        ("learner,since\n3,0.01\n", "a.csv has no column 'until'"),
        ("3,0.05,0.01\n", "line 1: until (0.01 s) is not after since (0.05 s)"),
        ("3,1,2,9\n", "is not an absence"),
        ("learner,since,until\n3,1,2,9\n", "a.csv, line 2: found 4 values; expected 3 (learner, since, until)"),
        ("learner;since;until\n3;1;2\n", "a.csv, line 1: its values are divided by semicolons; divide them by commas"),
        ("3;1,5;2,5\n", "a.csv, line 1: its values are divided by semicolons; divide them by commas"),
        ("# nothing\n", "holds no absence"),
        ("3,nan,1\n", "is not an absence"),
        (f"3,{'9' * 200_000},1\n", "a.csv, line 1: field larger than field limit"),
        ("9,1,2\n", "there is no learner 9; there are 0 to 3"),
        ("3,1,5\n3,2,6\n", "learner 3 is down then, until 5 s"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"s\.yaml:2:.*absences") as caught:
        load(tmp_path, "a.csv", content)
    assert said in str(caught.value)


def test_what_cannot_be_combined(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="random crashes and absences cannot be combined"):
        scenario(TIMING, absent({"learner": 0, "since": "1 s"}, crashes={"mtbf": "1 s", "mttr": "1 s"}))
    with pytest.raises(ScenarioError, match="learner 0 is down then, for good"):
        scenario(TIMING, absent({"learner": 0, "since": "2 s"}, crashes=[{"learner": 0, "at": "1 s"}]))
    both = "absences_file: a.csv, absences: [{learner: 1, since: 1 s}]"
    (tmp_path / "s.yaml").write_text(FILE.replace("absences_file: FILE", both))
    with pytest.raises(ScenarioError, match="`absences` is given as well"):
        Scenario.load(tmp_path / "s.yaml")
