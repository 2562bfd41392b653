"""The cost of the test-bed: a verb beside Ray's own call with as many bytes, and the share of recording in a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Gradient, Weights
from simasgd.testbed.engine.abstract import Process
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.learner.copies import Copies
from simasgd.testbed.learner.learner import RealLearner
from simasgd.testbed.server.presence import Presence
from simasgd.testbed.server.process import ServerProcess
from simasgd.testbed.system.clock import RunClock
from simasgd.testbed.system.gradients import NoGradients
from simasgd.testbed.system.messages import NOTHING, Report
from simasgd.testbed.system.pacing import FreePacing, Lateness

PAYLOAD = 350_000  # bytes
_CALLS, _WARM_UP = 300, 30


class Echo:
    """Answers calls with as many bytes as the verbs carry."""

    def __init__(self) -> None:
        self._parcel = np.zeros(PAYLOAD, np.uint8)

    def give(self) -> Any:
        """Return a parcel."""
        return self._parcel

    def take(self, parcel: Any) -> None:
        """Receive a parcel."""

    def nothing(self) -> None:
        """Do nothing."""


class Probe:
    """A learner's process that times its own calls."""

    def __init__(self, server: Process, echo: Process) -> None:
        self._server, self._echo = server, echo

    def measure(self, begin: float) -> dict[str, list[float]]:
        """Return the seconds of each call of Ray, and of each verb."""
        clock, parcel = RunClock(begin), np.zeros(PAYLOAD, np.uint8)
        copies = Copies(NoGradients(PAYLOAD))
        learner = RealLearner(0, NOTHING, self._server, copies, FreePacing(), clock, 0, 1.0, threading.Event(), may_crash=False)

        def push_one() -> None:
            gradient = take(learner.compute(Weights(0)))
            began = time.perf_counter()
            take(learner.push(gradient))
            pushes.append(time.perf_counter() - began)

        pushes: list[float] = []
        weights = take(learner.pull())
        found = {
            "Ray: no bytes": timed(lambda: self._echo.call("nothing")),
            "Ray: bytes back": timed(lambda: self._echo.call("give")),
            "Ray: bytes there": timed(lambda: self._echo.call("take", parcel)),
            "verb refresh": timed(lambda: take(learner.refresh(weights, 10**9))),
            "verb settle": timed(lambda: take(learner.settle())),
            "verb pull": timed(lambda: take(learner.pull())),
        }
        timed(push_one)
        return {**found, "verb push": pushes[_WARM_UP:]}


def take(verb: Iterator[Any]) -> Any:
    """Run a verb, which waits by itself, and return its value."""
    try:
        next(verb)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("a verb has yielded")


def timed(call: Callable[[], Any]) -> list[float]:
    """Return the seconds of calls, after some to warm up."""
    found = []
    for _ in range(_WARM_UP + _CALLS):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found[_WARM_UP:]


def main() -> None:
    """Print the medians, and the cost of recording."""
    tree = {
        "name": "overhead",
        "cluster": {"learners": 1, "profile": "ideal"},
        "workload": {"mini_batch": 1, "payload": f"{PAYLOAD} B"},
        "protocol": {"kind": "async"},
        "stop": {"updates": 10**9},
    }
    from simasgd.testbed.engine.ray_engine import RayEngine  # which the other benchmarks do without

    with RayEngine() as engine:
        server, echo, probe = engine.start(3)
        placed = [
            engine.place(server, ServerProcess, Scenario.from_layer(Layer(tree))),
            engine.place(echo, Echo),
            engine.place(probe, Probe, server, echo),
        ]
        for answer in placed:
            answer.get()
        found: dict[str, list[float]] = probe.call("measure", server.call("begin", 0.0, 0, {}))
    for name, seconds in found.items():
        print(f"{name:18}{1e6 * np.median(seconds):8.0f} µs (90 %: {1e6 * np.quantile(seconds, 0.9):.0f} µs)")
    cycle = np.median(found["verb pull"]) + np.median(found["verb push"])
    cost = recording_cost()
    print(f"recording{'':9}{1e6 * cost:8.1f} µs a gradient: {100 * cost / cycle:.2f} % of its pull and push")


def recording_cost() -> float:
    """Return the seconds that recording costs a gradient: activities, two reports and the tape's row."""
    activities, presence, recorder = Activities(0.0), Presence(1), TapeRecorder()
    count, late = 20_000, Lateness()
    began = time.perf_counter()
    for number in range(count):
        for activity in range(4):
            activities.begin(activity, 4.0 * number + activity + 1.0)
        for half in range(2):
            presence.take(Report(0, 0, 2 * number + half, number, number, 0, late, 0, 0, 0.0, activities.take()))
        recorder.step(float(number), number, (Gradient(0, number, number, 0.0, 0.0),))
    return (time.perf_counter() - began) / count
