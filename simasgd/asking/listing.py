"""The names that can be asked about, in groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from simasgd.asking.key_facts import facts_of, first_sentence, meanings_of_values
from simasgd.asking.kinds import Family, list_families
from simasgd.asking.terms import TERMS
from simasgd.errors import UsageError
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.vocabulary.synonyms import ask
from simasgd.scenario.vocabulary.values import nearest_words, shown

LAWS = "laws of times"


KindNames = dict[str, str]
"""The names of a group, each with a short description."""


def choose_groups(words: Sequence[str]) -> dict[str, KindNames]:
    """Return the groups whose names begin with the words; no words stand for all groups. Raises UsageError.

    The titles of scenarios and profiles are read from their files, but only in a group that is chosen.
    """
    groups = _list_groups()
    chosen: dict[str, Callable[[], KindNames]] = {}
    for word in words:
        found = {group: list_names for group, list_names in groups.items() if group.startswith(word.lower())}
        if not found:
            firsts = [group.partition(" ")[0] for group in groups]
            near = nearest_words(word.lower(), firsts, 1)
            hint = ask(near) if near else f"choose from {', '.join(dict.fromkeys(firsts))}"
            raise UsageError(f"there is no group {shown(word)}; {hint}")
        chosen |= found
    return {group: list_names() for group, list_names in (chosen or groups).items()}


def _list_groups() -> dict[str, Callable[[], KindNames]]:
    """Return what lists the names of each group."""
    families = {family.words: partial(_list_kinds, family) for family in list_families()}
    return {
        "scenarios": lambda: _read_titles(catalogue.list_scenarios()),
        "profiles": lambda: _read_titles(catalogue.list_profiles()),
        **families,
        "protocols": catalogue.list_protocols,  # with those that cannot be loaded
        LAWS: _list_laws,
        "terms of results": lambda: {term.name: first_sentence(term.text) for term in TERMS},
    }


def _read_titles(files: Mapping[str, Path]) -> KindNames:
    return {name: str(yaml_layer.read_layer(path).tree.get("title", "")) for name, path in files.items()}


def _list_kinds(family: Family) -> KindNames:
    return {kind: catalogue.read_first_words(section) for kind, section in family.members.items()}


def _list_laws() -> KindNames:
    form = facts_of("cluster.compute.distribution").forms[0]
    meanings = meanings_of_values(form.words)
    return {law: meanings.get(law, "").rstrip(".") for law in form.choices}
