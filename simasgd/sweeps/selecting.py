"""The combinations of a sweep's values for which a condition is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from simasgd.errors import ScenarioError
from simasgd.sweeps.axes import Axis, combinations, read_quantity

_EXAMPLE = "--only 'learners * mini_batch == 128'"


def select(axes: Sequence[Axis], only: str) -> list[tuple[str, ...]]:
    """Return the combinations for which a condition over the swept keys is true.

    The last part of a key is its name in the condition; two keys with the same one have none. Quantities are in seconds,
    bytes and bytes per second. Raises UsageError if the condition is wrong, and ScenarioError if it is never true.
    """
    import pandas as pd

    from simasgd.queries.conditions import find_true

    every = combinations(axes)
    short = Counter(key.rpartition(".")[2] for axis in axes for key in axis.keys)
    columns = {
        key.rpartition(".")[2]: [read_quantity(axis.parts_of(values[place])[part]) for values in every]
        for place, axis in enumerate(axes)
        for part, key in enumerate(axis.keys)
        if short[key.rpartition(".")[2]] == 1
    }
    is_true = find_true(pd.DataFrame(columns), only, "--only", _EXAMPLE)
    chosen = [values for values, is_chosen in zip(every, is_true, strict=True) if is_chosen]
    if not chosen:
        raise ScenarioError(f"argument: only: no combination of the values fulfils {only!r}")
    return chosen
