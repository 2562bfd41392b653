"""The commands import, export and compare with measured runs; `measured` stands wherever their numbers are."""

from __future__ import annotations

import json
import re
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simasgd.command import cli
from simasgd.errors import SimasgdError
from simasgd.scenario.reading.yaml_layer import dump_yaml
from tests.build import TIMING, scenario
from tests.measured.logs import UPDATES, put

WORDS = "Measured, not simulated: times, updates and staleness come from the log"


def simasgd(*arguments: str, folder: Path) -> Result:
    """Run the command in this process."""
    with chdir(folder):
        done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, done.output
    return done


def refuse(*arguments: str, folder: Path) -> str:
    """Run a command that must fail and leave no results; return its message."""
    with chdir(folder), pytest.raises(SimasgdError) as caught:
        CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")
    assert caught.value.exit_code == 2
    assert not (folder / "reports").exists()
    return str(caught.value)


def text_of(page: Path) -> str:
    """Return a page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


def test_import_writes_a_run_whose_page_says_measured(tmp_path: Path) -> None:
    put(tmp_path, UPDATES)
    done = simasgd("import", "log.csv", "mini_batch=32", "--name", "cluster-a", folder=tmp_path)
    titles, row = done.stdout.splitlines()[:2]
    assert titles.split()[:3] == ["run", "measured", "time"]
    assert row.split()[:3] == ["cluster-a", "1.2", "s"]
    assert f"note: {WORDS} log.csv (sha256 " in done.stdout
    folder = tmp_path / "reports/cluster-a"
    content = json.loads((folder / "run.json").read_text())
    assert content["origin"] == "measured"
    assert content["log"]["files"][0]["name"] == "log.csv"
    assert content["learner_time"]["compute"] is None
    page = text_of(folder / "index.html")
    assert "Report on a measured run" in page
    assert WORDS in page
    assert "measured time" in page
    assert "nan" not in page.lower().split()
    assert content["log"]["files"][0]["digest"] in page
    told = re.sub("not simulated|simulated_time:", "", page).rpartition("How to read this page")[0]
    assert [told[max(0, at.start() - 60) : at.end() + 20] for at in re.finditer("simulated", told)] == []
    before = (folder / "index.html").read_bytes()
    simasgd("report", "reports/cluster-a", folder=tmp_path)
    assert (folder / "index.html").read_bytes() == before


def test_a_measured_run_stands_beside_simulated_ones(tmp_path: Path) -> None:
    put(tmp_path, UPDATES)
    (tmp_path / "mine.yaml").write_text(dump_yaml(scenario(TIMING, {"repeats": 2, "stop": {"gradients": 20}}).resolved()))
    simasgd("import", "log.csv", "--like", "mine.yaml", "learners=2", "--out", "seen", "-q", folder=tmp_path)
    done = simasgd("compare", "mine.yaml", "async", "hardsync", "--measured", "seen", "--out", "both", folder=tmp_path)
    assert re.search(r"measured +1\.2 s ", done.stdout)
    rows = json.loads((tmp_path / "both/compare.json").read_text())["variants"]
    assert [(row["variant"], row["origin"]) for row in rows] == [
        ("async", "simulated"), ("hardsync", "simulated"), ("measured", "measured"),
    ]  # fmt: skip
    page = text_of(tmp_path / "both/index.html")
    assert "comparison of three simulated and measured variants" in page
    assert f"measured: {WORDS}" in page
    assert json.loads((tmp_path / "both/measured/run.json").read_text())["origin"] == "measured"
    assert "fine" in simasgd("check", "both/scenario.yaml", folder=tmp_path).stdout


def test_export_and_import_repeat_the_staleness(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        dump_yaml(scenario(TIMING, {"record": "timeline", "stop": {"gradients": 40}}).resolved())
    )
    simasgd("run", "mine.yaml", "-q", folder=tmp_path)
    done = simasgd("export", "reports/test", "--to", "log", "--out", "log.parquet", folder=tmp_path)
    assert done.stdout == "log: log.parquet\n"
    simasgd("import", "log.parquet", "mine.yaml", "-q", folder=tmp_path)
    mine, theirs = (json.loads((tmp_path / "reports" / name / "run.json").read_text()) for name in ("test-measured", "test"))
    assert mine["staleness"] == theirs["staleness"]
    assert mine["learner_time"] == theirs["learner_time"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "nothing.csv"], "nothing.csv: there is no such file; expected a log, CSV or Parquet"),
        (["import", "."], ".: is not a file; expected a log"),
        (["import", "log.csv", "quickstart", "--like", "digits"], "both describe the system; give one"),
        (["import", "log.csv", "quickstart", "digits"], "quickstart and digits both name a scenario; give one"),
        (["import", "log.csv", "quickstrat"], "did you mean"),
        (["import", "log.csv", "mini_batch=2", "--name", "A b"], "'A b' is not a name"),
        (["import", "log.csv", "mini_bach=2"], "mini_bach"),
        (["import", "log.csv"], "mini_batch=32"),
        (["import", "log.csv", "quickstart", "learners=1"], "the log has 2 learners, but the scenario quickstart has 1"),
        (["export", ".", "--to", "log"], "is not the folder of a run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_requests_are_one_message(arguments: list[str], message: str, tmp_path: Path) -> None:
    put(tmp_path, UPDATES)
    said = refuse(*arguments, folder=tmp_path)
    assert message in said
