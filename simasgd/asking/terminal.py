"""Answers as text for a terminal."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator

from simasgd.asking.answers import Answer, Facts, ValueFacts
from simasgd.asking.key_facts import KeyFacts, KeyVariant, facts_of
from simasgd.asking.kind_facts import KindFacts
from simasgd.asking.profile_facts import ProfileFacts
from simasgd.asking.terms import Term
from simasgd.scenario.vocabulary.names import join_words

_MOST_WHOLE = 3  # of several answers; more than these are a line each
_INDENT = "    "


def write_answer(answer: Answer, width: int) -> Iterator[str]:
    """Yield the lines of an answer, wrapped at `width` columns."""
    if answer.meant:
        is_clear = len(answer.meant) == 1
        says = "simasgd's word for it is" if is_clear else "simasgd has several words for it:"
        if any(isinstance(facts, Term) for facts in answer.found):
            says = "a term of results, and in a scenario"
        yield from _wrap(f"{answer.asked}: {says} {join_words(answer.meant, 'and')}.", width)
        yield ""
    if len(answer.found) > _MOST_WHOLE:
        yield from _wrap(f"{answer.asked} may mean {len(answer.found)} things; ask about one of them:", width)
        yield ""
        yield from write_table([_line_of(facts) for facts in answer.found], width)
        yield from _write_results(answer, width)
        return
    for number, facts in enumerate(answer.found):
        if number:
            yield from ("", "─" * min(width, 40), "")
        match facts:
            case KindFacts():
                yield from _write_kind(facts, width)
            case ProfileFacts():
                yield from _write_profile(facts, width)
            case ValueFacts():
                yield from _write_value(facts, width)
            case Term():
                yield f"{facts.name}: a term of results"
                yield from _wrap(facts.text, width, _INDENT)
            case KeyFacts():
                yield from _write_key(facts, width)
    if answer.others:
        yield ""
        yield from _wrap(f"Other keys end so, too: {', '.join(answer.others)}.", width)
    yield from _write_results(answer, width)


def _write_results(answer: Answer, width: int) -> Iterator[str]:
    """Yield the keys and columns of files of results that have the word's name."""
    if not answer.results:
        return
    if answer.found:
        yield ""
    yield "In files of results:"
    for found in answer.results:
        yield from _wrap(f"{found.file}, {found.key}: {found.meaning}.", width, "  ")


def write_table(rows: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """Yield a line for each row: a name, and a text that is cut at the width."""
    listed = list(rows)
    column = min(max((len(name) for name, _ in listed), default=0), 40)
    for name, text in listed:
        yield _cut(f"  {name:{column}}  {text}".rstrip(), width)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1].rstrip()}…"


def _line_of(facts: Facts) -> tuple[str, str]:
    match facts:
        case KindFacts():
            return f"{facts.key}={facts.kind}", facts.first_sentence
        case ProfileFacts():
            return f"profile={facts.name}", facts.title
        case ValueFacts():
            return facts.word, facts.meaning
        case Term():
            return facts.name, facts.text
        case KeyFacts():
            return facts.key, facts.first_sentence


def _write_kind(facts: KindFacts, width: int) -> Iterator[str]:
    server = {None: "", True: " with a server", False: " without a server"}[facts.has_server]
    yield f"{facts.kind}: {_with_article(facts.word)}{server}"
    yield f"{_INDENT}{write_choice(facts)}"
    for paragraph in facts.paragraphs:
        yield ""
        yield from _wrap(paragraph, width)
    if facts.keys:
        yield ""
        yield "Keys:"
        for key in facts.keys:
            yield from _write_entry(key, width)
    rows = [(f"{role.role}'s verbs", ", ".join(role.verbs)) for role in facts.roles if role.verbs]
    if facts.staleness:
        rows.append(("staleness", facts.staleness))
    if facts.symbol:
        rows.append(("rule", facts.symbol))
    rows += [("paper" if not number else "", address) for number, address in enumerate(facts.papers.addresses)]
    if facts.papers.facts:
        rows.append(("facts", f"docs/papers.md {', '.join(facts.papers.facts)}"))
    if facts.source:
        rows.append(("source", facts.source))
    if rows:
        yield ""
        yield from _write_rows(rows, width)


def write_choice(facts: KindFacts) -> str:
    """Return the override that chooses a kind, with the keys that it must be given."""
    required = [key for key in facts.keys if key.forms[0].words.is_required]
    if not required:
        return f"{facts.key}={shlex.quote(facts.kind)}"
    given = ", ".join(f"{key.key.rpartition('.')[2]}: {key.forms[0].example}" for key in required)
    return f"{facts.key}={shlex.quote(f'{{kind: {facts.kind}, {given}}}')}"


def _write_entry(key: KeyFacts, width: int) -> Iterator[str]:
    for form in key.forms:
        about = form.words.summary
        yield f"{_INDENT}{key.key}{f' ({about})' if about else ''}"
        yield from _wrap(form.words.meaning or _without_meaning(form), width, _INDENT * 2)


def _without_meaning(form: KeyVariant) -> str:
    """Return the text for a key of another package's protocol whose class does not describe it."""
    return "The protocol's class has no docstring below this key." if form.source else ""


def _write_profile(facts: ProfileFacts, width: int) -> Iterator[str]:
    yield from _wrap(f"{facts.name}: a node profile. {facts.title}".rstrip(), width)
    yield f"{_INDENT}cluster.profile={facts.name}"
    topology = ""
    for number in facts.numbers:
        yield ""
        if number.topology != topology:
            yield f"Under cluster.network.topology={number.topology}:"
            yield ""
        topology = number.topology
        yield f"{number.key} = {number.written}"
        if number.meaning:
            yield from _wrap(number.meaning, width, _INDENT)
        yield from _wrap(f"Source: {number.source}", width, _INDENT)
    yield ""
    yield f"file  {facts.file}"


def _write_value(facts: ValueFacts, width: int) -> Iterator[str]:
    yield from _wrap(f"{facts.word}: a value of {join_words([key.key for key in facts.keys], 'and')}", width)
    if facts.meaning:
        yield from _wrap(facts.meaning, width, _INDENT)
    yield ""
    yield from _write_key(facts.keys[0], width)


def _write_key(facts: KeyFacts, width: int) -> Iterator[str]:
    yield facts.key
    for form in facts.forms:
        yield ""
        if len(facts.forms) > 1:
            yield from _wrap(f"Of {_of_kinds(facts, form)}:", width)
        yield from _wrap(form.words.meaning or _without_meaning(form), width, _INDENT)
        yield ""
        yield from _write_rows(_rows_of(facts, form), width)
    if facts.kinds:
        yield from ("", "Kinds ('simasgd show KIND' describes one):")
        yield from write_table(facts.kinds.items(), width)
    elif facts.within:
        yield from ("", f"Keys within, as in {facts.within[0]}:")
        within = [(key.rpartition(".")[2], facts_of(key).first_sentence.rstrip(".")) for key in facts.within]
        yield from write_table(within, width)


def _rows_of(facts: KeyFacts, form: KeyVariant) -> list[tuple[str, str]]:
    rows = [("values", _describe_values(facts, form))]
    if form.units:
        rows.append(("units", f"{', '.join(form.units)}; a number needs one"))
    rows.append(("default", _describe_default(facts, form)))
    if form.example and not form.in_list:
        rows.append(("example", f"{facts.key}={shlex.quote(form.example)}"))
    elif form.example:
        rows.append(("example", f"{facts.key.rpartition('.')[2]}: {form.example}, in an item of the list {facts.section}"))
    if len(facts.forms) == 1 and form.kinds:
        rows.append(("section", f"{facts.section}, of {_of_kinds(facts, form)}"))
    else:
        rows.append(("section", facts.section or "the scenario itself"))
    rows.append(("source", form.source) if form.source else ("documented", f"docs/scenario.md, under {facts.place}"))
    return rows


def _describe_values(facts: KeyFacts, form: KeyVariant) -> str:
    if facts.kinds:
        return "a kind, or a mapping with a kind and its keys"
    return form.words.values.replace("`", "") or ("a mapping" if facts.within else "any")


def _describe_default(facts: KeyFacts, form: KeyVariant) -> str:
    if form.words.is_required:
        by_profile = facts.key.startswith("cluster.") and facts.key != "cluster.learners" and not form.in_list
        return f"none; it must be given{', here or by a profile' if by_profile else ''}"
    return form.words.default or "none; the key may be absent"


def _of_kinds(facts: KeyFacts, form: KeyVariant) -> str:
    return f"kind {form.kinds[0]}" if len(form.kinds) == 1 else f"kinds {join_words(form.kinds, 'and')}"


def _write_rows(rows: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    listed = list(rows)
    column = max(len(name) for name, _ in listed)
    for name, text in listed:
        yield from textwrap.wrap(
            text,
            max(width, column + 30),
            initial_indent=f"{_INDENT}{name:{column}}  ",
            subsequent_indent=" " * (len(_INDENT) + column + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
