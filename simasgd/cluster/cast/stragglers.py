"""The learners' slow spells: which kinds hit whom, and the learners that are slow together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from simasgd import exact
from simasgd.cluster.clock.compute import law
from simasgd.cluster.clock.spells import AbstractSlowness, CombinedSlowness, SlowSpells, SpellKind
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.network import Tree
from simasgd.scenario.cluster.stragglers import Slowdowns, Stragglers

_KIND = 2**32  # of the numbers of streams: the streams of a kind are numbered by its members


def slow_spells(spec: Cluster, seed: int) -> list[AbstractSlowness | None]:
    """Return the pace of each learner's computing; None for a learner that is never slow.

    The spells of a member (a learner, node or rack) are a function of the seed, the kind's place in
    the list and the member's number only, so two protocols at one seed meet the same spells.
    """
    lasting = [1.0] * spec.learners
    sources: list[list[SlowSpells]] = [[] for _ in range(spec.learners)]
    for place, kind in enumerate(spec.kinds_of_stragglers):
        common = None if kind.is_lasting else _common(kind)
        chosen = _members(kind, spec.count(kind.hits), seed, place)
        # Spells that hit several at once are one source, numbered 0.
        hits = [(0, chosen)] if kind.hits == "all" else [(member, _learners_of(spec, kind, member)) for member in chosen]
        for member, learners in hits:
            number = member + place * _KIND
            if common is None:
                slowdown = _lasting_slowdown(kind, exact.seed_of_run(seed), number)
                for learner in learners:
                    lasting[learner] *= slowdown
            else:
                slowdowns = common.draw_slowdowns(partial(exact.stream, seed, exact.Purpose.SLOWDOWN, number))
                spells = SlowSpells(common, exact.stream(seed, exact.Purpose.SPELL, number), slowdowns)
                for learner in learners:
                    sources[learner].append(spells)
    return [_combined(*pair) for pair in zip(lasting, sources, strict=True)]


def _combined(lasting: float, sources: Sequence[SlowSpells]) -> AbstractSlowness | None:
    if lasting == 1.0 and len(sources) < 2:
        return sources[0] if sources else None
    return CombinedSlowness(lasting, sources)


def _members(kind: Stragglers, there: int, seed: int, place: int) -> Sequence[int]:
    """Return the numbers of the members that are hit, of the members 0 to `there` − 1."""
    if kind.members is not None:
        return kind.members
    if kind.share is None:
        return range(there)
    # The members with the least numbers, so that a greater share has the members of a smaller one.
    drawn = exact.uniforms(exact.stream(seed, exact.Purpose.MEMBER, place), there)
    chosen = np.argsort(drawn, kind="stable")[: max(1, int(kind.share * there + 0.5))]
    return sorted(chosen.tolist())


def _learners_of(spec: Cluster, kind: Stragglers, member: int) -> range:
    """Return the learners of a member."""
    many = 1
    if kind.hits == "node":
        many = spec.learners_per_node
    elif kind.hits == "rack":
        assert isinstance(spec.network.topology, Tree)
        many = spec.learners_per_node * spec.network.topology.nodes_per_rack
    return range(member * many, min((member + 1) * many, spec.learners))


def _common(kind: Stragglers) -> SpellKind:
    """Return what the spells of all members have in common."""
    assert kind.mean_normal is not None
    assert kind.mean_slow is not None
    lengths = kind.mean_normal, kind.mean_slow, law(kind.normal_law), law(kind.slow_law)
    if isinstance(kind.slowdown, Slowdowns):
        return SpellKind(kind.slowdown.mean, *lengths, law(kind.slowdown))
    return SpellKind(kind.slowdown, *lengths)


def _lasting_slowdown(kind: Stragglers, seed: int, number: int) -> float:
    """Return the slowdown of a member that is slow for the whole run."""
    if not isinstance(kind.slowdown, Slowdowns):
        return kind.slowdown
    factors = law(kind.slowdown).factors(exact.stream(seed, exact.Purpose.SLOWDOWN, number))
    return 1.0 + (kind.slowdown.mean - 1.0) * next(factors)
