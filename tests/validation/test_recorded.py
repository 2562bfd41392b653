"""Recorded runs beside the simulation of the scenario that their folder names."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from simasgd.command import cli
from simasgd.errors import UsageError
from simasgd.results.run import Run
from simasgd.storage.files import OPERATIONS_TABLE
from simasgd.validation.forms import Validation
from simasgd.validation.validating import load_measured, validate
from tests.build import TIMING, scenario
from tests.results.recorded import SYSTEM, record

CLUSTER: dict[str, Any] = {
    "cluster": {
        "profile": "ethernet-25g",
        "compute": {"distribution": "gamma", "cv": 0.3, "per_batch": "10 ms", "per_sample": "0 s"},
    },
    "workload": {"payload": "1 MB"},
    "stop": {"gradients": 200},
}


def validated(folder: Path) -> Validation:
    """Validate the run in a folder against the scenario that the folder names."""
    return validate(load_measured([folder], None), "", lambda phase, fraction: None)


@pytest.mark.parametrize("record_what", ["updates", "timeline", "summary"])
@pytest.mark.parametrize(
    "protocol", ["async", "hardsync", {"kind": "ssp", "slack": 2}, {"kind": "backup-workers", "backups": 1}]
)
def test_a_recording_of_the_simulation_is_predicted_exactly(protocol: Any, record_what: str, tmp_path: Path) -> None:
    """What was recorded is the simulated clock itself, so no error is left."""
    record(scenario(TIMING, CLUSTER, {"protocol": protocol, "record": record_what})).save(tmp_path)
    found = validated(tmp_path)
    if record_what == "summary":
        assert found.counted == "computed"
        assert found.rate.error == pytest.approx(0.0, abs=0.05)  # computations in flight at the end count
        return
    assert found.counted == "applied"
    assert found.rate.error == found.whole_rate.error == 0.0
    assert {phase.name for phase in found.learner_phases} >= {"compute", "push", "pull"}
    assert [phase.error for phase in found.learner_phases if phase.error] == pytest.approx([], abs=1e-12)
    assert found.staleness is not None
    assert found.staleness.total_variation == 0.0
    assert found.remarks == SYSTEM.sentences()
    assert [file.name for file in found.measured_files] == [f"{tmp_path.name}/run.json"]


@pytest.mark.parametrize("record_what", ["updates", "timeline"])
@pytest.mark.parametrize("protocol", ["gossip-pull", "gossip-push", "easgd", {"kind": "local-sgd", "steps": 2}, "all-reduce"])
def test_peers_are_compared_as_far_as_their_measures_go(protocol: Any, record_what: str, tmp_path: Path) -> None:
    record(scenario(TIMING, CLUSTER, {"protocol": protocol, "record": record_what})).save(tmp_path)
    found = validated(tmp_path)
    assert found.rate.error == pytest.approx(0.0, abs=0.03)
    compute = next(phase for phase in found.learner_phases if phase.name == "compute")
    assert compute.error == pytest.approx(0.0, abs=0.02)
    assert found.counted == ("applied" if protocol == "all-reduce" else "computed")
    assert ("staleness" in found.lacks) == (protocol != "all-reduce")


def test_the_scenario_of_a_recorded_run_can_be_changed(tmp_path: Path) -> None:
    record(scenario(TIMING, CLUSTER)).save(tmp_path / "seen")
    with chdir(tmp_path):
        arguments = ["validate", "seen", "compute.per_batch=20ms", "-q", "--json"]
        done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    compute = next(phase for phase in content["learner_phases"] if phase["name"] == "compute")
    assert compute["error"] == pytest.approx(1.0, abs=0.1)


def test_operations_of_an_unknown_learner_are_refused(tmp_path: Path) -> None:
    run = record(scenario(TIMING, {"stop": {"gradients": 8}}))
    run.save(tmp_path)
    assert run.operations is not None
    run.operations.replace({"learner": {"3": "four"}}).to_parquet(tmp_path / OPERATIONS_TABLE)
    with pytest.raises(UsageError, match=rf"{OPERATIONS_TABLE}: learner 'four' is not a number below 4"):
        load_measured([tmp_path], None)
    pd.DataFrame({"start": [0.0], "seconds": [1.0]}).to_parquet(tmp_path / OPERATIONS_TABLE)
    with pytest.raises(UsageError, match="column operation is missing"):
        _ = Run.load(tmp_path).operations
