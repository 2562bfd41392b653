"""Precedence between values that rule each other out: the value from the later layer wins.

The checks themselves name such values and the one that decides (`Inconsistency.rivals`).
"""

from __future__ import annotations

from pydantic import ValidationError

from simasgd.scenario.vocabulary.merge import Layer, Origin, Path
from simasgd.scenario.vocabulary.section import InconsistentScenario


def drop_overruled(error: ValidationError, layer: Layer) -> Layer | None:
    """Return the layer without values that a later layer rules out; None if there are none."""
    changed = layer
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if not isinstance(cause, InconsistentScenario):
            continue
        for inconsistency in cause.found:
            for rival in inconsistency.rivals:
                loser, winner = (*detail["loc"], *rival.loser), (*detail["loc"], *rival.winner)
                if changed.has(loser) and _is_earlier(loser, winner, changed):
                    changed = changed.replace(loser, rival.instead)
    return None if changed is layer else changed


def _is_earlier(path: Path, other: Path, layer: Layer) -> bool:
    """Return whether the value at a path came from an earlier layer than the value at the other."""
    if not layer.has(other):
        return False
    # A value without a mark was given as a tree, not as text; all values of a profile have marks.
    first, second = _default_origin(layer.latest_origin_at(path)), _default_origin(layer.origin_at(other))
    return first < second


def _default_origin(origin: Origin | None) -> Origin:
    return Origin.SCENARIO if origin is None else origin
