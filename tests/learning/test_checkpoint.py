"""A run that is killed goes on from its last checkpoint to the numbers of one that was not."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest

from simasgd import simulator, study
from simasgd.learning.checkpoint import FileCheckpoint
from simasgd.learning.compiled import Compiled, Together
from tests.build import LEARNING, scenario
from tests.learning.test_players import distance, problem_of

LONG = """
name: long
seed: 3
cluster: {learners: 4, profile: ideal}
workload: {mini_batch: 4}
protocol: async
learning:
  data: digits
  model: {kind: mlp, hidden: [64, 64]}
  optimizer: {kind: adam, learning_rate: 0.0003}
  modulation: gap-aware
stop: {gradients: 24000}
"""


def command(tmp_path, out):
    program = "from simasgd.cli import main; main()"
    return [sys.executable, "-c", program, "run", "long.yaml", "--out", out, "--checkpoint", "0"], {"cwd": tmp_path}


def numbers(folder):
    """All that a run found, but for how long it took."""
    summary = {key: value for key, value in json.loads((folder / "run.json").read_text()).items() if key != "wall"}
    return summary, pd.read_parquet(folder / "evaluations.parquet")


def test_a_run_killed_at_three_random_points_gives_the_uninterrupted_runs_numbers(tmp_path):
    (tmp_path / "long.yaml").write_text(LONG)
    arguments, where = command(tmp_path, "whole")
    subprocess.run(arguments, check=True, capture_output=True, timeout=300, **where)
    assert not (tmp_path / ".whole.unfinished").exists()

    arguments, where = command(tmp_path, "killed")
    seed = random.randrange(10**6)
    points = random.Random(seed)
    shelf, reached = tmp_path / ".killed.unfinished", 0
    for _ in range(3):
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, **where)
        wanted = reached + points.randint(200, 5000)
        while process.poll() is None and reached < wanted:
            time.sleep(0.01)
            reached = max([reached, *steps_in(shelf)])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "killed").exists(), f"over before it could be killed (seed {seed})"
    again = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=300, **where)
    assert "going on with what an interrupted run left" in again.stderr
    assert not shelf.exists()
    summary, evaluations = numbers(tmp_path / "killed")
    expected, expected_evaluations = numbers(tmp_path / "whole")
    assert summary == expected, f"seed {seed}"
    pd.testing.assert_frame_equal(evaluations, expected_evaluations, check_exact=True)
    assert reached > 600


class Interrupted(Exception):
    """What a test interrupts a study with."""


def test_variants_that_were_done_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(simulator, "_WORTH_KEEPING", 0.0)  # seconds
    chosen = scenario(LEARNING, {"variants": {"one": {"protocol": "hardsync"}, "two": None}, "stop": {"gradients": 200}})
    uninterrupted = study(chosen)

    def interrupt(phase, fraction):
        if fraction > 0.5:
            raise Interrupted

    with pytest.raises(Interrupted):
        study(chosen, unfinished=tmp_path / "shelf", progress=interrupt)
    phases = []
    again = study(chosen, unfinished=tmp_path / "shelf", progress=lambda phase, fraction: phases.append((phase, fraction)))
    assert phases[0] == ("done", 0.5), "the first variant is there"
    assert {phase for phase, _ in phases[1:]} >= {"compile", "replay"}
    for variant in ("one", "two"):
        left, right = (
            {key: value for key, value in json.loads(json.dumps(each.runs[variant][0].summary)).items() if key != "wall"}
            for each in (again, uninterrupted)
        )
        assert left == right


def steps_in(shelf):
    """How far the checkpoints of a folder have come."""
    for path in shelf.glob("*.checkpoint"):
        with path.open("rb") as file:
            yield json.loads(file.readline())["steps"]


def final(player, problem, stops):
    return list(player.play(problem, stops, lambda done: None))[-1].weights


@pytest.mark.parametrize("modulation", ["none", "adaptive-delay-compensation", "dana-slim"])
def test_all_that_the_loop_carries_is_kept(tmp_path, modulation):
    optimizer = {"kind": "adam", "learning_rate": 0.003}
    chosen = scenario(LEARNING, {"learning": {"modulation": modulation, "optimizer": optimizer}, "stop": {"gradients": 800}})
    problem = problem_of(chosen)
    stops = [300, 800]
    undisturbed = final(Compiled(), problem, stops)
    first = FileCheckpoint(tmp_path / "x", "this run", 0.0)
    walk = Compiled(checkpoint=first).play(problem, stops, lambda done: None)
    assert next(walk).steps == 300
    first.found["seen"] = [1, None]
    walk.close()
    second = FileCheckpoint(tmp_path / "x", "this run", 1e9)
    assert distance(final(Compiled(checkpoint=second), problem, stops), undisturbed) == 0.0


def test_another_runs_checkpoint_is_not_read(tmp_path):
    start = {"w": np.zeros(3)}
    kept = FileCheckpoint(tmp_path / "x", "one", 0.0)
    kept.found["a"] = 1
    kept.keep(7, {"w": np.ones(3)})
    other = FileCheckpoint(tmp_path / "x", "another", 0.0)
    assert other.restored(start) == (0, start)
    assert other.found == {}
    same = FileCheckpoint(tmp_path / "x", "one", 0.0)
    steps, carry = same.restored(start)
    assert (steps, carry["w"].tolist(), same.found) == (7, [1.0, 1.0, 1.0], {"a": 1})


def test_what_is_not_whole_is_begun_anew(tmp_path):
    (tmp_path / "x").write_bytes(b"\x93NUMPY")
    assert FileCheckpoint(tmp_path / "x", "one", 0.0).restored(5) == (0, 5)


def test_members_that_diverged_before_a_checkpoint_stay_so(tmp_path):
    """Two learning rates, of which one diverges; the walk is left after that and gone on with."""
    scenarios = [
        scenario(LEARNING, {"learning": {"optimizer": {"kind": "sgd", "learning_rate": rate}}, "stop": {"gradients": 600}})
        for rate in (0.05, 1e30)
    ]
    problems = [problem_of(each) for each in scenarios]
    problems[1] = replace(problems[1], recipe=problems[0].recipe, factors=problems[1].factors * 1e30 / 0.05)
    undisturbed = list(Together().play(problems, [200, 600], lambda done: None))
    assert undisturbed[0][1].diverged
    assert undisturbed[1][1] is None
    first = FileCheckpoint(tmp_path / "x", "run", 0.0)
    walk = Together(checkpoint=first).play(problems, [200, 600], lambda done: None)
    next(walk)
    walk.close()
    second = Together(checkpoint=FileCheckpoint(tmp_path / "x", "run", 1e9))
    *_, last = second.play(problems, [200, 600], lambda done: None)
    assert last[1] is None
    assert distance(last[0].weights, undisturbed[-1][0].weights) == 0.0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last[0].weights))
