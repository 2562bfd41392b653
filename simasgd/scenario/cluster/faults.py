"""The `cluster.faults` and `cluster.stragglers` sections: what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, isclose
from typing import Annotated, final

from pydantic import AfterValidator, Field, Tag, WithJsonSchema

from simasgd.scenario.vocabulary.section import LIST, MAPPING, Inconsistency, ListOrMapping, Number, Section
from simasgd.scenario.vocabulary.units import TIME, Seconds, show
from simasgd.scenario.vocabulary.values import nearest, shown

Learner = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]


@final
class Stragglers(Section):
    """Learners that are slow for a while: normal and slow spells take turns, each exponentially long."""

    slowdown: Annotated[Number, Field(gt=1.0, le=1e6)]
    """How many times longer computing takes in a slow spell."""
    mean_normal: Seconds
    """Mean length of a normal spell."""
    mean_slow: Seconds
    """Mean length of a slow spell."""

    def inconsistencies(self) -> list[Inconsistency]:
        return [
            Inconsistency((key,), "a positive time is wanted")
            for key in ("mean_normal", "mean_slow")
            if getattr(self, key) == 0.0
        ]


@final
class RandomCrashes(Section):
    """Every learner crashes and rejoins, at exponential distances."""

    mtbf: Seconds
    """Mean time from (re)joining to the next crash."""
    mttr: Seconds
    """Mean time from a crash to the return."""


@final
class Crash(Section):
    """One learner stops at a time, losing what it does; it rejoins with no weights and no gradient."""

    learner: Learner
    """Its number, from 0."""
    at: Seconds
    """When."""
    down: Seconds | None = None
    """How long; absent: for good."""


@final
class Pause(Section):
    """The server neither updates nor answers for a while; messages to it still arrive."""

    at: Seconds
    """When it begins."""
    lasting: Seconds
    """How long."""


_LINK = re.compile(r"server|(node|rack) (0|[1-9][0-9]{0,7})")


def _link(name: str) -> str:
    if _LINK.fullmatch(name) is None:
        word, space, number = name.partition(" ")
        near = nearest(word, ("server", "node", "rack"))
        meant = f"{near}{space}{number}" if near else ""
        hint = f"; did you mean {meant!r}?" if _LINK.fullmatch(meant) else "; 'server', 'node N' or 'rack N' is wanted"
        raise ValueError(f"{shown(name)} is no link{hint}")
    return name


Link = Annotated[str, AfterValidator(_link), WithJsonSchema({"type": "string", "pattern": f"^({_LINK.pattern})$"})]


@final
class Degradation(Section):
    """An interface is slower for a while."""

    link: Link
    """`server` (the interface of every server), `node N` (of the node with learners N·learners_per_node and on), `rack N` (a
    rack's uplink and downlink in a tree)."""
    at: Seconds
    """When it begins."""
    lasting: Seconds
    """How long."""
    factor: Annotated[Number, Field(ge=1e-15, lt=1.0)]
    """What is left of the bandwidth."""

    def number(self) -> int | None:
        """Of the node or rack."""
        found = re.search(r"[0-9]+", self.link)
        return int(found[0]) if found else None


@final
class MessageLoss(Section):
    """Messages of gradients and weights get lost, each by itself, and are sent again."""

    probability: Annotated[Number, Field(gt=0.0, le=0.99)]
    """Of a message, each time it is sent."""
    resend_after: Seconds
    """How long after it should have arrived a message is sent again."""


@final
class Faults(Section):
    """What goes wrong, and when."""

    crashes: Annotated[Annotated[RandomCrashes, Tag(MAPPING)] | Annotated[tuple[Crash, ...], Tag(LIST)], ListOrMapping] = ()
    """Learners that crash and rejoin: `{mtbf, mttr}`, or a list of `{learner, at, down}`."""
    server_pauses: tuple[Pause, ...] = ()
    """When the server stands still: a list of `{at, lasting}`."""
    degraded_links: tuple[Degradation, ...] = ()
    """When an interface is slower: a list of `{link, at, lasting, factor}`."""
    message_loss: MessageLoss | None = None
    """Messages that get lost and are sent again."""

    def inconsistencies(self, learners: int, nodes: int, racks: int) -> Iterator[Inconsistency]:
        if isinstance(self.crashes, RandomCrashes):
            for key in ("mtbf", "mttr"):
                if getattr(self.crashes, key) == 0.0:
                    yield Inconsistency(("crashes", key), "a positive time is wanted")
        else:
            yield from _crash_inconsistencies(self.crashes, learners)
        pauses = [(i, pause.at, pause.lasting) for i, pause in enumerate(self.server_pauses)]
        yield from _spell_inconsistencies("server_pauses", pauses, "the server still pauses")
        by_link: dict[str, list[tuple[int, float, float]]] = {}
        for i, one in enumerate(self.degraded_links):
            by_link.setdefault(one.link, []).append((i, one.at, one.lasting))
        for link, spells in by_link.items():
            yield from _spell_inconsistencies("degraded_links", spells, f"{link} is still slower")
        yield from self._links_not_there(nodes, racks)

    def _links_not_there(self, nodes: int, racks: int) -> Iterator[Inconsistency]:
        for i, one in enumerate(self.degraded_links):
            number, kind = one.number(), one.link.split()[0]
            there = nodes if kind == "node" else racks
            if number is not None and number >= there:
                racks_there = f"racks 0 to {racks - 1}" if racks else "no racks (network.topology is no tree)"
                many = f"nodes 0 to {nodes - 1}" if kind == "node" else racks_there
                yield Inconsistency(("degraded_links", i, "link"), f"there is no {one.link}; there are {many}")


def _crash_inconsistencies(crashes: tuple[Crash, ...], learners: int) -> Iterator[Inconsistency]:
    until: dict[int, float] = {}
    for i, crash in sorted(enumerate(crashes), key=lambda pair: pair[1].at):
        path = ("crashes", i)
        if crash.learner >= learners:
            yield Inconsistency((*path, "learner"), f"there is no learner {crash.learner}; there are 0 to {learners - 1}")
        back = until.get(crash.learner, 0.0)
        if _before(crash.at, back):
            still = "for good" if back == inf else f"until {show(back, TIME)}"
            yield Inconsistency((*path, "at"), f"learner {crash.learner} is down then, {still}")
        if crash.down == 0.0:
            yield Inconsistency((*path, "down"), "a positive time is wanted (or null: for good)")
        until[crash.learner] = inf if crash.down is None else max(back, crash.at + crash.down)


def _spell_inconsistencies(key: str, spells: list[tuple[int, float, float]], still: str) -> Iterator[Inconsistency]:
    """Of spells (place in the list, begin, length) that must neither overlap nor be empty."""
    until = 0.0
    for i, at, lasting in sorted(spells, key=lambda spell: spell[1:]):
        if lasting == 0.0:
            yield Inconsistency((key, i, "lasting"), "a positive time is wanted")
        if _before(at, until):
            yield Inconsistency((key, i, "at"), f"{still} then, until {show(until, TIME)}")
        until = max(until, at + lasting)


def _before(time: float, other: float) -> bool:
    """Whether a time (s) is before another, as people write them: 0.1 + 0.2 is 0.3."""
    return time < other and not isclose(time, other, rel_tol=1e-12)
