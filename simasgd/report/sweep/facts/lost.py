"""What befell the settings of a sweep that count for nothing, in a few words."""

from __future__ import annotations

import pandas as pd

from simasgd.results.outcome import Outcome

NOT_LEARNED = (Outcome.DIVERGED, Outcome.FAILS)
"""The outcomes of runs that end at their stop, or would, and did not learn."""


def say_lost(settings: pd.DataFrame) -> str:
    """Return in a few words what befell the settings that count for nothing: `did not learn`, `did not finish or learn`."""
    lost = set(settings["gravest"][~settings["sound"]])
    not_learned = {str(outcome) for outcome in NOT_LEARNED}
    if lost <= not_learned:
        return "did not learn"
    return "did not finish or learn" if lost & not_learned else "did not finish"
