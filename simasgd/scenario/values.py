"""Plain values as the user would have written them."""

from __future__ import annotations

import math
from typing import Any


def shown(value: Any) -> str:
    """A value as the user would have written it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return repr(value)
