"""Files of absences: rows of a learner, and since when and until when it is away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from simasgd.scenario.tables.columns import find_semicolons
from simasgd.scenario.tables.opening import open_binary
from simasgd.scenario.tables.parquet import is_parquet
from simasgd.scenario.tables.series import number_series, to_seconds
from simasgd.scenario.vocabulary.values import shown

_MOST = 10_000
_COLUMNS = ("learner", "since", "until")
_FORM = "expected learner, since and until (s); until may be empty"


def read_absences(file: Path) -> list[dict[str, Any]]:
    """Return the absences in a file, as `cluster.faults.absences` of a scenario has them.

    A table has the columns learner, since and until (s), in any order; other columns are left out. A
    file without a header has these three alone in this order, divided by commas or blanks. `from`
    may stand for `since`, and `(s)` may follow a name. Raises OSError, and ValueError, which names
    file and line, for anything else.
    """
    rows = _rows_of_parquet(file) if is_parquet(file) else _rows_of_text(file)
    found = []
    for where, cells in rows:
        found.append(_read_row(file, where, cells))
        if len(found) > _MOST:
            raise ValueError(f"{file} holds more than {_MOST:,} absences")
    if not found:
        raise ValueError(f"{file} holds no absence; {_FORM}")
    return found


def _rows_of_text(file: Path) -> Iterator[tuple[str, Sequence[Any]]]:
    with open_binary(file) as binary, io.TextIOWrapper(binary, "utf-8-sig", newline="") as text:
        order: Sequence[int] | None = None
        names: Sequence[str] = ()
        for number, line in enumerate(text, start=1):
            content = line.partition("#")[0].strip()
            if not content:
                continue
            try:
                cells = [cell.strip() for cell in next(csv.reader([content]))] if "," in content else content.split()
            except csv.Error as error:
                raise ValueError(f"{file}, line {number}: {error}; {_FORM}") from None
            if order is None:
                if complaint := find_semicolons(cells):
                    raise ValueError(f"{file}, line {number}: {complaint}")
                if number_series(cells[0]) is None:
                    order, names = _order(file, cells), cells
                    continue
                order = range(len(_COLUMNS))
            if names and len(cells) > len(names):
                found = f"found {len(cells)} values; expected {len(names)} ({', '.join(names)[:80]})"
                raise ValueError(f"{file}, line {number}: {found}")
            beyond = [] if names else cells[len(_COLUMNS) :]
            yield f"line {number}", [cells[place] if place < len(cells) else "" for place in order] + beyond


def _rows_of_parquet(file: Path) -> Iterator[tuple[str, Sequence[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
    except pa.ArrowException as error:
        raise ValueError(f"{file} is not a Parquet file: {error}") from None
    names = table.column_names
    order = _order(file, names)
    for number, row in enumerate(table.slice(0, _MOST + 1).to_pylist(), start=1):
        yield f"row {number}", [row[names[place]] for place in order]


def _order(file: Path, names: Sequence[str]) -> list[int]:
    """Return the places of the three columns."""
    words = [name.lower().replace("(s)", "").strip() for name in names]
    plain = ["since" if word == "from" else word for word in words]
    missing = [name for name in _COLUMNS if name not in plain]
    if missing:
        raise ValueError(f"{file} has no column {missing[0]!r}, but {', '.join(names)[:80]}; {_FORM}")
    return [plain.index(name) for name in _COLUMNS]


def _read_row(file: Path, where: str, cells: Sequence[Any]) -> dict[str, Any]:
    learner = number_series(str(cells[0]))
    since = to_seconds(cells[1], 1.0)
    is_open = cells[2] is None or cells[2] == ""
    until = None if is_open else to_seconds(cells[2], 1.0)
    if learner is None or since is None or (until is None and not is_open) or len(cells) > len(_COLUMNS):
        raise ValueError(f"{file}, {where}: {shown(' '.join(map(str, cells)))} is not an absence; {_FORM}")
    if until is not None and until <= since:
        raise ValueError(f"{file}, {where}: until ({until:g} s) is not after since ({since:g} s)")
    return {"learner": learner, "since": f"{since!r} s", **({} if until is None else {"until": f"{until!r} s"})}
