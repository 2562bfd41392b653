"""Warnings of libraries, which mean nothing to a user of the command, are held back at its edge.

Errors are not: they are exceptions. What simasgd has to say to its users it says in messages and notes
of its own, never by a Python warning.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("absl", "jax", "matplotlib", "distributed", "ray")
_XLA = "TF_CPP_MIN_LOG_LEVEL"
_ERRORS_ONLY = "2"


@contextmanager
def without_library_warnings() -> Iterator[None]:
    """Hold back Python's warnings, warnings of libraries' loggers, and those of XLA, within this block.

    Processes that are started within it, such as a sweep's workers, inherit this. A user who asks for
    warnings with `python -W` or PYTHONWARNINGS gets them.
    """
    if sys.warnoptions:
        yield
        return
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    unset = {name: value for name, value in (("PYTHONWARNINGS", "ignore"), (_XLA, _ERRORS_ONLY)) if name not in os.environ}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.showwarning = _drop  # some libraries reset the filters
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.update(unset)
        try:
            yield
        finally:
            for name in unset:
                os.environ.pop(name, None)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _drop(*_: object, **__: object) -> None:
    """Show nothing."""
