"""Which variant the others are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.variant_facts import VariantFacts

_SYNCHRONOUS = ("hardsync", "all-reduce")
"""All learners make one step together."""


def choose_reference(variants: Sequence[VariantFacts]) -> VariantFacts:
    """The synchronous variant, or else the one with the least mean staleness, those of one model before those of several, or
    else the first."""
    synchronous = [one for kind in _SYNCHRONOUS for one in variants if one.protocol == kind]
    measured = [one for one in variants if one.staleness is not None]
    return min(synchronous[:1] or measured or variants[:1], key=_rank_staleness)


def _rank_staleness(one: VariantFacts) -> tuple[float, bool]:
    return one.staleness.mean if one.staleness else 0.0, one.own_models
