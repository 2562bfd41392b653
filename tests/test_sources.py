"""Every rule states its source, how certain the source is, and the differences from it."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from simasgd.protocols import Protocol
from simasgd.scenario.learning.compression import Compression, NoCompression
from simasgd.scenario.learning.modulation import DefaultModulation, Modulation, NoModulation
from simasgd.scenario.reading import keys

_NO_RULE = (DefaultModulation, NoModulation, NoCompression)
RULES = [
    one
    for one in (*get_args(Protocol), *keys.find_sections(Modulation), *keys.find_sections(Compression))
    if one not in _NO_RULE
]
_SOURCE = re.compile(r"arXiv:\d{4}\.\d{4,5}|(?:NIPS|OSDI|SIGMOD)|Chan and Lane 2014")
_TAG = re.compile(r"\b(?:verified|secondary|recalled|derived)\b")


def test_all_rules_are_here():
    assert len(get_args(Protocol)) == 27
    assert len(RULES) == 27 + 17 + 4


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.model_fields["kind"].default)
def test_a_rule_names_its_paper_and_what_differs(rule):
    words = " ".join((rule.__doc__ or "").split())
    _, no_paper, _ = words.partition("No paper:")
    if no_paper:
        return
    before, found, against = words.partition("Against the paper")
    assert found
    assert _SOURCE.search(before) or "The same" in before, "a paper's arXiv number, or where it appeared"
    assert _TAG.search(words), "how surely that is known"
    assert len(against) > 10
