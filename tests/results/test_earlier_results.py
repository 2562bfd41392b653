"""Results folders that hold earlier results: of other parameters, of other commands, or with a broken list of files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from simasgd import Run, simulate, study
from simasgd.errors import UsageError
from simasgd.results.contents import describe_contents, list_paths
from simasgd.storage import lock
from simasgd.storage.errors import FolderTaken
from simasgd.storage.manifest import MANIFEST, Contents, Manifest
from simasgd.storage.opening import open_default_folder, reopen_folder
from simasgd.storage.work_folder import WORK
from tests.build import TIMING, scenario
from tests.results.folders import EXPECTED, ONE, OTHER, PAGE, interrupted, opened, put, refuse, tree


def test_results_of_other_parameters_are_not_replaced_without_a_word(tmp_path: Path) -> None:
    put(tmp_path / "out", {"run.json": "1"})
    refuse(tmp_path / "out", "holds results of other parameters; give another place with --out, or --replace", OTHER)
    refuse(tmp_path / "out", "holds results of `simasgd run`", Contents("sweep", ONE.parameters, "code"))
    told: list[str] = []
    for _ in range(2):
        with open_default_folder(tmp_path / "out", OTHER, EXPECTED, replacing=False, tell=told.append) as place:
            with place.replacing() as fresh:
                (fresh / "run.json").write_text("2")
            place.finish()
        assert place.shown == tmp_path / f"out-{OTHER.name[:6]}"
    assert told == [f"{tmp_path / 'out'}: holds results of other parameters; the new ones go to {place.shown}"], (
        "the first time"
    )
    put(tmp_path / "out", {"run.json": "3"}, OTHER, replacing=True)
    assert (tmp_path / "out/run.json").read_text() == "3"


def test_unfinished_work_of_other_parameters_is_not_forgotten_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out", KeyboardInterrupt(), {f"{'0' * 16}.checkpoint": "an hour"})
    refuse(tmp_path / "out", "holds unfinished work of other parameters", OTHER)
    with opened(tmp_path / "out") as place:
        assert place.has_unfinished_work
    put(tmp_path / "out", {"run.json": "1"}, OTHER, replacing=True)
    assert set(tree(tmp_path / "out")) == {"run.json", MANIFEST}


def test_a_work_folder_that_was_just_begun_is_taken_over(tmp_path: Path) -> None:
    """A process was killed before it had said what it was about."""
    made: list[str] = []
    for name in ("", "lock", "process.json", "reserve", "work.json.new"):
        (tmp_path / "out" / WORK).mkdir(parents=True)
        made += [name] if name else []
        for each in made:
            (tmp_path / "out" / WORK / each).write_text("")
        put(tmp_path / "out", {"run.json": "1"})
        assert set(tree(tmp_path / "out")) == {"run.json", MANIFEST}
        (tmp_path / "out/run.json").unlink()
        (tmp_path / "out" / MANIFEST).unlink()


def test_more_points_may_replace_fewer(tmp_path: Path) -> None:
    few, many = (Contents("sweep", tuple(digit * 64 for digit in digits), "code") for digits in ("12", "132"))
    put(tmp_path / "out", {"sweep.json": "1"}, few)
    put(tmp_path / "out", {"sweep.json": "2"}, many)
    refuse(tmp_path / "out", "other parameters", few)


def test_another_kind_of_results_replaces_all_of_the_earlier_ones(tmp_path: Path) -> None:
    """A run by a sweep, which adds its files one by one, and a sweep with its points by a run. A file of mine stays."""
    swept, out = Contents("sweep", ("3" * 64,), "code"), tmp_path / "out"
    put(out, {"run.json": "1", "variant/run.json": "1"})
    with opened(out, swept, replacing=True) as place:
        for name in ("sweep.json", "points.parquet"):
            with place.adding() as fresh:
                (fresh / name).write_text("2")
        (out / "points" / ("0" * 16)).mkdir(parents=True)
        (out / "points" / ("0" * 16) / "run.json").write_text("2")
        (out / "points/mine.md").write_text("mine")
        place.finish()
    assert {name for name in tree(out) if not name.startswith("points/")} == {
        "sweep.json",
        "points.parquet",
        "points",
        MANIFEST,
    }
    put(out, {"run.json": "3"}, replacing=True)
    assert set(tree(out)) == {"run.json", MANIFEST, "points", "points/mine.md"}


@pytest.mark.parametrize("content", ["[" * 100_000, '{"files": {"a\\ud800": "' + "0" * 64 + '"}}', "\x00", ""])
def test_a_list_that_is_none_makes_no_results_folder(content: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).write_text(content)
    refuse(tmp_path / "out", "does not hold earlier results")
    whole = Manifest(ONE, True, {"run.json": "0" * 64})
    whole.write(tmp_path / "out" / MANIFEST)
    listed = (tmp_path / "out" / MANIFEST).read_text().replace("run.json", "a\\ud800")
    (tmp_path / "out" / MANIFEST).write_text(listed)
    refuse(tmp_path / "out", "does not hold earlier results")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path / "out") as place:
        with pytest.raises(UsageError, match=f"process {os.getpid()} on .* is writing to it") as same, opened(tmp_path / "out"):
            pass
        assert not isinstance(same.value, FolderTaken)
        with pytest.raises(FolderTaken, match="is writing to it"), opened(tmp_path / "out", OTHER, replacing=True):
            pass
        with pytest.raises(UsageError, match="is writing to it"), reopen_folder(tmp_path / "out"):
            pass
        assert place.path.is_dir()


def test_a_lock_is_of_the_file_that_is_there(tmp_path: Path) -> None:
    first = lock.acquire(tmp_path / "lock")
    assert first is not None
    assert lock.acquire(tmp_path / "lock") is None
    lock.release(tmp_path / "lock", first)
    assert not list(tmp_path.iterdir())
    again = lock.acquire(tmp_path / "lock")
    assert again is not None
    lock.release(tmp_path / "lock", again)


def test_results_without_a_page_are_known(tmp_path: Path) -> None:
    """A command that was killed while it drew computes nothing anew; one of another code does."""
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out", KeyboardInterrupt(), {}, saved=True)
    for code, lacks in (("another", False), ("code", True)):
        with opened(tmp_path / "out", Contents("run", ONE.parameters, code)) as place:
            assert place.lacks_only_a_page == lacks
    with opened(tmp_path / "out") as place:
        with place.adding() as fresh:
            (fresh / "index.html").write_text(PAGE)
        place.finish()
    assert set(tree(tmp_path / "out")) == {"below", "below/run.json", "index.html", MANIFEST}
    with opened(tmp_path / "out") as place:
        assert not place.lacks_only_a_page


def test_a_page_of_a_variant_is_the_lists_too(tmp_path: Path) -> None:
    put(tmp_path / "out", {"variants.json": "1", "variant/run.json": "2", "variant/index.html": PAGE})
    with reopen_folder(tmp_path / "out/variant") as (place, below), place.adding() as fresh:
        assert below == "variant"
        (fresh / below).mkdir()
        (fresh / below / "index.html").write_text(PAGE + "new")
    assert (tmp_path / "out/variant/index.html").read_text() == PAGE + "new"
    put(tmp_path / "out", {"run.json": "3"})
    assert set(tree(tmp_path / "out")) == {"run.json", MANIFEST}


def test_a_list_that_cannot_be_ours_is_none(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    Manifest(ONE, True, {"a/b": "0" * 64}).write(path)
    good = json.loads(path.read_text())
    assert Manifest.read(path) == Manifest(ONE, True, {"a/b": "0" * 64})
    for key in good:
        for value in ({}, None, "x", 7, ["x"], {"/a": "0" * 64}, {"a/../../b": "0" * 64}, {"a": "0"}):
            path.write_text(json.dumps({**good, key: value}))
            found = Manifest.read(path)
            assert found is None or (key in ("kind", "code") and value == "x") or (key == "files" and value == {}), (key, value)
    for text in ("", "[]", "{", "null", '{"written_by": "simasgd"}'):
        path.write_text(text)
        assert Manifest.read(path) is None
    (tmp_path / "elsewhere").write_text(json.dumps(good))
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert Manifest.read(path) is None


def test_all_files_of_a_study_are_expected(tmp_path: Path) -> None:
    from simasgd.report.comparison.comparison_json import write_comparison
    from simasgd.report.page import write_study

    for name, changes in (("one", {}), ("many", {"variants": {"sync": {"protocol": "hardsync"}, "async": None}})):
        chosen = scenario(TIMING, {"stop": {"gradients": 20}, "repeats": 2, "record": "timeline"}, changes)
        result = study(chosen)
        write_comparison(result, tmp_path / name)
        write_study(result, tmp_path / name)
        found = {path.relative_to(tmp_path / name).as_posix() for path in (tmp_path / name).rglob("*") if path.is_file()}
        assert found <= set(list_paths(chosen))


def test_a_run_is_saved_where_one_of_its_parameters_was(tmp_path: Path) -> None:
    runs = [simulate(scenario(TIMING, {"stop": {"gradients": 4}, "seed": seed})) for seed in (0, 1)]
    runs[0].save(tmp_path / "out")
    runs[0].save(tmp_path / "out")
    with pytest.raises(UsageError, match="other parameters"):
        runs[1].save(tmp_path / "out")
    runs[1].save(str(tmp_path / "out"), replace=True)
    assert Run.load(tmp_path / "out").seed == 1
    assert describe_contents("run", runs[0].scenario) != describe_contents("run", runs[0].scenario, 0.1)
