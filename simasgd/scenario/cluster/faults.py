"""The `cluster.faults` section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, isclose
from typing import Annotated, NamedTuple, final

from pydantic import AfterValidator, Field, Tag, WithJsonSchema

from simasgd.scenario.vocabulary.section import LIST, MAPPING, Inconsistency, ListOrMapping, Number, Rival, Section
from simasgd.scenario.vocabulary.units import TIME, Seconds, show
from simasgd.scenario.vocabulary.values import nearest, shown

LearnerNumber = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]


@final
class RandomCrashes(Section):
    """Every learner crashes and rejoins, after exponential times."""

    mtbf: Seconds
    """Mean time from start or return to the next crash."""
    mttr: Seconds
    """Mean time from a crash to the return."""


@final
class Crash(Section):
    """A crash of one learner, which loses its work and rejoins without weights and gradient."""

    learner: LearnerNumber
    """Number of the learner, from 0."""
    at: Seconds
    """Time of the crash."""
    down: Seconds | None = None
    """Duration until the learner rejoins; for good if absent."""


@final
class Absence(Section):
    """A time at which a learner is not there: it comes later, is away for a while, or leaves for good."""

    learner: LearnerNumber
    """Number of the learner, from 0."""
    since: Seconds
    """Time at which it leaves; 0 for a learner that comes later."""
    until: Seconds | None = None
    """Time at which it comes; never if absent."""


@final
class Pause(Section):
    """A pause of the server, which neither updates nor answers; messages to it still arrive."""

    at: Seconds
    """Time at which it begins."""
    lasting: Seconds
    """Duration."""


_LINK = re.compile(r"server|(node|rack) (0|[1-9][0-9]{0,7})")


def _link(name: str) -> str:
    if _LINK.fullmatch(name) is None:
        word, space, number = name.partition(" ")
        near = nearest(word, ("server", "node", "rack"))
        meant = f"{near}{space}{number}" if near else ""
        hint = f"; did you mean {meant!r}?" if _LINK.fullmatch(meant) else "; expected 'server', 'node N' or 'rack N'"
        raise ValueError(f"{shown(name)} is not a link{hint}")
    return name


LinkName = Annotated[
    str, AfterValidator(_link), WithJsonSchema({"type": "string", "pattern": f"^({_LINK.pattern})$", "examples": ["node 0"]})
]


@final
class Degradation(Section):
    """An interface that is slower for a while."""

    link: LinkName
    """`server` (the interface of every server), `node N` (the interface of a node), or `rack N`
    (uplink and downlink of a rack in a tree)."""
    at: Seconds
    """Time at which it begins."""
    lasting: Seconds
    """Duration."""
    factor: Annotated[Number, Field(ge=1e-15, lt=1.0)]
    """Remaining fraction of the bandwidth, 10⁻¹⁵ or more and less than 1."""

    def number(self) -> int | None:
        """Return the number of the node or rack; None for the server."""
        found = re.search(r"[0-9]+", self.link)
        return int(found[0]) if found else None


@final
class MessageLoss(Section):
    """Loss of messages of gradients and weights, each independently, which are then sent again."""

    probability: Annotated[Number, Field(gt=0.0, le=0.99)]
    """Probability that a message is lost, each time it is sent."""
    resend_after: Seconds
    """Time between the moment when a lost message should have arrived and the moment when it is
    sent again."""


class OutageOf(NamedTuple):
    """The time of a learner's outage (s), and when it is back: infinite for good."""

    learner: int
    since: float
    until: float


@final
class Faults(Section):
    """Faults and their times."""

    crashes: Annotated[
        Annotated[RandomCrashes, Tag(MAPPING)] | Annotated[tuple[Crash, ...], Tag(LIST)],
        ListOrMapping,
        Field(examples=[{"mtbf": "2 h", "mttr": "90 s"}, [{"learner": 3, "at": "10 s", "down": "1 min"}]]),
    ] = ()
    """Learners that crash and rejoin: all of them at random, or a list of crashes."""
    absences: Annotated[
        tuple[Absence, ...],
        Field(examples=[[{"learner": 3, "since": "10 s", "until": "1 min"}]]),
    ] = ()
    """Times at which learners are away: a list. Who leaves loses its work, as in a crash, and
    counts as crashed."""
    absences_file: Annotated[str, Field(examples=["absences.csv"])] | None = None
    """A file of absences beside the scenario's file, in place of the list: CSV, Parquet or plain
    rows, with the columns learner, since and until (s). `until` may be empty."""
    member_timeout: Seconds | None = None
    """Time after which the others go on without a learner that is away, under protocols without a
    parameter server. 1 s if absent; the default is ours."""
    server_pauses: Annotated[tuple[Pause, ...], Field(examples=[[{"at": "10 s", "lasting": "2 s"}]])] = ()
    """Pauses of the server: a list."""
    degraded_links: Annotated[
        tuple[Degradation, ...],
        Field(examples=[[{"link": "node 3", "at": "10 s", "lasting": "2 s", "factor": 0.1}]]),
    ] = ()
    """Interfaces that are slower for a while: a list."""
    message_loss: Annotated[MessageLoss | None, Field(examples=[{"probability": 0.01, "resend_after": "200 ms"}])] = None
    """Messages that are lost and sent again. None if absent."""

    @property
    def makes_learners_leave(self) -> bool:
        """Whether learners may be away."""
        return bool(self.crashes or self.absences)

    @property
    def outages(self) -> list[OutageOf]:
        """The listed crashes and absences."""
        return [outage for _, outage in self._places_of_outages()]

    def _places_of_outages(self) -> list[tuple[tuple[str, int], OutageOf]]:
        """Return the listed crashes and absences with their places in the section."""
        found: list[tuple[tuple[str, int], OutageOf]] = []
        for number, crash in enumerate(() if isinstance(self.crashes, RandomCrashes) else self.crashes):
            back = inf if crash.down is None else crash.at + crash.down
            found.append((("crashes", number), OutageOf(crash.learner, crash.at, back)))
        for number, absence in enumerate(self.absences):
            back = inf if absence.until is None else absence.until
            found.append((("absences", number), OutageOf(absence.learner, absence.since, back)))
        return found

    @property
    def patience(self) -> float:
        """Seconds after which the others go on without a learner that is away."""
        return 1.0 if self.member_timeout is None else self.member_timeout

    def inconsistencies(self, learners: int, nodes: int, racks: int) -> Iterator[Inconsistency]:
        if isinstance(self.crashes, RandomCrashes):
            for key in ("mtbf", "mttr"):
                if getattr(self.crashes, key) == 0.0:
                    yield Inconsistency(("crashes", key), "must be a positive time")
            if self.absences:
                message = "random crashes and absences cannot be combined; list the crashes"
                rivals = Rival(("absences",), ("crashes",)), Rival(("crashes",), ("absences",))
                yield Inconsistency(("absences",), message, rivals)
        else:
            for number, crash in enumerate(self.crashes):
                if crash.down == 0.0:
                    yield Inconsistency(("crashes", number, "down"), "must be a positive time (or null: for good)")
        for number, absence in enumerate(self.absences):
            if absence.until is not None and absence.until <= absence.since:
                yield Inconsistency(("absences", number, "until"), "must be after since (or null: for good)")
        if self.absences_file is not None:
            yield Inconsistency(("absences_file",), "is read with the scenario's file; give `absences` here")
        yield from _outage_inconsistencies(self._places_of_outages(), learners)
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
                racks_there = f"racks 0 to {racks - 1}" if racks else "no racks (network.topology is not a tree)"
                many = f"nodes 0 to {nodes - 1}" if kind == "node" else racks_there
                yield Inconsistency(("degraded_links", i, "link"), f"there is no {one.link}; there are {many}")


def _outage_inconsistencies(outages: list[tuple[tuple[str, int], OutageOf]], learners: int) -> Iterator[Inconsistency]:
    until: dict[int, float] = {}
    for path, outage in sorted(outages, key=lambda pair: pair[1].since):
        key = "at" if path[0] == "crashes" else "since"
        if outage.learner >= learners:
            message = f"there is no learner {outage.learner}; there are 0 to {learners - 1}"
            yield Inconsistency((*path, "learner"), message)
        back = until.get(outage.learner, 0.0)
        if _before(outage.since, back):
            still = "for good" if back == inf else f"until {show(back, TIME)}"
            yield Inconsistency((*path, key), f"learner {outage.learner} is down then, {still}")
        until[outage.learner] = max(back, outage.until)


def _spell_inconsistencies(key: str, spells: list[tuple[int, float, float]], still: str) -> Iterator[Inconsistency]:
    """Yield the mistakes in spells (place in the list, begin, length), which must not overlap or be empty."""
    until = 0.0
    for i, at, lasting in sorted(spells, key=lambda spell: spell[1:]):
        if lasting == 0.0:
            yield Inconsistency((key, i, "lasting"), "must be a positive time")
        if _before(at, until):
            yield Inconsistency((key, i, "at"), f"{still} then, until {show(until, TIME)}")
        until = max(until, at + lasting)


def _before(time: float, other: float) -> bool:
    """Return whether a time (s) is before another, with 0.1 + 0.2 equal to 0.3 as people expect."""
    return time < other and not isclose(time, other, rel_tol=1e-12)
