"""The commands that answer questions, as a user types them, and scenarios from standard input and by their variants."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simasgd.asking.kinds import list_families
from simasgd.command import cli
from simasgd.errors import SimasgdError
from simasgd.scenario.reading import catalogue
from simasgd.scenario.reading.yaml_layer import dump_yaml, parse_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import merge
from tests.build import TIMING, scenario

MINE = """\
title: My machines
cluster:
  compute: {per_batch: 1 ms, per_sample: 2 ms}
  network: {latency: 20 us, bandwidth: 10 Gbit/s}
  server: {bandwidth: 10 Gbit/s, update: 1 ms}
sources:
  cluster.compute: measured on one of them
  cluster.network.latency: ping
"""


def simasgd(*arguments: str, folder: Path, given: str = "") -> Result:
    with chdir(folder):
        return CliRunner().invoke(cli.app, arguments, input=given, catch_exceptions=False, prog_name="simasgd")


def two_variants() -> dict[str, object]:
    whole = scenario(TIMING, {"stop": {"gradients": 40}}).resolved()
    return {**whole, "name": "two", "variants": {"sync": {"protocol": "hardsync"}, "free": {"protocol": "async"}}}


def test_every_profile_is_shown_with_the_source_of_every_number(tmp_path: Path) -> None:
    for name, path in catalogue.list_profiles().items():
        (facts, *_) = json.loads(simasgd("show", name, "--json", folder=tmp_path).stdout)["found"]
        assert (facts["is"], facts["name"], facts["file"]) == ("profile", name, str(path))
        sources = parse_layer(path.read_text(encoding="utf-8"), name).tree["sources"]
        stated = {" ".join(source.split()) for source in sources.values()}
        assert {number["source"] for number in facts["numbers"]} == stated
        assert all(number["meaning"] for number in facts["numbers"])
    text = simasgd("show", "p775", folder=tmp_path).stdout
    assert "cluster.server.bandwidth = 3.4 GB/s" in text
    assert "Under cluster.network.topology=p775" in text
    numbers = json.loads(simasgd("show", "p775", "--json", folder=tmp_path).stdout)["found"][0]["numbers"]
    (bandwidth,) = [number for number in numbers if number["key"] == "cluster.server.bandwidth"]
    assert (bandwidth["number"], bandwidth["unit"], bandwidth["value"]) == (3.4e9, "B/s", "3.4 GB/s")


def test_a_profile_of_ones_own_is_shown(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    for shown in (simasgd("show", "mine.yaml", folder=tmp_path), simasgd("show", "-", folder=tmp_path, given=MINE)):
        assert "My machines" in shown.stdout
        assert "cluster.compute.per_batch = 1 ms" in shown.stdout
        assert shown.stdout.count("Source: measured on one of them") == 2
        assert "Source: ping" in shown.stdout
        assert "Source: not stated" in shown.stdout


def test_a_name_of_a_scenario_stands_for_it_and_the_other_meaning_is_told(tmp_path: Path) -> None:
    done = simasgd("show", "backup-workers", folder=tmp_path)
    assert parse_layer(done.stdout, "shown").tree["name"] == "backup-workers"
    assert done.stderr == "note: backup-workers names something else, too: simasgd show protocol=backup-workers\n"
    assert simasgd("show", "protocol=backup-workers", folder=tmp_path).stdout.startswith("backup-workers: a protocol")
    assert json.loads(simasgd("show", "digits", "--json", folder=tmp_path).stdout)["name"] == "digits"


def test_list_has_every_kind_in_groups(tmp_path: Path) -> None:
    groups = json.loads(simasgd("list", "--json", folder=tmp_path).stdout)
    for family in list_families():
        assert set(family.members) <= set(groups[family.words])
    assert "pareto" in groups["laws of times"]
    assert all(text for names in groups.values() for text in names.values())
    assert list(json.loads(simasgd("list", "Models", "data", "--json", folder=tmp_path).stdout)) == ["models", "data sets"]
    assert max(map(len, simasgd("list", folder=tmp_path).stdout.splitlines())) <= 100
    with pytest.raises(SimasgdError, match="there is no group 'modls'; did you mean 'models'"):
        simasgd("list", "modls", folder=tmp_path)


def test_help_says_how_to_ask(tmp_path: Path) -> None:
    text = simasgd("--help", folder=tmp_path).stdout
    for words in ("simasgd list", "simasgd show NAME", "simasgd explain KEY"):
        assert words in text


def test_explain_and_show_answer_in_text_and_json(tmp_path: Path) -> None:
    assert "cluster.learners" in simasgd("explain", "workers", folder=tmp_path).stdout
    (found,) = json.loads(simasgd("explain", "latency", "--json", folder=tmp_path).stdout)["found"]
    assert (found["key"], found["forms"][0]["units"][:2]) == ("cluster.network.latency", ["s", "ms"])
    assert "a protocol with a server" in simasgd("explain", "hardsync", folder=tmp_path).stdout
    assert "learning.optimizer.learning_rate" in simasgd("show", "lr", folder=tmp_path).stdout


def test_a_scenario_on_standard_input_runs_and_its_page_says_how_to_repeat_it(tmp_path: Path) -> None:
    text = dump_yaml(two_variants())
    done = simasgd("run", "-", "variants=null", "seed=3", "-q", folder=tmp_path, given=text)
    assert done.stdout.splitlines()[-1] == "reports/two/index.html"
    home = tmp_path / "reports/two"
    assert json.loads((home / "study.json").read_text())["command"] == "simasgd run scenario.yaml"
    given = Scenario.from_layer(parse_layer(text, "s"), ["variants=null", "seed=3"])
    assert Scenario.load(home / "scenario.yaml").hash() == given.hash()
    assert simasgd("check", "-", folder=tmp_path, given=text).stdout == "standard input: fine (2 runs)\n"
    listed = simasgd("sweep", "-", "mini_batch=2,4", "--dry-run", folder=tmp_path, given=text).stdout
    assert "4 points" in listed.splitlines()


def test_a_variant_alone_has_a_folder_and_a_command_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(dump_yaml(two_variants()))
    alone = simasgd("run", "two.yaml", "--variant", "free", "-q", folder=tmp_path)
    assert alone.stdout.splitlines()[-1] == "reports/two-free/index.html"
    home = tmp_path / "reports/two-free"
    run = json.loads((home / "run.json").read_text())
    assert run["scenario_hash"] == Scenario.load(tmp_path / "two.yaml").variants["free"].hash()
    page = (home / "index.html").read_text()
    assert "simasgd run two.yaml --variant free" in page
    assert "Variant free of two" in page
    own = merge(two_variants(), {"variants": {"free": {"workload": {"mini_batch": 3}}}})
    (tmp_path / "own.yaml").write_text(dump_yaml(own))
    told = simasgd("check", "own.yaml", "mini_batch=5", folder=tmp_path).stdout
    assert told.splitlines()[-1] == "note: mini_batch=5 replaces what the variant free has of its own"
    some = ("two.yaml", "--variant", "free", "--variant", "sync")
    assert simasgd("check", *some, folder=tmp_path).stdout == "two.yaml: fine (2 runs)\n"
    assert simasgd("show", *some, folder=tmp_path).stdout.startswith("name: two-free-sync\n")
    assert simasgd("sweep", *some[:3], "seed=1,2", "--dry-run", folder=tmp_path).stdout.count("seed=") == 2


def test_nothing_waits_for_an_empty_standard_input(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("simasgd")
    done = subprocess.run(
        [program, "check", "-"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("standard input: the file is empty; expected a scenario")
