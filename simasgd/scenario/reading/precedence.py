"""A later layer's words win: what came from an earlier layer and cannot hold beside them gives way.

Which values rule each other out, and which of them decides, is said where they are checked (`Inconsistency.rivals`).
"""

from __future__ import annotations

from pydantic import ValidationError

from simasgd.scenario.vocabulary.merge import Layer, Origin, Path
from simasgd.scenario.vocabulary.section import InconsistentScenario


def drop_overruled(error: ValidationError, layer: Layer) -> Layer | None:
    """The layer without what gives way; None where nothing does, so that the mistakes are the user's."""
    changed = layer
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if not isinstance(cause, InconsistentScenario):
            continue
        for found in cause.found:
            for rival in found.rivals:
                loser, winner = (*detail["loc"], *rival.loser), (*detail["loc"], *rival.winner)
                if changed.has(loser) and _is_earlier(loser, winner, changed):
                    changed = changed.replaced(loser, rival.instead)
    return None if changed is layer else changed


def _is_earlier(path: Path, other: Path, layer: Layer) -> bool:
    """Whether the value at a path came from an earlier layer than that at the other."""
    if not layer.has(other):
        return False
    # What has no mark was given as a tree, not as text; all values of a profile have marks.
    first, second = _default_origin(layer.touched(path)), _default_origin(layer.decided(other))
    return first < second


def _default_origin(origin: Origin | None) -> Origin:
    return Origin.SCENARIO if origin is None else origin
