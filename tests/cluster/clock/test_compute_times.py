"""Compute and update times and speeds: moments of every law, independence of streams, and exactness of the arithmetic below."""

from __future__ import annotations

import hashlib
import math
from itertools import islice

import numpy as np
import pytest

from simasgd import exact, laws
from simasgd.cluster.clock import compute
from simasgd.scenario.cluster.cluster import Cluster, Compute
from simasgd.scenario.cluster.times import Update

LAWS = [
    (laws.Constant(), 0.0),
    (laws.Exponential(), 1.0),
    (laws.Gamma(0.1), 0.1),
    (laws.Gamma(1.0), 1.0),
    (laws.Gamma(2.0), 2.0),
    (laws.LogNormal(0.2), 0.2),
    (laws.LogNormal(1.0), 1.0),
]
MEASURED = (1.0, 1.0, 2.0, 4.0)  # mean 2, standard deviation √1.5
LATER_LAWS = [
    (laws.ShiftedExponential(0.3), 0.3),
    (laws.ShiftedExponential(1.0), 1.0),
    (laws.Pareto(0.2), 0.2),
    (laws.Pareto(1e-6), 1e-6),
    (laws.Empirical(MEASURED), math.sqrt(1.5) / 2.0),
]
names = pytest.mark.parametrize(("law", "cv"), [*LAWS, *LATER_LAWS], ids=lambda value: str(value))


@names
def test_mean_and_coefficient_of_variation(law, cv):
    draws = np.array(list(islice(compute.times(3.0, law, seed=1, learner=5), 50_000)))
    assert (draws > 0).all()
    assert draws.mean() == pytest.approx(3.0, rel=5 * max(cv, 1e-12) / math.sqrt(len(draws)))
    assert draws.std() / 3.0 == pytest.approx(cv, rel=0.05, abs=1e-12)


@names
def test_streams_of_learners_and_seeds_differ(law, cv):
    def first(seed, learner):
        return tuple(islice(compute.times(1.0, law, seed, learner), 8))

    assert first(0, 1) == first(0, 1)
    distinct = {first(0, 0), first(0, 1), first(1, 0), first(2**32 - 1, 0)}
    assert len(distinct) == (1 if cv == 0.0 else 4)


def test_gamma_tail_probabilities():
    """Against the exact law: the Erlang distribution of shape 4, P(X > x) = e^{−4x}·Σ_{k<4} (4x)^k/k!."""
    draws = np.array(list(islice(compute.times(1.0, laws.Gamma(0.5), 3, 0), 100_000)))
    for x in (0.3, 1.0, 2.0):
        law = math.exp(-4 * x) * sum((4 * x) ** k / math.factorial(k) for k in range(4))
        assert (draws > x).mean() == pytest.approx(law, abs=5 * math.sqrt(law * (1 - law) / len(draws)))


def test_log_and_exp_are_accurate():
    x = np.exp(np.random.default_rng(0).uniform(-700, 700, 100_000))
    assert (abs(exact.log(x) - np.log(x)) <= 5e-16 * np.maximum(abs(np.log(x)), 1.0)).all()
    y = np.random.default_rng(1).uniform(-690, 690, 100_000)
    assert (abs(exact.exp(y) - np.exp(y)) <= 5e-16 * np.exp(y)).all()


def test_golden_draws():
    """These bits may never change, on any machine or with any release of NumPy: a seed fixes the tape."""
    parts = [law.draw(exact.stream(0, exact.Purpose.COMPUTE, 0), 512) for law, _ in LAWS]
    digest = hashlib.sha256(b"".join(part.astype("<f8").tobytes() for part in parts)).hexdigest()
    assert digest == "c14d1111aec6be617e0dd3c5b9546aa0ce9f76f63131c78d69bfd8c03c462d8e"


def test_golden_draws_of_the_later_laws():
    parts = [law.draw(exact.stream(0, exact.Purpose.COMPUTE, 0), 512) for law, _ in LATER_LAWS]
    digest = hashlib.sha256(b"".join(part.astype("<f8").tobytes() for part in parts)).hexdigest()
    assert digest == "7a8bd34707358cdacfafdc37bba99c1b11dddd457d845dea672c5489990cb972"


@names
def test_streams_that_are_drawn_together_are_those_that_are_drawn_alone(law, cv):
    """Bit for bit, whatever pace each is used at."""

    def bits(learner):
        return exact.stream(3, exact.Purpose.COMPUTE, learner)

    means, taken = [1.0, 2.5, 1e-3, 7.0], [1000, 30, 0, 333]
    together = law.times_of_all(means, [bits(learner) for learner in range(4)])
    found = [list(islice(times, 10)) for times in together]
    for times, already, number in zip(together, found, taken, strict=True):
        already += islice(times, number)
    for learner, (mean, number) in enumerate(zip(means, taken, strict=True)):
        assert found[learner] == list(islice(law.times(mean, bits(learner)), 10 + number))
        assert found[learner][:10] == [mean * factor for factor in islice(law.factors(bits(learner)), 10)]


def test_pareto_tail_probabilities():
    """P(X > x) = (m/x)^a with a = 1 + √2 and m = (a − 1)/a at cv 1; nothing is below m."""
    draws = np.array(list(islice(compute.times(1.0, laws.Pareto(1.0), 3, 0), 100_000)))
    a = 1.0 + math.sqrt(2.0)
    least = (a - 1.0) / a
    assert draws.min() == pytest.approx(least, rel=1e-4)
    assert (draws >= least).all()
    for x in (0.7, 1.0, 5.0):
        law = (least / x) ** a
        assert (draws > x).mean() == pytest.approx(law, abs=5 * math.sqrt(law * (1 - law) / len(draws)))


def test_shifted_exponential_tail_probabilities():
    """P(X > x) = e^{−(x − 1 + cv)/cv}; nothing is below 1 − cv."""
    draws = np.array(list(islice(compute.times(1.0, laws.ShiftedExponential(0.25), 3, 0), 100_000)))
    assert draws.min() == pytest.approx(0.75, rel=1e-4)
    assert (draws >= 0.75).all()
    for x in (0.8, 1.0, 2.0):
        law = math.exp(-(x - 0.75) / 0.25)
        assert (draws > x).mean() == pytest.approx(law, abs=5 * math.sqrt(law * (1 - law) / len(draws)))


def test_empirical_times_are_the_measured_ones_as_often_as_they_were_measured():
    drawn = np.array(list(islice(compute.times(2.0, laws.Empirical(MEASURED), 1, 0), 100_000)))
    values, counts = np.unique(drawn, return_counts=True)
    assert list(values) == [1.0, 2.0, 4.0]
    assert counts / len(drawn) == pytest.approx([0.5, 0.25, 0.25], abs=5 * math.sqrt(0.25 / len(drawn)))


def test_a_uniform_of_one_chooses_the_last_measured_time(monkeypatch):
    monkeypatch.setattr(exact.Streams, "uniforms", lambda streams: np.array([2.0**-54, 0.999, 1.0]))
    assert list(laws.Empirical((2.0, 4.0, 6.0)).draw(exact.stream(0, exact.Purpose.COMPUTE, 0), 3)) == [0.5, 1.5, 1.5]


def section(**values) -> Compute:
    return Compute.model_validate({"per_sample": "1 ms", **values})


@pytest.mark.parametrize(
    ("values", "law"),
    [
        ({}, laws.Constant()),
        ({"distribution": "gamma", "cv": 0.0}, laws.Constant()),
        ({"distribution": "exponential"}, laws.Exponential()),
        ({"distribution": "gamma", "cv": 0.5}, laws.Gamma(0.5)),
        ({"distribution": "lognormal", "cv": 0.5}, laws.LogNormal(0.5)),
        ({"distribution": "shifted-exponential", "cv": 0.5}, laws.ShiftedExponential(0.5)),
        ({"distribution": "pareto", "cv": 0.5}, laws.Pareto(0.5)),
        ({"distribution": "empirical", "measured": ["1 ms", "3 ms"]}, laws.Empirical((1e-3, 3e-3))),
        ({"distribution": "empirical", "measured": ["2 ms", "2 ms"]}, laws.Constant()),
    ],
)
def test_the_law_that_a_section_means(values, law):
    assert compute.law(section(**values)) == law
    assert compute.law(Update.model_validate(values)) == law


def test_mean_time():
    assert compute.mean_time(section(per_batch="2 ms", per_sample="3.2 ms"), 4) == 2e-3 + 4 * 3.2e-3
    measured = {"distribution": "empirical", "measured": ["1 s", "2 s", "6 s"]}
    as_measured = section(**measured, per_sample=None)
    assert compute.mean_time(as_measured, 4) == compute.mean_time(as_measured, 1) == 3.0
    assert compute.mean_time(section(**measured, per_sample=None, per_batch="0.5 s"), 4) == 3.5
    # With a time per sample the measured times only say how it varies.
    assert compute.mean_time(section(**measured), 4) == 4e-3


def test_small_mini_batches_use_the_processor_badly():
    """Efficiency (µ/16)^½: 1/4 at µ = 1, 1/2 at µ = 4, 1 from 16 on."""
    spec = section(per_batch="1 s", per_sample="1 s", efficiency={"full_at": 16, "exponent": 0.5})
    found = [compute.mean_time(spec, mini_batch) for mini_batch in (1, 4, 16, 20)]
    assert found == pytest.approx([1 + 4, 1 + 8, 1 + 16, 1 + 20], rel=1e-15)
    assert found[2:] == [17.0, 21.0]
    times = [compute.mean_time(spec, mini_batch) for mini_batch in range(1, 40)]
    assert times == sorted(set(times))  # a larger mini-batch takes longer


def test_update_times():
    drawn = list(islice(compute.update_times(2.0, laws.Gamma(0.5), 7), 50_000))
    assert np.mean(drawn) == pytest.approx(2.0, rel=0.02)
    assert drawn[:4] == list(islice(compute.update_times(2.0, laws.Gamma(0.5), 7), 4))
    assert drawn[:4] != list(islice(compute.update_times(2.0, laws.Gamma(0.5), 8), 4))
    assert drawn[:4] != list(islice(compute.times(2.0, laws.Gamma(0.5), 7, 0), 4))  # nobody else's


def cluster(learners, speeds) -> Cluster:
    fast = {"latency": 0, "bandwidth": "unlimited"}
    return Cluster.model_validate(
        {
            "learners": learners,
            "speeds": speeds,
            "compute": {"per_sample": "1 ms"},
            "network": fast,
            "server": {"bandwidth": "unlimited", "update": 0},
        }
    )


def test_speeds():
    assert compute.speeds(cluster(3, None), 0) == [1.0, 1.0, 1.0]
    assert compute.speeds(cluster(3, [1.0, 0.5, 2.0]), 0) == [1.0, 0.5, 2.0]


@pytest.mark.parametrize("distribution", ["gamma", "lognormal"])
def test_a_law_of_speeds(distribution):
    law = {"distribution": distribution, "cv": 0.4}
    found = compute.speeds(cluster(4000, law), 0)
    assert min(found) > 0.0
    assert np.mean(found) == pytest.approx(1.0, abs=5 * 0.4 / math.sqrt(4000))
    assert np.std(found) == pytest.approx(0.4, rel=0.1)
    # Learner l's does not depend on λ, but on the seed.
    assert compute.speeds(cluster(10, law), 0) == found[:10]
    assert compute.speeds(cluster(10, law), 1) != found[:10]
