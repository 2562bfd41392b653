from __future__ import annotations

import pytest

from simasgd.scenario.reading import keys
from simasgd.scenario.schema import Scenario

_DOCUMENTED = """
name title seed repeats record.kind record.weights
cluster.learners cluster.profile cluster.seed cluster.learners_per_node cluster.start
cluster.compute.per_batch cluster.compute.per_sample cluster.compute.distribution cluster.compute.cv
cluster.compute.file cluster.compute.column cluster.compute.learner_column cluster.compute.unit cluster.compute.measured
cluster.compute.per cluster.compute.at_end cluster.compute.block
cluster.compute.efficiency.full_at cluster.compute.efficiency.exponent
cluster.speeds.distribution cluster.speeds.cv
cluster.stragglers.slowdown.mean cluster.stragglers.slowdown.distribution cluster.stragglers.slowdown.cv
cluster.stragglers.slowdown.file cluster.stragglers.slowdown.column
cluster.stragglers.slowdown.learner_column cluster.stragglers.slowdown.unit cluster.stragglers.slowdown.measured
cluster.stragglers.normal_law.distribution cluster.stragglers.normal_law.cv cluster.stragglers.normal_law.file
cluster.stragglers.normal_law.column
cluster.stragglers.normal_law.learner_column cluster.stragglers.normal_law.unit cluster.stragglers.normal_law.measured
cluster.stragglers.slow_law.distribution cluster.stragglers.slow_law.cv cluster.stragglers.slow_law.file
cluster.stragglers.slow_law.column
cluster.stragglers.slow_law.learner_column cluster.stragglers.slow_law.unit cluster.stragglers.slow_law.measured
cluster.stragglers.mean_normal cluster.stragglers.mean_slow cluster.stragglers.hits
cluster.stragglers.members cluster.stragglers.share
cluster.network.latency cluster.network.bandwidth.mean cluster.network.bandwidth.distribution cluster.network.bandwidth.cv
cluster.network.overhead cluster.network.sharing
cluster.network.topology.kind cluster.network.topology.nodes_per_rack cluster.network.topology.oversubscription
cluster.network.topology.core_latency cluster.network.topology.nodes_per_drawer
cluster.network.topology.drawers_per_supernode cluster.network.topology.local cluster.network.topology.remote
cluster.network.topology.d_link cluster.network.topology.d_links
cluster.server.bandwidth cluster.server.node cluster.server.duplex cluster.server.update cluster.server.per_gradient
cluster.server.update_law.distribution cluster.server.update_law.cv cluster.server.update_law.file
cluster.server.update_law.measured cluster.server.update_law.column
cluster.server.update_law.learner_column cluster.server.update_law.unit
cluster.architecture.kind cluster.architecture.shards cluster.architecture.fan_out cluster.architecture.colocated
cluster.architecture.intra_node_bandwidth cluster.architecture.broadcast_fan_out
cluster.costs.step.distribution cluster.costs.step.cv
cluster.costs.step.column
cluster.costs.step.learner_column cluster.costs.step.unit
cluster.costs.step.file cluster.costs.step.measured cluster.costs.step.mean
cluster.costs.mixing.distribution cluster.costs.mixing.cv
cluster.costs.mixing.column
cluster.costs.mixing.learner_column cluster.costs.mixing.unit
cluster.costs.mixing.file cluster.costs.mixing.measured cluster.costs.mixing.mean
cluster.costs.collective_start.distribution cluster.costs.collective_start.cv
cluster.costs.collective_start.column
cluster.costs.collective_start.learner_column cluster.costs.collective_start.unit
cluster.costs.collective_start.file
cluster.costs.collective_start.measured cluster.costs.collective_start.mean
cluster.costs.per_message cluster.costs.copy_bandwidth cluster.network.goodput
cluster.faults.crashes.mtbf cluster.faults.crashes.mttr cluster.faults.server_pauses cluster.faults.degraded_links
cluster.faults.member_timeout cluster.faults.absences_file
cluster.faults.absences
cluster.faults.message_loss.probability cluster.faults.message_loss.resend_after
workload.mini_batch.mean workload.mini_batch.distribution workload.mini_batch.cv workload.payload workload.samples_per_epoch
workload.compression.kind workload.compression.fraction workload.compression.error_feedback
workload.compression.levels workload.compression.bucket
protocol.kind protocol.n protocol.spread protocol.barrier_timeout protocol.ramp_epochs
protocol.slack protocol.backups protocol.k protocol.threshold protocol.batch
protocol.n_fetch protocol.n_push protocol.buffer protocol.local_steps learning.local_learning_rate
protocol.collective.kind protocol.buckets protocol.forward protocol.steps protocol.average_momentum
protocol.period protocol.moving_rate protocol.coefficient protocol.include_self
protocol.delay.distribution protocol.delay.mean protocol.delay.deviation protocol.delay.low protocol.delay.high
protocol.delay.file protocol.delay.measured
learning.seed
learning.data.kind learning.data.subtract_mean learning.data.crop learning.data.flip
learning.data.resolution learning.data.classes learning.data.train learning.data.test
learning.data.features learning.data.samples learning.data.condition
learning.data.noise learning.data.scale learning.data.deviation learning.data.sample
learning.model.kind learning.model.hidden
learning.model.spectrum learning.model.start learning.model.parameters
learning.model.layers learning.model.width learning.model.heads learning.model.context
learning.optimizer.kind learning.optimizer.learning_rate learning.optimizer.weight_decay learning.optimizer.clip
learning.optimizer.momentum.total learning.optimizer.nesterov learning.optimizer.initial_accumulator_value
learning.optimizer.eps learning.optimizer.b1 learning.optimizer.b2 learning.optimizer.decay learning.optimizer.initial_scale
learning.optimizer.centered
learning.schedule.boundaries learning.schedule.factor learning.schedule.warmup
learning.schedule.decay.kind learning.schedule.decay.start learning.schedule.decay.end
learning.modulation.power learning.modulation.rate learning.modulation.factors learning.modulation.lambda0
learning.modulation.decay learning.modulation.fraction learning.modulation.smoothness learning.modulation.threshold
learning.modulation.kind learning.modulation.reference learning.precision learning.evaluate
learning.partition.kind learning.partition.concentration learning.partition.sizes.distribution learning.partition.sizes.cv
learning.learner_rates.distribution learning.learner_rates.cv
stop.epochs stop.gradients stop.updates stop.simulated_time stop.test_error stop.continued
sweep.axes sweep.zip sweep.random sweep.laws sweep.seed sweep.only sweep.budget.time sweep.budget.points
"""
DOCUMENTED = _DOCUMENTED.split()


@pytest.mark.parametrize("key", DOCUMENTED)
def test_a_documented_key_is_known_and_stands_for_itself(key: str) -> None:
    assert key in keys.list_keys(Scenario)
    assert keys.resolve_key(Scenario, key) == key


def test_what_else_is_known_is_a_section_of_documented_keys() -> None:
    others = set(keys.list_keys(Scenario)) - set(DOCUMENTED)
    sections = {".".join(key.split(".")[:size]) for key in DOCUMENTED for size in range(1, key.count(".") + 1)}
    assert others == sections


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("learners", "cluster.learners"),
        ("network.bandwidth", "cluster.network.bandwidth"),
        ("n", "protocol.n"),
        ("optimizer.kind", "learning.optimizer.kind"),
        ("optimizer", "learning.optimizer"),
        ("seed", "seed"),
        ("momentum", "learning.optimizer.momentum"),
        ("momentum.total", "learning.optimizer.momentum.total"),
        ("compute.cv", "cluster.compute.cv"),
        ("update", "cluster.server.update"),
        ("crashes", "cluster.faults.crashes"),
        ("topology", "cluster.network.topology"),
        ("topology.kind", "cluster.network.topology.kind"),
        ("data", "learning.data"),
        ("crop", "learning.data.crop"),
        ("shards", "cluster.architecture.shards"),
        ("barrier_timeout", "protocol.barrier_timeout"),
        ("variants.a.learners", "variants.a.cluster.learners"),
        ("variants.a.seed", "variants.a.seed"),
    ],
)
def test_a_unique_ending_stands_for_the_key(short: str, full: str) -> None:
    assert keys.resolve_key(Scenario, short) == full


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("bandwidth", ["'bandwidth' is ambiguous", "cluster.network.bandwidth, cluster.server.bandwidth"]),
        ("kind", ["'kind' is ambiguous", "protocol.kind", "learning.modulation.kind"]),
        ("cv", ["'cv' is ambiguous; it may mean cluster.compute.cv, cluster.speeds.cv, cluster.stragglers.slowdown.cv, "]),
        ("distribution", ["'distribution' is ambiguous; it may mean cluster.compute.distribution, "]),
        ("straglers.slowdown", ["did you mean 'cluster.stragglers.slowdown'?"]),
        ("learnerz", ["unknown key 'learnerz'; did you mean 'cluster.learners'?"]),
        ("clustr.learners", ["did you mean 'cluster.learners'?"]),
        ("mini-batch", ["did you mean 'workload.mini_batch'?"]),
        ("earners", ["did you mean 'cluster.learners'?"]),  # an ending begins after a dot
        ("qqqqqqq", ["unknown key 'qqqqqqq'; 'simasgd schema' lists all keys"]),
        ("", ["unknown key ''"]),
        (".", ["unknown key '.'"]),
    ],
)
def test_a_wrong_key(key: str, fragments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"key|ambiguous") as caught:
        keys.resolve_key(Scenario, key)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_sections_by_the_kinds_chosen() -> None:
    tree = {"protocol": {"kind": "n-softsync", "n": 3}, "learning": {"model": {"kind": "softmax"}}}
    section = keys.find_section(Scenario, ("protocol",), tree)
    assert section is not None
    assert set(section.model_fields) == {"kind", "n", "spread"}
    section = keys.find_section(Scenario, ("learning", "model"), tree)
    assert section is not None
    assert set(section.model_fields) == {"kind"}
    assert keys.find_section(Scenario, ("nowhere",), tree) is None


def fields(path: tuple[str | int, ...], tree: object) -> set[str] | None:
    section = keys.find_section(Scenario, path, tree)
    return None if section is None else set(section.model_fields)


def test_sections_in_lists_and_where_a_list_or_a_mapping_may_stand() -> None:
    crashes = ("cluster", "faults", "crashes")
    listed = {"cluster": {"faults": {"crashes": [{"learner": 1}], "server_pauses": [{}]}}}
    assert fields((*crashes, 0), listed) == {"learner", "at", "down"}
    assert fields(("cluster", "faults", "server_pauses", 0), listed) == {"at", "lasting"}
    assert fields(crashes, {"cluster": {"faults": {"crashes": {"mtbf": "1 s"}}}}) == {"mtbf", "mttr"}
    assert fields(("cluster", "speeds"), {"cluster": {"speeds": {"cv": 0.3}}}) == {"distribution", "cv"}


def test_the_kinds_from_which_a_tree_has_not_chosen() -> None:
    found = keys.find_choices(Scenario, ("cluster", "architecture"), {"cluster": {"architecture": {"shards": 2}}})
    assert [choice.model_fields["kind"].default for choice in found] == ["base", "adv", "adv*"]
    assert keys.find_section(Scenario, ("cluster", "architecture"), {"cluster": {"architecture": {"shards": 2}}}) is None
