"""Answers to questions about a word: what it names, what a user may mean by it, and what else is near."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import final

from simasgd.asking.key_facts import KeyFacts, facts_of, list_keys, meanings_of_values
from simasgd.asking.kind_facts import KindFacts, describe_kind, list_kinds
from simasgd.asking.kinds import list_families
from simasgd.asking.profile_facts import ProfileFacts, read_profile
from simasgd.asking.result_facts import ResultKey, find_result_keys
from simasgd.asking.terms import Term, find_terms, list_terms
from simasgd.errors import UsageError
from simasgd.protocols import foreign
from simasgd.scenario.reading import catalogue, profiles
from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.names import YAML_SUFFIXES
from simasgd.scenario.vocabulary.units import explain_quantity
from simasgd.scenario.vocabulary.values import nearest_words, shown

_MOST_NEAR = 3


@final
@dataclass(frozen=True)
class ValueFacts:
    """A word that is a value of keys, such as a law of times."""

    word: str
    meaning: str
    keys: tuple[KeyFacts, ...]


Facts = KindFacts | ProfileFacts | KeyFacts | ValueFacts | Term


@final
@dataclass(frozen=True)
class Answer:
    """The answer to a question: everything that the word names, or that the user means by it."""

    asked: str
    meant: tuple[str, ...]
    """The names that the word stands for, if it is a user's word and none of simasgd's; else empty."""
    found: tuple[Facts, ...]
    others: tuple[str, ...] = ()
    """Further keys that end in the word, which is a key in full."""
    results: tuple[ResultKey, ...] = ()
    """Keys and columns of files of results that have the word's name."""


def answer(word: str, *, keys_first: bool) -> Answer:
    """Return what a word names: kinds, profiles, keys, values, terms of results, and keys of their files.

    `keys_first` says which of a key and a kind of the same name comes first; keys of files are found only then. A choice as an
    override writes it, `topology=ring`, names one kind. Raises UsageError for an unknown word, with
    the names that are near, and ScenarioError for a profile's file that is wrong.
    """
    results = tuple(find_result_keys(word)) if keys_first else ()
    key, equals, kind = word.partition("=")
    if equals:
        return Answer(word, (), (_chosen(key.strip(), kind.strip(), word),))
    found, terms = list(_named(word, keys_first=keys_first)), find_terms(word)
    if found:
        others = tuple(key for key in list_keys() if key.endswith(f".{word}")) if word in list_keys() else ()
        return Answer(word, (), (*found, *terms), others, results)
    meant = _meant(word)
    if meant:
        about = (facts for name in meant for facts in _named(name, keys_first=keys_first))
        return Answer(word, meant, (*terms, *about), results=results)
    if terms or results:
        return Answer(word, (), terms, results=results)
    _require_loaded(word)
    if quantity := explain_quantity(word):
        raise UsageError(f"nothing is named {shown(word)}; {quantity}")
    near = _list_near(word, keys_first=keys_first)
    hint = synonyms.ask(near) if near else "'simasgd list' shows the names"
    raise UsageError(f"nothing is named {shown(word)}; {synonyms.ABSENT.get(word.lower(), hint)}")


def _require_loaded(word: str) -> None:
    """Raise UsageError for a protocol of another package that cannot be loaded, with the reason."""
    if word in foreign.list_installed_kinds():
        try:
            foreign.load_protocol(word)
        except ValueError as error:
            raise UsageError(str(error)) from None


def _list_near(word: str, *, keys_first: bool) -> list[str]:
    """Return the names that a word may misspell, the likeliest first, with the kinds that a choice of the word suggests."""
    misspelt = synonyms.suggest(word, list_names())
    used = synonyms.suggest_by_use(word, _list_kinds())
    first = (*misspelt, *used) if keys_first else (*used, *misspelt)
    return list(dict.fromkeys([*first, *nearest_words(word, list_names(), _MOST_NEAR)]))[:_MOST_NEAR]


@cache
def list_names() -> tuple[str, ...]:
    """Return every name that can be asked about, scenarios included; keys by all their endings."""
    kinds = [kind for family in list_families() for kind in family.members]
    endings = [".".join(key.split(".")[start:]) for key in list_keys() for start in range(key.count(".") + 1)]
    named = [*catalogue.list_scenarios(), *catalogue.list_profiles(), *kinds, *_list_values(), *endings, *list_terms()]
    return tuple(dict.fromkeys(named))


def list_other_meanings(name: str) -> list[str]:
    """Return the choices `KEY=NAME` of everything that a scenario's name names besides it."""
    kinds = [f"{facts.key}={facts.kind}" for facts in list_kinds(name)]
    return [*([f"profile={name}"] if name in catalogue.list_profiles() else []), *kinds]


def _named(word: str, *, keys_first: bool) -> Iterator[Facts]:
    by_key = list(_keys_named(word))
    if keys_first:
        yield from by_key
    others: list[Facts] = []
    if word in catalogue.list_profiles() or word.endswith(YAML_SUFFIXES):
        others.append(read_profile(word))
    others.extend(list_kinds(word))
    yield from others
    if not keys_first and not others:
        yield from by_key
    if not others and not by_key and word in _list_values():
        yield _describe_value(word)


def _keys_named(word: str) -> Iterator[KeyFacts]:
    """Return the keys that a word is, or is the ending of, as in an override, and those that users call so.

    The word `kind` stands for every key that chooses a kind.
    """
    if word == "kind":
        yield from (facts_of(family.key) for family in list_families())
        return
    try:
        yield facts_of(word)
    except KeyError:
        ending = f".{word}".removesuffix(".kind")
        ends = [key for key in list_keys() if key.endswith(ending)]
        meant = synonyms.keys(word) if ends and "." not in word else ()
        yield from map(facts_of, dict.fromkeys([*ends, *meant]))


def _meant(word: str) -> tuple[str, ...]:
    """Return the keys and kinds that a user's word stands for."""
    return tuple(dict.fromkeys([*synonyms.keys(word, tuple(list_keys())), *synonyms.kinds(word, _list_kinds())]))


def _list_kinds() -> list[str]:
    """Return all kinds and values of keys."""
    return [*(kind for family in list_families() for kind in family.members), *_list_values()]


def _chosen(key: str, kind: str, word: str) -> Facts:
    """Return what a key chooses. Raises UsageError."""
    ends = [family for family in list_families() if f".{family.key}".endswith(f".{key}")]
    if f".{key}" in (".profile", ".cluster.profile"):
        if kind in catalogue.list_profiles() or profiles.is_path(kind):
            return read_profile(kind)
        raise UsageError(_unknown_choice(word, "profile", kind, catalogue.list_profiles()))
    if not ends:
        choices = ", ".join([*(family.key for family in list_families()), "cluster.profile"])
        raise UsageError(f"{word}: {shown(key)} chooses no kind; keys that do are {choices}")
    for family in ends:
        if kind in family.members:
            return describe_kind(family, kind)
    raise UsageError(_unknown_choice(word, ends[0].word, kind, ends[0].members))


def _unknown_choice(word: str, what: str, kind: str, known: Iterable[str]) -> str:
    choices = list(known)
    meant = synonyms.suggest_kinds(kind, choices)
    hint = synonyms.ask(meant) if meant else f"choose from {', '.join(choices)}"
    return f"{word}: there is no {what} {shown(kind)}; {hint}"


@cache
def _list_values() -> dict[str, tuple[str, ...]]:
    """Return the words that are values of keys, each with the keys."""
    found: dict[str, dict[str, None]] = {}
    for key, facts in list_keys().items():
        for form in facts.forms:
            for value in form.choices:
                found.setdefault(value, {})[key] = None
    return {value: tuple(keys) for value, keys in found.items()}


def _describe_value(word: str) -> ValueFacts:
    holders = tuple(facts_of(key) for key in _list_values()[word])
    meanings = [meanings_of_values(form.words).get(word, "") for facts in holders for form in facts.forms]
    return ValueFacts(word, next(filter(None, meanings), ""), holders)
