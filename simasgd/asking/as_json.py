"""Answers as values of JSON, for tools."""

from __future__ import annotations

import math
from typing import Any

from simasgd.asking.answers import Answer, Facts, ValueFacts
from simasgd.asking.key_facts import KeyFacts, KeyVariant
from simasgd.asking.kind_facts import KindFacts
from simasgd.asking.profile_facts import ProfileFacts
from simasgd.asking.terminal import write_choice
from simasgd.asking.terms import Term


def describe_answer(answer: Answer) -> dict[str, Any]:
    """Return an answer: the word, the names that it stands for, and a mapping for each thing that was found."""
    return {
        "asked": answer.asked,
        "meant": list(answer.meant),
        "found": [_describe(facts) for facts in answer.found],
        "others": list(answer.others),
        "results": [found._asdict() for found in answer.results],
    }


def _describe(facts: Facts) -> dict[str, Any]:
    match facts:
        case KindFacts():
            return {
                "is": "kind",
                "kind": facts.kind,
                "key": facts.key,
                "word": facts.word,
                "choice": write_choice(facts),
                "paragraphs": list(facts.paragraphs),
                "keys": [_describe_key(key) for key in facts.keys],
                "has_server": facts.has_server,
                "verbs": {role.role: list(role.verbs) for role in facts.roles},
                "staleness": facts.staleness or None,
                "rule": facts.symbol or None,
                "papers": list(facts.papers.addresses),
                "facts": list(facts.papers.facts),
                "source": facts.source or None,
            }
        case ProfileFacts():
            numbers = [
                {
                    "key": number.key,
                    "topology": number.topology or None,
                    "value": number.written,
                    "number": None if number.number is None or not math.isfinite(number.number) else number.number,
                    "unit": number.unit or None,
                    "meaning": number.meaning,
                    "source": number.source,
                }
                for number in facts.numbers
            ]
            return {
                "is": "profile",
                "name": facts.name,
                "title": facts.title,
                "file": facts.file,
                "numbers": numbers,
            }
        case ValueFacts():
            return {
                "is": "value",
                "value": facts.word,
                "meaning": facts.meaning,
                "keys": [_describe_key(key) for key in facts.keys],
            }
        case Term():
            return {"is": "term", "name": facts.name, "text": facts.text}
        case KeyFacts():
            return {"is": "key", **_describe_key(facts)}


def _describe_key(facts: KeyFacts) -> dict[str, Any]:
    return {
        "key": facts.key,
        "section": facts.section or None,
        "documented": f"docs/scenario.md, under {facts.place}",
        "keys": list(facts.within),
        "kinds": list(facts.kinds),
        "forms": [_describe_form(form) for form in facts.forms],
    }


def _describe_form(form: KeyVariant) -> dict[str, Any]:
    return {
        "kinds": list(form.kinds),
        "meaning": form.words.meaning,
        "values": form.words.values.replace("`", ""),
        "choices": list(form.choices),
        "units": list(form.units),
        "required": form.words.is_required,
        "default": form.words.default or None,
        "example": form.example or None,
        "in_list": form.in_list,
        "source": form.source or None,
    }
