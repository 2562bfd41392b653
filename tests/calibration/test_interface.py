"""The server's interface, found from messages of one size that overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simasgd.calibration.interface_fit import InterfaceFit
from simasgd.calibration.profile import build_profile
from tests.calibration.test_times import fitted

MESSAGES, SIZE, OCCUPIED, LATENCY = 600, 350e3, 1.2e-3, 1.5e-3


def fit(folder: Path, duplex: str, occupied: float, gap: float = 4e-3) -> tuple[InterfaceFit | None, dict[str, Any]]:
    """Fit messages that arrive at random, `gap` (s) apart on average, at an interface that serves them one by one."""
    random = np.random.default_rng(1)
    start = np.cumsum(random.exponential(gap, MESSAGES))
    pulls = random.random(MESSAGES) < 0.5
    free, end = {True: 0.0, False: 0.0}, np.empty(MESSAGES)
    for number, (begin, pull) in enumerate(zip(start, pulls, strict=True)):
        queue = bool(pull) and duplex == "full"
        free[queue] = end[number] = max(begin, free[queue]) + occupied
    seconds = end - start + LATENCY + random.exponential(2e-4, MESSAGES)
    found = fitted(
        folder,
        operation=["compute"] * 40 + np.where(pulls, "pull", "push").tolist(),
        start=np.concatenate([np.arange(40.0), start]),
        seconds=np.concatenate([0.1 * (1 + 0.1 * random.random(40)), seconds]),
        bytes=np.concatenate([np.full(40, np.nan), np.full(MESSAGES, SIZE)]),
    )
    return found.interface, build_profile(found, "list")["cluster"]


@pytest.mark.parametrize("duplex", ["half", "full"])
def test_latency_and_occupancy_are_told_apart(duplex: str, tmp_path: Path) -> None:
    interface, cluster = fit(tmp_path, duplex, OCCUPIED)
    assert interface is not None
    assert interface.duplex == duplex
    assert interface.occupied.value == pytest.approx(OCCUPIED, rel=0.05)
    assert interface.latency.value == pytest.approx(LATENCY + 2e-4, rel=0.05)
    assert interface.occupied.error < 0.1 * OCCUPIED
    assert cluster["server"]["duplex"] == duplex
    assert cluster["network"]["bandwidth"] == "unlimited"


def test_messages_that_do_not_delay_each_other_have_no_interface(tmp_path: Path) -> None:
    interface, cluster = fit(tmp_path, "half", 0.0)
    assert interface is None
    assert cluster["network"]["bandwidth"] != "unlimited"


def test_messages_that_do_not_overlap_tell_nothing(tmp_path: Path) -> None:
    assert fit(tmp_path, "half", OCCUPIED, gap=1.0)[0] is None
