"""Which steps are made in blocks, and which one by one, is a function of the plan."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.learning.players.entries import Entries

GENERATOR = np.random.default_rng(0)
OF_WAVES = np.concatenate([[0], np.cumsum(GENERATOR.integers(1, 9, 200))])


def blocks_of(bounds, block, entries, chunk, stops):
    """Return the bounds at which blocks begin, on a walk from the first step to the last of the stops."""
    found, done = [], 0
    for stop in stops:
        entry = entries.before(stop)
        while done < entry:
            until = entries.end_of_chunk(done, chunk, entry)
            assert done < until <= entry
            first, last = np.searchsorted(bounds, [done, until])
            found += bounds[first : last - block + 1 : block].tolist()
            done = until
    return found


@pytest.mark.parametrize(("bounds", "block"), [(OF_WAVES, 16), (np.arange(901), 2)], ids=["waves", "steps"])
def test_any_chunks_and_stops_give_the_same_blocks(bounds, block):
    end, cuts = int(bounds[-1]), bounds[[0, 37, 90, 100, 171, len(bounds) - 1]]
    entries = Entries(bounds, cuts, block)
    expected = [
        int(bounds[begin])
        for first, last in np.searchsorted(bounds, np.stack([cuts[:-1], cuts[1:]], axis=1)).tolist()
        for begin in range(first, last - block + 1, block)
    ]
    assert len(expected) > 7
    for chunk in (1, 50, 256, 10_000):
        for stops in ([end], sorted({*cuts.tolist(), *GENERATOR.integers(1, end, 30).tolist(), end})):
            assert blocks_of(bounds, block, entries, chunk, stops) == expected


def test_a_search_ends_where_no_entry_is_between():
    entries = Entries(np.arange(0, 100, 3), np.array([99]), 16)
    assert [entries.before(stop) for stop in (0, 47, 48, 98, 99)] == [0, 0, 48, 96, 99]
    assert [entries.between(*pair) for pair in ((0, 48), (0, 49), (0, 100), (96, 99))] == [None, 48, 96, None]
