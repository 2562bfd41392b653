"""Orderly ends by SIGINT, SIGTERM and SIGHUP: one line of text and exit status 128 + n.

n is the signal's number. Finished work is kept.

Python runs a signal handler in the main thread, between any two bytecodes. If XLA has called Python
back, an exception from the handler crosses XLA's frames. It then corrupts arrays or kills the
process. While XLA compiles, no handler runs. Therefore the handlers here do nothing. A thread reads
the signal's number (`signal.set_wakeup_fd`), saves the work and ends the process. The stack is not
unwound, because the files on disk are complete at any moment.
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

GOES_ON: Final = "the same command continues where it stopped"
STARTS_ANEW: Final = "nothing is saved yet, so the same command starts again"
_DEADLINE = 30.0  # seconds for the last actions; batch systems kill a process this long after SIGTERM
_PATIENCE = 2.0  # seconds until the user reads why the end takes long
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_last: list[Callable[[], None]] = []
_outlooks: list[Callable[[], str]] = []
_unbroken = threading.RLock()


@contextmanager
def done_last(action: Callable[[], None]) -> Iterator[None]:
    """Call `action` before a signal ends the process.

    It runs in another thread than the interrupted one.
    """
    _last.append(action)
    try:
        yield
    finally:
        _last.remove(action)


@contextmanager
def outlook(told: Callable[[], str]) -> Iterator[None]:
    """Tell the user what the same command will do after a signal: `told()`, or "" for nothing."""
    _outlooks.append(told)
    try:
        yield
    finally:
        _outlooks.remove(told)


@contextmanager
def unbroken() -> Iterator[None]:
    """Delay the effect of a signal until the end of this block."""
    with _unbroken:
        yield


@final
class Watch:
    """A watch that ends the process at a signal, from `start` to `stop`.

    Signals that were ignored before stay ignored.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._before: dict[int, Any] = {}
        self._wakeup = -1
        self._said = threading.Lock()

    def start(self) -> None:
        """Start to watch. Must be called in the main thread."""
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for name in _NAMES:
            number = signal.Signals.__members__.get(name)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _nothing)
        threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def stop(self) -> None:
        """Restore the previous signal handlers."""
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
            _write("simasgd: saving the work; another signal ends it at once")
            self._next(_DEADLINE - _PATIENCE)
        self._end(number)

    def _next(self, seconds: float | None) -> int | None:
        """Return the number of the next signal; None if none comes for `seconds`."""
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
        self._said.acquire()  # never released, so the message is printed once
        told = _outlooks[-1]() if _outlooks else ""
        _write(f"simasgd: ended by {signal.Signals(number).name}{f'; {told}' if told else ''}{problem}")
        os._exit(128 + number)


@contextmanager
def watched() -> Iterator[None]:
    """Let signals end the process within this block, in the main thread only."""
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
    """Block SIGINT in this thread, and in processes that it starts, until the block ends."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow(driver: int) -> None:
    """Leave Ctrl-C to the process `driver`, and end as soon as it has ended.

    A worker process calls this; `driver` has started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_follow, args=(driver,), name="driver", daemon=True).start()


def _follow(driver: int) -> None:
    if sys.platform == "win32":  # here the parent's number stays after its end
        import psutil

        with suppress(psutil.NoSuchProcess):
            psutil.Process(driver).wait()
    else:
        pause = threading.Event()
        while os.getppid() == driver:
            pause.wait(0.2)
    os._exit(1)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing: the thread of a `Watch` already has the signal's number."""


def _write(line: str) -> None:
    if os.isatty(2):  # show the cursor, which a progress bar hides, and leave its line
        line = f"\x1b[?25h\n{line}"
    with suppress(OSError):
        os.write(2, f"{line}\n".encode(errors="backslashreplace"))
