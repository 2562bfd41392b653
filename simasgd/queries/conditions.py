"""Conditions over the columns of a table, as users write them: `protocol == "async" and learners > 8`."""

from __future__ import annotations

import ast
import difflib

import pandas as pd

from simasgd.errors import UsageError

_QUESTIONS = ("contains", "startswith", "endswith", "isna", "notna")
"""The methods that a condition may call, as in `name.str.contains("a")`; others might write files."""


def find_true(table: pd.DataFrame, condition: str, option: str, example: str) -> pd.Series:
    """Return for each row whether a condition over the columns is true.

    A comparison with a missing value is neither true nor false, as in SQL, and such a row does not count. Raises UsageError
    if the condition is wrong; the message names the `option` and shows the `example`.
    """
    condition = condition.strip()
    try:
        _require_harmless(condition)
        found = table.convert_dtypes().eval(condition, engine="python", local_dict={}, global_dict={})
    except Exception as error:  # noqa: BLE001 - of pandas, which raises any kind
        names = str(error).split("'")[1::2]
        hint = f"; {suggest_column(names[0], table)}" if isinstance(error, NameError) and names else ""
        said = _locate(error, condition) if isinstance(error, SyntaxError) else str(error)
        problem = " ".join(said.split()) or type(error).__name__
        raise UsageError(f"{option}: {problem}{hint}; write, for example, {example}") from None
    if not (isinstance(found, pd.Series) and pd.api.types.is_bool_dtype(found)):
        raise UsageError(f"{option}: {condition!r} is not a condition; write, for example, {example}")
    return found.fillna(False).astype(bool)


def _locate(error: SyntaxError, condition: str) -> str:
    """Return the error of the syntax, and its place in the condition if that is known."""
    lines = condition.splitlines()
    if error.lineno is None or error.offset is None or not 1 <= error.lineno <= len(lines):
        return error.msg
    text = lines[error.lineno - 1]
    rest = text[error.offset - 1 :] if error.offset > 0 else ""  # Python gives 0 at the end
    line = f"line {error.lineno}, " if len(lines) > 1 else ""
    return f"{error.msg} ({f'{line}character {error.offset}, at {rest!r}' if rest else f'at the end of {text!r}'})"


def _require_harmless(condition: str) -> None:
    """Raise SyntaxError or NameError if a condition calls anything but a few questions about texts and missing values."""
    for node in ast.walk(ast.parse(condition, mode="eval")):
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Attribute) and node.func.attr in _QUESTIONS):
            raise SyntaxError(f"only {', '.join(_QUESTIONS)} can be called")


def suggest_column(name: str, table: pd.DataFrame) -> str:
    """Return the question for the column that a wrong name may mean, or the columns that there are."""
    near = difflib.get_close_matches(name, list(table), n=1)
    return f"did you mean {near[0]!r}?" if near else f"expected {', '.join(table)}"
