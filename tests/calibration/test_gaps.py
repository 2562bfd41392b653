"""What a log does not tell is said first, with what to add to the log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from simasgd.calibration.fit import Calibration, calibrate
from simasgd.report.calibration.blocks import describe_log, state_fit

TIMES = 0.1 * np.random.default_rng(8).gamma(25.0, 1 / 25.0, 60)


def fitted(folder: Path, messages: int, **columns: object) -> Calibration:
    """Fit a log of computations, pushes of 2 ms and updates of 1 ms."""
    operation = ["compute"] * 60 + ["push"] * messages + ["update"] * 5
    seconds = np.concatenate([TIMES, np.full(messages, 0.002), np.full(5, 0.001)])
    path = folder / "log.parquet"
    pd.DataFrame({"operation": operation, "seconds": seconds, **columns}).to_parquet(path)
    return calibrate([path])


def test_messages_without_sizes_are_the_first_gap(tmp_path: Path) -> None:
    fit = fitted(tmp_path, 40)
    assert fit.remarks[0].startswith("The log has 40 pulls and pushes, 2 ms each on average, but not their sizes.")
    assert "messages take no time (latency 0 s, bandwidth unlimited). Add the column bytes" in fit.remarks[0]
    assert "The network is unknown" in state_fit(fit)
    assert ("Messages", "40, none with a size") in describe_log(fit)


def test_a_log_without_messages_says_which_rows_to_add(tmp_path: Path) -> None:
    fit = fitted(tmp_path, 0)
    assert fit.remarks[0].startswith("The log has no pulls and pushes, so the network is unknown")
    assert ("Messages", "none") in describe_log(fit)


def test_with_sizes_the_servers_interface_is_the_gap(tmp_path: Path) -> None:
    sizes = np.concatenate([np.full(60, np.nan), np.tile([1e6, 2e6], 20), np.full(5, np.nan)])
    fit = fitted(tmp_path, 40, bytes=sizes)
    assert fit.remarks[0].startswith("The log does not tell the server's interface from the learners' links")
    assert "network" not in state_fit(fit)


def test_updates_that_take_no_time_are_a_gap(tmp_path: Path) -> None:
    pd.DataFrame({"seconds": TIMES}).to_parquet(tmp_path / "log.parquet")
    fit = calibrate([tmp_path / "log.parquet"])
    assert fit.remarks[1] == "The log has no updates that take time: in the profile they take none (server.update: 0 s)."
