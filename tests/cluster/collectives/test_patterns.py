"""The patterns of messages: who sends what to whom, and who has what in the end."""

from __future__ import annotations

from itertools import product
from math import ceil, log2

import pytest

from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.scenario.cluster.collective import HalvingDoubling, RingCollective
from tests.cluster.collectives.ranks import by_kind, by_operation, lower


@by_kind
@by_operation
def test_a_rank_sends_and_receives_one_message_a_round(kind, operation):
    for p, per_node in product(range(1, 18), [1, 2, 3, 20]):
        for one in operation(kind, p, per_node):
            assert len(one.source) == len(one.target) == len(one.share) > 0
            assert len(set(one.source)) == len(set(one.target)) == len(one.source)
            assert (one.source != one.target).all()


@by_kind
def test_sums_reach_everybody_and_hold_each_payload_once(kind):
    """Return for every piece of every payload the set of ranks whose contributions it sums up."""
    for p, per_node in product(range(2, 18), [2, 3, 20]):
        pieces, sent = _pieces(kind, p, per_node)
        held = [[frozenset([rank])] * pieces for rank in range(p)]
        step = 0
        for one in reduction(kind, p, per_node):
            before = [list(mine) for mine in held]
            for source, target, share in zip(*(column.tolist() for column in one), strict=True):
                chosen = range(pieces) if share == 1.0 else sent(source, target, share, step)
                assert len(chosen) == pytest.approx(share * pieces)
                for piece in chosen:
                    mine, theirs = before[target][piece], before[source][piece]
                    assert mine.isdisjoint(theirs) or mine <= theirs  # added, or replaced by the total
                    held[target][piece] = mine | theirs
            step += one.share[0] < 1.0
        assert held == [[frozenset(range(p))] * pieces] * p


def _pieces(kind, p, per_node):
    """Into how many pieces a payload is cut, and which of them a message carries in a step that does not carry all."""
    if isinstance(kind, HalvingDoubling):
        steps = int(log2(p))

        def halved(source, target, share, step):
            period = round(1 / share)  # who is that far from another sums up what the other does
            return range((target if step < steps else source) % period, lower(p), period)

        return lower(p), halved
    members = 1 if isinstance(kind, RingCollective) else per_node
    parts = ceil(p / members)
    return parts, lambda source, target, share, step: [(source // members - step) % parts]


@by_kind
def test_gathered_payloads_reach_everybody(kind):
    """A message carries all that its sender has, or in a ring what came to it last."""
    for p, per_node in product(range(1, 18), [2, 3, 20]):
        held = [frozenset([rank]) for rank in range(p)]
        latest = list(held)
        for one in gathering(kind, p, per_node):
            before, passed_on = list(held), list(latest)
            for source, target, share in zip(*(column.tolist() for column in one), strict=True):
                message = before[source] if len(before[source]) == share else passed_on[source]
                assert len(message) == share
                held[target], latest[target] = before[target] | message, message
        assert held == [frozenset(range(p))] * p
