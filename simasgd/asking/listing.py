"""The names that can be asked about, in groups."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.asking.key_facts import facts_of, meanings_of_values
from simasgd.asking.kinds import list_families
from simasgd.errors import UsageError
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.vocabulary.synonyms import ask
from simasgd.scenario.vocabulary.values import nearest_words, shown

LAWS = "laws of times"


def choose_groups(words: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the groups whose names begin with the words; no words stand for all groups. Raises UsageError."""
    groups = list_groups()
    chosen: dict[str, dict[str, str]] = {}
    for word in words:
        found = {group: names for group, names in groups.items() if group.startswith(word.lower())}
        if not found:
            firsts = [group.partition(" ")[0] for group in groups]
            near = nearest_words(word.lower(), firsts, 1)
            hint = ask(near) if near else f"choose from {', '.join(dict.fromkeys(firsts))}"
            raise UsageError(f"there is no group {shown(word)}; {hint}")
        chosen |= found
    return chosen or groups


def list_groups() -> dict[str, dict[str, str]]:
    """Return the names in groups, each with a short description; scenarios and profiles have their titles."""
    files = {"scenarios": catalogue.list_scenarios(), "profiles": catalogue.list_profiles()}
    groups = {
        group: {name: str(yaml_layer.read_layer(path).tree.get("title", "")) for name, path in named.items()}
        for group, named in files.items()
    }
    for family in list_families():
        members = family.members.items()
        groups[family.words] = {kind: catalogue.read_first_words(section) for kind, section in members}
    groups["protocols"] = catalogue.list_protocols()  # with those that cannot be loaded
    form = facts_of("cluster.compute.distribution").forms[0]
    meanings = meanings_of_values(form.words)
    groups[LAWS] = {law: meanings.get(law, "").rstrip(".") for law in form.choices}
    return groups
