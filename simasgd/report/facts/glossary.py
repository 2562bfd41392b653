"""The terms of a report, explained on its page if it uses them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import unescape
from inspect import getdoc
from typing import get_args

from simasgd.asking.terms import TERMS, Term
from simasgd.protocols import AbstractProtocol, Protocol


@cache
def list_terms() -> tuple[Term, ...]:
    """Return all terms: those of every report, and the protocols with the first sentence of their docstrings."""
    return (*TERMS, *sorted(_describe_protocol(protocol) for protocol in get_args(Protocol)))


def _describe_protocol(protocol: type[AbstractProtocol]) -> Term:
    (kind,) = get_args(protocol.model_fields["kind"].annotation)
    summary = (getdoc(protocol) or "").partition("\n\n")[0].replace("\n", " ")
    name = r"\w+-softsync" if kind == "n-softsync" else re.escape(kind)
    return Term(kind, summary, rf"(?<![\w-]){name}(?![\w-])")


def find_terms(page: str) -> Sequence[Term]:
    """Return the terms that the HTML of a page uses, in the order of the glossary."""
    said = re.sub(r"<script\b.*?</script>", " ", page, flags=re.DOTALL)
    said = unescape(re.sub(r"<[^>]+>", " ", said))
    return [term for term in list_terms() if re.search(term.words, said, flags=re.IGNORECASE)]
