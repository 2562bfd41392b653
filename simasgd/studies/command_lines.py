"""The command line that repeats what was asked for in Python."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simasgd.storage.files import SCENARIO


def spell_command(
    verb: str, source: str | Path | Mapping[str, Any], arguments: Sequence[str], options: Mapping[str, Sequence[str]]
) -> str:
    """Return the command line of the same question; an option stands once for each of its values.

    A scenario of Python is in scenario.yaml of the results.
    """
    name = SCENARIO if isinstance(source, Mapping) else str(source)
    given = [word for option, values in options.items() for value in values for word in (option, value)]
    return shlex.join(["simasgd", verb, name, *arguments, *given])


def listed(value: str | Path | None) -> list[str]:
    """Return the values of an option that is given at most once."""
    return [] if value is None else [str(value)]
