"""A run that is killed goes on from its last checkpoint to the numbers of one that was not."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest

from simasgd import RunFailed, Scenario, simulator, study
from simasgd.learning.players.checkpoint import FileCheckpoint
from simasgd.learning.players.compiled import Compiled, CompiledGroup
from simasgd.learning.players.results import Divergence, Evaluation, GroupResults
from simasgd.scenario.alike import together
from simasgd.storage.work_folder import WORK
from tests.build import AT_LENGTH, IS_AT_LENGTH, LEARNING, LINEAR, PROGRAM, scenario
from tests.learning.agreement import relative_distance, simulate_problem

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
stop: {gradients: 9000}
"""


def command(tmp_path, out, checkpoint_seconds="0"):
    return [*PROGRAM, "run", "long.yaml", "--out", out, "--checkpoint", checkpoint_seconds], {"cwd": tmp_path}


def numbers(folder):
    """All that a run found, but for how long it took."""
    summary = {key: value for key, value in json.loads((folder / "run.json").read_text()).items() if key != "wall"}
    return summary, pd.read_parquet(folder / "evaluations.parquet")


@AT_LENGTH
@pytest.mark.kills
@pytest.mark.usefixtures("compiled_anew")
def test_a_run_killed_and_interrupted_again_and_again_gives_the_uninterrupted_runs_numbers(tmp_path):
    (tmp_path / "long.yaml").write_text(LONG)
    study(Scenario.load(tmp_path / "long.yaml")).save(tmp_path / "whole")  # in this process, which spares the imports

    arguments, where = command(tmp_path, "killed")
    seed = random.randrange(10**6)
    shelf, reached = tmp_path / "killed" / WORK, 0
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, **where)
    kill_at = random.Random(seed).randint(200, 2500)
    while process.poll() is None and reached < kill_at:
        time.sleep(0.01)
        reached = max([reached, *steps_in(shelf)])
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed/run.json").exists(), f"over before it could be killed (seed {seed})"
    never, where = command(tmp_path, "killed", checkpoint_seconds="1e9")
    for number in (signal.SIGTERM, signal.SIGINT) if IS_AT_LENGTH else (signal.SIGTERM,):
        process = subprocess.Popen(never, stderr=subprocess.PIPE, text=True, **where)
        assert process.stderr is not None
        while "(learning" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        *_, last = process.communicate(timeout=300)[1].splitlines()
        assert last == f"simasgd: ended by {number.name}; the same command continues where it stopped"
        assert process.returncode == 128 + number
        before, reached = reached, max(steps_in(shelf))
        assert reached > before, "it saves how far it has come, though no checkpoint was due"
    again = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=300, **where)
    assert "resuming the unfinished work in killed" in again.stderr
    assert not shelf.exists()
    summary, evaluations = numbers(tmp_path / "killed")
    expected, expected_evaluations = numbers(tmp_path / "whole")
    assert summary == expected, f"seed {seed}"
    pd.testing.assert_frame_equal(evaluations, expected_evaluations, check_exact=True)
    assert reached > 600


class Interrupted(Exception):
    """The exception with which a test interrupts a study."""


@pytest.mark.usefixtures("quickly_compiled")
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
        left, right = (each.runs[variant][0].summary.model_dump(exclude={"wall"}) for each in (again, uninterrupted))
        assert left == right


def steps_in(shelf):
    """How far the checkpoints of a folder have come."""
    for path in shelf.glob("*.checkpoint"):
        with path.open("rb") as file:
            yield json.loads(file.readline())["steps"]


def final(player, problem, stops):
    return list(player.play(problem, stops, lambda done: None))[-1].weights


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("modulation", "protocol"),
    [
        ("none", "hardsync"),
        *((modulation, "async") for modulation in ("adaptive-delay-compensation", "dana-slim", "dana-zero")),
    ],
)
def test_all_that_the_loop_carries_is_kept(tmp_path, modulation, protocol):
    learning = {"modulation": modulation, "optimizer": {"kind": "adam", "learning_rate": 0.003}}
    stop = {"gradients": None, "updates": 800}
    chosen = scenario(LINEAR, {"learning": learning, "protocol": protocol, "stop": stop})
    problem = simulate_problem(chosen)
    stops = [300, 800]
    undisturbed = final(Compiled(), problem, stops)
    first = FileCheckpoint(tmp_path / "x", "this run", 0.0)
    walk = Compiled(checkpoint=first).play(problem, stops, lambda done: None)
    assert next(walk).steps == 300
    first.add_evaluation(Evaluation(0, 300, 1.0, None, None))
    walk.close()
    second = FileCheckpoint(tmp_path / "x", "this run", 1e9)
    assert relative_distance(final(Compiled(checkpoint=second), problem, stops), undisturbed) == 0.0


def test_another_runs_checkpoint_is_not_read(tmp_path):
    start = {"w": np.zeros(3)}
    kept = FileCheckpoint(tmp_path / "x", "one", 0.0)
    kept.add_evaluation(Evaluation(0, 7, 0.1 + 0.2, None, None))
    kept.add_divergence(Divergence(1, 3, 1 / 3))
    kept.keep(7, {"w": np.ones(3)})
    other = FileCheckpoint(tmp_path / "x", "another", 0.0)
    assert other.restore(start) == (0, start)
    assert other.results == GroupResults()
    same = FileCheckpoint(tmp_path / "x", "one", 0.0)
    steps, carry = same.restore(start)
    assert (steps, carry["w"].tolist(), same.results) == (7, [1.0, 1.0, 1.0], kept.results)


def test_what_is_not_whole_is_begun_anew(tmp_path):
    start = {"w": np.zeros(300)}
    FileCheckpoint(tmp_path / "x", "one", 0.0).keep(7, start)
    whole = (tmp_path / "x").read_bytes()
    header = whole.index(b"\n") + 1
    of_earlier_version = b'{"identity": "one", "steps": 7, "found": {}, "arrays": ""}\n' + whole[header:]
    for content in (b"\x93NUMPY", b"", b"[]\n", whole[:header], whole[:-1], whole[:-1] + b"?", of_earlier_version):
        (tmp_path / "x").write_bytes(content)
        assert FileCheckpoint(tmp_path / "x", "one", 0.0).restore(start) == (0, start)
    (tmp_path / "x").write_bytes(whole)
    assert FileCheckpoint(tmp_path / "x", "one", 0.0).restore(start)[0] == 7
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_a_place_that_cannot_be_written_fails_the_run(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunFailed, match="could not be saved"):
        FileCheckpoint(tmp_path / "file" / "x", "one", 0.0).keep(1, {"w": np.zeros(1)})


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_study_gone_on_with_at_any_point_knows_who_diverged(tmp_path):
    """Three runs in one loop, of which one diverges at its first update: interrupted again and again."""
    rates = {"good": 0.05, "bad": 1e14, "better": 0.1}
    variants = {name: {"learning": {"optimizer": {"kind": "sgd", "learning_rate": rate}}} for name, rate in rates.items()}
    chosen = scenario(LEARNING, {"variants": variants, "stop": {"gradients": 1000}})
    assert len(together(list(chosen.variants.values()))) == 1
    whole = study(chosen)
    assert whole.runs["bad"][0].diverged
    interruptions = 0

    def interrupt(phase, fraction):
        nonlocal told
        told += phase == "replay" and fraction > 0.1
        if told == 2 + interruptions:  # later each time, for what diverged is not kept before it is told
            raise Interrupted

    while True:
        told = 0
        try:
            again = study(chosen, unfinished=tmp_path / "shelf", checkpoint_seconds=0.0, progress=interrupt)
            break
        except Interrupted:
            interruptions += 1
            assert interruptions < 20
    assert interruptions > 0
    for name in variants:
        left, right = again.runs[name][0], whole.runs[name][0]
        assert left.summary.diverged == right.summary.diverged
        assert left.evaluations.equals(right.evaluations)


@pytest.mark.usefixtures("quickly_compiled")
def test_what_is_kept_of_a_group_serves_that_group_only(tmp_path, monkeypatch):
    """Numbers of a loop depend on who is in it; and equal variants are two members."""
    monkeypatch.setattr(simulator, "_WORTH_KEEPING", 0.0)  # seconds
    base = {"cluster": {"seed": 1}, "stop": {"gradients": 200}}
    twice = scenario(LEARNING, base, {"variants": {"one": None, "other": {"learning": {"seed": 0}}}})
    first = study(twice, unfinished=tmp_path / "shelf")
    again = study(twice, unfinished=tmp_path / "shelf")
    assert again.runs["other"][0].summary.wall == first.runs["other"][0].summary.wall, "it was found"
    three = scenario(LEARNING, base, {"repeats": 3})
    study(three, unfinished=tmp_path / "shelf")
    alone = scenario(LEARNING, base)
    left, right = (study(alone, unfinished=shelf).runs[""][0] for shelf in (tmp_path / "shelf", None))
    assert left.evaluations.equals(right.evaluations)


@pytest.mark.usefixtures("quickly_compiled")
def test_members_that_diverged_before_a_checkpoint_stay_so(tmp_path):
    """Two learning rates, of which one diverges; the walk is left after that and gone on with."""
    scenarios = [
        scenario(LEARNING, {"learning": {"optimizer": {"kind": "sgd", "learning_rate": rate}}, "stop": {"gradients": 600}})
        for rate in (0.05, 1e30)
    ]
    problems = [simulate_problem(each) for each in scenarios]
    problems[1] = replace(problems[1], recipe=problems[0].recipe, factors=problems[1].factors * 1e30 / 0.05)
    undisturbed = list(CompiledGroup().play(problems, [200, 600], lambda done: None))
    assert undisturbed[0][1].diverged
    assert undisturbed[1][1] is None
    first = FileCheckpoint(tmp_path / "x", "run", 0.0)
    walk = CompiledGroup(checkpoint=first).play(problems, [200, 600], lambda done: None)
    next(walk)
    walk.close()
    second = CompiledGroup(checkpoint=FileCheckpoint(tmp_path / "x", "run", 1e9))
    *_, last = second.play(problems, [200, 600], lambda done: None)
    assert last[1] is None
    assert relative_distance(last[0].weights, undisturbed[-1][0].weights) == 0.0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last[0].weights))
