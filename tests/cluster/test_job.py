"""A job holds all that a scenario says about the clock."""

from __future__ import annotations

from simasgd.cluster.job import Job
from tests.build import TIMING, scenario


def test_compression_reaches_the_clock() -> None:
    compressed = scenario(TIMING, {"workload": {"compression": {"kind": "top-k", "fraction": 0.01}}})
    job = Job.of(compressed)
    assert job.gradient_payload == compressed.gradient_payload < job.payload
    assert not job.gradients_add_up
    assert Job.of(scenario(TIMING)).gradients_add_up


def test_a_stop_becomes_a_limit() -> None:
    stop = {"gradients": None, "epochs": 2, "updates": 7, "simulated_time": "3 s"}
    limit = Job.of(scenario(TIMING, {"stop": stop})).limit
    assert (limit.gradients, limit.updates, limit.seconds) == (500, 7, 3.0)


def test_an_epoch_without_samples_is_endless() -> None:
    assert Job.of(scenario(TIMING)).gradients_per_epoch == 250
    assert Job.of(scenario(TIMING, {"workload": {"samples_per_epoch": None}})).gradients_per_epoch == float("inf")
