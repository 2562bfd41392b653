"""The other process: it simulates the clocks that its driver asks for, one after another."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

from simasgd.signals import follow
from simasgd.timing import Sending, simulate_timing


def serve(driver: int) -> None:
    """Answer requests from the standard input until it ends. The process `driver` sends them.

    A request holds a pickled scenario, and a flag that asks for parts of the tape. The answers to a
    request are numbers, each the fraction of the clock that is done, and parts of the tape if the
    request asks for them. The last answer is the timing, or None if the simulation failed.
    Whatever else is printed goes to the standard error.
    """
    follow(driver)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(message: Any) -> None:
        try:
            pickle.dump(message, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:  # the driver has ended
            os._exit(1)

    while True:
        try:
            request, wants_parts = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            sending = Sending(send) if wants_parts else None
            answer = simulate_timing(pickle.loads(request), lambda _, fraction: send(fraction), sending=sending)
        except Exception:  # noqa: BLE001  # the driver simulates the clock itself, and says what is wrong
            answer = None
        send(answer)
