"""The files of an index, for those who only want to know whether there is one."""

from __future__ import annotations

from pathlib import Path

KEPT = "index.json"
"""What commands keep of an index, beside its page."""


def has_index(folder: Path) -> bool:
    """Return whether a folder has an index."""
    return (folder / KEPT).is_file()
