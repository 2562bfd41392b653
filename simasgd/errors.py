"""Errors that the user sees.

SimasgdError
├── UsageError        the request is wrong: exit code 2
│   ├── ScenarioError     in a scenario, an override or a sweep axis
│   ├── DataMissing       the files of a data set are missing or wrong
│   └── ProtocolFault     a protocol of another package breaks a rule for roles
└── RunFailed         a run started and could not finish: exit code 1
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import final

from simasgd.printable import printable, shortened

_MOST = 20_000  # characters of a message, which may quote a file


def spell_install(extra: str) -> str:
    """Return the command that installs an optional part of simasgd here; an environment that uv made has no pip."""
    program = "uv pip" if find_spec("pip") is None else "pip"
    return f"{program} install 'simasgd[{extra}]'"


class SimasgdError(Exception):
    """Base of all errors that the user reads. Any other exception is a bug in simasgd.

    The message may quote a file of unknown origin, and is shown on a terminal. Control characters
    except line ends are therefore escaped.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(shortened(printable(message, keep="\n"), _MOST))


class UsageError(SimasgdError):
    """The request is wrong."""

    exit_code = 2


@final
class ScenarioError(UsageError):
    """A scenario, an override or a sweep axis is wrong; the text locates every mistake."""


@final
class DataMissing(UsageError):
    """The files of a data set are missing or wrong."""


@final
class ProtocolFault(UsageError):
    """A protocol of another package breaks a rule for roles.

    The text names the file, the line, the role and the verb.
    """


@final
class RunFailed(SimasgdError):
    """A run started and could not finish."""
