"""The table of all runs below a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from simasgd import UsageError, study
from simasgd.queries.run_table import COLUMNS, choose_columns, load_runs, select
from tests.build import TIMING, scenario


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a study of two variants at two seeds, a single run, and a run.json that is broken."""
    folder = tmp_path_factory.mktemp("reports")
    changes = {"stop": {"gradients": 40}, "record": "summary"}
    several = {"repeats": 2, "variants": {"sync": {"protocol": "hardsync"}, "async": {"cluster": {"learners": 3}}}}
    study(scenario(TIMING, changes, several)).save(folder / "both")
    study(scenario(TIMING, changes, {"name": "alone"})).save(folder / "deep/er/alone")
    (folder / "broken").mkdir()
    (folder / "broken/run.json").write_text("{}")
    (folder / "both/.simasgd-unfinished/points/x").mkdir(parents=True)
    shutil.copy(folder / "deep/er/alone/run.json", folder / "both/.simasgd-unfinished/points/x/run.json")
    return folder


def test_every_run_is_a_row_with_the_numbers_of_its_summary(home: Path) -> None:
    runs = load_runs(home).set_index("folder")
    assert sorted(runs.index) == ["both/async", "both/async/repeats/1", "both/sync", "both/sync/repeats/1", "deep/er/alone"]
    for folder, row in runs.iterrows():
        written = json.loads((home / str(folder) / "run.json").read_text())
        assert row["learners"] == written["learners"]
        assert row["seed"] == written["seed"]
        assert row["protocol"] == written["protocol"]
        assert row["simulated_seconds"] == written["simulated_seconds"]
        assert row["mean_staleness"] == written["staleness"]["mean"]
        assert row["bytes_sent"] == written["bytes"]["sent"]
        assert pd.isna(row["test_error"])
    assert load_runs(home).attrs["unreadable"] == [str(home / "broken/run.json")]


def test_the_columns_have_their_types_even_without_runs(tmp_path: Path, home: Path) -> None:
    empty = load_runs(tmp_path)
    assert list(empty) == list(load_runs(home)) == list(COLUMNS)
    assert empty.dtypes.tolist() == load_runs(home).dtypes.tolist()


@pytest.mark.parametrize(
    ("where", "folders"),
    [
        ("learners == 3", {"both/async", "both/async/repeats/1"}),
        ('protocol == "hardsync" and seed > 0', {"both/sync/repeats/1"}),
        ("test_error < 0.5", set()),
        ('name.str.startswith("al")', {"deep/er/alone"}),
        ("test_error != 0.5", set()),
        ("not (test_error < 0.1)", set()),
        ("test_error < 0.5 or learners == 3", {"both/async", "both/async/repeats/1"}),
        ("test_error.isna() and learners == 3", {"both/async", "both/async/repeats/1"}),
    ],
)
def test_runs_are_selected(home: Path, where: str, folders: set[str]) -> None:
    assert set(select(load_runs(home), where)["folder"]) == folders


@pytest.mark.parametrize(
    ("where", "fragment"),
    [
        ("lerners > 2", "did you mean 'learners'?"),
        ("learners >", "invalid syntax"),
        ("learners", "'learners' is not a condition"),
        ('__import__("os").getcwd()', "only contains, startswith, endswith, isna, notna can be called"),
        ('learners.to_csv("written") > 2', "can be called"),
        ("import os", "invalid syntax"),
    ],
)
def test_a_wrong_condition_is_one_message(home: Path, where: str, fragment: str) -> None:
    with pytest.raises(UsageError, match=r"^--where: ") as raised:
        select(load_runs(home), where)
    assert fragment in str(raised.value)


def test_columns_are_chosen_by_name(home: Path) -> None:
    assert list(choose_columns(load_runs(home), ["seed", "name"])) == ["seed", "name"]
    with pytest.raises(UsageError, match=r"--columns: there is no column 'sed'; did you mean 'seed'\?"):
        choose_columns(load_runs(home), ["sed"])


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        load_runs(tmp_path / "nowhere")
