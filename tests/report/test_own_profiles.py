"""The page shows the sources of a profile of the user's own."""

from __future__ import annotations

from pathlib import Path

from simasgd.report.sections.provenance import describe_study, tabulate_profiles
from simasgd.results.study import Study
from simasgd.scenario.schema import Scenario
from simasgd.simulator import simulate

OWN = """title: Our cluster
cluster:
  speeds: [1, 0.5]
  compute: {per_batch: 5 ms, per_sample: 1 ms, distribution: gamma, cv: 0.3}
  network: {latency: 10 us, bandwidth: 2 GB/s}
  server: {bandwidth: 16 Gbit/s, update: 1 ms}
sources: {cluster.compute: measured, cluster.network.latency: assumed}
"""
SCENARIO = """name: mine
cluster: {learners: 2, profile: own.yaml, server: {update: 3 ms}}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
stop: {gradients: 10}
"""


def test_every_number_has_its_source_and_what_overrides_it(tmp_path: Path) -> None:
    tmp_path.joinpath("own.yaml").write_text(OWN, encoding="utf-8")
    tmp_path.joinpath("s.yaml").write_text(SCENARIO, encoding="utf-8")
    chosen = Scenario.load(tmp_path / "s.yaml")
    study = Study(chosen, {"": [simulate(chosen)]})
    assert ("Nodes", "own.yaml") in describe_study(study)
    (profile,) = tabulate_profiles(study)
    assert (profile.name, profile.title) == ("own.yaml", "Our cluster")
    rows = {key.text: (value.text, here.text, source.text) for key, value, here, source in profile.table.rows}
    assert rows["cluster.compute.cv"] == ("0.3", "", "measured")
    assert rows["cluster.speeds"] == ("[1, 0.5]", "", "not stated")
    assert rows["cluster.server.bandwidth"] == ("16 Gbit/s", "", "not stated")  # the same as 2 GB/s
    value, here, _ = rows["cluster.server.update"]
    assert value == "1 ms"
    assert here.startswith("overridden in the scenario: 3")
