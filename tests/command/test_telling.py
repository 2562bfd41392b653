"""The end of a command: a table that fits, the verdict, the page's path alone, or one JSON document."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from simasgd import simulate
from simasgd.command import cli
from simasgd.command.output.telling import Telling
from simasgd.report.facts.formats import format_duration, format_percent
from simasgd.report.facts.spread import Spread
from simasgd.report.terminal.cells import show_spread
from simasgd.report.terminal.study import conclude_study
from simasgd.report.terminal.text_table import TextColumn, TextTable
from simasgd.scenario.reading.yaml_layer import dump_yaml
from tests.build import TIMING, scenario
from tests.clockwork import study_of

SHORT: dict[str, Any] = {"stop": {"gradients": 40}}
VARIANTS: dict[str, Any] = {"variants": {"sync": {"protocol": "hardsync"}, "free": None}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(dump_yaml(scenario(TIMING, SHORT, VARIANTS).resolved()))
    return tmp_path


def simasgd(*arguments: str, folder: Path) -> Result:
    with chdir(folder):
        done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, done.output
    return done


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("words", [["run", "mine.yaml"], ["compare", "mine.yaml"], ["sweep", "mine.yaml", "learners=2"]])
def test_json_is_one_document_with_the_stored_verdict_and_the_path(words: list[str], home: Path) -> None:
    content = json.loads(simasgd(*words, "--out", "out", "--json", folder=home).stdout, parse_constant=refuse)
    stored = {"run": "study.json", "compare": "compare.json", "sweep": "sweep.json"}[words[0]]
    written = json.loads((home / "out" / stored).read_text())
    assert content["verdict"] == written["verdict"] != ""
    assert content["report"] == "out/index.html"
    if words[0] != "run":
        assert {key: content[key] for key in written} == written
    else:  # a variant's folder has a verdict of its own
        alone = json.loads((home / "out/free/study.json").read_text())["verdict"]
        assert " samples per simulated second with four learners, " in alone


def test_every_command_that_writes_takes_quiet_and_json() -> None:
    writing = {
        name for name, command in cli.app.commands.items() if {"out", "replacing"} & {one.name for one in command.params}
    } | {"report", "index"}
    assert {"run", "sweep", "fit", "export", "import", "record", "validate"} <= writing
    for name in writing:
        assert {"quiet", "as_json"} <= {one.name for one in cli.app.commands[name].params}, name


def test_report_and_export_name_what_they_write(home: Path) -> None:
    simasgd("run", "mine.yaml", "variants=null", "record=timeline", "--out", "out", "-q", folder=home)
    assert simasgd("report", "out", "out", folder=home).stdout == "report: out/index.html\n" * 2
    assert simasgd("report", "out", "-q", folder=home).stdout == "out/index.html\n"
    assert json.loads(simasgd("report", "out", "--json", folder=home).stdout) == {"reports": ["out/index.html"]}
    to_log = ["export", "out", "--to", "log", "--replace"]
    assert simasgd(*to_log, "-q", folder=home).stdout == "test-log.csv\n"
    assert json.loads(simasgd(*to_log, "--json", folder=home).stdout)["log"] == "test-log.csv"
    to_csv = ["export", "out", "--to", "csv", "--out", "sheets"]
    assert simasgd(*to_csv, "-q", folder=home).stdout == "sheets\n"
    assert json.loads(simasgd(*to_csv, "--json", folder=home).stdout) == {"runs": 1, "place": "sheets", "show": None}


def test_what_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    fine = simulate(scenario(TIMING, SHORT))
    ended, page = conclude_study(study_of({"a": [fine, fine], "b": fine})), Path("out/index.html")
    Telling(quiet=False, as_json=False).end(ended, page)
    titles, *rows, remark, empty, verdict, report = capsys.readouterr().out.splitlines()
    assert titles.split()[0] == "variant"
    assert [row.split()[0] for row in rows] == ["a", "b"]
    assert (remark, empty) == ("Means over two seeds, with the range in brackets.", "")
    assert verdict == " ".join(ended.verdict) == ended.content["verdict"]
    assert report == "report: out/index.html"
    Telling(quiet=True, as_json=False).end(ended, page)
    assert capsys.readouterr().out == "out/index.html\n"
    for quiet in (True, False):
        Telling(quiet=quiet, as_json=True).end(ended, page)
        assert json.loads(capsys.readouterr().out, parse_constant=refuse)["report"] == "out/index.html"


def run_on_a_terminal(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command with standard output on a pseudo-terminal; return what it prints there."""
    ours, theirs = pty.openpty()

    def read_all() -> bytes:
        read = b""
        try:
            while part := os.read(ours, 4096):
                read += part
        except OSError:  # Linux says so where other systems return nothing
            pass
        return read

    with ThreadPoolExecutor(1) as beside:
        printed = beside.submit(read_all)
        with open(theirs, "w", encoding="utf-8") as terminal, chdir(folder), monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", terminal)
            cli.app.main(words, prog_name="simasgd", standalone_mode=False)
    os.close(ours)
    return printed.result().decode().replace("\r\n", "\n")


def test_a_narrow_terminal_has_whole_words_and_no_more_columns_than_fit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    text = run_on_a_terminal(["run", "mine.yaml", "variants=null", "--out", "out"], home, monkeypatch)
    assert not re.findall(r"\x1b\[(?:3|4|9|10)\d*(?:;\d+)*m", text), "no colours"
    assert "\x1b[1m" in text, "but bold titles"
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split()[0] == "run"
    assert "speed-up" in lines[0]
    assert "sent" not in lines[0]
    verdict = json.loads((home / "out/study.json").read_text())["verdict"]
    assert verdict in " ".join(lines)


@pytest.mark.parametrize("width", range(1, 60, 3))
def test_a_fitted_table_keeps_its_first_column_and_the_most_important_others(width: int) -> None:
    columns = tuple(
        TextColumn(title, (title * 2, ""), importance) for title, importance in (("name", 1), ("aa", 5), ("bbb", 9), ("c", 7))
    )
    silent = TextColumn("silent", ("", ""), 100)
    fitted = TextTable((*columns, silent)).fitted(width)
    assert fitted.columns[0] is columns[0]
    assert fitted.width <= max(width, columns[0].width)
    assert silent not in fitted.columns
    left_out = [column.importance for column in columns[1:] if column not in fitted.columns]
    assert not left_out or max(left_out) < min((column.importance for column in fitted.columns[1:]), default=10)
    assert [line for line in TextTable(columns).lines() if len(line) > TextTable(columns).width] == []


@pytest.mark.parametrize(
    ("values", "form", "cell"),
    [
        ([0.03], format_percent, "3.0 %"),
        ([0.028, 0.032], format_percent, "3.0 % (2.8–3.2)"),
        ([0.5, 1.5], format_duration, "1 s (500 ms–1.5 s)"),
        ([], format_percent, ""),
    ],
)
def test_a_cell_has_the_mean_and_the_range(values: list[float], form: Any, cell: str) -> None:
    assert show_spread(Spread.of(values), form) == cell


def test_columns_say_something() -> None:
    fine, hung = simulate(scenario(TIMING, SHORT)), simulate(scenario(TIMING, SHORT, {"protocol": "hardsync"}))
    ended = conclude_study(study_of({"a": fine, "b": hung}))
    assert ended.table is not None
    titles = [column.title for column in ended.table.columns]
    assert titles == ["variant", "simulated time", "samples/s", "speed-up", "mean staleness", "learner-seconds", "sent"]
    assert ended.remark == ""


WARNS = """
import logging, sys, warnings
import numpy as np, rich_click as click
from simasgd.command import cli
from simasgd.command.output.telling import Telling
from simasgd.errors import UsageError

@cli.app.command()
def warn():
    warnings.warn("A worker stopped while some jobs were given to the executor.", UserWarning)
    np.exp(np.array([1e4]))
    warnings.simplefilter("always")
    warnings.warn("once more", DeprecationWarning)
    logging.getLogger("jax._src.xla_bridge").warning("An NVIDIA GPU may be present")
    logging.getLogger("matplotlib.font_manager").warning("Generic family not found")
    raise UsageError("the only line")

sys.argv = ["simasgd", "warn"]
cli.main()
"""


@pytest.mark.parametrize(("options", "lines"), [([], ["the only line"]), (["-W", "default"], None)])
def test_warnings_of_libraries_are_held_back_and_errors_are_not(options: list[str], lines: list[str] | None) -> None:
    done = subprocess.run([sys.executable, *options, "-c", WARNS], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    if lines is None:
        assert "A worker stopped" in done.stderr, "who asks for warnings gets them"
    else:
        assert done.stderr.splitlines() == lines
