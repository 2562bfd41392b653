"""Sweeps: every point checked first, run once, resumed, and survived by a killed worker or driver."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from simasgd import Run, ScenarioError, simulate
from simasgd.report.facts.formats import format_duration, use_plain_spaces
from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.table import Sweep
from tests.build import LEARNING, PROGRAM, TIMING, scenario
from tests.sweeps.running import run_sweep

AXES = ["cluster.learners=2,3", "network.latency=0,1 ms", "seed=range(0,2)"]


@pytest.fixture
def timing(tmp_path):
    return scenario_file(tmp_path, TIMING)


def scenario_file(folder, base, *changes):
    path = folder / "scenario.yaml"
    path.write_text(dump_yaml(scenario(base, *changes).resolved()))
    return path


def numbers(table):
    return table.points.drop(columns="folder").reset_index(drop=True)


def test_the_plan_is_the_product(timing):
    plan = plan_sweep(timing, AXES)
    assert [(axis.key, axis.values, axis.numbers) for axis in plan.axes] == [
        ("cluster.learners", ("2", "3"), (2.0, 3.0)),
        ("cluster.network.latency", ("0", "1 ms"), (0.0, 0.001)),
    ]
    found = [(p.values, p.scenario.seed, p.scenario.cluster.learners, p.scenario.cluster.network.latency) for p in plan.points]
    assert found == [
        ((str(learners), text), seed, learners, latency)
        for learners in (2, 3)
        for text, latency in (("0", 0.0), ("1 ms", 0.001))
        for seed in (0, 1)
    ]
    assert len({point.folder for point in plan.points}) == 8


def test_variants_and_repeats_are_points(tmp_path):
    path = scenario_file(tmp_path, TIMING, {"repeats": 2, "variants": {"sync": {"protocol": "hardsync"}, "async": None}})
    plan = plan_sweep(path, ["learners=2,3"])
    assert [(p.values, p.variant, p.scenario.seed) for p in plan.points] == [
        ((learners,), variant, seed) for learners in "23" for variant in ("sync", "async") for seed in (0, 1)
    ]
    swept = plan_sweep(path, ["seed=5,7"])
    assert [(p.variant, p.scenario.seed) for p in swept.points] == [("sync", 5), ("async", 5), ("sync", 7), ("async", 7)]


def test_one_bad_point_stops_all(timing):
    with pytest.raises(ScenarioError, match=r"learners: 0 is too small"):
        plan_sweep(timing, ["cluster.learners=2,0"])


@pytest.mark.usefixtures("compiled_anew", "quickly_compiled")
def test_points_are_what_single_runs_are(tmp_path):
    path = scenario_file(tmp_path, LEARNING, {"stop": {"gradients": 100}})
    plan = plan_sweep(path, ["learners=2,3"])
    get_reusable_executor().shutdown()  # workers of another test may compile with more effort
    table = run_sweep(plan, tmp_path / "sweep", workers=2)
    assert table.points["error"].tolist() == ["", ""]
    for point, (_, row) in zip(plan.points, table.points.iterrows(), strict=True):
        alone, run = simulate(point.scenario), Run.load(tmp_path / "sweep" / row["folder"])
        left, right = (each.summary.model_dump(exclude={"wall"}) for each in (alone, run))
        assert left == right, "learned numbers depend on the process they were learned in"
        assert (row["test_error"], row["simulated_seconds"]) == (alone.test_error, alone.simulated_seconds)
        assert row["test_loss"] == alone.test_loss


def test_finished_points_are_kept(timing, tmp_path):
    folder, seen = tmp_path / "sweep", []
    plan = plan_sweep(timing, AXES)
    first = run_sweep(plan, folder, workers=2)
    stamps = {path: path.stat().st_mtime_ns for path in folder.glob("points/[!.]*/run.json")}
    assert len(stamps) == 8
    again = run_sweep(plan, folder, workers=2, progress=lambda what, finished, total: seen.append((what, finished, total)))
    assert seen == [("kept", i, 8) for i in range(1, 9)]
    assert {path: path.stat().st_mtime_ns for path in folder.glob("points/[!.]*/run.json")} == stamps
    pd.testing.assert_frame_equal(first.points, again.points)
    pd.testing.assert_frame_equal(Sweep.load(folder).points, again.points)
    more = run_sweep(plan_sweep(timing, [*AXES[:2], "seed=range(0,3)"]), folder, workers=2)
    assert len(more.points) == 12


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
@pytest.mark.kills
def test_a_killed_worker_costs_nothing(tmp_path):
    """It is killed whatever it is doing, once three points are there."""
    path = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 8_000}})
    folder = tmp_path / "sweep"
    plan = plan_sweep(path, ["learners=2,3,4", "seed=range(0,4)"])
    killed = []

    def kill_one(what, finished, total):
        if not killed and finished >= 3:
            (worker, *_) = workers_of(os.getpid())
            killed.append(worker)
            os.kill(worker, signal.SIGKILL)

    table = run_sweep(plan, folder, workers=2, progress=kill_one)
    assert killed
    assert table.points["error"].tolist() == [""] * 12
    assert not list(folder.glob(".*"))


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
@pytest.mark.kills
def test_a_killed_driver_is_resumed_to_the_same_numbers(tmp_path):
    path = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 6_000}})
    axes = ["learners=2,3,4", "seed=range(0,2)"]
    program = [str(Path(sys.executable).with_name("simasgd")), "sweep", str(path), *axes, "--workers", "2", "--out"]
    folder = tmp_path / "interrupted"
    driver = subprocess.Popen([*program, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(folder.glob("points/[!.]*/run.json"))) < 2 and driver.poll() is None:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    done_before = len(list(folder.glob("points/[!.]*/run.json")))
    assert done_before >= 2
    assert subprocess.run([*program, str(folder)], capture_output=True, check=False).returncode == 0
    whole = run_sweep(plan_sweep(path, axes), tmp_path / "whole", workers=1)
    pd.testing.assert_frame_equal(Sweep.load(folder).points, whole.points)


def workers_of(process):
    """List the loky worker processes of a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
            command = (status.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if int(fields[1]) == process and b"popen_loky" in command:
            found.append(int(status.parent.name))
    return found


@pytest.mark.kills
@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_workers_end_with_their_driver(number, tmp_path):
    """All in the terminal's foreground get Ctrl-C, so here, too, the workers do."""
    path = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 10**12}, "record": "summary"})
    program = [*PROGRAM, "sweep", str(path), "learners=2,3", "--workers", "2", "-q", "--out", str(tmp_path / "out")]
    driver = subprocess.Popen(program, stderr=subprocess.PIPE, text=True, start_new_session=True)
    workers = []
    while len(workers) < 2:
        assert driver.poll() is None
        time.sleep(0.05)
        workers = workers_of(driver.pid)
    if number == signal.SIGINT:
        os.killpg(driver.pid, number)
    else:
        driver.send_signal(number)
    said = driver.communicate(timeout=100)[1]  # that is when nobody has the pipe any more, workers included
    assert not any(map(is_running, workers))
    if number == signal.SIGKILL:
        assert driver.returncode == -number
    else:
        assert driver.returncode == 128 + number
        assert said == f"simasgd: ended by {number.name}; the same command continues where it stopped\n"
    assert not list((tmp_path / "out").glob("points/*/run.json"))


def is_running(process):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("quickly_compiled")
def test_a_point_that_fails_does_not_stop_the_others(tmp_path):
    path = scenario_file(tmp_path, LEARNING, {"stop": {"gradients": 20}})
    table = run_sweep(plan_sweep(path, ["mini_batch=4,1000000000,8"]), tmp_path / "sweep", workers=1)
    first, second, third = table.points["error"]
    assert (first, third) == ("", "")
    assert "of memory (to draw the mini-batches" in second
    assert table.points["test_error"].isna().tolist() == [False, True, False]


def test_the_point_that_is_wrong_is_named(timing):
    with pytest.raises(ScenarioError, match=r"at the point cluster\.learners=2 protocol\.n=3"):
        plan_sweep(timing, ["protocol.kind=n-softsync", "learners=4,2", "protocol.n=1,3"])


def test_a_kind_may_be_given_whose_parameter_is_swept(timing):
    plan = plan_sweep(timing, ["protocol.kind=n-softsync", "protocol.n=1,2"])
    assert [point.scenario.protocol.n for point in plan.points] == [1, 2]
    assert plan.scenario.protocol.n == 1, "without the axis it is no scenario, so the first point stands for it"


def test_a_sweeps_folder_is_known_before_its_first_point(timing, tmp_path):
    """Wherever the sweep is interrupted, the same command may go on in its folder."""
    folder, seen = tmp_path / "sweep", []
    plan = plan_sweep(timing, ["learners=2,3"])
    run_sweep(plan, folder, workers=1, progress=lambda *_: seen.append(Sweep.load(folder).points["error"].tolist()))
    assert seen[0] == ["not run yet"] * 2
    for name in ("points.parquet", "scenario.yaml"):
        (folder / name).unlink()
    assert run_sweep(plan, folder, workers=1).points["error"].tolist() == ["", ""]


def test_small_numbers_keep_their_digits(timing, tmp_path):
    run_sweep(plan_sweep(timing, ["per_sample=1.23456789e-9 s,2e-9 s"]), tmp_path / "sweep", workers=1)
    listed = json.loads((tmp_path / "sweep/sweep.json").read_text())["points"]
    table = Sweep.load(tmp_path / "sweep").points
    assert [row["simulated_seconds"] for row in listed] == table["simulated_seconds"].tolist()


def test_a_failed_point_is_in_the_table(tmp_path, monkeypatch):
    """The data disappear between the check and the run."""
    path = scenario_file(tmp_path, LEARNING, {"learning": {"data": "mnist"}, "stop": {"gradients": 10}})
    monkeypatch.setenv("SIMASGD_DATA", str(tmp_path))
    table = run_sweep(plan_sweep(path, ["learners=2,3"]), tmp_path / "sweep", workers=1)
    assert all("mnist" in error for error in table.points["error"])
    assert table.points["test_error"].isna().all()


def test_an_unlimited_value_of_an_axis_is_a_number(tmp_path):
    write = tmp_path / "s.yaml"
    write.write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 4}}).resolved()))
    plan = plan_sweep(write, ["cluster.network.bandwidth=1 MB/s,unlimited"])
    made = run_sweep(plan, tmp_path / "out", workers=1)
    assert Sweep.load(tmp_path / "out").axes == made.axes
    assert made.axes[0].numbers == (1e6, math.inf)


def test_seeds_that_differ_are_not_said_to_take_as_long(tmp_path):
    path = scenario_file(tmp_path, TIMING, {"cluster": {"compute": {"distribution": "gamma", "cv": 0.5}}})
    table = run_sweep(plan_sweep(path, ["seed=1,2,3"]), tmp_path / "out", workers=1)
    stated = SweepVerdict.of(SweepFacts.of(table)).text
    least, greatest = (format_duration(getattr(table.points["simulated_seconds"], end)()) for end in ("min", "max"))
    assert least != greatest
    assert f"({use_plain_spaces(least)} – {use_plain_spaces(greatest)} over three seeds)." in stated
