"""The programs in docs/logs.md turn what people have into logs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from simasgd.calibration.fit import calibrate
from simasgd.operations.log import OPERATIONS
from simasgd.operations.reading import read_log

PROGRAMS = re.findall(
    r"```python\n(.*?)```", Path(__file__).parents[2].joinpath("docs/logs.md").read_text(encoding="utf-8"), re.DOTALL
)


def run(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Run a program in a folder, and return the operations, times and learners of its log."""
    monkeypatch.chdir(folder)
    exec(compile(text, "docs/logs.md", "exec"), {})
    log = read_log([folder / "log.parquet"])
    operations = [list(OPERATIONS)[code] for code in log.operation]
    return pd.DataFrame({"learner": log.learner, "operation": operations, "seconds": log.seconds, "start": log.start})


def test_they_are_about_ten_lines_each() -> None:
    assert len(PROGRAMS) == 2
    assert all(text.count("\n") <= 11 for text in PROGRAMS)


def test_a_chrome_trace_becomes_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        {"ph": "X", "pid": 7, "tid": 1, "name": "forward_backward", "ts": 1000, "dur": 250},
        {"ph": "X", "pid": 7, "tid": 1, "name": "optimizer", "ts": 1250, "dur": 50},
        {"ph": "X", "pid": 3, "tid": 1, "name": "all_reduce", "ts": 2000, "dur": 500},
        {"ph": "X", "pid": 3, "tid": 1, "name": "print", "ts": 2000, "dur": 5},
        {"ph": "M", "pid": 3, "name": "process_name"},
    ]
    (tmp_path / "trace.json").write_text(json.dumps({"traceEvents": events}), encoding="utf-8")
    log = run(PROGRAMS[0], tmp_path, monkeypatch)
    assert log["learner"].tolist() == [0, 1, 1]
    assert log["operation"].tolist() == ["collective", "compute", "step"]
    assert log["seconds"].tolist() == pytest.approx([500e-6, 250e-6, 50e-6])
    assert log["start"].tolist() == pytest.approx([2e-3, 1e-3, 1.25e-3])


def test_a_table_of_operations_becomes_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        (0, 5, "forward-compute", 10.0, 0.1),
        (0, 5, "forward-send", 10.1, 0.2),
        (0, 5, "backward-compute", 10.5, 0.3),
        (1, 5, "forward-compute", 10.2, 0.25),
        (0, 6, "backward-compute", 11.0, 0.4),
    ]
    pd.DataFrame(rows, columns=["rank", "step", "optype", "start_ts", "duration"]).to_parquet(tmp_path / "operations.parquet")
    log = run(PROGRAMS[1], tmp_path, monkeypatch)
    assert log["learner"].tolist() == [0, 0, 1]
    assert log["seconds"].tolist() == pytest.approx([0.4, 0.4, 0.25])


def test_a_table_whose_steps_each_begin_at_zero_becomes_a_log_that_can_be_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(rank, step, "forward-compute", 0.05, 0.8 + 0.01 * step) for step in range(10, 0, -1) for rank in range(2)]
    pd.DataFrame(rows, columns=["rank", "step", "optype", "start_ts", "duration"]).to_parquet(tmp_path / "operations.parquet")
    log = run(PROGRAMS[1], tmp_path, monkeypatch)
    assert log["seconds"].tolist() == pytest.approx([0.8 + 0.01 * step for step in range(1, 11)] * 2)
    assert calibrate([tmp_path / "log.parquet"]).learners == ("0", "1")
