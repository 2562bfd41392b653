"""What the test-bed cannot record is refused with the key, the reason and a way out; what it can, it does."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd.errors import RunFailed, UsageError
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.machine_check import require_one_clock
from simasgd.testbed.engine.abstract import ProcessInfo, ProcessMachine
from simasgd.testbed.support import describe_real, list_obstacles, require_support
from tests.protocols.table import ROWS
from tests.scenario.sections.table import COMPRESSIONS, MODULATIONS, OPTIMIZERS
from tests.testbed.recorded import small

ASYNC = {"kind": "async"}
WHOLE_TAPE = {"inverse-mean-staleness"}
"""Modulations that need a number of the whole tape, where the protocol's paper has none."""
OF_EACH = {
    *("delay-compensation", "adaptive-delay-compensation", "gap-aware", "wu-adaptive-1", "wu-adaptive-2"),
    *("mishchenko", "koloskova", "dana-slim", "learner-momentum", "dana-zero", "dana-dc"),
}
"""Modulations that a sum of gradients on the same weights does not suffice for."""


def keys_of(chosen: Scenario) -> list[str]:
    """Return the keys that are refused."""
    return [".".join(map(str, one.path)) for one in list_obstacles(chosen)]


@pytest.mark.parametrize("kind", ROWS)
def test_every_protocol_is_recorded(kind: str) -> None:
    chosen = small(ROWS[kind].typical, {"cluster": {"learners": 6}})
    assert keys_of(chosen) == (["protocol.buckets"] if kind == "all-reduce" else [])
    if kind == "all-reduce":
        assert keys_of(small({**ROWS[kind].typical, "buckets": 1})) == []


@pytest.mark.parametrize("kind", MODULATIONS)
def test_a_modulation_is_recorded_if_the_server_knows_all_that_it_needs(kind: str) -> None:
    modulation = {"learning": {"modulation": {"kind": kind, **MODULATIONS[kind].typical}}}
    single = keys_of(small(ASYNC, modulation))
    assert single == (["learning.modulation"] if kind in WHOLE_TAPE else [])
    assert keys_of(small({"kind": "n-softsync", "n": 2}, modulation)) == []
    of_sums = keys_of(small({"kind": "fedbuff", "buffer": 2, "local_steps": 2}, modulation))
    assert bool(of_sums) == (kind in WHOLE_TAPE | OF_EACH)
    of_mixed = keys_of(small({"kind": "downpour", "n_push": 3, "n_fetch": 2}, modulation))
    assert bool(of_mixed) == (kind not in {"none", "default", "sqrt-batch"})


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_a_compression_is_recorded_if_it_leaves_the_values(kind: str) -> None:
    chosen = small(ASYNC, {"workload": {"compression": {"kind": kind, **COMPRESSIONS[kind].typical}}})
    assert keys_of(chosen) == (["workload.compression"] if chosen.workload.compression.changes_values else [])


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_is_recorded(kind: str) -> None:
    assert keys_of(small(ASYNC, {"learning": {"optimizer": {"kind": kind, **OPTIMIZERS[kind].typical}}})) == []


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"cluster": {"architecture": {"kind": "adv"}}}, "cluster.architecture.kind", "use base"),
        ({"cluster": {"architecture": {"kind": "adv*"}}}, "cluster.architecture.kind", "use base"),
        ({"cluster": {"architecture": {"kind": "base", "shards": 2}}}, "cluster.architecture.shards", "use 1"),
        ({"cluster": {"learners": 61}}, "cluster.learners", "at most 60"),
        ({"cluster": {"learners": 1_000_000}}, "cluster.learners", "at most 60"),
        ({"workload": {"payload": "4 B"}}, "workload.payload", "cannot hold the model"),
        ({"cluster": {"faults": {"crashes": {"mtbf": "1 ms", "mttr": "1 ms"}}}}, "cluster.faults.crashes", "more rarely"),
        (
            {"cluster": {"faults": {"message_loss": {"probability": 0.1, "resend_after": "1 s"}}}},
            "cluster.faults.message_loss",
            "not lost",
        ),
        ({"workload": {"payload": "1 TB"}}, "workload.payload", "1,000,000,000,000 bytes"),
        ({"learning": {"optimizer": {"momentum": {"total": 0.9}}}}, "learning.optimizer.momentum", "give a number"),
        ({"stop": {"test_error": 0.1}}, "stop.test_error", "leave it out"),
        ({"stop": {"continued": [1]}}, "stop.continued", "leave this out"),
    ],
)
def test_what_cannot_be_recorded_names_its_key(changes: dict[str, Any], key: str, reason: str) -> None:
    chosen = _digits(changes) if "test_error" in changes.get("stop", {}) else small(ASYNC, changes)
    assert key in keys_of(chosen)
    with pytest.raises(UsageError) as caught:
        require_support(chosen)
    (line,) = [line for line in str(caught.value).splitlines() if line.startswith(f"{key}: ")]
    assert reason in line


@pytest.mark.parametrize(
    ("protocol", "refused"),
    [
        ({"kind": "async"}, False),
        ({"kind": "downpour"}, False),
        ({"kind": "downpour", "n_fetch": 2}, True),
        ({"kind": "fedbuff", "buffer": 2}, False),
        ({"kind": "fedbuff", "buffer": 2, "local_steps": 2}, True),
    ],
    ids=str,
)
def test_a_warm_up_needs_learners_that_compute_on_the_server_s_weights(protocol: dict[str, Any], refused: bool) -> None:
    chosen = small(protocol, {"learning": {"schedule": {"warmup": 0.5}}})
    assert keys_of(chosen) == (["learning.schedule.warmup"] if refused else [])


def test_a_scenario_without_learning_may_have_any_payload() -> None:
    assert keys_of(small(ASYNC, {"learning": None, "workload": {"payload": "1 B"}})) == []


def test_all_variants_are_looked_at_and_a_common_reason_is_said_once() -> None:
    variants = {"one": {"cluster": {"learners": 300}}, "two": {"protocol": {"kind": "all-reduce", "buckets": 2}}, "three": {}}
    whole = {"workload": {"payload": "4 B"}, "variants": variants}
    with pytest.raises(UsageError) as caught:
        require_support(small(ASYNC, whole))
    first, *lines = str(caught.value).splitlines()
    assert first == "test cannot be recorded on real processes:"
    assert [line.partition(":")[0] for line in lines] == ["cluster.learners", "workload.payload", "protocol.buckets"]
    assert [lines[0].rpartition("(")[2], lines[2].rpartition("(")[2]] == ["variant one)", "variant two)"]
    assert lines[1].endswith("leave the payload out")


def test_too_many_runs_are_refused() -> None:
    with pytest.raises(UsageError, match="repeats: 1,000 runs"):
        require_support(small(ASYNC, {"repeats": 1000}))
    require_support(small(ASYNC, {"repeats": 100}))


def test_keys_that_describe_the_simulated_cluster_alone_are_named() -> None:
    assert describe_real(small(ASYNC), follows_law=True).endswith("own: cluster.network, cluster.server.")
    own = {"costs": {"step": "1 s"}, "speeds": [1, 1, 2]}
    told = describe_real(small(ASYNC, {"cluster": own}), follows_law=False)
    for key in ("compute", "speeds", "costs"):
        assert f"cluster.{key}" in told
    assert "stragglers" not in told


def test_peers_processes_must_share_a_clock() -> None:
    one, two = ProcessMachine("one", "a", "x86_64", 2), ProcessMachine("two", "b", "x86_64", 2)
    require_one_clock([ProcessInfo(1, one), ProcessInfo(2, one)])
    with pytest.raises(RunFailed, match=r"2 machines \(one, two\), whose clocks are compared only where"):
        require_one_clock([ProcessInfo(1, one), ProcessInfo(1, two)])


def _digits(changes: dict[str, Any]) -> Scenario:
    return Scenario.load("quickstart", "variants=null", f"stop.test_error={changes['stop']['test_error']}")


DECAY = {"optimizer": {"kind": "sgd", "learning_rate": 0.1, "weight_decay": 0.01}}
LAYERED = {"kind": "injected-staleness", "delay": [1, 2]}


@pytest.mark.parametrize(
    ("protocol", "refused"),
    [
        (ASYNC, False),
        ({"kind": "downpour"}, False),
        ({"kind": "downpour", "n_push": 2}, True),
        ({"kind": "downpour", "n_fetch": 2}, True),
        ({"kind": "fedbuff", "buffer": 2}, False),
        ({"kind": "fedbuff", "buffer": 2, "local_steps": 2}, True),
        ({"kind": "injected-staleness", "delay": 3}, False),
        (LAYERED, True),
    ],
    ids=str,
)
def test_rules_that_read_weights_which_the_server_never_had_are_refused(protocol: dict[str, Any], refused: bool) -> None:
    changes: list[dict[str, Any]] = [{"cluster": {"learners": 1}}] if "delay" in protocol else []
    if protocol == LAYERED:
        changes.append({"learning": {"model": {"kind": "mlp", "hidden": [4]}}})
    assert ("learning.optimizer.weight_decay" in keys_of(small(protocol, {"learning": DECAY}, *changes))) == refused
    for kind in ("delay-compensation", "adaptive-delay-compensation", "gap-aware", "dana-dc"):
        modulation = {"learning": {"modulation": {"kind": kind}}}
        assert ("learning.modulation" in keys_of(small(protocol, modulation, *changes))) == refused
