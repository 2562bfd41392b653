"""Small real studies and a sweep, run once."""

from __future__ import annotations

import pytest

from simasgd import Scenario, Study, study
from simasgd.sweep import SweepTable, plan_sweep, run_sweep

_SMALL = ("cluster.learners=4", "stop.epochs=2")
_TIMING = ("learning=null", "workload.samples_per_epoch=1437")


@pytest.fixture(scope="session")
def compared() -> Study:
    """Three variants at two seeds."""
    return study(Scenario.load("quickstart", *_SMALL, "repeats=2"), command="simasgd run quickstart --set <a> & 'b'")


@pytest.fixture(scope="session")
def single() -> Study:
    """One learning run at one seed, with a note."""
    found = study(Scenario.load("quickstart", *_SMALL, "repeats=1", "cluster.compute.cv=0.3").variants["async"])
    return Study(found.scenario, found.runs, notes=("Some <images> were decoded twice.",))


@pytest.fixture(scope="session")
def timing() -> Study:
    return study(Scenario.load("quickstart", *_SMALL, *_TIMING, "repeats=1"))


@pytest.fixture(scope="session")
def diverging() -> Study:
    return study(Scenario.load("quickstart", *_SMALL, "repeats=1", "learning.optimizer.learning_rate=1e30"))


@pytest.fixture(scope="session")
def stopped_at_once() -> Study:
    """No gradient is applied before the end."""
    return study(Scenario.load("quickstart", "cluster.learners=4", "repeats=1", "stop.epochs=null", "stop.simulated_time=1 us"))


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> SweepTable:
    """Two axes and three variants, with points that diverge."""
    arguments = ["cluster.learners=1,4", "learning.optimizer.learning_rate=0.05,1e30", "stop.epochs=1", "repeats=1"]
    sweep = plan_sweep("quickstart", arguments, "simasgd sweep quickstart")
    return run_sweep(sweep, tmp_path_factory.mktemp("sweep"), workers=1)
