"""Small logs of real systems, for tests."""

from __future__ import annotations

from pathlib import Path

UPDATES = """\
operation,learner,version,read,batch,start,seconds,read_at,computed_at
update,0,1,0,0,10.5,,10.0,10.4
update,1,2,0,0,10.6,,10.0,10.5
update,0,3,1,1,11.0,,10.5,10.9
update,1,4,2,1,11.2,,10.6,11.1
"""
"""Two learners, four updates: the staleness is 0, 1, 1, 1."""


def put(folder: Path, text: str, name: str = "log.csv") -> Path:
    """Write a log and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(line: int, text: str, base: str = UPDATES) -> str:
    """Return a log with another text in a line, counted from 1; "" removes the line."""
    lines = base.splitlines()
    lines[line - 1 : line] = [text] if text else []
    return "\n".join(lines) + "\n"
