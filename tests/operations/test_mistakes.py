"""Every mistake in a log is one message that names the file, the line and the column."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simasgd.errors import UsageError
from simasgd.operations.reading import read_log

CASES = {
    "no header": ("", "log.csv: the file is empty; expected a header with at least one of seconds, milliseconds"),
    "no rows": ("learner,seconds\n\n", "log.csv: there are no rows"),
    "no duration": ("learner,start\n0,1\n", "log.csv: no column gives the duration; expected one of seconds, milli"),
    "misspelt": ("lerner,seconds\n0,1\n", "log.csv, line 1: unknown column 'lerner'; did you mean 'learner'?"),
    "unknown": ("loss,seconds\n0,1\n", "log.csv, line 1: unknown column 'loss'; known columns: learner, operation, seconds"),
    "twice": ("seconds,seconds\n0,1\n", "log.csv: there are two columns 'seconds'"),
    "two durations": ("seconds,milliseconds\n0,1\n", "the columns seconds and milliseconds both give the duration; leave one"),
    "two starts": ("seconds,start,start_nanoseconds\n0,1,1\n", "the columns start and start_nanoseconds both give the start"),
    "negative": ("seconds\n1\n\n-2\n", "log.csv, line 4: seconds: found -2; expected a number from 0 to 1e18"),
    "infinite": ("seconds\ninf\n", "log.csv, line 2: seconds: found inf; expected a number from 0 to 1e18"),
    "long": (f"seconds\n1\n{'9' * 200_000}\n", "log.csv, row 2: seconds: found inf; expected a number from 0 to 1e18"),
    "missing": ("learner,seconds\n0,1\n0,\n", "log.csv, line 3: the duration (seconds) is missing; expected a number"),
    "no start": ("seconds,start\n1,0\n1,nan\n", "log.csv, line 3: start is missing; expected a number from -1e18 to 1e18"),
    "bytes": ("seconds,bytes\n1,-5\n", "log.csv, line 2: bytes: found -5; expected a number from 0 to 1e18"),
    "text": ("seconds\n1\nfast\n", "log.csv, line 3: seconds: 'fast' is not a number"),
    "too few": ("learner,seconds\n0,1\n0\n", "log.csv, line 3: found 1 values; expected 2 (learner, seconds)"),
    "operation": ("operation,seconds\ncompte,1\n", "line 2: unknown operation 'compte'; did you mean 'compute'?"),
    "odd operation": ("operation,seconds\nxyz,1\n", "line 2: unknown operation 'xyz'; expected one of compute, step, mix"),
    "no operation": ("operation,seconds\ncompute,1\n,1\n", "line 3: operation is missing; expected one of compute, step"),
    "no learner": ("learner,seconds\n0,1\n,1\n", "log.csv, line 3: learner is missing; only an update may have none"),
    "same row": (
        "learner,seconds,start\n0,1,0\n1,1,0\n0,1,0\n",
        "log.csv, line 4: the row is the same as {folder}log.csv, line 2; leave one",
    ),
    "jump": (
        "learner,seconds,start\nb,1,5\nb,1,6\nb,3,4\n",
        "log.csv, line 2: learner b begins compute at 5 s, but {folder}log.csv, line 4 says that it does so from 4 s for 3 s; "
        "the clock jumps back, or two learners share a name",
    ),
    "semicolons": ("learner;seconds\n0;1\n", "log.csv, line 1: its values are divided by semicolons; divide them by commas"),
    "control characters": ("sec\x07onds\n0\n", "log.csv, line 1: unknown column 'sec\\x07onds'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_one_message_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = CASES[case]
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_log([path])
    assert expected.format(folder=f"{tmp_path}{os.sep}") in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_row_of_parquet_has_a_number(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pd.DataFrame({"seconds": [1.0, -1.0]}).to_parquet(path)
    with pytest.raises(UsageError, match=r"log\.parquet, row 2: seconds: found -1"):
        read_log([path])


def test_a_column_of_parquet_has_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pd.DataFrame({"seconds": pd.to_datetime(["2026-01-01"])}).to_parquet(path)
    with pytest.raises(UsageError, match=r"the column seconds is of type timestamp.*; expected numbers"):
        read_log([path])


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("log.parquet", b"seconds\n1\n", "is not a Parquet file"),
        ("log.csv", b"\xff\xfe\x00", "is not CSV in UTF-8"),
        ("log.csv", b"learner,seconds\n0,1\n\xff,1\n", "is not CSV"),
        ("log.csv.gz", b"seconds\n1\n", "cannot be read"),
    ],
)
def test_a_file_of_another_kind_is_refused(name: str, content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=expected):
        read_log([path])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.csv: cannot be read: No such file or directory"):
        read_log([tmp_path / "nothing.csv"])


def test_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_log([tmp_path])
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="not a regular file"):
        read_log([tmp_path / "pipe.csv"])


def test_a_file_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("seconds\n1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"log\.csv: the file is given twice"):
        read_log([path, path])


def test_all_files_have_a_start_or_none_has(tmp_path: Path) -> None:
    for name, text in (("a.csv", "seconds,start\n1,0\n"), ("b.csv", "seconds\n1\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"b\.csv: there is no start, but .*a\.csv has one"):
        read_log([tmp_path / "a.csv", tmp_path / "b.csv"])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("rank,step_ms", "unknown columns 'rank' and 'step_ms'; did you mean 'learner' and 'milliseconds'?"),
        (
            "worker_id,start_ms,dur",
            "did you mean 'learner', 'start_milliseconds' and 'seconds'?",
        ),
        ("host,ts,time_us", "did you mean 'learner', 'start' and 'microseconds'?"),
        (
            "learner,start_s,batch_size,seconds",
            "'start_s' and 'batch_size'; did you mean 'start' and 'mini_batch'?",
        ),
        ("gpu,loss,s", "did you mean 'learner' for 'gpu' and 'seconds' for 's'? known columns: learner, operation"),
    ],
)
def test_usual_names_of_columns_lead_to_those_of_a_log(header: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n", encoding="utf-8")
    with pytest.raises(UsageError) as complaint:
        read_log([tmp_path / "log.csv"])
    assert str(complaint.value).startswith(f"{tmp_path / 'log.csv'}, line 1: unknown columns ")
    assert said in str(complaint.value)


def test_a_size_is_that_of_the_computations_without_one(tmp_path: Path) -> None:
    rows = ["learner,operation,seconds,mini_batch", "0,compute,1,16", "0,compute,1,", "0,update,1,"]
    (tmp_path / "log.csv").write_text("\n".join(rows), encoding="utf-8")
    found = read_log([tmp_path / "log.csv"]).with_mini_batch(32)
    assert found.mini_batch is not None
    assert found.mini_batch[found.rows("compute")].tolist() == [16.0, 32.0]
    assert np.isnan(found.mini_batch[found.rows("update")]).all(), "an update has no size"
