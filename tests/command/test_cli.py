"""The commands, as a user runs them: the installed program where a process matters, else the same command in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simasgd.command import cli
from simasgd.scenario.reading.yaml_layer import dump_yaml
from tests.build import TIMING, scenario

PROGRAM = str(Path(sys.executable).with_name("simasgd"))
pytestmark = pytest.mark.usefixtures("quickly_compiled")

SHORT = ["stop.epochs=null", "stop.gradients=20", "learners=4", "repeats=1"]


def start_program(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the installed program in a process of its own, where XLA compiles as it does for users."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def simasgd(*arguments: str, folder: Path) -> Result:
    """Run the command in this process, which spares its imports."""
    with chdir(folder):
        done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, done.output
    return done


def test_the_quickstart_runs_from_any_directory_and_says_where_its_page_is(tmp_path: Path) -> None:
    done = start_program("run", "quickstart", *SHORT, folder=tmp_path)
    assert done.stdout.splitlines()[-1] == "report: reports/quickstart/index.html"
    for page in ("", "hardsync/", "async/", "async-staleness-aware/"):
        assert (tmp_path / "reports/quickstart" / page / "index.html").stat().st_size > 10_000
    variants = json.loads((tmp_path / "reports/quickstart/variants.json").read_text())["variants"]
    assert [row["variant"] for row in variants] == ["hardsync", "async", "async-staleness-aware"]
    assert "quickstart: 100% (" in done.stderr, "progress on something that is no terminal is plain lines"
    assert "\r" not in done.stderr


def test_an_earlier_runs_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 40}, "repeats": 2}).resolved()))
    simasgd("run", "mine.yaml", "--out", "out", "-q", folder=tmp_path)
    assert (tmp_path / "out/repeats/1/run.json").exists()
    done = simasgd("run", "mine.yaml", "repeats=1", "seed=3", "--out", "out", "--replace", "-q", folder=tmp_path)
    assert done.stderr == ""
    assert not (tmp_path / "out/repeats").exists()
    assert json.loads((tmp_path / "out/run.json").read_text())["seed"] == 3
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["mine.yaml", "out"]


def test_a_run_says_its_error_or_else_its_loss(tmp_path: Path) -> None:
    said = simasgd("run", "stability-limit", "variants=null", "stop.gradients=50", folder=tmp_path).stdout
    loss = json.loads((tmp_path / "reports/stability-limit/run.json").read_text())["test_loss"]
    assert said.splitlines()[0].split()[:3] == ["run", "test", "loss"]
    assert f" {loss:.3g} " in said.splitlines()[1]
    assert "test error" not in said
    assert "  test error " in simasgd("run", "digits", *SHORT, folder=tmp_path).stdout


def test_timing_only_never_imports_jax(tmp_path: Path) -> None:
    path = tmp_path / "timing.yaml"
    path.write_text(dump_yaml(scenario(TIMING).resolved()))
    script = (
        "import sys; from simasgd.command.cli import main; sys.argv = ['simasgd', 'run', 'timing.yaml', '-q']\n"
        "main_exit = None\ntry:\n    main()\nexcept SystemExit as stop:\n    main_exit = stop.code\n"
        "assert not main_exit, main_exit\nassert 'simpy' in sys.modules\nassert 'jax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reports/test/index.html").exists()


def test_a_sweep_and_its_page(tmp_path: Path) -> None:
    timing = ["learning=null", "payload=10 kB", "samples_per_epoch=100"]
    axes = ["learners=2,3", "latency=2 us,1 ms", "stop.epochs=null", "stop.gradients=20", *timing]
    listed = simasgd("sweep", "digits", *axes, "--dry-run", folder=tmp_path).stdout.splitlines()
    assert listed[0] == "cluster.learners=2 cluster.network.latency=2 us seed=0"
    assert listed[-2] == "4 points"
    assert listed[-1].startswith("no point has run yet")
    assert not list(tmp_path.iterdir())
    done = simasgd("sweep", "digits", *axes, "--workers", "1", folder=tmp_path)
    home = tmp_path / "reports/digits-sweep"
    *_, verdict, report = done.stdout.splitlines()
    assert report == "report: reports/digits-sweep/index.html"
    assert "4 of 4 points." in done.stdout
    assert verdict == json.loads((home / "sweep.json").read_text())["verdict"]
    assert len(list((home / "points").iterdir())) == 4


def test_a_comparison_and_its_page(tmp_path: Path) -> None:
    protocols = ["hardsync", "async", "n-softsync:n=2+inverse-staleness"]
    names = ["hardsync", "async", "n-softsync-n2-inverse-staleness"]
    few = ["learners=4", "stop.epochs=2", "repeats=2", "--target", "30%"]
    done = simasgd("compare", "quickstart", *protocols, *few, folder=tmp_path)
    titles, *rows, remark, _, verdict, _ = done.stdout.splitlines()
    assert [row.split()[0] for row in rows] == names
    assert "to 30.0 %" in titles
    assert remark == "Means over two seeds, with the range in brackets."
    home = tmp_path / "reports/quickstart-compare"
    assert sorted(entry.name for entry in home.iterdir()) == sorted(
        [*names, "compare.json", "index.html", "scenario.yaml", "simasgd.json", "study.json", "variants.json"]
    )
    compared = json.loads((home / "compare.json").read_text())
    assert compared["verdict"] == verdict
    assert [row["variant"] for row in compared["variants"]] == names
    assert (compared["comparisons"][0]["target"], compared["comparisons"][0]["target_given"]) == (0.3, True)
    for row in compared["variants"]:
        runs = [json.loads((home / row["variant"] / part / "run.json").read_text()) for part in ("", "repeats/1")]
        errors = [run["test_error"] for run in runs]
        assert (row["final"]["min"], row["final"]["max"]) == (min(errors), max(errors))
        assert row["bytes_sent"]["max"] == max(run["bytes"]["sent"] for run in runs)
        reached = [any(one["test_error"] <= 0.3 for one in run["evaluations"]) for run in runs]
        assert row["to_target"]["seeds_reached"] == sum(reached)
    page = (home / "index.html").read_bytes()
    assert b"30.0\xc2\xa0% test error, as requested" in page
    assert b"--target 30%" in page, "the command that repeats it"
    simasgd("report", "reports/quickstart-compare", folder=tmp_path)
    assert (home / "index.html").read_bytes() == page


@pytest.mark.parametrize("kind", ["run", "sweep"])
def test_a_report_can_be_made_anew_and_is_the_same(kind: str, tmp_path: Path) -> None:
    """The comparison above makes the page of a study that learned anew."""
    path = tmp_path / "mine.yaml"
    path.write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 40}}).resolved()))
    simasgd(kind, "mine.yaml", *(["learners=2,3"] if kind == "sweep" else []), "--out", "out", "-q", folder=tmp_path)
    page = tmp_path / "out/index.html"
    first = page.read_bytes()
    page.unlink()
    assert simasgd("report", "out", folder=tmp_path).stdout == "report: out/index.html\n"
    assert page.read_bytes() == first


def test_show_prints_a_scenario_that_loads(tmp_path: Path) -> None:
    shown = simasgd("show", "quickstart", "learners=7", folder=tmp_path).stdout
    (tmp_path / "shown.yaml").write_text(shown)
    assert "learners: 7" in shown
    assert simasgd("show", "shown.yaml", folder=tmp_path).stdout == shown


def test_show_prints_a_plan(tmp_path: Path) -> None:
    text = simasgd("show", "quickstart", "--plan", "learners=5", "repeats=1", folder=tmp_path).stdout
    assert [paragraph.splitlines()[0] for paragraph in text.split("\n\n")] == ["hardsync", "async", "async-staleness-aware"]
    assert "up to 5 gradients of one version are one mini-batch" in text
    assert text.count("memory ") == 3


def test_list_check_schema_data(tmp_path: Path) -> None:
    listed = json.loads(simasgd("list", "--json", folder=tmp_path).stdout)
    assert {"quickstart", "digits"} <= listed["scenarios"].keys()
    assert {"ideal", "p775", "ethernet-25g", "k80-fdr", "wifi-laptops"} <= listed["profiles"].keys()
    assert {"hardsync", "ssp", "fedbuff"} <= listed["protocols"].keys()
    assert all(title for titles in listed.values() for title in titles.values())
    assert simasgd("check", "quickstart", folder=tmp_path).stdout == "quickstart: fine (9 runs)\n"
    assert json.loads(simasgd("schema", folder=tmp_path).stdout)["properties"]["cluster"]
    assert "digits" in simasgd("data", folder=tmp_path).stdout
    assert start_program("--version", folder=tmp_path).stdout.startswith("simasgd, version 0.1")
