"""The studies and runs that an index lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from simasgd.queries.briefs import BriefWithCurve


@final
@dataclass(frozen=True)
class RunEntry:
    """A run: its `path` below the index's folder, what `names` it in its study, and whether it has a page of its own."""

    path: str
    names: str
    variant: str
    has_page: bool
    brief: BriefWithCurve


@final
@dataclass(frozen=True)
class StudyEntry:
    """The results of one command.

    path      of its folder, below the index's
    kind      a run, a measured run, a comparison, a sweep, advice or a validation
    verdict   the sentences at the top of its page; "" if nobody wrote any
    written   when, in seconds since 1970
    runs      all its runs; none for a validation
    """

    path: str
    kind: str
    verdict: str
    has_page: bool
    written: float
    runs: Sequence[RunEntry]
