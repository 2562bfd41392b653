"""Staleness under control: the tape has exactly the delays that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from tests.build import LEARNING, TIMING, clock, scenario

ONE = {"cluster": {"learners": 1}, "stop": {"gradients": 5000}}


def staleness(delay, **more):
    _, tape = clock(scenario(TIMING, ONE, {"protocol": {"kind": "injected-staleness", "delay": delay, **more}}))
    return tape.staleness


@pytest.mark.parametrize("delay", [0, 1, 7, 500])
def test_a_constant_delay_is_the_staleness_from_the_first_update_on_that_can_have_it(delay):
    assert staleness(delay).tolist() == [min(update, delay) for update in range(5000)]


@pytest.mark.parametrize(
    ("law", "mean", "variance"),
    [
        ({"distribution": "uniform", "low": 10, "high": 30}, 20, (21**2 - 1) / 12),
        ({"distribution": "poisson", "mean": 20}, 20, 20),
        ({"distribution": "poisson", "mean": 0.5}, 0.5, 0.5),
        ({"distribution": "geometric", "mean": 4}, 4, 4 * 5),
        ({"distribution": "normal", "mean": 30, "deviation": 5}, 30, 25 + 1 / 12),
    ],
    ids=str,
)
def test_a_law_has_its_mean_and_variance(law, mean, variance):
    drawn = staleness(law)[500:]
    assert drawn.mean() == pytest.approx(mean, abs=4 * (variance / len(drawn)) ** 0.5)
    assert drawn.var() == pytest.approx(variance, rel=0.15)


def test_a_normal_delay_is_never_negative():
    drawn = staleness({"distribution": "normal", "mean": 1, "deviation": 5})
    assert drawn.min() == 0
    assert (drawn == 0).mean() == pytest.approx(0.46, abs=0.03)  # P(Z < −0.1)


def test_a_mean_of_zero_is_no_delay():
    for law in ("constant", "poisson", "geometric"):
        assert not staleness({"distribution": law, "mean": 0}).any()


def test_measured_delays_come_in_turn():
    found = staleness({"distribution": "measured", "measured": [3, 0, 5]})
    assert found[9:15].tolist() == [3, 0, 5, 3, 0, 5]


def test_a_ramp_grows_linearly_over_its_epochs():
    """An epoch has 1000/4 = 250 gradients: over two epochs a delay of 100 grows by one every five updates."""
    found = staleness(100, ramp_epochs=2)
    wanted = np.minimum(100, np.arange(5000) // 5)
    assert found.tolist() == np.minimum(wanted, np.arange(5000)).tolist()


def test_the_seed_fixes_the_delays():
    law = {"distribution": "poisson", "mean": 20}
    assert staleness(law).tolist() == staleness(law).tolist()
    _, other = clock(scenario(TIMING, ONE, {"seed": 1, "protocol": {"kind": "injected-staleness", "delay": law}}))
    assert other.staleness.tolist() != staleness(law).tolist()


def test_a_delay_of_zero_is_async_with_one_learner():
    _, injected = clock(scenario(TIMING, ONE, {"protocol": {"kind": "injected-staleness", "delay": 0}}))
    _, plain = clock(scenario(TIMING, ONE, {"protocol": "async"}))
    for column in ("learner", "batch", "timestamp", "stepped_at"):
        assert getattr(injected, column).tolist() == getattr(plain, column).tolist()


TWO_LAYERS = {"learning": {"model": {"kind": "mlp", "hidden": [16]}}}


def layered(delay, **more):
    """Return the tape of 5,000 gradients of a network with two layers; an epoch of digits is 1437/4 gradients."""
    return clock(scenario(LEARNING, ONE, TWO_LAYERS, {"protocol": {"kind": "injected-staleness", "delay": delay, **more}}))[1]


def test_each_layer_has_a_delay_of_its_own():
    tape, updates = layered([20, 3]), np.arange(5000)
    assert tape.layers.tolist() == np.maximum(0, updates[:, None] - [20, 3]).tolist()
    assert tape.timestamp.tolist() == tape.layers.min(axis=1).tolist()
    assert tape.layer_staleness.tolist() == np.minimum(updates[:, None], [20, 3]).tolist()
    assert tape.staleness.tolist() == tape.layer_staleness.max(axis=1).tolist()


def test_layers_of_one_delay_are_no_layers():
    tape, plain = layered([7, 7]), layered(7)
    assert tape.layers is plain.layers is plain.layer_staleness is None
    assert tape.staleness.tolist() == plain.staleness.tolist()


def test_each_layer_has_a_stream_of_its_own_and_the_first_that_of_a_lone_delay():
    law = {"distribution": "poisson", "mean": 20}
    first, second = layered([law, law]).layer_staleness[500:].T
    assert first.tolist() == layered(law).staleness[500:].tolist()
    for drawn in (first, second):
        assert drawn.mean() == pytest.approx(20, abs=4 * (20 / 4500) ** 0.5)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / 4500**0.5


def test_a_ramp_is_each_layers():
    """Two epochs of 1437/4 gradients: gradient k has min(τ, ⌊τ·k/718.5⌋)."""
    found = layered([100, 30], ramp_epochs=2).layer_staleness
    updates = np.arange(5000)[:, None]
    wanted = np.minimum([100, 30], np.floor(np.array([100, 30]) * updates / 718.5))
    assert found.tolist() == np.minimum(wanted, updates).astype(int).tolist()


YAML = """\
name: s
workload: {mini_batch: 4, payload: 1 kB}
protocol: {kind: injected-staleness, delay: 3}
stop: {gradients: 10}
"""


def test_it_needs_no_cluster():
    chosen = Scenario.from_layer(yaml_layer.parse_layer(YAML, "s.yaml"))
    assert (chosen.cluster.learners, chosen.cluster.profile) == (1, "ideal")
    assert Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "again.yaml")) == chosen


def test_a_file_of_delays(tmp_path):
    (tmp_path / "delays.txt").write_text("# measured\n4\n0\n2\n")
    file = tmp_path / "s.yaml"
    file.write_text(YAML.replace("delay: 3", "delay: {distribution: measured, file: delays.txt}"))
    chosen = Scenario.from_layer(yaml_layer.read_layer(file))
    assert chosen.protocol.delay.measured == (4, 0, 2)
    assert (
        Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "again.yaml")).hash()
        == chosen.hash()
    )


LAYERS = (
    YAML.replace("payload: 1 kB", "payload: null")
    + """\
learning: {data: digits, model: {kind: mlp, hidden: [16]}, optimizer: {kind: sgd, learning_rate: 0.1}}
"""
)


def test_a_file_of_delays_for_a_layer(tmp_path):
    (tmp_path / "delays.txt").write_text("4\n0\n")
    file = tmp_path / "s.yaml"
    file.write_text(LAYERS.replace("delay: 3", "delay: [20, {distribution: measured, file: delays.txt}]"))
    chosen = Scenario.from_layer(yaml_layer.read_layer(file))
    assert [law.measured for law in chosen.protocol.delay] == [None, (4, 0)]
    assert (
        Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "again.yaml")).hash()
        == chosen.hash()
    )
    (tmp_path / "delays.txt").write_text("4\n0.5\n")
    with pytest.raises(ScenarioError, match=r"s.yaml:3:.*protocol.delay.1.file: .*line 2: '0.5' is not a delay"):
        Scenario.from_layer(yaml_layer.read_layer(file))


def test_a_list_may_take_the_place_of_a_law_and_the_other_way_round():
    chosen = Scenario.from_layer(yaml_layer.parse_layer(LAYERS, "s.yaml"), ["delay=[1,2]"])
    assert [law.mean for law in chosen.protocol.delay] == [1, 2]
    again = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "s.yaml"), ["delay=3"])
    assert again.hash() == Scenario.from_layer(yaml_layer.parse_layer(LAYERS, "s.yaml")).hash()


@pytest.mark.parametrize(
    ("delay", "fragments"),
    [
        ("[1]", ["protocol.delay: there are 1 delays for the 2 layers of mlp: hidden1, top"]),
        ("[]", ["protocol.delay: the list is empty"]),
        ("[1, -2]", ["protocol.delay.1", "too small"]),
        ("[true, 1]", ["protocol.delay.0"]),
        ("[1, {distribution: poisson}]", ["protocol.delay.1.mean: missing: a poisson delay needs it"]),
        ("[1, {distribution: poison}]", ["protocol.delay.1.distribution", "did you mean 'poisson'?"]),
        ("[1, {distribution: measured, file: nowhere.txt}]", ["protocol.delay.1.file: nowhere.txt cannot be read"]),
    ],
)
def test_bad_lists_of_delays(delay, fragments):
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_layer(yaml_layer.parse_layer(LAYERS.replace("delay: 3", f"delay: {delay}"), "s.yaml"))
    for fragment in ["s.yaml:3:", *fragments]:
        assert fragment in str(caught.value)


def test_without_a_model_there_are_no_layers():
    with pytest.raises(ScenarioError, match="without a learning section there is no model"):
        Scenario.from_layer(yaml_layer.parse_layer(YAML.replace("delay: 3", "delay: [3, 3]"), "s.yaml"))


@pytest.mark.parametrize(
    ("delay", "fragments"),
    [
        ("-1", ["delay", "too small"]),
        ("2.5", ["2.5 is not a whole number of updates"]),
        ("true", ["delay"]),
        ("{distribution: poison, mean: 3}", ["delay.distribution", "did you mean 'poisson'?"]),
        ("{distribution: poisson}", ["delay.mean", "missing: a poisson delay needs it"]),
        ("{distribution: uniform, low: 5, high: 3}", ["delay.high", "3 is less than low, 5"]),
        ("{distribution: poisson, mean: 3, low: 1}", ["delay.low", "a poisson delay has none"]),
        ("{distribution: measured}", ["delay.file", "missing"]),
        ("{distribution: measured, file: nowhere.txt}", ["nowhere.txt cannot be read"]),
    ],
)
def test_bad_delays(delay, fragments):
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_layer(yaml_layer.parse_layer(YAML.replace("delay: 3", f"delay: {delay}"), "s.yaml"))
    for fragment in ["s.yaml:3:", *fragments]:
        assert fragment in str(caught.value)


def test_a_ramp_needs_to_know_what_an_epoch_is():
    with pytest.raises(ScenarioError, match="samples_per_epoch: missing: without a learning section, the protocol needs it"):
        Scenario.from_layer(yaml_layer.parse_layer(YAML.replace("delay: 3", "delay: 3, ramp_epochs: 2"), "s.yaml"))


def test_more_than_one_learner_is_refused():
    with pytest.raises(ScenarioError, match="there are 2 learners; injected staleness needs"):
        Scenario.from_layer(yaml_layer.parse_layer(YAML + "cluster: {learners: 2, profile: ideal}\n", "s.yaml"))
