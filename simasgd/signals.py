"""How SIGINT, SIGTERM and SIGHUP end the program: one line, everything done is kept, exit status 128 + the signal's number.

Python runs a signal handler in the main thread, between any two bytecodes. An exception raised there crosses XLA's frames
when XLA calls Python back: it corrupts arrays or kills the process. And while XLA compiles, no handler runs. So the
handlers here do nothing, and a thread reads the numbers of the signals (`signal.set_wakeup_fd`), saves what there is, and
ends the process. Nothing is unwound: whatever is on disk is whole at any moment.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, final

from simasgd.errors import SimasgdError

GOES_ON: Final = "the same command goes on where it stopped"
STARTS_ANEW: Final = "nothing is kept yet, so the same command starts anew"
_DEADLINE = 30.0  # seconds for what is done last; batch systems kill a process so long after SIGTERM
_PATIENCE = 2.0  # seconds until the user is told what takes so long
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_last: list[Callable[[], None]] = []
_outlooks: list[Callable[[], str]] = []
_unbroken = threading.RLock()


@contextmanager
def done_last(action: Callable[[], None]) -> Iterator[None]:
    """Call `action` before a signal ends the process, in a thread beside the one that is interrupted."""
    _last.append(action)
    try:
        yield
    finally:
        _last.remove(action)


@contextmanager
def outlook(told: Callable[[], str]) -> Iterator[None]:
    """Tell the user `told()` when a signal ends the process: what the same command will do ("" for nothing)."""
    _outlooks.append(told)
    try:
        yield
    finally:
        _outlooks.remove(told)


@contextmanager
def unbroken() -> Iterator[None]:
    """Let a signal wait for the end of this block."""
    with _unbroken:
        yield


@final
class Watch:
    """Ends the process when a signal comes, from `start` to `stop`. Signals that were ignored before stay so."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._before: dict[int, Any] = {}
        self._wakeup = -1
        self._said = threading.Lock()

    def start(self) -> None:
        """Begin; in the main thread only."""
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for name in _NAMES:
            number = signal.Signals.__members__.get(name)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _nothing)
        threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def stop(self) -> None:
        """Leave the signals to those who had them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._writer.send(b"\0")

    def _wait(self) -> None:
        while (number := self._next(None)) is not None and number not in self._before:
            if number == 0:
                self._reader.close()
                return
        assert number is not None
        threading.Thread(target=self._finish, args=(number,), daemon=True).start()
        if self._next(_PATIENCE) is None:
            _write("simasgd: saving what there is; another signal ends it at once")
            self._next(_DEADLINE - _PATIENCE)
        self._end(number)

    def _next(self, seconds: float | None) -> int | None:
        """The number of the next signal; None if there is none for so long."""
        self._reader.settimeout(seconds)
        try:
            return self._reader.recv(1)[0]
        except TimeoutError:
            return None

    def _finish(self, number: int) -> None:
        problem = ""
        for action in reversed(_last):
            try:
                action()
            except SimasgdError as error:
                problem = f" ({error})"
        with _unbroken:
            self._end(number, problem)

    def _end(self, number: int, problem: str = "") -> None:
        self._said.acquire()  # for good: the message is said once
        told = _outlooks[-1]() if _outlooks else ""
        _write(f"simasgd: ended by {signal.Signals(number).name}{f'; {told}' if told else ''}{problem}")
        os._exit(128 + number)


@contextmanager
def watched() -> Iterator[None]:
    """Let signals end the process within this block; the block of another thread than the main one is not watched."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is _nothing:
        yield
        return
    watch = Watch()
    watch.start()
    try:
        yield
    finally:
        watch.stop()


@contextmanager
def held_back() -> Iterator[None]:
    """Let no signal reach this thread, nor processes that it starts, within the block; where it has come it comes after."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow(driver: int) -> None:
    """In a worker process: leave Ctrl-C to the process `driver` that started this one, and end as soon as it has."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_follow, args=(driver,), name="driver", daemon=True).start()


def _follow(driver: int) -> None:
    if sys.platform == "win32":  # where a process that has ended stays the parent
        import psutil

        with suppress(psutil.NoSuchProcess):
            psutil.Process(driver).wait()
    else:
        pause = threading.Event()
        while os.getppid() == driver:
            pause.wait(0.2)
    os._exit(1)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Handles a signal: the thread of a `Watch` has its number already."""


def _write(line: str) -> None:
    if os.isatty(2):  # the cursor, which a progress bar hides, and the line that it is on
        line = f"\x1b[?25h\n{line}"
    with suppress(OSError):
        os.write(2, f"{line}\n".encode(errors="backslashreplace"))
