"""The protocol of another package from docs/new-protocol.md, executed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.asking.answers import answer
from simasgd.asking.terminal import write_answer
from simasgd.errors import ScenarioError, UsageError
from simasgd.protocols import AbstractServerProtocol, Count
from simasgd.results.identity import name_content
from simasgd.scenario.reading import keys
from simasgd.scenario.schema import Scenario
from simasgd.sweeps.plan import plan_sweep
from tests.build import LINEAR, TIMING, clock, scenario
from tests.cluster import test_conservation as conservation
from tests.cluster.random_runs import clusters
from tests.documents.installed import forget_installed, install
from tests.protocols import test_properties as properties
from tests.protocols.table import ROWS, Row

PAGE = (Path(__file__).parents[2] / "docs" / "new-protocol.md").read_text(encoding="utf-8")
FILE, *_, ROW = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(TOML,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PARAMETER = "from simasgd.scenario.vocabulary.section import Count\n\n"
WRONG = """\
[simasgd.protocols]
elsewhere = nowhere:Nothing
number = math:pi
another-name = round_robin:RoundRobin
broken = broken:Broken
async = nowhere:Async
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a folder on the module path; forget the known installed protocols before and after."""
    monkeypatch.syspath_prepend(str(tmp_path))
    forget_installed()
    yield tmp_path
    forget_installed("round_robin")


def entry_points() -> str:
    """Return the entry points of the page's pyproject.toml as pip writes them."""
    ((group, named),) = tomllib.loads(TOML)["project"]["entry-points"].items()
    return f"[{group}]\n{''.join(f'{name} = {place}' for name, place in named.items())}\n"


@pytest.mark.usefixtures("quickly_compiled")
def test_the_example_passes_as_a_row(installed, monkeypatch):
    install(installed, entry_points(), round_robin=FILE)
    monkeypatch.setitem(ROWS, "round-robin", eval(ROW, {"Row": Row}))
    properties.test_a_seed_fixes_the_tape("round-robin")
    properties.test_progress_is_counted_in_samples("round-robin")
    properties.test_the_players_agree(LINEAR, "round-robin")
    cluster_runs = clusters(may_fail=True).map(lambda cluster: {"cluster": cluster, "protocol": {"kind": "round-robin"}})
    inner = conservation.test_conservation.hypothesis.inner_test
    settings(max_examples=15, deadline=None, database=None)(given(run=cluster_runs, gradients=st.integers(1, 100))(inner))()
    _, tape = clock(scenario(TIMING, {"protocol": "round-robin"}))
    assert tape.learner.tolist() == [i % 4 for i in range(tape.num_gradients)]
    assert tape.staleness.max() == 3
    assert scenario(TIMING, {"protocol": "round-robin"}).resolved()["protocol"] == {"kind": "round-robin"}


def test_the_example_is_short():
    lines = [line for block in (FILE, TOML, ROW) for line in block.splitlines() if line.strip()]
    assert len(lines) < 60


def test_its_parameters_are_keys(installed):
    parametrised = FILE.replace(
        'kind: Literal["round-robin"] = "round-robin"\n',
        'kind: Literal["round-robin"] = "round-robin"\n    turns: Count = 1\n    """Gradients of a learner in turn."""\n',
    )
    install(installed, entry_points(), round_robin=PARAMETER + parametrised)
    assert keys.resolve_key(Scenario, "turns") == "protocol.turns"
    chosen = scenario(TIMING, {"protocol": {"kind": "round-robin", "turns": 2}})
    assert chosen.protocol.turns == 2
    assert name_content(chosen) != name_content(scenario(TIMING, {"protocol": "round-robin"}))
    with pytest.raises(ScenarioError, match=r"protocol.turns: 0 is too small"):
        scenario(TIMING, {"protocol": {"kind": "round-robin", "turns": 0}})
    with pytest.raises(ScenarioError, match=r"unknown key 'turn'; did you mean 'turns'"):
        scenario(TIMING, {"protocol": {"kind": "round-robin", "turn": 2}})
    with pytest.raises(ScenarioError, match=r"unknown kind 'round-robbin'.*did you mean 'round-robin'"):
        scenario(TIMING, {"protocol": "round-robbin"})


class InTurn(AbstractServerProtocol):
    """A protocol that no entry point leads to."""

    kind: Literal["in-turn"] = "in-turn"
    turns: Count = 1

    def serve(self, server):
        yield from server.collect(self.turns)

    def learn(self, learner):
        yield from learner.settle()

    def nominal_staleness(self, learners):
        return None


def test_a_scenario_that_holds_one_needs_no_entry_point():
    """Overrides of its keys and of others are read; elsewhere its kind stays unknown."""
    held = scenario(TIMING).model_copy(update={"protocol": InTurn(turns=2)})
    found = Scenario.load(held, "learners=3", "turns=4")
    assert (type(found.protocol), found.protocol.turns, found.cluster.learners) == (InTurn, 4, 3)
    with pytest.raises(ScenarioError, match=r"protocol.turns: 0 is too small"):
        Scenario.load(held, "protocol.turns=0")
    with pytest.raises(ScenarioError, match=r"unknown kind 'in-turn'"):
        scenario(TIMING, {"protocol": "in-turn"})


@pytest.mark.filterwarnings("ignore:Field name")
@pytest.mark.parametrize("name", ["modulation", "inconsistencies", "learner_cycle"])
def test_a_key_with_a_property_s_name_is_refused(name):
    with pytest.raises(TypeError, match=f"Hidden has a key '{name}', but Abstract.* has that name"):
        type("Hidden", (AbstractServerProtocol,), {"__annotations__": {name: int}, "__module__": __name__})


def test_it_is_shown_with_its_keys_and_verbs(installed):
    parametrised = FILE.replace(
        'kind: Literal["round-robin"] = "round-robin"\n',
        'kind: Literal["round-robin"] = "round-robin"\n    turns: Count = 1\n    """Gradients of a learner in turn."""\n',
    )
    install(installed, entry_points(), round_robin=PARAMETER + parametrised)
    text = "\n".join(write_answer(answer("round-robin", keys_first=False), 100))
    assert text.startswith("round-robin: a protocol with a server\n    protocol=round-robin\n")
    assert "protocol.turns (whole number ≥ 1; default `1`)\n        Gradients of a learner in turn." in text
    assert "learner's verbs  pull, compute, push" in text
    assert str(installed / "round_robin.py") in text
    text = "\n".join(write_answer(answer("turns", keys_first=True), 100))
    assert "kind round-robin" in text
    assert str(installed / "round_robin.py") in text
    assert "docs/scenario.md" not in text


def test_its_keys_do_not_hide_short_keys(installed):
    named = FILE.replace('= "round-robin"\n', '= "round-robin"\n    learners: int = 3\n    turns: int = 1\n', 1)
    install(installed, entry_points(), round_robin=named)
    assert keys.resolve_key(Scenario, "learners") == "cluster.learners"
    assert keys.resolve_key(Scenario, "turns") == "protocol.turns"


@pytest.mark.parametrize("overrides", [["protocol=round-robin"], ["variants.mine.protocol=round-robin"], []])
def test_a_short_key_with_two_meanings_is_asked_back(installed, overrides):
    """A key of the protocol that the scenario uses may also end the name of another section's key."""
    install(
        installed, entry_points(), round_robin=FILE.replace('= "round-robin"\n', '= "round-robin"\n    share: float = 1.0\n', 1)
    )
    tree = {**TIMING, "variants": {"mine": {} if overrides else {"protocol": "round-robin"}}}
    with pytest.raises(ScenarioError, match=r"may mean protocol\.share, of round-robin, or cluster\.stragglers\.share"):
        Scenario.load(tree, *overrides, "share=0.3")
    with pytest.raises(ScenarioError, match=r"may mean protocol\.share, of round-robin"):
        plan_sweep(tree, [*overrides, "share=0.3,0.4"])
    if overrides:
        slow = "stragglers={share: 0.3, slowdown: 2, mean_slow: forever}"
        assert Scenario.load(tree, *overrides, slow).cluster.stragglers.share == 0.3


def test_a_protocol_that_waits_forever_has_hung(installed):
    waiting = FILE.replace("server.collect(1)", "server.collect(1000)")
    install(installed, entry_points(), round_robin=waiting)
    clocked, _ = clock(scenario(TIMING, {"protocol": "round-robin"}))
    assert clocked.hang.reason == (
        "all participants wait for ever, and no learner has crashed: the protocol waits for an event that cannot happen "
        "(the server waits in collect(1000), learners 0 to 3 wait in settle())"
    )


def test_its_code_is_part_of_the_results_name(installed):
    install(installed, entry_points(), round_robin=FILE)
    chosen = scenario(TIMING, {"protocol": "round-robin"})
    before = name_content(chosen)
    (installed / "round_robin.py").write_text(FILE + "\n# changed\n", encoding="utf-8")
    assert name_content(chosen) != before


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("elsewhere", r"cannot be loaded from nowhere:Nothing \(of outsider\): ModuleNotFoundError: No module named 'nowhere'"),
        ("broken", r"cannot be loaded from broken:Broken \(of outsider\): .*invalid syntax"),
        ("number", r"math:pi \(of outsider\), the entry point of the protocol 'number', is not a subclass"),
        ("another-name", r"has the kind 'round-robin', but its entry point is named 'another-name'"),
    ],
)
def test_an_invalid_entry_point_is_reported(installed, kind, message):
    install(installed, WRONG, round_robin=FILE, broken="def def")
    assert keys.resolve_key(Scenario, "learners") == "cluster.learners"
    assert scenario(TIMING, {"protocol": "async"}).protocol.kind == "async"
    with pytest.raises(ScenarioError, match=message):
        scenario(TIMING, {"protocol": kind})
    with pytest.raises(UsageError, match=message):
        answer(kind, keys_first=False)


def test_from_the_command_line_and_in_workers(tmp_path):
    """Check that other processes run the points, and that the report names the protocol."""
    install(tmp_path, entry_points(), round_robin=FILE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    changes = [
        "learning=null",
        "payload=10kB",
        "samples_per_epoch=100",
        "variants=null",
        "cluster.learners=2,3",
        "--workers",
        "1",
    ]
    program = [sys.executable, "-c", "from simasgd.command.cli import main; main()"]
    command = [*program, "sweep", "digits", "protocol=round-robin", *changes]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2 points" in done.stdout
    assert "round-robin" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
