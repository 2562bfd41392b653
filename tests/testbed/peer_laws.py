"""The law of each protocol without a parameter server, on a tape of three learners and a period of 2 or 3 steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from simasgd.tape.mixing import NOBODY, NONE, Mixing
from simasgd.tape.tape import Tape
from tests.protocols.table import ROWS

LEARNERS = 3
SECTIONS: dict[str, dict[str, Any]] = {
    **{kind: row.typical for kind, row in ROWS.items() if row.serverless},
    "all-reduce": {"kind": "all-reduce"},
    "local-sgd with states": {"kind": "local-sgd", "steps": 4, "average_momentum": True},
}
"""The protocols without a server, as the test-bed can run them."""


def mixing_of(tape: Tape) -> Mixing:
    """Return the columns of models."""
    assert tape.mixing is not None
    return tape.mixing


def own_rows(tape: Tape, learner: int) -> str:
    """Return what happens to a learner's model, in order: s for a step, m for a mix."""
    mixing = mixing_of(tape)
    rows = np.flatnonzero(mixing.owner == learner)
    return "".join("s" if step else "m" for step in np.diff(tape.offsets)[rows])


def check_all_reduce(tape: Tape) -> None:
    """Check that every step has one gradient of each learner, on the newest model."""
    assert tape.mixing is None
    assert (tape.learner.reshape(-1, LEARNERS) == np.arange(LEARNERS)).all()
    assert (tape.timestamp == tape.step).all()


def check_local_sgd(tape: Tape, steps: int) -> None:
    """Check that each learner makes its steps between two means, and that all hold the same model after a mean."""
    mixing = mixing_of(tape)
    means = np.flatnonzero(mixing.owner == NOBODY).reshape(-1, LEARNERS - 1)
    assert len(means) > 1
    for number, rows in enumerate(means):
        assert rows[-1] - rows[0] == LEARNERS - 2  # in one go
        before = tape.learner[: tape.offsets[rows[0]]]
        assert (np.bincount(before, minlength=LEARNERS) == (number + 1) * steps).all()
        adopted = mixing.holder[mixing.held == rows[-1] + 1]
        assert len(set(adopted.tolist())) == len(adopted)
        assert len(adopted) == LEARNERS or number == len(means) - 1


def check_gossip_pull(tape: Tape) -> None:
    """Check that a learner mixes in a model that another one held before every two steps."""
    mixing = mixing_of(tape)
    for learner in range(LEARNERS):
        rows = own_rows(tape, learner)
        assert rows == ("mss" * len(rows))[: len(rows)]
    mixed = np.flatnonzero(mixing.age != NONE)
    assert (mixing.base_share[mixed] == 0.5).all()
    assert all(
        mixing.owner[other - 1] != mixing.owner[row] for row, other in zip(mixed, mixing.other[mixed], strict=True) if other
    )


def check_gossip_push(tape: Tape) -> None:
    """Check that no model is mixed in twice, and none by the learner that sent it."""
    mixing = mixing_of(tape)
    mixed = np.flatnonzero(mixing.age != NONE)
    others = [other for other in mixing.other[mixed].tolist() if other]
    assert len(mixed) > 10
    assert len(set(others)) == len(others)
    assert all(mixing.owner[mixing.other[row] - 1] != mixing.owner[row] for row in mixed.tolist() if mixing.other[row])


def check_easgd(tape: Tape) -> None:
    """Check that each difference moves the centre once and its learner once, but for those under way."""
    mixing = mixing_of(tape)
    made = set((np.flatnonzero(mixing.owner == NOBODY) + 1).tolist())
    added = Counter(mixing.other[mixing.owner == LEARNERS].tolist())
    subtracted = Counter(mixing.other[mixing.other_share == -1.0].tolist())
    assert len(made) > 10
    for moves in (added, subtracted):
        assert set(moves.values()) == {1}
        assert moves.keys() <= made
        assert len(made) - len(moves) <= LEARNERS
    for learner in range(LEARNERS):  # a difference is subtracted after the first of its steps
        assert own_rows(tape, learner).startswith("sms")


def check_easgd_sync(tape: Tape) -> None:
    """Check that the centre moves by one difference of each learner at once, made of the centre that it moves."""
    mixing = mixing_of(tape)
    check_easgd(tape)
    moves = np.flatnonzero(mixing.owner == LEARNERS).reshape(-1, LEARNERS)
    assert (moves[:, -1] - moves[:, 0] == LEARNERS - 1).all()
    assert (mixing.age[moves] == 0).all()


def check_pairs(tape: Tape) -> None:
    """Check that both sides of an exchange move by the same difference, but for exchanges under way.

    Whoever asked mixes y into x, or subtracts a difference of x and y if x has changed meanwhile.
    """
    mixing = mixing_of(tape)
    is_direct = (mixing.age != NONE) & (mixing.other_share > 0.0)
    sides = Counter(_pairs(mixing, is_direct | (mixing.owner == NOBODY)))
    unmatched = [(base, other) for base, other in sides if not sides[other, base]]
    assert sides.total() > 20
    assert len(unmatched) <= LEARNERS


def _pairs(mixing: Mixing, rows: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(mixing.base[rows].tolist(), mixing.other[rows].tolist(), strict=True))


def check_ad_psgd(tape: Tape) -> None:
    """Check that learners of even number exchange with those of odd number only."""
    mixing = mixing_of(tape)
    mixed = [row for row in np.flatnonzero(mixing.age != NONE).tolist() if mixing.other[row] and mixing.other_share[row] > 0.0]
    assert len(mixed) > 10
    assert all((mixing.owner[row] - mixing.owner[mixing.other[row] - 1]) % 2 == 1 for row in mixed)


def check_push_sum(tape: Tape, oldest: int) -> None:
    """Check that shares add up to 1, and that no model is older than the protocol lets it be."""
    mixing = mixing_of(tape)
    mixed = mixing.age != NONE
    assert mixed.sum() > 10
    assert np.allclose(mixing.base_share[mixed] + mixing.other_share[mixed], 1.0, rtol=1e-12)
    assert mixing.age.max() <= oldest


LAWS: dict[str, Callable[[Tape], None]] = {
    "all-reduce": check_all_reduce,
    "local-sgd": lambda tape: check_local_sgd(tape, 3),
    "local-sgd with states": lambda tape: check_local_sgd(tape, 4),
    "gossip-pull": check_gossip_pull,
    "gossip-push": check_gossip_push,
    "easgd": check_easgd,
    "easgd-sync": check_easgd_sync,
    "elastic-gossip": check_pairs,
    "ad-psgd": check_ad_psgd,
    "sgp": lambda tape: check_push_sum(tape, 1),
    "overlap-sgp": lambda tape: check_push_sum(tape, 60),
}
