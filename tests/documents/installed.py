"""What a process remembers about the installed protocols of other packages."""

from __future__ import annotations

from simasgd.asking import answers, key_facts, kinds
from simasgd.protocols import foreign

_CACHES = (
    foreign._entry_points,
    foreign._load_installed,
    *(kinds.list_families, key_facts.list_keys, answers.list_names, answers._list_values),
)


def forget_installed() -> None:
    """Look installed protocols up again when they are next asked for."""
    for cache in _CACHES:
        cache.cache_clear()
