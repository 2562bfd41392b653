"""Messages that take no time because a profile's file leaves the bandwidths open are noted, once."""

from __future__ import annotations

import pytest

import simasgd
from simasgd.report.terminal.sweep import conclude_sweep
from simasgd.scenario.free_messages import describe_free_messages
from simasgd.scenario.schema import Scenario

PROFILE = """\
title: fitted to a log without the sizes of messages
cluster:
  compute: {per_batch: 0 s, per_sample: 1 ms, distribution: constant}
  network: {latency: 0 s, bandwidth: unlimited}
  server: {bandwidth: unlimited, duplex: full, update: 0 s}
sources: {}
"""
SCENARIO = """\
name: fitted
cluster: {learners: 3, profile: mine.yaml}
workload: {mini_batch: 4, payload: 10 kB, samples_per_epoch: 24}
protocol: async
stop: {epochs: 1}
"""
NOTE = "Messages take no time in this profile: "


@pytest.fixture
def source(tmp_path):
    (tmp_path / "mine.yaml").write_text(PROFILE)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    return tmp_path / "scenario.yaml"


def test_a_run_and_a_comparison_note_it_once(source):
    run = simasgd.simulate(source)
    assert [warning.partition("mine.yaml")[0] for warning in run.summary.warnings] == [NOTE]
    assert "set cluster.network.bandwidth and cluster.server.bandwidth" in run.summary.warnings[0]
    notes = simasgd.compare(source, "hardsync", "async").study.notes
    assert sum(NOTE in note for note in notes) == 1


def test_a_sweep_prints_it_unless_its_axes_set_the_network(source):
    found = simasgd.sweep(source, "learners=2,3", workers=1)
    assert [note.startswith(NOTE) for note in conclude_sweep(found).notes] == [True]
    wide = simasgd.sweep(source, "network.bandwidth='1 GB/s',unlimited", workers=1)
    assert conclude_sweep(wide).notes == ()


@pytest.mark.parametrize(
    "override",
    ["learners=1", "network.bandwidth='1 GB/s'", "server.bandwidth='1 GB/s'", "profile=ideal", "payload='0 B'"],
)
def test_where_nothing_is_open_nothing_is_noted(source, override):
    assert describe_free_messages(Scenario.load(source, override)) == ()


def test_a_latency_is_kept_apart(source):
    (note,) = describe_free_messages(Scenario.load(source, "latency='1 ms'"))
    assert note.startswith("Messages take no time for their size in this profile: ")
