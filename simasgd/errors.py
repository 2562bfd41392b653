"""What can go wrong, as the user sees it.

SimasgdError
├── UsageError        the request makes no sense: exit code 2
│   ├── ScenarioError     … because of a scenario, an override or a sweep axis
│   ├── DataMissing       … because a data set's files are not there, or not what they should be
│   └── ProtocolFault     … because a protocol of another package does what no role may do
└── RunFailed         a run was begun and could not be finished: exit code 1
"""

from __future__ import annotations

from typing import final

from simasgd.printable import printable, shortened

_MOST = 20_000  # characters of a message: bounds what quotes a foreign file


class SimasgdError(Exception):
    """Base of all errors that are the user's to read; anything else is a bug of ours.

    The message may quote a foreign file, and is shown on a terminal: control characters are escaped, but for the ends of lines.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(shortened(printable(message, keep="\n"), _MOST))


class UsageError(SimasgdError):
    """The request makes no sense."""

    exit_code = 2


@final
class ScenarioError(UsageError):
    """A scenario, an override or a sweep axis is wrong; the text names the place of every mistake."""


@final
class DataMissing(UsageError):
    """A data set's files are not there, or not what they should be."""


@final
class ProtocolFault(UsageError):
    """A protocol of another package does what no role may do; the text names its file, line, role and verb."""


@final
class RunFailed(SimasgdError):
    """A run was begun and could not be finished."""
