"""`simasgd runs`, as a user runs it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from simasgd import load_runs, study
from simasgd.command import cli
from simasgd.errors import UsageError
from simasgd.queries.run_table import COLUMNS
from tests.build import TIMING, scenario


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    changes = {"stop": {"gradients": 40}, "record": "summary", "variants": {"few": {"cluster": {"learners": 2}}, "more": None}}
    study(scenario(TIMING, changes)).save(folder / "both")
    return folder


def say(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, ["runs", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stderr == ""
    return done.stdout


def test_the_table_shows_what_most_look_for(home: Path) -> None:
    head, *rows = say(str(home)).splitlines()
    assert head.split() == [
        "folder",
        "protocol",
        "learners",
        *["mini", "batch", "seed", "outcome", "test", "error", "simulated", "seconds", "speedup"],
    ]
    assert sorted(row.split()[:3] for row in rows) == [["both/few", "async", "2"], ["both/more", "async", "4"]]


def test_json_and_csv_hold_the_numbers_of_the_table_in_python(home: Path) -> None:
    expected = load_runs(home)
    records = json.loads(say(str(home), "--json"))
    assert [record["simulated_seconds"] for record in records] == expected["simulated_seconds"].tolist()
    assert [record["test_error"] for record in records] == [None, None]
    assert list(records[0]) == list(expected)
    table = pd.read_csv(io.StringIO(say(str(home), "--csv")))
    assert table["simulated_seconds"].tolist() == expected["simulated_seconds"].tolist()


def test_rows_and_columns_are_chosen(home: Path) -> None:
    assert say(str(home), "--where", "learners > 2", "--columns", "folder,seed", "--csv") == "folder,seed\nboth/more,0\n"
    assert say(str(home), "--sort", "learners", "--columns", "learners", "--csv") == "learners\n2\n4\n"
    assert say(str(home), "--limit", "1").splitlines()[-1] == "1 of 2 runs; --limit shows more"
    assert say(str(home), "--where", "learners > 9") == f"no runs in {home} for which that is true\n"


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--where", "lerners > 2"], "did you mean 'learners'?"),
        (["--sort", "sed"], "--sort: there is no column 'sed'; did you mean 'seed'?"),
        (["--json", "--csv"], "choose one of the two"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_mistake_is_one_message(home: Path, arguments: list[str], fragment: str) -> None:
    done = CliRunner().invoke(cli.app, ["runs", str(home), *arguments])
    assert isinstance(done.exception, UsageError)
    assert fragment in str(done.exception)


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    table = page.partition("## Lists of runs")[2].partition("\n## ")[0]
    named = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall("`(.*?)`", row)]
    assert sorted(named) == sorted(COLUMNS)
