"""What a command says at its end: a table, the verdict and notes, or the same as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from simasgd.report.terminal.text_table import TextTable


@final
@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """The end of a command.

    `remark` explains the table ("" if there is nothing to explain). `verdict` has plain sentences.
    `content` is a JSON document.
    """

    table: TextTable | None
    remark: str = ""
    verdict: tuple[str, ...]
    notes: tuple[str, ...] = ()
    content: Mapping[str, Any]
