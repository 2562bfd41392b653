"""An early end of a recording: asked for in one thread, and made in another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from simasgd.testbed.driver.driver import AbstractDriver

_PATIENCE = 28.0  # seconds until the work is saved; a little less than `simasgd.signals` waits


@final
class EndRequest:
    """Lets the recording of one or several runs end early. `is_asked` says that it shall end."""

    def __init__(self) -> None:
        self.is_kept = False
        self._asked = threading.Event()
        self._over = threading.Event()
        self._has_begun = False
        self._driver: AbstractDriver | None = None
        self._lock = threading.Lock()

    @property
    def is_asked(self) -> bool:
        """Whether the recording shall end."""
        return self._asked.is_set()

    def ask(self) -> None:
        """End the run under way, and wait until what was recorded is kept. Before the first run nothing is waited for."""
        with self._lock:
            self._asked.set()
            if self._driver is not None:
                self._driver.interrupt()
            if not self._has_begun:
                return
        self._over.wait(_PATIENCE)

    @contextmanager
    def watching(self, driver: AbstractDriver) -> Iterator[None]:
        """Let `ask` end the run of a driver within this block."""
        with self._lock:
            self._driver, self._has_begun = driver, True
            if self.is_asked:
                driver.interrupt()
        try:
            yield
        finally:
            with self._lock:
                self._driver = None

    def finish(self, *, is_kept: bool) -> None:
        """Say that all is over, and whether something is kept. If the end was asked for, leave the rest to who asked."""
        self.is_kept = is_kept
        self._over.set()
        if self.is_asked:
            threading.Event().wait(2 * _PATIENCE)
