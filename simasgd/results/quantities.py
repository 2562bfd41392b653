"""Numbers in the files of results, with their ranges, and the names of activities."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Amount = Annotated[float, Field(ge=0.0)]
"""Seconds, bytes, a rate or a mean number.

A slow learner may need more than 1e40 s, so only infinity is refused.
"""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
TimeFraction = Annotated[float, Field(ge=0.0, le=1.0 + 1e-6)]
"""A fraction of a time: a quotient of two sums, which rounding may push beyond 1."""
WholeNumber = Annotated[int, Field(ge=0, le=2**62)]
TIMES = ("compute", "push", "wait", "pull", "idle")
"""The activities of a learner's thread."""
COST_TIMES = ("step", "mix", "copy", "launch")
"""Further activities, which only costs bring about (`cluster.costs`)."""
LOST_TIMES = ("down", "resend", "timeout", "pause")
"""Parts of the critical path in which nothing works, mostly because of faults."""
