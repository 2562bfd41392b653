"""Protocols of other packages: their files, and what a process remembers about them."""

from __future__ import annotations

import sys
from pathlib import Path

from simasgd.asking import answers, key_facts, kinds
from simasgd.protocols import foreign

_CACHES = (
    foreign._entry_points,
    foreign._load_installed,
    *(kinds.list_families, key_facts.list_keys, answers.list_names, answers._list_values),
)


def install(folder: Path, entry_points: str, **modules: str) -> None:
    """Write the files of an installed package, in place of an earlier one's."""
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        for compiled in folder.glob(f"__pycache__/{name}.*"):
            compiled.unlink()
    info = folder / "outsider-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outsider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def forget_installed(*modules: str) -> None:
    """Look installed protocols up again when they are next asked for, those of these modules anew."""
    for name in modules:
        sys.modules.pop(name, None)
    for cache in _CACHES:
        cache.cache_clear()
