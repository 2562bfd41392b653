"""The keys of JSON files and the columns of tables that results have, found by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from simasgd.asking.result_keys import FILES

_TABLES = {
    "UPDATES": "updates.parquet",
    "UPDATES_IF_COPIES": "updates.parquet",
    "EVALUATIONS": "evaluations.parquet",
    "LEARNERS": "learners.parquet",
    "LEARNERS_IF_COSTS": "learners.parquet",
    "TIMELINE": "timeline.parquet",
    "OPERATIONS": "operations.parquet",
    "SWEEP_POINTS": "points.parquet",
}


class ResultKey(NamedTuple):
    """A key of a JSON file of results, or a column of a Parquet table: where it is, and what it means."""

    file: str
    key: str
    meaning: str


def find_result_keys(word: str) -> list[ResultKey]:
    """Return the keys and columns of results that a word is, or is the last part of; those at the top of a file first.

    A file's name, `run.json`, stands for its keys at the top.
    """
    files = {**FILES, **_read_columns()}
    if word in files:
        return [ResultKey(word, key, meaning) for key, meaning in files[word].items() if "." not in key]
    found = [
        ResultKey(file, key, meaning)
        for file, keys in files.items()
        for key, meaning in keys.items()
        if key == word or key.endswith(f".{word}")
    ]
    return sorted(found, key=lambda one: one.key.count("."))


@cache
def _read_columns() -> Mapping[str, Mapping[str, str]]:
    """Return the columns of the Parquet tables from the source that states them, since it needs pandas to be imported."""
    source = Path(__file__).parents[1].joinpath("results", "tables.py").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict):
            file = _TABLES.get(node.target.id)
            if file is not None:
                found.setdefault(file, {}).update(_read_meanings(node.value))
    return found


def _read_meanings(table: ast.Dict) -> Iterator[tuple[str, str]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Call) and isinstance(value.args[0], ast.Constant):
            yield str(key.value), str(value.args[0].value)
