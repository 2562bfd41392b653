"""A process that simulates clocks for this one."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import final

from simasgd.protocols.foreign import is_found_by_kind
from simasgd.scenario.schema import Scenario
from simasgd.signals import held_back
from simasgd.tape.growing import Part
from simasgd.timing import Timing

_COMMAND = """
import pickle, sys
sys.path[:], driver = pickle.load(sys.stdin.buffer)
from simasgd.ahead.process import serve
serve(driver)
"""
_LOOK_EVERY = 0.1  # seconds between two reports of the progress


@final
class Helper:
    """A fresh process that simulates one clock at a time. It ends with this process, and leaves Ctrl-C to it.

    It needs neither shared memory nor the main module of this process. Nothing is written to disk:
    a tape comes through a pipe, which a thread of this process reads. Raises OSError if the process
    cannot be started.
    """

    def __init__(self) -> None:
        if not sys.executable or getattr(sys, "frozen", False):
            raise OSError("there is no Python interpreter to start")
        with held_back():
            self._process = subprocess.Popen([sys.executable, "-c", _COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="clock")
        try:
            self._reader.submit(int).result()
        except RuntimeError as error:  # there may be no further thread
            self.close()
            raise OSError(str(error)) from error
        self._first: tuple[list[str], int] | None = (sys.path, os.getpid())
        self._fraction = 0.0
        self._part: Part | None = None
        self._sends_parts = False
        self._answer: Future[Timing | None] | None = None

    @property
    def is_free(self) -> bool:
        """Whether no timing is under way, or waits to be taken."""
        return self._answer is None

    @property
    def is_done(self) -> bool:
        """Whether the timing that was begun waits to be taken."""
        return self._answer is not None and self._answer.done()

    def begin(self, scenario: Scenario, *, sends_parts: bool = False) -> None:
        """Begin to simulate the clock of a scenario; `sends_parts` says whether its tape is sent while it is written."""
        assert self._answer is None
        self._fraction, self._part, self._sends_parts = 0.0, None, sends_parts
        self._answer = self._reader.submit(self._ask, _pickled(scenario), sends_parts)

    @property
    def sends_parts(self) -> bool:
        """Whether the tape is sent while it is written."""
        return self._sends_parts

    @property
    def fraction(self) -> float:
        """The fraction of the clock that is done."""
        return self._fraction

    def wait(self) -> Part | None:
        """Wait a moment, or for the timing; return the tape so far if it has grown."""
        assert self._answer is not None
        with suppress(TimeoutError):
            self._answer.result(_LOOK_EVERY)
        part, self._part = self._part, None
        return part

    def take(self, progress: Callable[[float], None]) -> Timing | None:
        """Wait for the timing that is under way, and return it.

        Return None if the process could not simulate it, for whatever reason. `progress` is called with
        the fraction that is done.
        """
        assert self._answer is not None
        while True:
            try:
                found = self._answer.result(_LOOK_EVERY)
            except TimeoutError:
                progress(self._fraction)
                continue
            self._answer = self._part = None
            return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._reader.shutdown()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:  # what was still to be sent
                continue
        self._process.wait()

    def _ask(self, scenario: bytes | None, sends_parts: bool) -> Timing | None:
        if scenario is None:
            return None
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            if self._first is not None:
                pickle.dump(self._first, requests)
                self._first = None
            pickle.dump((scenario, sends_parts), requests)
            requests.flush()
            while isinstance(message := pickle.load(answers), float | Part):
                if isinstance(message, Part):
                    self._part = message  # in place of an earlier one that nobody took
                else:
                    self._fraction = message
        except (OSError, EOFError, MemoryError, pickle.PickleError):  # the process has ended, or was ended
            return None
        found: Timing | None = message
        return found


def _pickled(scenario: Scenario) -> bytes | None:
    """Return a scenario for the other process; None if that could not read it, or had to run a user's script for it.

    The thread that asks pickles it, since another thread waits for modules that this one imports.
    """
    if all(is_found_by_kind(one.protocol) for one in scenario.by_variant.values()):
        return pickle.dumps(scenario)
    return None
