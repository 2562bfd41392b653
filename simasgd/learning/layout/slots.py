"""Slots: places for the values that a loop still needs. A slot is reused when its value is not needed any longer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped

from simasgd.tape.arrays import Ints

_SLOTS_BY = 4  # the number of slots is rounded up to a multiple, so that similar tapes share a compiled program


def assign_slots(steps: int, versions: Shaped[Ints, "R L"], read_in: Shaped[Ints, " R"]) -> tuple[Shaped[Ints, " U+1"], int]:
    """Return the slot of each version and the number of slots, by linear scan over lifetimes.

    Read r takes `versions[r]` when step `read_in[r]` begins. A version lives from the step that
    makes it to the last step that reads it. A version that is never read goes to the last slot.
    """
    last_read = np.full(steps + 1, -1)
    np.maximum.at(last_read, versions, np.broadcast_to(read_in[:, None], versions.shape))
    order, last = np.argsort(last_read, kind="stable").tolist(), last_read.tolist()
    slots = [-1] * (steps + 1)
    free: list[int] = []
    used = 0
    dead = last.count(-1)  # the number of versions, in order, that are no longer needed
    for version, end in enumerate(last):
        while dead <= steps and last[order[dead]] < version:  # step `version` − 1 reads first, then writes
            free.append(slots[order[dead]])
            dead += 1
        if end >= 0:
            if free:
                slots[version] = free.pop()
            else:
                slots[version], used = used, used + 1
    num_slots = -(-(used + 1) // _SLOTS_BY) * _SLOTS_BY
    result = np.array(slots)
    result[result < 0] = num_slots - 1
    return result, num_slots
