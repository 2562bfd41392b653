"""Files of measured times: which columns are read, in which unit, and every mistake in a file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd.scenario.cluster.measured import MOST_EMBEDDED, StoredTimes
from simasgd.scenario.tables.columns import NamedColumns
from simasgd.scenario.tables.times import read_times

ONE, TWO = ["1 s", "3 s"], [["1 s", "3 s"], ["2 s", "4 s"]]
GOOD: list[tuple[str, str, Any]] = [
    ("one.txt", "1\n3 # slow\n", ONE),
    ("plain.csv", "# of one machine\n1\n3\n", ONE),
    ("no-header.csv", "1,2\n3,4\n", TWO),
    ("numbers.csv", "0,1\n1,2\n3,4\n", TWO),
    ("index.csv", ",learner 0 (ms),learner 1 (s)\n0,1000,2\n1,3000,4\n", TWO),
    ("units.csv", "0_ms,1_us\n1000,2e6\n3000,4e6\n", TWO),
    ("names.csv", "node-a,node-b\n1,2\n3,4\n", TWO),
    ("tabs.tsv", "node-a\tnode-b\n1\t2\n3\t4\n", TWO),
    ("quoted.csv", '"a, the first",b\n1,2\n3,"4"\n', TWO),
    ("steps.csv", "step,0,1\n7,1,2\n8,3,4\n", TWO),
    ("rows.csv", "learner,seconds\n0,1\n1,2\n0,3\n1,4\n", TWO),
    ("ranks.csv", "rank,step,duration_ms\n0,0,1000\n1,0,2000\n0,1,3000\n1,1,4000\n", TWO),
    ("from-one.csv", "worker,ms\n2,2000\n1,1000\n1,3000\n2,4000\n", TWO),
    ("words.csv", "Learner,Seconds\nb,1\na,2\nb,3\na,4\n", TWO),  # in the order of their first rows
    ("log.csv", "learner,operation,seconds,start\n0,compute,1,0\n0,push,9,1\n0,compute,3,10\n", ONE),
    ("alone.csv", "step,start,seconds\n0,0,1\n1,1,3\n", ONE),
    ("shorter.csv", "a,b\n1,2\n3,\n", [["1 s", "3 s"], ["2 s"]]),
    ("sampled.csv", "step,seconds\n1,1\n11,3\n", ONE),
    ("crlf.csv", "\ufefflearner,seconds\r\n0,1\r\n0,3\r\n", ONE),
]


@pytest.mark.parametrize(("name", "text", "expected"), GOOD, ids=[name for name, _, _ in GOOD])
def test_a_file_is_read(name: str, text: str, expected: Any, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(text.encode())
    assert read_times(file) == expected


@pytest.mark.parametrize(("name", "text", "expected"), [case for case in GOOD if case[1][:1].isalpha()], ids=str)
def test_a_table_in_parquet_is_read_alike(name: str, text: str, expected: Any, tmp_path: Path) -> None:
    header, *rows = [line.split("\t" if name.endswith("tsv") else ",") for line in text.splitlines()]
    columns: dict[str, list[Any]] = {}
    for column, values in zip(header, zip(*rows, strict=True), strict=True):
        numbers = all(value.replace(".", "").replace("e", "").isdecimal() or not value for value in values)
        columns[column] = [float(value) if value else None for value in values] if numbers else list(values)
        if numbers and column.lower() in ("learner", "rank", "worker", "step"):
            columns[column] = [int(value) for value in values]
    pa.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_times(tmp_path / "t.parquet") == expected


def test_a_column_is_chosen_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("worker,gpu,time,batch_ms\n0,25,1,476\n1,25,1,509\n", encoding="utf-8")
    assert read_times(file, NamedColumns("batch_ms")) == read_times(file) == [["476 ms"], ["509 ms"]]
    assert read_times(file, NamedColumns("gpu")) == [["25 s"], ["25 s"]]


def test_the_column_of_learners_and_the_unit_may_be_said(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("host,load,took\na,9,1000\nb,8,2000\na,7,3000\nb,6,4000\n", encoding="utf-8")
    assert read_times(file, NamedColumns("took", "host", 1e-3)) == TWO
    (tmp_path / "t.txt").write_text("1000\n3000\n", encoding="utf-8")
    assert read_times(tmp_path / "t.txt", NamedColumns(unit=1e-3)) == ONE
    file.write_text("a (s),b\n1000,2000\n3000,4000\n", encoding="utf-8")
    assert read_times(file, NamedColumns(unit=1e-3)) == TWO


ROWS = "learner,step,seconds\n0,0,1\n1,0,2\n"
BAD: list[tuple[str, str, str | None, str]] = [
    ("t.txt", "1\n2\nfast\n", None, "t.txt, line 3: 'fast' is not a time; write one number a line"),
    ("t.txt", "1\n", "ms", "t.txt is plain text and has no columns"),
    ("t.csv", "", None, "t.csv holds 0 values"),
    ("t.csv", "learner,seconds\n", None, "t.csv holds 0 values"),
    ("t.csv", "a,b\n", None, "t.csv: column 'a': there are no times"),
    ("t.csv", "a;b\n1;2\n", None, "t.csv, line 1: its values are divided by semicolons; divide them by commas"),
    ("t.csv", "0,5;1,5\n", None, "t.csv, line 1: its values are divided by semicolons; divide them by commas"),
    ("t.csv", "a,b\n1,2\n-3,4\n", None, "t.csv, line 3: column 'a': '-3' is not a time; expected a number"),
    ("t.csv", "a,b\n1,2\nnan,4\n", None, "line 3: column 'a': 'nan' is not a time"),
    ("t.csv", "a,b\n1,2\n3,4 s\n", None, "line 3: column 'b': '4 s' is not a time"),
    ("t.csv", "a,b\n1,2\n3,1_0\n", None, "line 3: column 'b': '1_0' is not a time"),
    ("t.csv", "a,b\n1,2\n3,1e16\n", None, "line 3: column 'b': '1e16' is not a time"),
    ("t.csv", "a,b\n1,2\n3\n", None, "t.csv, line 3: found 1 values; expected 2 (a, b)"),
    ("t.csv", "a,b\n1,2\n,4\n# pause\n5,6\n", None, "t.csv, line 3: column 'a': there is no time, but line 5 has one"),
    ("t.csv", "a,a\n1,2\n", None, "t.csv, line 1: there are two columns 'a'"),
    ("t.csv", 'a,b\n1,"2\n', None, "t.csv, line 2: is not CSV"),
    ("t.csv", "a,b\n1,2\n", "c", "t.csv, line 1: there is no column 'c'; the columns are 'a', 'b'"),
    ("t.csv", "a_ms,b\n1,2\n", "a_m", "there is no column 'a_m'; did you mean 'a_ms'?"),
    ("t.csv", "learner,rank,ms\n0,0,1\n", None, "the columns learner and rank mean the same; leave one away"),
    ("t.csv", "learner,step\n0,0\n", None, "t.csv, line 1: there is no column of times; the columns are 'learner', 'step'"),
    ("t.csv", "worker,time,load\n0,1,2\n", None, "several columns may have the times; name one in `column`: 'time', 'load'"),
    ("t.csv", "start,seconds,ms\n0,1,2\n", None, "several columns may have the times; name one in `column`: 'seconds', 'ms'"),
    ("t.csv", f"{ROWS}0,0,3\n", None, "t.csv, line 4: step 0 of learner 0 occurs twice"),
    ("t.csv", f"{ROWS}1,2,3\n1,1,4\n", None, "t.csv, line 5: step 1 of learner 1 comes after step 2"),
    ("t.csv", f"{ROWS}0,1,3\n0,3,4\n", None, "t.csv, line 5: step 3 of learner 0 follows step 1, but they were 1 apart before"),
    ("t.csv", f"{ROWS}0,x,3\n", None, "t.csv, line 4: column 'step': 'x' is not the number of a step"),
    ("t.csv", f"{ROWS},1,3\n", None, "t.csv, line 4: column 'learner': is empty"),
    ("t.csv", f"{ROWS}3,1,3\n", None, "t.csv: there are times of learners 1 and 3, but none of 2"),
    ("t.csv", f"{ROWS}01,1,3\n", None, "t.csv: learner 1 is written in two ways"),
    ("t.parquet", "1\n", None, "t.parquet is not a Parquet file"),
]


@pytest.mark.parametrize(("name", "text", "column", "message"), BAD, ids=[message for *_, message in BAD])
def test_a_mistake_is_named_with_its_line(name: str, text: str, column: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="t") as caught:
        read_times(tmp_path / name, NamedColumns(column))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0, -2.0]}, "t.parquet, row 2: column 'a': -2.0 is not a time"),
        ({"a": [1.0, None, 2.0]}, "t.parquet, row 2: column 'a': there is no time, but row 3 has one"),
        ({"a": ["1", "x"]}, "t.parquet, row 2: column 'a': 'x' is not a time"),
        ({"a": pa.array([None, None], pa.float64())}, "t.parquet: column 'a': there are no times"),
        ({"learner": [0, 0], "time": [1, 2], "load": [1, 2]}, "t.parquet: several columns may have the times"),
    ],
)
def test_mistakes_in_parquet(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="t") as caught:
        read_times(tmp_path / "t.parquet")
    assert message in str(caught.value)


def test_many_times_are_stored(tmp_path: Path) -> None:
    many = MOST_EMBEDDED + 1
    (tmp_path / "t.csv").write_text("a,b (ms)\n" + "".join(f"{i + 1},{i}\n" for i in range(many)), encoding="utf-8")
    found = read_times(tmp_path / "t.csv")
    assert isinstance(found, StoredTimes)
    assert list(found.series[0]) == [float(i + 1) for i in range(many)]
    assert list(found.series[1]) == [i * 1e-3 for i in range(many)]


def test_a_file_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "t.txt"
    file.write_text("1\n3\n", encoding="utf-8")
    assert read_times(file) == ONE
    file.write_text("1\n3\n5\n", encoding="utf-8")
    assert read_times(file) == [*ONE, "5 s"]


@pytest.mark.parametrize("name", ["t.txt", "t.csv", "t.tsv", "t.parquet"])
@given(content=st.one_of(st.binary(max_size=60), st.text(alphabet='ab0123456789.,-+e\t\n" #_µ', max_size=60).map(str.encode)))
def test_any_file_is_read_or_refused(name: str, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        try:
            found = read_times(file)
        except ValueError as error:
            assert name in str(error)  # noqa: PT017  # either outcome is right
        else:
            assert found
