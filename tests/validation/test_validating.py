"""A simulated run that is exported, imported and validated against its own scenario has no error."""

from __future__ import annotations

import json
import re
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from simasgd import simulate
from simasgd.command import cli
from simasgd.errors import SimasgdError
from simasgd.measured.exporting import export_log
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.validation.forms import Validation
from simasgd.validation.validating import load_measured, validate
from tests.build import TIMING, scenario
from tests.measured.logs import put

CLUSTER: dict[str, Any] = {"cluster": {"learners": 4, "profile": "p775"}, "stop": {"gradients": 160}, "record": "timeline"}
KINDS: dict[str, dict[str, Any]] = {
    "async": {"kind": "async"},
    "hardsync": {"kind": "hardsync"},
    "all-reduce": {"kind": "all-reduce"},
    "k-sync": {"kind": "k-sync", "k": 3},
    "local-sgd": {"kind": "local-sgd", "steps": 4},
    "gossip-push": {"kind": "gossip-push"},
}


def validated(folder: Path, chosen: Any, against: Any) -> Validation:
    """Return the validation of a simulated scenario, sent round by a log, against another one."""
    export_log(simulate(chosen), folder / "log.csv")
    return validate(load_measured([folder / "log.csv"], against), "", lambda phase, fraction: None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_has_no_error_against_its_own_scenario(kind: str, tmp_path: Path) -> None:
    chosen = scenario(TIMING, CLUSTER, {"protocol": KINDS[kind]})
    found = validated(tmp_path, chosen, chosen)
    own_models = kind in ("local-sgd", "gossip-push")
    assert found.counted == ("computed" if own_models else "applied")
    assert found.rate.error == pytest.approx(0.0, abs=0.02 if own_models else 1e-9)
    if own_models:
        assert found.staleness is None
    else:
        assert found.staleness is not None
        assert found.staleness.total_variation == 0.0
        assert found.measured_state == found.simulated_state
    for phase in found.learner_phases:
        assert phase.error is None or phase.error == pytest.approx(0.0, abs=0.1 if own_models else 1e-6)
    assert (found.barrier is not None) == (kind in ("hardsync", "all-reduce", "local-sgd"))
    if found.barrier is not None:
        assert found.barrier.error == pytest.approx(0.0, abs=1e-2)
        assert found.barrier.measured is not None
        assert found.barrier.measured > 1.0


def test_a_slower_simulation_is_told_from_the_measured_system(tmp_path: Path) -> None:
    compute = {"efficiency": None, "per_sample": "0 s"}
    slower = scenario(TIMING, CLUSTER, {"cluster": {"compute": {**compute, "per_batch": "20 ms"}}})
    faster = scenario(TIMING, CLUSTER, {"cluster": {"compute": {**compute, "per_batch": "10 ms"}}})
    found = validated(tmp_path, faster, slower)
    assert found.rate.error == pytest.approx(-0.5, abs=0.05)
    phase = next(phase for phase in found.learner_phases if phase.name == "compute")
    assert phase.error == pytest.approx(1.0, abs=0.05)
    assert re.match(r"The simulation (is 4\d\.\d % too slow|takes \d(\.\d+)? times as long)", found.verdict)
    assert re.search(r"Most of the error is computing: 2\d(\.\d)? ms .* change cluster\.compute", found.verdict)


def test_a_log_of_durations_alone_is_compared_by_what_was_computed(tmp_path: Path) -> None:
    rows = "".join(f"{learner},{seconds}\n" for learner in (0, 1) for seconds in [0.01] * 40)
    file = put(tmp_path, "learner,seconds\n" + rows)
    changes = {"cluster": {"learners": 2, "compute": {"distribution": "constant", "per_batch": "10 ms", "per_sample": "0 s"}}}
    constant = scenario(TIMING, changes, {"protocol": "all-reduce", "workload": {"payload": "1 B"}})
    found = validate(load_measured([file], constant), "", lambda phase, fraction: None)
    assert found.counted == "computed"
    assert found.rate.measured == pytest.approx(200.0)
    assert found.rate.error == pytest.approx(0.0, abs=1e-3)
    assert found.barrier is not None
    assert found.barrier.measured == pytest.approx(1.0)
    assert found.barrier.simulated == pytest.approx(1.0)
    assert any("rows follow each other without gaps" in remark for remark in found.remarks)
    assert "staleness" in found.lacks


def test_mini_batch_times_alone_tell_what_a_barrier_costs(tmp_path: Path) -> None:
    file = put(
        tmp_path, "learner,seconds\n" + "".join(f"{learner},{learner + 1}\n" for learner in (0, 1, 2) for _ in range(20))
    )
    changes = {"cluster": {"learners": 3, "speeds": [1, 1, 0.5], "compute": {"distribution": "constant", "per_batch": "1 s"}}}
    three = scenario(TIMING, changes, {"protocol": "all-reduce", "cluster": {"compute": {"per_sample": "0 s"}}})
    found = validate(load_measured([file], three), "", lambda phase, fraction: None)
    assert found.barrier is not None
    assert found.barrier.measured == pytest.approx(3 / 2)
    assert found.barrier.simulated == pytest.approx(2 / (4 / 3))
    assert found.barrier.error == pytest.approx(0.0)


def test_learners_that_report_are_compared_with_those_of_their_numbers(tmp_path: Path) -> None:
    rows = "".join(f"2,compute,{0.01 if k >= 10 else 0.1}\n2,wait,0.01\n" for k in range(60))
    file = put(tmp_path, "learner,operation,seconds\n" + rows)
    changes = {"cluster": {"compute": {"distribution": "constant", "per_batch": "10 ms", "per_sample": "0 s"}}}
    four = scenario(TIMING, changes, {"protocol": {"kind": "local-sgd", "steps": 2}, "workload": {"payload": "1 B"}})
    found = validate(load_measured([file], four), "", lambda phase, fraction: None)
    assert found.measured_state.warm_up_gradients in (10, 11)
    assert found.rate.measured == pytest.approx(50.0, rel=0.02)
    assert found.rate.simulated == pytest.approx(100.0, rel=0.02)
    assert found.rate.error == pytest.approx(1.0, rel=0.03)
    assert re.match(r"The simulation is (2|2\.0\d|9\d\.\d %|1\.99) ", found.verdict)
    rest = next(phase for phase in found.learner_phases if phase.name == "all but computing")
    assert rest.measured is not None
    assert rest.measured.mean == pytest.approx(0.01)
    assert "1 of 4 learners report; they are compared with the simulated ones of their numbers" in found.remarks


def simasgd(*arguments: str, folder: Path) -> Result:
    with chdir(folder):
        return CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")


def test_one_verdict_on_the_page_the_terminal_and_in_the_file(tmp_path: Path) -> None:
    chosen = scenario(TIMING, CLUSTER)
    export_log(simulate(chosen), tmp_path / "log.csv")
    (tmp_path / "mine.yaml").write_text(dump_yaml(chosen.resolved()))
    arguments = ["validate", "log.csv", "mine.yaml", "repeats=2", "seed=5", "--out", "out"]
    done = simasgd(*arguments, folder=tmp_path)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "out/validate.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    page = re.sub(r"<[^>]+>", "", (tmp_path / "out/index.html").read_text())
    assert done.stdout.splitlines()[0] == content["verdict"]
    assert content["verdict"].replace("'", "&#39;") in page
    assert content["seeds"] == [5, 6]
    assert content["measured_files"][0]["digest"] in page
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "index.html", "scenario.yaml", "simasgd.json", "validate.json",
    ]  # fmt: skip
    before = (tmp_path / "out/index.html").read_bytes()
    assert simasgd("report", "out", folder=tmp_path).exit_code == 0
    assert (tmp_path / "out/index.html").read_bytes() == before
    printed = simasgd(*arguments, "--json", folder=tmp_path)
    assert json.loads(printed.stdout) == {**content, "report": "out/index.html"}


def test_an_imported_run_names_its_scenario(tmp_path: Path) -> None:
    chosen = scenario(TIMING, CLUSTER)
    export_log(simulate(chosen), tmp_path / "log.csv")
    (tmp_path / "mine.yaml").write_text(dump_yaml(chosen.resolved()))
    assert simasgd("import", "log.csv", "mine.yaml", "--out", "seen", "-q", folder=tmp_path).exit_code == 0
    done = simasgd("validate", "seen", "per_sample=10s", "-q", "--json", folder=tmp_path)
    assert done.exit_code == 0, "a bad prediction is a result"
    assert json.loads(done.stdout)["rate"]["error"] < -0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["log.csv"], "log.csv: no scenario describes the measured system; name one: simasgd validate log.csv SCENARIO"),
        (["log.csv", "learners=4"], "learners=4: there is no scenario to change; name one"),
        (["log.csv", "mine.yaml", "learners=3"], "the log has 4 learners, but the scenario test has 3; try learners=4"),
        (["two.csv", "mine.yaml", "learners=1"], "the log has 2 learners, but the scenario test has 1; try learners=2"),
        (["simulated", "mine.yaml"], "the run was simulated; expected a run that was imported or recorded, or a log"),
        (["nothing.csv", "mine.yaml"], "nothing.csv: there is no such file"),
        (["pulls.csv", "mine.yaml"], "there are neither updates nor computations to validate against"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_requests_are_one_message(arguments: list[str], message: str, tmp_path: Path) -> None:
    chosen = scenario(TIMING, CLUSTER, {"stop": {"gradients": 8}})
    run = simulate(chosen)
    export_log(run, tmp_path / "log.csv")
    run.save(tmp_path / "simulated")
    put(tmp_path, "operation,seconds\npull,1\n", "pulls.csv")
    put(tmp_path, "learner,seconds\n0,1\n1,1\n", "two.csv")
    (tmp_path / "mine.yaml").write_text(dump_yaml(chosen.resolved()))
    with pytest.raises(SimasgdError) as caught:
        simasgd("validate", *arguments, "-q", folder=tmp_path)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "reports").exists()
