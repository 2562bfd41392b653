"""The parts of a summary that simulated and measured runs have in common."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal, TypedDict

import pandas as pd

import simasgd
from simasgd.results import summary as form
from simasgd.results.json_files import plain
from simasgd.results.outcome import Outcome, decide_outcome
from simasgd.results.tables import thinned
from simasgd.scenario.schema import Scenario

_MOST_EVALUATIONS = 1000  # rows of run.json's `evaluations`; the Parquet table has all


class Identity(TypedDict):
    """Which run it is, and which versions made it."""

    format: Literal[1]
    name: str
    seed: int
    version: str
    python: str
    packages: dict[str, str]
    scenario_hash: str
    learners: int


class Success(TypedDict):
    """How the run ended, and what it learned."""

    outcome: Outcome
    diverged: form.DivergencePoint | None
    evaluations: tuple[form.EvaluationRow, ...]
    test_error: float | None
    test_loss: float | None


class Throughput(TypedDict):
    """How fast a run was, and what it cost."""

    samples_per_simulated_second: float | None
    lone_samples_per_simulated_second: float | None
    speedup: float | None
    learner_hours: float


def measure_overlap(seconds: Mapping[str, float]) -> float | None:
    """Return computing as a fraction of the compute threads' time that is not idle, from the seconds of each activity.

    None if there is no such time.
    """
    working = sum(spent for activity, spent in seconds.items() if activity != "idle")
    return seconds["compute"] / working if working > 0.0 else None


def identify(scenario: Scenario) -> Identity:
    """Return the identity of a run of a scenario that is made here and now."""
    return {
        "format": form.FORMAT,
        "name": scenario.name,
        "seed": scenario.seed,
        "version": simasgd.__version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("simpy", "jax", "optax", "numpy")},
        "scenario_hash": scenario.hash(),
        "learners": scenario.cluster.learners,
    }


def judge(
    scenario: Scenario,
    evaluations: pd.DataFrame | None,
    diverged: form.DivergencePoint | None,
    *,
    hung: bool,
    applied: int,
) -> Success:
    """Judge a run that applied `applied` gradients, by its evaluations (None: nothing was learned).

    The final test error and loss are the last evaluation's, unless the run diverged.
    """
    rows = () if evaluations is None else evaluation_rows(thinned(evaluations, _MOST_EVALUATIONS))
    last = rows[-1] if rows and diverged is None else None
    test_error, test_loss = (None, None) if last is None else (last.test_error, last.test_loss)
    outcome = decide_outcome(
        scenario.learning,
        hung=hung,
        diverged=diverged is not None,
        applied=applied,
        test_error=test_error,
        test_loss=test_loss,
        first_loss=rows[0].test_loss if rows else None,
    )
    return {
        "outcome": outcome,
        "diverged": diverged,
        "evaluations": rows,
        "test_error": test_error,
        "test_loss": test_loss,
    }


def measure_throughput(*, samples: int, seconds: float, hung: bool, lone: float | None, learner_seconds: float) -> Throughput:
    """Return the throughput of a run that applied `samples` samples in `seconds` of its time, and its learner-hours.

    `lone` are the samples per second of one learner alone; None if its compute times are not known.
    `learner_seconds` are the seconds that each learner was present, summed over the learners. A run
    that hung, applied nothing or took no time has no throughput.
    """
    rate = samples / seconds if samples > 0 and seconds > 0.0 and not hung else None
    return {
        "samples_per_simulated_second": rate,
        "lone_samples_per_simulated_second": lone,
        "speedup": rate / lone if rate is not None and lone else None,
        "learner_hours": max(0.0, learner_seconds) / 3600.0,
    }


def evaluation_rows(evaluations: pd.DataFrame) -> tuple[form.EvaluationRow, ...]:
    """Return evaluations as run.json holds them: null for NaN and infinities."""
    rows: list[dict[str, Any]] = evaluations.to_dict("records")
    return tuple(form.EvaluationRow.model_validate(plain(row)) for row in rows)
