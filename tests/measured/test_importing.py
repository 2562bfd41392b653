"""What a log tells becomes a run; what it does not tell stays unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simasgd import Run, Scenario
from simasgd.errors import UsageError
from simasgd.measured.importing import import_log
from tests.build import TIMING, scenario
from tests.measured.logs import UPDATES, put

WHOLE = """\
operation,learner,start,seconds,version,batch,read,bytes
compute,a,0,2,0,0,,
push,a,2,1,,0,,500
wait,a,3,1,,,,
pull,a,4,1,1,,,500
compute,b,0,4,0,0,,
update,a,3,1,1,0,,
update,b,5,1,2,0,,
"""


def test_staleness_is_the_number_of_updates_since_the_reading(tmp_path: Path) -> None:
    run = import_log([put(tmp_path, UPDATES)], overrides=["mini_batch=32"])
    assert run.updates is not None
    assert run.updates["staleness"].tolist() == [0, 1, 1, 1]
    assert run.updates["time"].tolist() == pytest.approx([0.5, 0.6, 1.0, 1.2])
    assert run.updates["read_at"].tolist() == pytest.approx([0.0, 0.0, 0.5, 0.6])
    assert run.simulated_seconds == pytest.approx(1.2)
    assert (run.summary.updates, run.summary.samples, run.summary.learners) == (4, 128, 2)
    assert run.summary.protocol == "unknown"
    log = run.summary.log
    assert log is not None
    assert log.files[0].name == "log.csv"
    assert len(log.files[0].digest) == 64
    assert "what learners do" in log.lacks
    assert "Measured, not simulated" in run.summary.note


def test_phases_come_from_the_rows_and_the_rest_has_no_name(tmp_path: Path) -> None:
    run = import_log([put(tmp_path, WHOLE)], overrides=["mini_batch=1"])
    assert run.updates is not None
    assert run.updates["staleness"].tolist() == [0, 1]  # read comes from the computations of the same batch
    assert run.updates["computed_at"].tolist() == [2.0, 4.0]
    assert run.learners["compute"].tolist() == [2.0, 4.0]
    assert run.learners["push"].tolist() == [1.0, 0.0]
    assert run.learners["idle"].isna().all()
    times = run.summary.learner_time
    assert (times.compute, times.push, times.wait, times.pull, times.idle) == (6 / 12, 1 / 12, 1 / 12, 1 / 12, None)
    assert run.summary.gradients.computed == run.summary.gradients.applied == 2
    assert run.summary.bytes is not None
    assert run.summary.bytes.sent == 1000.0
    assert run.summary.servers[0].busy == pytest.approx(2 / 6)
    assert run.summary.servers[0].mean_queue is None
    assert run.summary.critical_path is None


def test_an_update_of_several_gradients_is_several_rows(tmp_path: Path) -> None:
    text = "operation,learner,version,read,start,seconds\n" + "".join(
        f"update,{learner},{version},{version - 1},{version},\n" for version in (1, 2, 3) for learner in (0, 1, 2)
    )
    run = import_log([put(tmp_path, text)], scenario(TIMING, {"cluster": {"learners": 3}, "protocol": "hardsync"}))
    assert run.summary.updates == 3
    assert run.summary.gradients.applied == 9
    assert run.summary.staleness.max == 0
    assert run.updates is not None
    assert run.updates["batch"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert "counted in the order of their updates" in run.summary.note


def test_the_folder_comes_back(tmp_path: Path) -> None:
    run = import_log([put(tmp_path, WHOLE)], overrides=["mini_batch=1"])
    run.save(tmp_path / "run")
    found = Run.load(tmp_path / "run")
    assert found.summary == run.summary
    assert found.learners.equals(run.learners)
    assert Scenario.load(tmp_path / "run" / "scenario.yaml").hash() == run.scenario.hash()


def test_learners_clocks_are_set_by_cause_and_effect(tmp_path: Path) -> None:
    # Learner 1's clock is 100 s late: what it computed "before" must not be applied 100 s later.
    text = UPDATES.replace(",10.0,10.5\n", ",-90.0,-89.5\n").replace(",10.6,11.1\n", ",-89.4,-88.9\n")
    run = import_log([put(tmp_path, text)], overrides=["mini_batch=1"])
    assert run.updates is not None
    assert run.simulated_seconds < 2.0
    late = run.updates[run.updates["learner"] == 1]
    assert (late["computed_at"] <= late["time"] + 1e-9).all()
    assert "Clocks disagree" in run.summary.note
    assert "learner 1" in run.summary.note
    assert "learner 0" not in run.summary.note


def test_a_log_may_begin_in_the_middle_of_training(tmp_path: Path) -> None:
    lines = [line.split(",") for line in UPDATES.splitlines()]
    late = [lines[0], *([*line[:2], str(int(line[2]) + 70), str(int(line[3]) + 70), *line[4:]] for line in lines[1:])]
    run = import_log([put(tmp_path, "\n".join(",".join(line) for line in late))], overrides=["mini_batch=1"])
    assert run.updates is not None
    assert run.updates["staleness"].tolist() == [0, 1, 1, 1]
    assert run.updates["timestamp"].tolist() == [1, 2, 3, 4]
    assert "The log begins with version 71; version 70 counts as the initial weights" in run.summary.note


def test_what_was_read_before_the_log_begins_cannot_be_learned(tmp_path: Path) -> None:
    from tests.build import LINEAR

    path = put(tmp_path, "operation,learner,version,read,start,seconds\nupdate,0,8,3,1,\nupdate,1,9,7,2,\n")
    assert import_log([path], overrides=["mini_batch=1"]).summary.staleness.max == 4
    with pytest.raises(UsageError, match=r"begins with version 8, but a gradient was computed on version 3.*learning=null"):
        import_log([path], scenario(LINEAR, {"cluster": {"learners": 2}}))


def test_a_scenario_must_agree_with_the_log(tmp_path: Path) -> None:
    path = put(tmp_path, "mini_batch,operation,learner,version,read,start,seconds\n8,update,x,1,0,1,\n8,update,y,2,1,2,\n")
    with pytest.raises(UsageError, match="the log has 2 learners, but the scenario test has 1; try learners=2"):
        import_log([path], scenario(TIMING, {"cluster": {"learners": 1}}))
    with pytest.raises(UsageError, match="mini-batches of 8 samples, but the scenario test of 4; try mini_batch=8"):
        import_log([path], scenario(TIMING))
    assert import_log([path]).scenario.workload.mini_batch == 8
    more = scenario(TIMING, {"cluster": {"learners": 5}, "workload": {"mini_batch": 8}})
    assert "3 of the scenario's 5 learners have no row in the log" in import_log([path], more).summary.note


def test_a_row_for_the_whole_run_sets_its_ends(tmp_path: Path) -> None:
    text = UPDATES + "run,,,,,10.0,5.0,,\n"
    run = import_log([put(tmp_path, text)], overrides=["mini_batch=1"])
    assert run.simulated_seconds == 5.0
    assert np.array_equal(run.updates["time"], np.array([10.5, 10.6, 11.0, 11.2]) - 10.0)  # type: ignore[index]
