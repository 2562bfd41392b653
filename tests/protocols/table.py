"""The table of properties, with a row for every protocol. A new protocol needs a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

ProtocolSection = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """The properties of a protocol. A mapping is a scenario's `protocol` section."""

    typical: ProtocolSection
    """A section for six learners."""
    differ: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """For every parameter, two values whose tapes differ.

    The cluster is that of test_properties, and the other parameters are as in `typical`.
    """
    any_of: Callable[[int], st.SearchStrategy[ProtocolSection]] | None = None
    """Draws any parameters for λ learners; None means `typical`."""
    size: Callable[[Any, int], int | None] = lambda protocol, learners: 1
    """Gradients in an update under Rudra-base; None if their number varies."""
    most_stale: Callable[[Any], int | None] = lambda protocol: None
    """The greatest possible staleness; None if there is no bound."""
    drops: Callable[[Any], bool] = lambda protocol: False
    """Whether gradients may be dropped or cancelled although nothing fails."""
    distinct: bool = False
    """Whether all gradients in an update come from different learners."""
    serverless: bool = False
    """Whether there is no parameter server, and so no trees of servers."""
    own_models: bool = False
    """Whether learners have their own models."""
    has_centre: bool = False
    """Whether there is a centre."""
    keeps_the_mean: bool = False
    """Whether mixing keeps the mean of all models: learners', centre's and those in messages."""

    def drawn(self, learners: int) -> st.SearchStrategy[ProtocolSection]:
        return st.just(self.typical) if self.any_of is None else self.any_of(learners)


def section(kind: str, **strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[ProtocolSection]:
    return st.fixed_dictionaries({"kind": st.just(kind), **strategies})


counts = st.integers(1, 12)
bounds = st.sampled_from([0, 1, 3, 20, "infinite"])
thresholds = st.sampled_from([1, 2, 5, "infinite"])
spreads = st.sampled_from([None, None, 0, 1, 5])
collectives = st.sampled_from(["ring", "recursive-doubling", "halving-doubling", "tree", "hierarchical"])


def any_gossip(kind: str) -> st.SearchStrategy[ProtocolSection]:
    return section(kind, period=st.integers(1, 3), coefficient=st.sampled_from([0.0, 0.5, 1.0]), include_self=st.booleans())


ROWS = {
    "hardsync": Row(
        typical={"kind": "hardsync"},
        differ={"barrier_timeout": (None, "1 ms")},
        any_of=lambda learners: section("hardsync", barrier_timeout=st.sampled_from([None, "0 s", "1 ms", "5 ms", "50 ms"])),
        size=lambda protocol, learners: learners if protocol.barrier_timeout is None else None,
        most_stale=lambda protocol: 0,
        drops=lambda protocol: True,
        distinct=True,
    ),
    "async": Row(
        typical={"kind": "async"},
        differ={"spread": (None, 2)},
        any_of=lambda learners: section("async", spread=spreads),
        most_stale=lambda protocol: protocol.spread,
        drops=lambda protocol: protocol.spread is not None,
    ),
    "n-softsync": Row(
        typical={"kind": "n-softsync", "n": 2},
        differ={"n": (2, 3), "spread": (None, 1)},
        any_of=lambda learners: section(
            "n-softsync", n=st.one_of(st.integers(1, learners), st.just("learners")), spread=spreads
        ),
        size=lambda protocol, learners: 1 if protocol.n == "learners" else learners // protocol.n,
        most_stale=lambda protocol: protocol.spread,
        drops=lambda protocol: protocol.spread is not None,
    ),
    "ssp": Row(
        typical={"kind": "ssp", "slack": 1},
        differ={"slack": (0, 1)},
        any_of=lambda learners: section("ssp", slack=bounds),
    ),
    "bounded-delay": Row(
        typical={"kind": "bounded-delay", "delay": 8},
        differ={"delay": (0, 8)},
        any_of=lambda learners: section("bounded-delay", delay=st.sampled_from([0, 1, 3, 20])),
    ),
    "backup-workers": Row(
        typical={"kind": "backup-workers", "backups": 2},
        differ={"backups": (1, 2)},
        any_of=lambda learners: section("backup-workers", backups=st.integers(0, learners - 1)),
        size=lambda protocol, learners: learners - protocol.backups,
        most_stale=lambda protocol: 0,
        drops=lambda protocol: protocol.backups > 0,
        distinct=True,
    ),
    "k-sync": Row(
        typical={"kind": "k-sync", "k": 4},
        differ={"k": (3, 4)},
        any_of=lambda learners: section("k-sync", k=st.integers(1, learners)),
        size=lambda protocol, learners: protocol.k,
        most_stale=lambda protocol: 0,
        drops=lambda protocol: True,
        distinct=True,
    ),
    "k-batch-sync": Row(
        typical={"kind": "k-batch-sync", "k": 4},
        differ={"k": (3, 4)},
        any_of=lambda learners: section("k-batch-sync", k=counts),
        size=lambda protocol, learners: protocol.k,
        most_stale=lambda protocol: 0,
        drops=lambda protocol: True,
    ),
    "k-async": Row(
        typical={"kind": "k-async", "k": 4},
        differ={"k": (3, 4)},
        any_of=lambda learners: section("k-async", k=st.integers(1, learners)),
        size=lambda protocol, learners: protocol.k,
        distinct=True,
    ),
    "k-batch-async": Row(
        typical={"kind": "k-batch-async", "k": 4},
        differ={"k": (3, 4)},
        any_of=lambda learners: section("k-batch-async", k=counts),
        size=lambda protocol, learners: protocol.k,
    ),
    "ringmaster": Row(
        typical={"kind": "ringmaster", "threshold": 4},
        differ={"threshold": (3, 4)},
        any_of=lambda learners: section("ringmaster", threshold=thresholds),
        most_stale=lambda protocol: None if protocol.threshold == "infinite" else protocol.threshold - 1,
        drops=lambda protocol: protocol.threshold != "infinite",
    ),
    "ringmaster-stop": Row(
        typical={"kind": "ringmaster-stop", "threshold": 4},
        differ={"threshold": (3, 4)},
        any_of=lambda learners: section("ringmaster-stop", threshold=thresholds),
        most_stale=lambda protocol: None if protocol.threshold == "infinite" else protocol.threshold - 1,
        drops=lambda protocol: protocol.threshold != "infinite",
    ),
    "rennala": Row(
        typical={"kind": "rennala", "batch": 4},
        differ={"batch": (3, 4)},
        any_of=lambda learners: section("rennala", batch=counts),
        size=lambda protocol, learners: protocol.batch,
        most_stale=lambda protocol: 0,
        drops=lambda protocol: True,
    ),
    "downpour": Row(
        typical={"kind": "downpour", "n_fetch": 3, "n_push": 2},
        differ={"n_fetch": (2, 3), "n_push": (1, 2)},
        any_of=lambda learners: section("downpour", n_fetch=st.integers(1, 4), n_push=st.integers(1, 4)),
        size=lambda protocol, learners: protocol.n_push,
    ),
    "fedbuff": Row(
        typical={"kind": "fedbuff", "buffer": 3, "local_steps": 2},
        differ={"buffer": (2, 3), "local_steps": (1, 2)},
        any_of=lambda learners: section("fedbuff", buffer=st.integers(1, 6), local_steps=st.integers(1, 4)),
        size=lambda protocol, learners: protocol.buffer * protocol.local_steps,
    ),
    "dynsgd": Row(typical={"kind": "dynsgd"}),
    "all-reduce": Row(
        typical={"kind": "all-reduce", "buckets": 2},
        differ={"collective": ("ring", "tree"), "buckets": (1, 4), "forward": (0.1, 1.0)},
        any_of=lambda learners: section("all-reduce", collective=collectives, buckets=st.integers(1, 3)),
        size=lambda protocol, learners: learners,
        most_stale=lambda protocol: 0,
        distinct=True,
        serverless=True,
    ),
    "local-sgd": Row(
        typical={"kind": "local-sgd", "steps": 3},
        differ={"steps": (2, 3), "average_momentum": (False, True), "collective": ("ring", "tree")},
        any_of=lambda learners: section(
            "local-sgd", steps=st.integers(1, 4), collective=collectives, average_momentum=st.booleans()
        ),
        most_stale=lambda protocol: 0,
        serverless=True,
        own_models=True,
    ),
    "easgd": Row(
        typical={"kind": "easgd", "period": 2},
        differ={"period": (1, 2), "moving_rate": (0.5, 0.9)},
        any_of=lambda learners: section("easgd", period=st.integers(1, 4), moving_rate=st.sampled_from([0.0, 0.5, 1.0])),
        most_stale=lambda protocol: 0,
        serverless=True,
        own_models=True,
        has_centre=True,
        keeps_the_mean=True,
    ),
    "easgd-sync": Row(
        typical={"kind": "easgd-sync", "period": 2},
        differ={"period": (1, 2), "moving_rate": (0.5, 0.9)},
        any_of=lambda learners: section("easgd-sync", period=st.integers(1, 4), moving_rate=st.sampled_from([0.0, 0.5, 1.0])),
        most_stale=lambda protocol: 0,
        serverless=True,
        own_models=True,
        has_centre=True,
        keeps_the_mean=True,
    ),
    "gossip-pull": Row(
        typical={"kind": "gossip-pull", "period": 2},
        differ={"period": (1, 2), "coefficient": (0.3, 0.5), "include_self": (False, True)},
        any_of=lambda learners: any_gossip("gossip-pull"),
        most_stale=lambda protocol: 0,
        serverless=True,
        own_models=True,
    ),
    "gossip-push": Row(
        typical={"kind": "gossip-push", "period": 2},
        differ={"period": (1, 2), "coefficient": (0.3, 0.5), "include_self": (False, True)},
        any_of=lambda learners: any_gossip("gossip-push"),
        most_stale=lambda protocol: 0,
        serverless=True,
        own_models=True,
    ),
    "elastic-gossip": Row(
        typical={"kind": "elastic-gossip", "period": 2},
        differ={"period": (1, 2), "coefficient": (0.3, 0.5), "include_self": (False, True)},
        any_of=lambda learners: any_gossip("elastic-gossip"),
        serverless=True,
        own_models=True,
        keeps_the_mean=True,
    ),
    "ad-psgd": Row(typical={"kind": "ad-psgd"}, serverless=True, own_models=True, keeps_the_mean=True),
    "sgp": Row(typical={"kind": "sgp"}, most_stale=lambda protocol: 0, serverless=True, own_models=True),
    "overlap-sgp": Row(
        typical={"kind": "overlap-sgp"},
        differ={"delay": (1, 3)},
        any_of=lambda learners: section("overlap-sgp", delay=st.integers(1, 4)),
        most_stale=lambda protocol: 0,
        serverless=True,
        own_models=True,
    ),
}


def protocols(learners: int) -> st.SearchStrategy[ProtocolSection]:
    """Draw any protocol for λ learners."""
    return st.sampled_from(list(ROWS.values())).flatmap(lambda row: row.drawn(learners))
