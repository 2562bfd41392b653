"""Small real studies and a sweep, run once."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simasgd import Scenario, Study, study
from simasgd.report.page import render_study, render_sweep
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.table import Sweep
from tests.build import LEARNING, compiled_quickly, scenario
from tests.clockwork import FAULTS, HANG, NO_FAULTS, NO_PATH, PATH, THREADS, WHAT_IF, run, study_of, timeline
from tests.sweeps.running import run_sweep

_SMALL = ("cluster.learners=4", "stop.epochs=2")
_TIMING = ("learning=null", "workload.samples_per_epoch=1437")
_OTHER = "variants.async-staleness-aware.protocol={kind: n-softsync, n: 2}"  # without learning it would be async


Studies = Callable[[str, Callable[[Path], Any]], Any]


@pytest.fixture(scope="session")
def learned_studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    """Return a function that makes a study once for all workers: the first makes it, the others wait and read it.

    The study is made by a function of a folder of its own, which stays for the session.
    """
    home = tmp_path_factory.getbasetemp()
    home = (home.parent if "PYTEST_XDIST_WORKER" in os.environ else home) / "learned-studies"
    home.mkdir(exist_ok=True)

    def make_once(name: str, make: Callable[[Path], Any]) -> Any:
        kept = home / f"{name}.pickle"
        with (home / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                with compiled_quickly():
                    kept.write_bytes(pickle.dumps(make(home / name)))
        return pickle.loads(kept.read_bytes())

    return make_once


@pytest.fixture(scope="session")
def drawn(learned_studies: Studies, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a function that draws the page of a study or a sweep once for all workers, given the name of its fixture."""

    def draw(name: str) -> str:
        content = request.getfixturevalue(name)
        render = render_study if isinstance(content, Study) else render_sweep
        page: str = learned_studies(f"page-of-{name}", lambda _: render(content))
        return page

    return draw


@pytest.fixture(scope="session")
def compared(learned_studies: Studies) -> Study:
    """Return three variants at two seeds."""
    chosen = Scenario.load("quickstart", *_SMALL, "repeats=2")
    return learned_studies("compared", lambda _: study(chosen, command="simasgd run quickstart --set <a> & 'b'"))


@pytest.fixture(scope="session")
def single(learned_studies: Studies) -> Study:
    """Return one learning run at one seed, with a note."""
    chosen = Scenario.load("quickstart", *_SMALL, "repeats=1", "cluster.compute.cv=0.3").variants["async"]
    found = learned_studies("single", lambda _: study(chosen))
    return Study(found.scenario, found.runs, notes=("Some <images> were decoded twice.",))


@pytest.fixture(scope="session")
def timing() -> Study:
    return study(Scenario.load("quickstart", *_SMALL, *_TIMING, _OTHER, "repeats=1"))


@pytest.fixture(scope="session")
def diverging(learned_studies: Studies) -> Study:
    chosen = Scenario.load("quickstart", *_SMALL, "repeats=1", "learning.optimizer.learning_rate=1e30")
    return learned_studies("diverging", lambda _: study(chosen))


@pytest.fixture(scope="session")
def losses(learned_studies: Studies) -> Study:
    """Return variants with a test loss only, one of which rises to infinity, and one with a test error."""
    numbers = {"kind": "linear-regression", "features": 4, "samples": 200, "test": 50}
    learning = {"data": numbers, "model": "linear", "optimizer": {"kind": "sgd", "learning_rate": 0.05}}
    variants = {
        "sync": {"protocol": "hardsync"},
        "async": None,
        "rising": {"learning": {"optimizer": {"learning_rate": 30.0}}, "stop": {"gradients": 44}},
        "digits": {"learning": {"data": "digits", "model": "softmax"}},
    }
    small = {"learning": None, "stop": {"gradients": 200}, "workload": {"payload": "1 kB", "samples_per_epoch": 200}}
    chosen = scenario(LEARNING, small, {"learning": learning, "repeats": 2, "variants": variants})
    return learned_studies("losses", lambda _: study(chosen))


@pytest.fixture(scope="session")
def stopped_at_once(learned_studies: Studies) -> Study:
    """Return a study that ends before a gradient is applied."""
    chosen = Scenario.load("quickstart", "cluster.learners=4", "repeats=1", "stop.epochs=null", "stop.simulated_time=1 us")
    return learned_studies("stopped-at-once", lambda _: study(chosen))


@pytest.fixture(scope="session")
def swept(learned_studies: Studies) -> Sweep:
    """Return a sweep over two axes and three variants, with points that diverge."""
    arguments = ["cluster.learners=1,4", "learning.optimizer.learning_rate=0.05,1e30", "stop.epochs=1", "repeats=1"]
    sweep = plan_sweep("quickstart", arguments, "simasgd sweep quickstart")
    return learned_studies("swept", lambda folder: run_sweep(sweep, folder, workers=1))


@pytest.fixture(scope="session")
def swept_losses(learned_studies: Studies) -> Sweep:
    """Return a sweep over two axes of the quadratic, with losses of 0 and losses hundreds of decades apart."""
    arguments = ["variants=null", "protocol.delay=0,3", "learning_rate=0.1,1,2.5", "stop.gradients=500"]
    sweep = plan_sweep("stability-limit", arguments, "simasgd sweep stability-limit")
    return learned_studies("swept-losses", lambda folder: run_sweep(sweep, folder, workers=1))


@pytest.fixture(scope="session")
def clocked() -> Study:
    """Return three variants with time lines: one with threads and many links, one that hangs."""
    links = [{"name": f"node {i} nic in", "busy": 0.9 - 0.01 * i, "mean_queue": 0.1 * i, "bytes": 0.0} for i in range(30)]
    known = {"critical_path": PATH, "what_if": WHAT_IF, "faults": NO_FAULTS, "hang": None, "overlap": 0.115, "threads": {}}
    adv = {"architecture": "adv", "overlap": 0.5675, "threads": THREADS, "links": links}
    hung = {"hang": HANG, "faults": FAULTS, "stopped_by": "hang", "critical_path": NO_PATH, "what_if": None}
    return study_of(
        {
            "base": run(timeline(4, 40), **known, architecture="base"),
            "adv": run(timeline(12, 40, shared=True, threads=True), **known | adv),
            "hung": run(timeline(3, 10, seed=1), **known | hung, architecture="base"),
        }
    )
