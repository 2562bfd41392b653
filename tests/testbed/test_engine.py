"""An engine starts processes, carries calls between them and ends them."""

from __future__ import annotations

import os
import time
from typing import final

import psutil
import pytest

from simasgd.testbed.engine.abstract import AbstractEngine, Process, ProcessLost


@final
class Neighbour:
    """An object that calls another one."""

    def __init__(self, other: Process | None) -> None:
        self._other = other

    def add(self, left: int, right: int) -> int:
        return left + right

    def delegate(self, left: int, right: int) -> int:
        assert self._other is not None
        total: int = self._other.call("add", left, right)
        return total

    def fail(self) -> None:
        raise LookupError("nothing here")


def test_processes_call_each_other_without_the_driver(engine: AbstractEngine) -> None:
    first, second = engine.start(2)
    places = [engine.place(first, Neighbour, None).get(), engine.place(second, Neighbour, first).get()]
    assert second.call("delegate", 2, 3) == 5
    assert len({os.getpid(), *(place.pid for place in places)}) == 3
    assert places[0].machine == places[1].machine
    engine.free([first, second])


def test_an_error_reaches_the_caller(engine: AbstractEngine) -> None:
    (process,) = engine.start(1)
    engine.place(process, Neighbour, None).get()
    with pytest.raises(LookupError, match="nothing here"):
        process.call("fail")
    engine.free([process])


def test_free_processes_are_used_again_with_a_new_object(engine: AbstractEngine) -> None:
    first = engine.start(2)
    before = {engine.place(process, Neighbour, None).get().pid for process in first}
    engine.free(first)
    again = engine.start(2)
    assert {engine.place(process, Neighbour, None).get().pid for process in again} == before
    engine.free(again)


def test_a_killed_process_is_gone_and_its_callers_hear_of_it(engine: AbstractEngine) -> None:
    (process,) = engine.start(1)
    pid = engine.place(process, Neighbour, None).get().pid
    engine.kill(process)
    with pytest.raises(ProcessLost):
        process.call("add", 1, 1)
    deadline = time.monotonic() + 10.0
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(pid)
