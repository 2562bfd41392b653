"""What can go wrong, as the user sees it.

SimasgdError
├── UsageError        the request makes no sense: exit code 2
│   ├── ScenarioError     … because of a scenario, an override or a sweep axis
│   └── DataMissing       … because a data set's files are not there, or not what they should be
└── RunFailed         a run was begun and could not be finished: exit code 1
"""

from __future__ import annotations

from typing import final


class SimasgdError(Exception):
    """Base of all errors that are the user's to read; anything else is a bug of ours."""

    exit_code = 1


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
class RunFailed(SimasgdError):
    """A run was begun and could not be finished."""
