"""What a process remembers about the installed protocols of other packages."""

from __future__ import annotations

from simasgd.asking import answers, key_facts, kinds
from simasgd.protocols import foreign
from simasgd.scenario.reading import keys

_CACHES = (
    *(foreign._entry_points, foreign.load_protocol, keys._list_foreign_keys),
    *(kinds.list_families, key_facts.list_keys, answers.list_names, answers._list_values),
)


def forget_installed() -> None:
    """Look installed protocols up again when they are next asked for."""
    for cache in _CACHES:
        cache.cache_clear()
