"""A run goes on from its kept weights: what holds of the whole, and what begins anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from simasgd import Run, Study, exact, extend, simulate, study
from simasgd.assembly import assemble
from simasgd.exact import Purpose
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.recipe import build_recipe
from simasgd.results.distributions import CountRange, StalenessCounts
from simasgd.results.summary import Summary
from simasgd.results.tables import GRADIENTS
from simasgd.scenario.schema import Scenario
from simasgd.simulator import run_last_part
from simasgd.stages.parts import continued_scenario, plan_part
from simasgd.stages.progress import ShareOfWork, silent
from simasgd.timing import simulate_timing
from tests.build import LINEAR, TIMING, scenario
from tests.protocols.table import ROWS

EPOCH = {"workload": {"mini_batch": 16}, "record": {"weights": True}, "stop": {"gradients": None, "epochs": 1}}
DOUBLE = {"learning": {"precision": "float64", "schedule": {"boundaries": [0.5, 1.5], "factor": 0.5}}}
ADAM = {"learning": {"optimizer": {"kind": "adam", "learning_rate": 0.01}}}


def chosen(*changes: dict[str, Any]) -> Scenario:
    return scenario(LINEAR, EPOCH, DOUBLE, *changes)


def kept(run: Run) -> dict[str, np.ndarray]:
    assert run.weights is not None
    every = {"learners": run.weights.learners, "centre": run.weights.centre, "optimizer": run.weights.optimizer}
    groups = {"weights": run.weights.arrays, "memory": run.weights.memory, **every}
    return {f"{group}/{name}": np.asarray(a) for group, arrays in groups.items() if arrays for name, a in arrays.items()}


def agree(one: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_allclose(array, other[name], tolerance, tolerance, err_msg=name)


def equal(one: Run, other: Run) -> None:
    """Check that two runs are the same in all but the time that they took."""
    assert one.scenario == other.scenario
    assert one.summary.model_dump(exclude={"wall"}) == other.summary.model_dump(exclude={"wall"})
    for table in ("learners", "updates", "evaluations", "timeline"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)
    agree(kept(one), kept(other), 0.0)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("async", {"cluster": {"learners": 1}, **ADAM}),
        ("hardsync", {}),
        ("sgp", {"cluster": {"learners": 1}}),
    ],
    ids=str,
)
def test_without_staleness_the_continued_run_is_the_uninterrupted_one(protocol: Any, changes: dict[str, Any]) -> None:
    """Weights, states, and the evaluations: if no gradient is in flight at the seam, nothing is lost there."""
    whole = simulate(chosen({"protocol": protocol, "stop": {"epochs": 2}}, changes))
    parts = extend(simulate(chosen({"protocol": protocol}, changes)), 1)
    assert parts.summary.updates == whole.summary.updates
    agree(kept(parts), kept(whole), 1e-9)
    columns = ["epoch", "samples", "updates", "test_loss"]
    assert parts.evaluations is not None
    assert whole.evaluations is not None
    pd.testing.assert_frame_equal(parts.evaluations[columns], whole.evaluations[columns])
    assert parts.updates is not None
    assert whole.updates is not None
    if protocol != "hardsync":
        assert parts.updates["batch"].tolist() == whole.updates["batch"].tolist()


@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_that_is_continued_is_the_run_of_its_scenario(tmp_path: Path) -> None:
    """For variants with and without a server, from memory and from disk, in two parts and in three."""
    variants = {"async": {}, "easgd": {"protocol": "easgd"}}
    base = chosen({"record": {"kind": "timeline"}, "protocol": "async", "variants": variants})
    first = study(base)
    first.save(tmp_path / "first")
    longer = extend(extend(Study.load(tmp_path / "first"), 0.5), 0.5)
    assert longer.scenario.stop.continued == (0.5, 0.5)
    again = study(longer.scenario)
    for variant, runs in longer.runs.items():
        for run, other in zip(runs, again.runs[variant], strict=True):
            equal(run, other)
    longer.save(tmp_path / "longer")
    equal(Study.load(tmp_path / "longer").runs["easgd"][0], again.runs["easgd"][0])
    run, before = longer.runs["async"][0], first.runs["async"][0]
    assert run.summary.seams[0].updates == before.summary.updates
    assert any("Continued after epoch 1" in note for note in longer.notes)
    check_sums(run, before)


def check_sums(run: Run, before: Run) -> None:
    """Check what can be counted in the tables of a whole run."""
    summary = run.summary
    assert run.updates is not None
    assert run.evaluations is not None
    assert run.timeline is not None
    assert summary.gradients.applied == len(run.updates) == run.learners["applied"].sum()
    assert run.updates["timestamp"].is_monotonic_increasing
    assert run.updates["timestamp"].max() == summary.updates
    assert run.updates["time"].is_monotonic_increasing
    assert run.evaluations["epoch"].tolist() == [0.0, 1.0, run.evaluations["epoch"].iloc[2], 2.0]
    assert run.evaluations["bytes"].is_monotonic_increasing
    assert run.evaluations["simulated_seconds"].iloc[-1] == pytest.approx(summary.simulated_seconds)
    assert run.timeline["end"].max() == pytest.approx(summary.simulated_seconds)
    assert sum(summary.staleness.histogram) == summary.gradients.applied
    assert summary.critical_path is not None
    assert sum(summary.critical_path.model_dump().values()) == pytest.approx(summary.simulated_seconds)
    assert sum(value or 0.0 for value in summary.learner_time.model_dump().values()) == pytest.approx(1.0)
    later = run.updates.iloc[len(before.updates) :]  # type: ignore[arg-type]
    assert (later["staleness"].iloc[0], later["read_at"].min()) == (0, pytest.approx(before.simulated_seconds))
    pairs = run.updates[["learner", "batch"]]
    assert not pairs.duplicated().any(), "no mini-batch is drawn twice"


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("async", {"learning": {"modulation": "dana-zero"}}),
        ({"kind": "local-sgd", "steps": 3, "average_momentum": True}, {}),
    ],
    ids=str,
)
def test_both_players_go_on_alike(protocol: Any, changes: dict[str, Any]) -> None:
    first = simulate(chosen({"protocol": protocol, "stop": {"epochs": 0.3}}, changes))
    longer = continued_scenario(first.scenario, 0.3)
    one, other = (run_last_part(first, longer, ShareOfWork.unseen(), player=player) for player in (None, Reference()))
    agree(kept(one), kept(other), 1e-9)
    assert one.evaluations is not None
    assert one.evaluations["test_loss"].iloc[-1] < one.evaluations["test_loss"].iloc[0]


@pytest.mark.parametrize("kind", ROWS)
def test_no_mini_batch_and_no_time_comes_twice(kind: str) -> None:
    """Under every protocol, for timing alone."""
    cluster = {"learners": 6, "profile": "p775", "compute": {"distribution": "gamma", "cv": 0.5}}
    base = scenario(TIMING, {"cluster": cluster, "protocol": ROWS[kind].typical, "stop": {"gradients": 60}})
    first = simulate(base)
    part = plan_part(first, continued_scenario(base, 0.2))
    assert part.samples == 200
    tape = simulate_timing(base, silent, part=part).tape
    assert tape is not None
    assert first.updates is not None
    assert tape.samples_before[-1] == part.past.samples + tape.num_gradients * 4 >= part.past.samples + 200
    drawn = set(zip(first.updates["learner"], first.updates["batch"], strict=True))
    assert drawn.isdisjoint(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))
    took = (first.updates["computed_at"] - first.updates["read_at"]).round(12)
    assert set(took).isdisjoint((tape.computed_at - tape.read_at).round(12).tolist())


def test_what_lasts_is_the_same_in_every_part() -> None:
    first, second = exact.seed_of_part(7, 1), exact.seed_of_part(7, 2)
    assert exact.seed_of_run(second) == 7

    def bits(seed: int, purpose: Purpose) -> int:
        return int(exact.stream(seed, purpose, 3).random_raw(1)[0])

    for purpose in Purpose:
        found = {bits(seed, purpose) for seed in (7, first, second)}
        lasts = purpose.name in {"SPEED", "BANDWIDTH", "MEMBER", "SIZE", "SHARE", "RATE", "PARTITION", "MEAN", "TEXT"}
        assert len(found) == (1 if lasts or purpose.name in {"MINI_BATCH", "AUGMENT", "ANALYTIC"} else 3), purpose


def flat(value: Any) -> dict[str, Any]:
    """Return all numbers and words of a nested value by their paths."""
    content = value.model_dump() if isinstance(value, BaseModel) else value
    if isinstance(content, Mapping | list | tuple):
        pairs = content.items() if isinstance(content, Mapping) else enumerate(content)
        return {f"{key}.{path}": leaf for key, inner in pairs for path, leaf in flat(inner).items()}
    return {"": content}


def test_every_field_of_the_summary_is_that_of_the_whole() -> None:
    """Against the tables of the whole run, and against the two parts where no table has it."""
    base = scenario(TIMING, {"cluster": {"learners": 3, "profile": "p775"}, "record": "timeline", "stop": {"gradients": 60}})
    first = simulate(base)
    run, longer = extend(first, 0.2), continued_scenario(base, 0.2)
    one, whole, table, updates = first.summary, run.summary, run.learners, run.updates
    two = assemble(longer, simulate_timing(longer, silent, part=plan_part(first, longer)), None, 1.0).summary
    assert updates is not None
    assert run.timeline is not None
    assert one.critical_path is not None
    assert one.lone_samples_per_simulated_second is not None
    seconds, applied = one.simulated_seconds + two.simulated_seconds, len(updates)

    def added(name: str) -> dict[str, float]:
        of_one, of_two = flat(getattr(one, name)), flat(getattr(two, name))
        return {path: of_one[path] + of_two[path] for path in of_one}

    def averaged(name: str) -> dict[str, Any]:
        """Return means over the time; bytes add up."""
        found, of_two = flat(getattr(one, name)), flat(getattr(two, name))
        for path, value in found.items():
            if path.endswith("bytes."):
                found[path] = value + of_two[path]
            elif not isinstance(value, str):
                found[path] = (value * one.simulated_seconds + of_two[path] * two.simulated_seconds) / seconds
        return found

    unchanged = (
        "format origin log recorded outcome name seed version python packages learners mini_batch protocol architecture "
        "diverged target hang lone_samples_per_simulated_second what_if lock_step mixing evaluations test_error test_loss note"
    )
    working = sum(table[name].sum() for name in ("compute", "push", "pull", "wait"))
    expected: dict[str, Any] = {name: getattr(one, name) for name in unchanged.split()} | {
        "scenario_hash": longer.hash(),
        "simulated_seconds": run.timeline["end"].max(),
        "gradients": {name: table[name].sum() for name in GRADIENTS},
        "learner_gradients": {name: CountRange.of(table[name].astype(int).tolist()) for name in GRADIENTS},
        "updates": updates["timestamp"].max(),
        "stopped_by": "epochs",
        "samples": 4 * applied,
        "epochs": 4 * applied / 1000,
        "gradients_per_simulated_second": applied / seconds,
        "samples_per_simulated_second": 4 * applied / seconds,
        "speedup": 4 * applied / seconds / one.lone_samples_per_simulated_second,
        "learner_hours": 3 * seconds / 3600,
        "overlap": table["compute"].sum() / working,
        "warnings": [whole.seams[0].sentence()],
        "seams": [
            {
                "samples": 240,
                "updates": 60,
                "epochs": 0.24,
                "simulated_seconds": one.simulated_seconds,
                "mean_staleness": updates["staleness"][:60].mean(),
            }
        ],
        "staleness": StalenessCounts.of(Counter(updates["staleness"].tolist())),
        **{name: averaged(name) for name in ("learner_time", "threads", "servers", "links")},
        **{name: added(name) for name in ("critical_path", "bytes", "faults")},
        "clock_events": (one.clock_events or 0) + (two.clock_events or 0),
    }
    assert {*expected, "wall"} == set(Summary.model_fields)
    for name, value in expected.items():
        found = flat(getattr(whole, name))
        wanted = value if isinstance(value, dict) and found.keys() == value.keys() else flat(value)
        assert found == {path: pytest.approx(leaf) if isinstance(leaf, float) else leaf for path, leaf in wanted.items()}, name
    assert whole.wall.total > one.wall.total


@pytest.mark.parametrize(
    "learning",
    [
        {"modulation": "inverse-mean-staleness"},
        {"optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": {"total": 0.9}}},
    ],
    ids=str,
)
def test_a_rule_has_the_mean_staleness_of_the_first_part_in_all(learning: dict[str, Any]) -> None:
    """Each part begins without staleness, so the mean of a short one would be another."""
    base = scenario(TIMING, {"protocol": {"kind": "ssp", "slack": 50}, "stop": {"gradients": 100}})
    learns = scenario(LINEAR, {"protocol": {"kind": "ssp", "slack": 50}, "learning": learning})
    first = simulate(base)
    second = extend(first, 0.1)
    assert first.updates is not None
    mean = first.updates["staleness"].mean()
    for run, epochs in ((first, 0.05), (second, 0.1)):
        tape = simulate_timing(learns, silent, part=plan_part(run, continued_scenario(run.scenario, epochs))).tape
        assert tape is not None
        assert tape.staleness.mean() != mean
        setting = build_recipe(learns, tape).setting
        assert (setting.tape_staleness if "optimizer" in learning else setting.mean_staleness) == mean


def test_injected_staleness_grows_once() -> None:
    """τ = 8 is reached after one epoch of 20 gradients, of which 10 are computed before the seam."""
    ramp = {"protocol": {"kind": "injected-staleness", "delay": 8, "ramp_epochs": 1}}
    few = {"cluster": {"learners": 1}, "workload": {"samples_per_epoch": 80}, "stop": {"gradients": 10}}
    run = extend(simulate(scenario(TIMING, ramp, few)), 1)
    assert run.updates is not None
    ramped = [min(8, 8 * number // 20) for number in range(30)]
    since = [*range(10), *range(20)]  # no weights before the seam are kept
    assert run.updates["staleness"].tolist() == [min(each) for each in zip(ramped, since, strict=True)]
