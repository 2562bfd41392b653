"""A log is read from CSV and Parquet, from one file or several, in any unit and order."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simasgd.operations.log import OPERATIONS, OperationLog
from simasgd.operations.reading import read_log

ROWS = pd.DataFrame(
    {
        "learner": [1, 0, 1, 0, None],
        "operation": ["compute", "compute", "push", "pull", "update"],
        "milliseconds": [20.0, 10.0, 5.0, 4.0, 1.0],
        "start_milliseconds": [0.0, 0.0, 20.0, 10.0, 25.0],
        "mini_batch": [32, 16, None, None, None],
        "bytes": [None, None, 1000, 2000, None],
        "version": [0, 0, None, 1, 1],
    }
).astype({"learner": "Int64"})


def written(folder: Path, form: str, rows: pd.DataFrame = ROWS, name: str = "log") -> Path:
    path = folder / f"{name}.{form}"
    rows.to_parquet(path) if form in ("parquet", "pq") else rows.to_csv(path, index=False)
    return path


def words(log: OperationLog) -> list[str]:
    return [list(OPERATIONS)[code] for code in log.operation]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet", "pq"])
def test_rows_come_in_order_of_learner_and_time_in_seconds(form: str, tmp_path: Path) -> None:
    log = read_log([written(tmp_path, form)])
    assert log.learners == ("0", "1")
    assert log.learner.tolist() == [-1, 0, 0, 1, 1]
    assert words(log) == ["update", "compute", "pull", "compute", "push"]
    assert log.seconds.tolist() == pytest.approx([0.001, 0.01, 0.004, 0.02, 0.005])
    assert log.start is not None
    assert log.start.tolist() == pytest.approx([0.025, 0.0, 0.01, 0.0, 0.02])
    np.testing.assert_array_equal(log.mini_batch, [np.nan, 16, np.nan, 32, np.nan])
    np.testing.assert_array_equal(log.bytes, [np.nan, np.nan, 2000, np.nan, 1000])
    np.testing.assert_array_equal(log.version, [1, 0, 1, 0, np.nan])
    assert log.batch is None
    assert log.remarks == ()
    assert log.rows("compute").tolist() == [1, 3]


def test_a_column_of_seconds_is_a_log_of_one_learner(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text("seconds\n0.25\n\n1e-3\n", encoding="utf-8")
    log = read_log([path])
    assert (log.learners, log.seconds.tolist(), words(log)) == (("0",), [0.25, 0.001], ["compute", "compute"])
    assert log.start is None


@pytest.mark.parametrize(
    ("column", "seconds"), [("seconds", 8.0), ("milliseconds", 8e-3), ("microseconds", 8e-6), ("nanoseconds", 8e-9)]
)
def test_the_duration_has_any_of_four_units(column: str, seconds: float, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"{column}\n8\n", encoding="utf-8")
    assert read_log([tmp_path / "log.csv"]).seconds.tolist() == pytest.approx([seconds])


def test_several_files_are_one_log(tmp_path: Path) -> None:
    halves = [written(tmp_path, form, part, form) for form, part in (("csv", ROWS[:3]), ("parquet", ROWS[3:]))]
    both, whole = read_log(halves), read_log([written(tmp_path, "csv")])
    for name in ("learner", "operation", "seconds", "start", "mini_batch", "bytes", "version"):
        np.testing.assert_array_equal(getattr(both, name), getattr(whole, name))


def test_files_may_have_different_columns(tmp_path: Path) -> None:
    first = written(tmp_path, "csv", pd.DataFrame({"learner": ["a", "b"], "seconds": [1.0, 2.0], "mini_batch": [4, 4]}), "1")
    second = written(
        tmp_path, "csv", pd.DataFrame({"learner": ["a"], "operation": ["push"], "seconds": [3.0], "bytes": [8]}), "2"
    )
    log = read_log([first, second])
    assert words(log) == ["compute", "push", "compute"]
    np.testing.assert_array_equal(log.mini_batch, [4, np.nan, 4])
    np.testing.assert_array_equal(log.bytes, [np.nan, 8, np.nan])


def test_files_without_learners_are_one_learner_each(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "csv", pd.DataFrame({"seconds": [second, second]}), name) for name, second in (("r1", 1), ("r0", 2))
    ]
    log = read_log(files)
    assert log.learners == ("r0", "r1")
    assert log.seconds.tolist() == [2.0, 2.0, 1.0, 1.0]


def test_learners_are_in_order_of_their_numbers_then_of_their_names(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", pd.DataFrame({"learner": ["gpu", "10", "9"], "seconds": [1.0, 2.0, 3.0]}))
    assert read_log([path]).learners == ("9", "10", "gpu")


def test_rows_without_a_start_keep_their_order(tmp_path: Path) -> None:
    rows = pd.DataFrame({"learner": [1, 0] * 50, "seconds": np.arange(1.0, 101.0)})
    log = read_log([written(tmp_path, "csv", rows)])
    assert log.seconds.tolist() == [*range(2, 101, 2), *range(1, 100, 2)]


def test_an_update_may_name_the_learner_whose_gradient_it_applies(tmp_path: Path) -> None:
    rows = pd.DataFrame({"learner": [0, 1, 1], "operation": ["compute", "compute", "update"], "seconds": [1.0, 1.0, 0.0]})
    log = read_log([written(tmp_path, "csv", rows.assign(batch=[0, 0, 0]))])
    assert log.learner.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(log.batch, [0, 0, 0])


def test_learners_that_never_report_are_named(tmp_path: Path) -> None:
    rows = pd.DataFrame({"learner": [0, 1, 4], "seconds": [1.0, 1.0, 1.0]})
    assert read_log([written(tmp_path, "csv", rows)]).remarks == ("Learners 2, 3 never report.",)


def test_long_gaps_are_named(tmp_path: Path) -> None:
    rows = pd.DataFrame({"seconds": [1.0, 1.0, 1.0, 1.0], "start": [0.0, 1.0, 502.0, 503.0]})
    (remark,) = read_log([written(tmp_path, "csv", rows)]).remarks
    assert "the longest, of learner 0, lasts 500 s from 2 s on" in remark


@pytest.mark.parametrize("origin", [0.0, 1.7e9])
def test_a_clock_may_be_coarse_and_count_from_1970(origin: float, tmp_path: Path) -> None:
    rows = pd.DataFrame({"seconds": [0.0104, 0.0104, 0.0104], "start": origin + np.array([0.010, 0.020, 0.030])})
    assert read_log([written(tmp_path, "parquet", rows)]).size == 3


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"seconds\n1\n2\n"))
    assert read_log([path]).size == 2


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_index_that_pandas_writes_is_left_out(form: str, tmp_path: Path) -> None:
    rows, path = pd.DataFrame({"seconds": [1.0, 2.0, 3.0]})[1:], tmp_path / f"log.{form}"
    rows.to_parquet(path, index=True) if form == "parquet" else rows.to_csv(path)
    assert read_log([path]).seconds.tolist() == [2.0, 3.0]
