from __future__ import annotations

import pytest

from simasgd.scenario import keys

_DOCUMENTED = """
name title seed repeats record
cluster.learners cluster.profile cluster.seed
cluster.compute.per_batch cluster.compute.per_sample cluster.compute.distribution cluster.compute.cv
cluster.network.latency cluster.network.bandwidth
cluster.server.bandwidth cluster.server.duplex cluster.server.update
workload.mini_batch workload.payload workload.samples_per_epoch
protocol.kind protocol.n
learning.seed learning.data learning.model.kind learning.model.hidden
learning.optimizer.kind learning.optimizer.learning_rate learning.optimizer.momentum
learning.schedule.boundaries learning.schedule.factor
learning.modulation.kind learning.modulation.reference learning.precision
stop.epochs stop.gradients stop.updates stop.simulated_time
"""
DOCUMENTED = _DOCUMENTED.split()


@pytest.mark.parametrize("key", DOCUMENTED)
def test_a_documented_key_is_known_and_stands_for_itself(key: str) -> None:
    assert key in keys.known()
    assert keys.resolve(key) == key


def test_what_else_is_known_is_a_section_of_documented_keys() -> None:
    others = set(keys.known()) - set(DOCUMENTED)
    assert others == {key.rpartition(".")[0] for key in DOCUMENTED} - {""}


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("learners", "cluster.learners"),
        ("network.bandwidth", "cluster.network.bandwidth"),
        ("n", "protocol.n"),
        ("optimizer.kind", "learning.optimizer.kind"),
        ("optimizer", "learning.optimizer"),
        ("seed", "seed"),
        ("variants.a.learners", "variants.a.cluster.learners"),
        ("variants.a.seed", "variants.a.seed"),
    ],
)
def test_a_unique_ending_stands_for_the_key(short: str, full: str) -> None:
    assert keys.resolve(short) == full


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("bandwidth", ["'bandwidth' is ambiguous", "cluster.network.bandwidth, cluster.server.bandwidth"]),
        ("kind", ["'kind' is ambiguous", "protocol.kind", "learning.modulation.kind"]),
        ("learnerz", ["unknown key 'learnerz'; did you mean 'cluster.learners'?"]),
        ("clustr.learners", ["did you mean 'cluster.learners'?"]),
        ("mini-batch", ["did you mean 'workload.mini_batch'?"]),
        ("earners", ["did you mean 'cluster.learners'?"]),  # an ending begins after a dot
        ("qqqqqqq", ["unknown key 'qqqqqqq'; 'simasgd schema' lists them"]),
        ("", ["unknown key ''"]),
        (".", ["unknown key '.'"]),
    ],
)
def test_a_wrong_key(key: str, fragments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"key|ambiguous") as caught:
        keys.resolve(key)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_sections_by_the_kinds_chosen() -> None:
    tree = {"protocol": {"kind": "n-softsync", "n": 3}, "learning": {"model": {"kind": "softmax"}}}
    section = keys.section_at(("protocol",), tree)
    assert section is not None
    assert set(section.model_fields) == {"kind", "n"}
    section = keys.section_at(("learning", "model"), tree)
    assert section is not None
    assert set(section.model_fields) == {"kind"}
    assert keys.section_at(("nowhere",), tree) is None
