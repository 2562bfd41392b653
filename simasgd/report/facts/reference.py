"""The reference: the variant that the others are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.variant_facts import VariantFacts

_SYNCHRONOUS = ("hardsync", "all-reduce")
"""Protocols in which all learners make one step together."""


def choose_reference(variants: Sequence[VariantFacts]) -> VariantFacts:
    """Return the synchronous variant, or the one with the lowest mean staleness, or the first.

    Among equally stale variants, one with a single model goes before one with several.
    """
    synchronous = [variant for kind in _SYNCHRONOUS for variant in variants if variant.protocol == kind]
    measured = [variant for variant in variants if variant.staleness is not None]
    return min(synchronous[:1] or measured or variants[:1], key=_rank_staleness)


def _rank_staleness(variant: VariantFacts) -> tuple[float, bool]:
    return variant.staleness.mean if variant.staleness else 0.0, variant.own_models
