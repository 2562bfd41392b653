"""From the files of a log to its rows in order, with every number checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from simasgd.errors import UsageError
from simasgd.operations.clock_faults import check_clocks, describe_gaps
from simasgd.operations.columns import LARGEST, read_columns
from simasgd.operations.files import read_table
from simasgd.operations.log import (
    NUMBERS,
    OF_THE_SERVER,
    OPERATIONS,
    WITHOUT_DURATION,
    WITHOUT_TIME,
    Integers,
    OperationLog,
    code_of,
)
from simasgd.operations.places import Places, place_of
from simasgd.scenario.vocabulary.values import nearest, shown
from simasgd.tape.arrays import Floats

_MOST_LEARNERS = 1_000_000


def read_log(files: Sequence[Path], recordings: Sequence[Path] = ()) -> OperationLog:
    """Read one cluster's log from CSV or Parquet files.

    Each of the `recordings` is a file of its own run of this cluster, whose times begin with the
    run. They are moved, so that the runs follow each other and the other files.


    A file without the column `operation` has computations only. Files without the column `learner`
    are one learner each, named like the file if there are several.

    Raises UsageError with file and line where a file cannot be read, a column is missing or
    unknown, a number is missing or negative, a row occurs twice, or a learner's clock jumps back.
    """
    others, files = len(files), [*files, *recordings]
    if len({file.resolve() for file in files}) < len(files):
        raise UsageError(f"{next(file for file in files if files.count(file) > 1)}: the file is given twice")
    tables, numbers = [], []
    for file in files:
        table = read_table(file)
        numbers.append(_read_numbers(file, table))
        tables.append(table.select([name for name in table.column_names if name in ("learner", "operation")]))
    _follow_each_other(numbers, others)
    places = Places(files, [len(table) for table in tables])
    operation = np.concatenate([_read_operations(file, table) for file, table in zip(files, tables, strict=True)])
    _require(numbers, operation, places, "seconds", "the duration (seconds)", WITHOUT_DURATION)
    _require(numbers, operation, places, "start", "start", WITHOUT_TIME)
    learner, learners = _read_learners(files, tables, operation, places)
    del tables, table
    pa.default_memory_pool().release_unused()
    return _put_in_order(learners, learner, operation, _join(files, numbers), places)


def _follow_each_other(numbers: Sequence[dict[str, Floats]], first: int) -> None:
    """Move the times of each file from number `first` on, so that it begins when those before it have ended."""
    end = -np.inf
    for number, columns in enumerate(numbers):
        if "start" not in columns or np.isnan(columns["start"]).all():
            continue
        start = columns["start"]
        begin, done = np.nanmin(start), np.nanmax(start + np.nan_to_num(columns["seconds"]))
        move = end - begin if number >= first and np.isfinite(end) else 0.0
        for key in ("start", "read_at", "computed_at"):
            if key in columns and move:
                columns[key] = columns[key] + move
        end = max(end, done + move)


def _read_numbers(file: Path, table: pa.Table) -> dict[str, Floats]:
    """Return a file's numbers in seconds, samples, bytes and counts."""
    found = {}
    for column in read_columns(file, table.column_names):
        values = table[column.name].to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        wrong = ~((values >= column.least) & (values <= LARGEST))
        if column.may_be_missing:
            wrong &= ~np.isnan(values)
        if wrong.any():
            row = int(np.argmax(wrong))
            missing = np.isnan(values[row])
            expected = f"a number from {'-1e18' if column.least else '0'} to 1e18"
            found_there = f"{column.name} is missing" if missing else f"{column.name}: found {values[row]:g}"
            raise UsageError(f"{place_of(file, row)}: {found_there}; expected {expected}")
        found[column.key] = values * column.factor if column.factor != 1.0 else values
    return found


def _require(
    numbers: Sequence[dict[str, Floats]], operation: Integers, places: Places, key: str, name: str, without: Sequence[str]
) -> None:
    """Raise UsageError where a number is missing, but for the operations `without` it."""
    known = [columns[key] for columns in numbers if key in columns]
    if len(known) < len(numbers):
        return
    missing = np.isnan(np.concatenate(known))
    if missing.any():
        missing &= ~np.isin(operation, [code_of(one) for one in without])
    if missing.any():
        least = "-1e18" if key == "start" else "0"
        raise UsageError(f"{places.find(int(np.argmax(missing)))}: {name} is missing; expected a number from {least} to 1e18")


def _join(files: Sequence[Path], numbers: list[dict[str, Floats]]) -> dict[str, Floats]:
    """Return the columns of all files; NaN where a file lacks one that may be absent."""
    with_start = [file for file, columns in zip(files, numbers, strict=True) if "start" in columns]
    if with_start and len(with_start) < len(files):
        without = next(file for file in files if file not in with_start)
        raise UsageError(f"{without}: there is no start, but {with_start[0]} has one; all files of a log have it, or none")
    joined, sizes = {}, [len(columns["seconds"]) for columns in numbers]
    for key in ("seconds", "start", *NUMBERS):
        if any(key in columns for columns in numbers):
            parts = [
                columns.pop(key) if key in columns else np.full(size, np.nan)
                for columns, size in zip(numbers, sizes, strict=True)
            ]
            joined[key] = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return joined


def _read_operations(file: Path, table: pa.Table) -> Integers:
    """Return the code of each row's operation, int8."""
    if "operation" not in table.column_names:
        return np.zeros(len(table), dtype=np.int8)
    words, codes = _read_texts(table, "operation")
    names = list(OPERATIONS)
    known = np.array([names.index(word) if word in OPERATIONS else -1 for word in words], dtype=np.int8)
    found: Integers = known[codes]
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        word = words[codes[row]]
        near = nearest(word, names)
        hint = f"did you mean {near!r}?" if near else f"expected one of {', '.join(names)}"
        problem = f"unknown operation {shown(word)}" if word else "operation is missing"
        raise UsageError(f"{place_of(file, row)}: {problem}; {hint}")
    return found


def _read_texts(table: pa.Table, name: str) -> tuple[list[str], Integers]:
    """Return the different words of a column, and each row's position among them; '' if it has none."""
    column = table[name].unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    words = [word.strip() if isinstance(word, str) else "" for word in column.dictionary.to_pylist()]
    codes = column.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return [*words, ""], codes


def _read_learners(
    files: Sequence[Path], tables: Sequence[pa.Table], operation: Integers, places: Places
) -> tuple[Integers, tuple[str, ...]]:
    """Return each row's learner, int32, and the learners' names, numbers in order of size."""
    number: dict[str, int] = {}
    parts = []
    for file, table in zip(files, tables, strict=True):
        if "learner" in table.column_names:
            words, codes = _read_texts(table, "learner")
        else:
            words, codes = ["0" if len(files) == 1 else file.stem], np.zeros(len(table), dtype=np.int32)
        if len(number) + len(words) > _MOST_LEARNERS:
            raise UsageError(f"{file}: there are more than {_MOST_LEARNERS:,} learners")
        own = np.array([-1 if word == "" else number.setdefault(word, len(number)) for word in words], dtype=np.int32)
        parts.append(own[codes])
    learner = np.concatenate(parts)
    unnamed = (learner < 0) & ~np.isin(operation, [code_of(name) for name in OF_THE_SERVER])
    if unnamed.any():
        raise UsageError(f"{places.find(int(np.argmax(unnamed)))}: learner is missing; only an update may have none")
    used = np.flatnonzero(np.bincount(learner[learner >= 0], minlength=len(number)))
    names = list(number)
    ordered = sorted(used.tolist(), key=lambda code: _sort_key(names[code]))
    rank = np.full(len(names) + 1, -1, dtype=np.int32)  # the last one is for −1
    rank[ordered] = np.arange(len(ordered), dtype=np.int32)
    return rank[learner], tuple(names[code] for code in ordered)


def _sort_key(name: str) -> tuple[int, int, str]:
    return (0, int(name), "") if name.isdecimal() and len(name) < 19 else (1, 0, name)


def _put_in_order(
    learners: tuple[str, ...], learner: Integers, operation: Integers, numbers: dict[str, Floats], places: Places
) -> OperationLog:
    """Sort rows by learner and time, and check that clocks run forward and no row occurs twice."""
    start = numbers.get("start")
    if start is not None:
        in_order = (learner[1:] > learner[:-1]) | ((learner[1:] == learner[:-1]) & (start[1:] >= start[:-1]))
    else:
        in_order = np.diff(learner) >= 0
    order = None
    if not in_order.all():
        order = np.lexsort((start, learner)) if start is not None else np.argsort(learner, kind="stable")
        learner, operation = learner[order], operation[order]
        for key in list(numbers):
            numbers[key] = numbers[key][order]
    log = OperationLog(
        learners=learners,
        learner=learner,
        operation=operation,
        seconds=numbers["seconds"],
        start=numbers.get("start"),
        mini_batch=numbers.get("mini_batch"),
        bytes=numbers.get("bytes"),
        version=numbers.get("version"),
        batch=numbers.get("batch"),
        read=numbers.get("read"),
        read_at=numbers.get("read_at"),
        computed_at=numbers.get("computed_at"),
        ahead=numbers.get("ahead"),
        summed=numbers.get("summed"),
        remarks=_describe_absent(learners),
        order=order,
        places=places,
    )
    if start is None:
        return log
    check_clocks(log, log.place)
    return replace(log, remarks=(*log.remarks, *describe_gaps(log)))


def _describe_absent(learners: Sequence[str]) -> tuple[str, ...]:
    """Return a remark on learners that never report, where names are consecutive numbers."""
    if not all(name.isdecimal() and len(name) < 10 for name in learners):
        return ()
    numbers = {int(name) for name in learners}
    span = range(min(min(numbers), 1), max(numbers) + 1)
    missing = [number for number in span if number not in numbers] if len(span) < 10 * len(numbers) else []
    if not missing:
        return ()
    listed = ", ".join(str(number) for number in missing[:5]) + (", …" if len(missing) > 5 else "")
    return (f"{'Learner' if len(missing) == 1 else 'Learners'} {listed} never {'reports' if len(missing) == 1 else 'report'}.",)
