"""Results folders: what is in them is only replaced where simasgd wrote it, whole, and by one process at a time."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from simasgd import Run, Study, simulate, study
from simasgd.errors import RunFailed, UsageError
from simasgd.results.contents import describe_contents, list_paths
from simasgd.results.summary import StalenessCounts
from simasgd.storage import lock
from simasgd.storage.errors import Taken
from simasgd.storage.folder import ResultsFolder
from simasgd.storage.manifest import MANIFEST, Contents, Manifest
from simasgd.storage.opening import open_default_folder, open_folder, reopen_folder
from simasgd.storage.work_folder import WORK
from simasgd.sweeps.sweep import plan_sweep, run_sweep
from tests.build import TIMING, scenario

ONE, OTHER = (Contents("run", (digit * 64,), "code") for digit in "12")
EXPECTED = ("run.json", "index.html", "scenario.yaml", "repeats/1/run.json", "variant/run.json", "points/")
PAGE = '<!doctype html>\n<meta name="generator" content="simasgd 0">'


def opened(folder: Path, contents: Contents = ONE, *, replacing: bool = False) -> AbstractContextManager[ResultsFolder]:
    return open_folder(folder, contents, EXPECTED, replacing=replacing)


def put(folder: Path, files: dict[str, str], contents: Contents = ONE, *, replacing: bool = False) -> None:
    """Replace results as a command does."""
    with opened(folder, contents, replacing=replacing) as place:
        with place.replacing() as fresh:
            for name, content in files.items():
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_text(content)
        place.finish()


def tree(folder: Path) -> dict[str, str | None]:
    """Every path below a folder, with the text of files and the targets of links."""
    return {
        path.relative_to(folder).as_posix(): f"-> {os.readlink(path)}"
        if path.is_symlink()
        else path.read_bytes().decode(errors="replace")
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


def refuse(folder: Path, message: str, contents: Contents = ONE, *, replacing: bool = False) -> None:
    """Check that a folder is refused, and that its parent is unchanged."""
    before = tree(folder.parent)
    with pytest.raises(UsageError, match=message), opened(folder, contents, replacing=replacing):
        pytest.fail("it was opened")
    assert tree(folder.parent) == before


@pytest.mark.parametrize("name", ["absent", "deep/below/absent", "empty", ".", "link", "x" * 255])
def test_new_places_are_accepted_and_a_link_stays_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here/empty").mkdir(parents=True)
    (tmp_path / "scratch").mkdir()
    if name == ".":
        (tmp_path / "here/empty").rmdir()
    if name == "link":
        (tmp_path / "here/link").symlink_to(tmp_path / "scratch")
    monkeypatch.chdir(tmp_path / "here")
    put(Path(name), {"run.json": "1", "repeats/1/run.json": "2"})
    found = tree(Path(name).resolve())
    assert {**found, MANIFEST: None} == {
        "run.json": "1",
        "repeats": None,
        "repeats/1": None,
        "repeats/1/run.json": "2",
        MANIFEST: None,
    }
    assert Path(name).is_symlink() == (name == "link")


def interrupted(folder: Path, error: BaseException, files: dict[str, str], *, saved: bool = False) -> None:
    """Leave a folder by an error, before or after results are in place."""
    with opened(folder) as place:
        for name, content in files.items():
            (place.unfinished / name).write_text(content)
        with place.replacing() as fresh:
            (fresh / "below").mkdir()
            (fresh / "below/run.json").write_text("half")
            if not saved:
                raise error
        raise error


def test_what_fails_leaves_no_results(tmp_path: Path) -> None:
    out = tmp_path / "deep/out"
    with pytest.raises(ValueError, match="ours"):
        interrupted(out, ValueError("ours"), {})
    assert not list(tmp_path.iterdir())
    put(out, {"run.json": "1"})
    before = tree(tmp_path)
    with pytest.raises(RunFailed, match=r"could not be written to .*out: .*No space left"):
        interrupted(out, OSError(28, "No space left on device"), {})
    assert tree(tmp_path) == before


FOREIGN: dict[str, dict[str, str]] = {
    "thesis": {"thesis.tex": "precious", "src/main.c": "precious"},
    "files of our names": {"run.json": "{}", "variants.json": "{}", "sweep.json": "{}", "thesis.tex": "precious"},
    "a list of our name": {MANIFEST: "{}", "run.json": "{}"},
    "results without a list": {"run.json": '{"name": "a"}', "index.html": PAGE, "scenario.yaml": "name: a"},
    "a work folder of our name": {f"{WORK}/thesis.tex": "precious"},
    "a list that leads elsewhere": {
        MANIFEST: json.dumps(
            {
                "written_by": "simasgd",
                "format": 1,
                "kind": "run",
                "code": "code",
                "complete": True,
                "parameters": ["1" * 64],
                "files": {"../victim": "0" * 64},
            }
        )
    },
}


@pytest.mark.parametrize("files", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("linked", [False, True], ids=["", "by a link"])
def test_a_folder_of_somebody_elses_is_refused(files: dict[str, str], linked: bool, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    for name, content in files.items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text(content)
    if linked:
        (tmp_path / "link").symlink_to(tmp_path / "out")
    for replacing in (False, True):
        refuse(tmp_path / ("link" if linked else "out"), "does not hold earlier results", replacing=replacing)
    run = simulate(scenario(TIMING, {"stop": {"gradients": 4}}))
    before = tree(tmp_path)
    for result in (run, Study(run.scenario, {"": [run]})):
        with pytest.raises(UsageError, match="does not hold earlier results"):
            result.save(tmp_path / "out")
    with pytest.raises(UsageError), reopen_folder(tmp_path / "out"):
        Run.load(tmp_path / "out")
    assert tree(tmp_path) == before


def test_what_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link-to-file").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("file", "link-to-file", "file/below", "link-to-file/below/it"):
        refuse(tmp_path / name, "is not a folder")
    for name in ("dangling", "circle"):
        refuse(tmp_path / name, "is a link to a folder that does not exist")
    refuse(tmp_path / ("x" * 300), "too long")


def test_files_beside_the_results_stay(tmp_path: Path) -> None:
    out, mine = tmp_path / "out", {"notes.md": "mine", "repeats/notes.md": "mine", "figures/one.pdf": "mine"}
    put(out, {"run.json": "1", "repeats/1/run.json": "2", "variant/run.json": "3"})
    for name, content in mine.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(content)
    (out / "scratch").symlink_to(tmp_path)
    put(out, {"run.json": "4"})
    found = tree(out)
    assert {name: found[name] for name in mine} == mine
    assert (found["run.json"], found["scratch"]) == ("4", f"-> {tmp_path}")
    assert set(found) == {*mine, "run.json", "scratch", "repeats", "figures", MANIFEST}, "what the first results had is deleted"


def test_folders_that_results_left_empty_are_deleted(tmp_path: Path) -> None:
    put(tmp_path / "out", {"run.json": "1", "repeats/1/run.json": "2"})
    (tmp_path / "out/repeats/1/run.json").unlink()
    (tmp_path / "out/repeats/1").rmdir()
    put(tmp_path / "out", {"run.json": "3"})
    assert set(tree(tmp_path / "out")) == {"run.json", MANIFEST}


def replaced_by(path: Path, target: Path, what: str) -> None:
    """Put something else in the place of a file or folder of the results."""
    path.rename(target)
    if what == "link":
        path.symlink_to(target)
    elif what == "folder":
        path.mkdir()
        (path / "thesis.tex").write_text("precious")
    else:
        path.write_text("mine")


@pytest.mark.parametrize("name", ["run.json", "repeats/1/run.json", "repeats/1", "repeats", "index.html", MANIFEST, WORK])
@pytest.mark.parametrize("what", ["link", "folder", "file"])
def test_what_stands_in_place_of_results_is_refused(name: str, what: str, tmp_path: Path) -> None:
    put(tmp_path / "out", {"run.json": "1", "repeats/1/run.json": "2", "index.html": PAGE})
    if name == WORK:
        (tmp_path / "out" / WORK).mkdir()
    replaced_by(tmp_path / "out" / name, tmp_path / "target", what)
    if what == "folder" and name in (WORK, "repeats", "repeats/1"):  # with somebody's file in it, which stays
        put(tmp_path / "out", {"run.json": "4"})
        assert (tmp_path / "out" / name / "thesis.tex").read_text() == "precious"
    else:
        refuse(tmp_path / "out", "does not hold earlier results" if name == MANIFEST else "move it away")


def test_links_in_the_work_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/run.json").write_text("precious")
    work = tmp_path / "out" / WORK
    for name in ("results", "points", "0" * 16, "1" * 16 + ".checkpoint", "work.json.new", "reserve", "process.json"):
        put(tmp_path / "out", {"run.json": "1"})
        work.mkdir()
        (work / name).symlink_to(tmp_path / "precious" / ("run.json" if "." in name or name == "reserve" else ""))
        put(tmp_path / "out", {"run.json": "2"})
        assert (tmp_path / "precious/run.json").read_text() == "precious"


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
        assert not isinstance(same.value, Taken)
        with pytest.raises(Taken, match="is writing to it"), opened(tmp_path / "out", OTHER, replacing=True):
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


def damage(name: str) -> Callable[[Path], object]:
    changes: dict[str, Callable[[Path], object]] = {
        "no run.json": lambda point: (point / "run.json").unlink(),
        "no table": lambda point: (point / "learners.parquet").unlink(),
        "empty": lambda point: (point / "run.json").write_text("{}"),
        "truncated": lambda point: (point / "run.json").write_bytes((point / "run.json").read_bytes()[:100]),
        "a list": lambda point: (point / "run.json").write_text("[]"),
        "no staleness": lambda point: edit(point, staleness=None),
        "text for a number": lambda point: edit(point, simulated_seconds="x"),
        "of another scenario": lambda point: edit(point, scenario_hash="0" * 64),
        "a broken table": lambda point: (point / "learners.parquet").write_text("junk that is long enough"),
        "another scenario.yaml": lambda point: (point / "scenario.yaml").write_text("name: other"),
        "a link": lambda point: ((point / "run.json").unlink(), (point / "run.json").symlink_to("notes.md")),
    }
    return changes[name]


def edit(point: Path, **changes: object) -> None:
    (point / "run.json").write_text(json.dumps({**json.loads((point / "run.json").read_text()), **changes}))


def test_damaged_points_are_made_anew_and_what_is_beside_them_stays(tmp_path: Path) -> None:
    from simasgd.scenario.reading.yaml_layer import dump_yaml

    (tmp_path / "s.yaml").write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 4}}).resolved()))
    names = [
        "no run.json",
        "no table",
        "empty",
        "truncated",
        "a list",
        "no staleness",
        "text for a number",
        "of another scenario",
        "a broken table",
        "another scenario.yaml",
    ]
    plan, out = plan_sweep(tmp_path / "s.yaml", [f"seed=range(0,{len(names) + 3})"]), tmp_path / "out"
    whole = run_sweep(plan, out, workers=1).points
    points = [out / folder for folder in whole["folder"]]
    for point, name in zip(points, [*names, "a link"], strict=False):
        damage(name)(point)
        (point / "notes.md").write_text("mine")
    linked, blocked = points[-2:]
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/run.json").unlink()
    (blocked / "run.json").unlink()
    (blocked / "run.json").mkdir()
    (out / "points/.tmp-mine").write_text("mine")
    (out / "points/mine").mkdir()
    again = run_sweep(plan, out, workers=1).points
    assert all("move it away" in error for error in again["error"][-2:])
    assert again[:-2].equals(whole[:-2])
    assert [(point / "notes.md").read_text() for point in points[:-2]] == ["mine"] * (len(points) - 2)
    assert linked.is_symlink()
    assert "run.json" not in os.listdir(tmp_path / "elsewhere")
    assert {".tmp-mine", "mine"} <= set(os.listdir(out / "points"))
    (out / "points").rename(tmp_path / "points")
    for what in (lambda path: path.write_text("mine"), lambda path: path.symlink_to(tmp_path / "points")):
        what(out / "points")
        with pytest.raises(UsageError, match="points is not a folder; move it away"):
            run_sweep(plan, out, workers=1)
        (out / "points").unlink()


@pytest.mark.parametrize(
    ("counts", "mean", "largest", "percentiles", "histogram"),
    [
        ({0: 1}, 0.0, 0, (0, 0, 0), [1]),
        ({0: 1, 1: 2, 5: 1}, 7 / 4, 5, (1, 5, 5), [1, 2, 0, 0, 0, 1]),
        ({3: 10}, 3.0, 3, (3, 3, 3), [0, 0, 0, 10]),
        # Of 100, the 50th, 95th and 99th from below.
        ({0: 50, 1: 45, 2: 4, 9: 1}, 62 / 100, 9, (0, 1, 2), [50, 45, 4, 0, 0, 0, 0, 0, 0, 1]),
        ({0: 49, 1: 45, 2: 4, 9: 2}, 71 / 100, 9, (1, 2, 9), [49, 45, 4, 0, 0, 0, 0, 0, 0, 2]),
    ],
)
def test_staleness_by_hand(
    counts: dict[int, int], mean: float, largest: int, percentiles: tuple[int, int, int], histogram: list[int]
) -> None:
    summary = StalenessCounts.of(Counter(counts))
    assert summary.mean == mean
    assert summary.max == largest
    assert (summary.p50, summary.p95, summary.p99) == percentiles
    assert summary.histogram == tuple(histogram)


def test_staleness_of_nothing() -> None:
    nothing = {"mean": None, "max": None, "p50": None, "p95": None, "p99": None, "histogram": ()}
    assert StalenessCounts.of(Counter()).model_dump() == nothing


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1001])
@pytest.mark.parametrize("seed", range(5))
def test_staleness_as_numpy_has_it(size: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).poisson(4.0, size)
    summary = StalenessCounts.of(Counter(drawn.tolist()))
    assert summary.mean == pytest.approx(drawn.mean(), rel=1e-12)
    assert summary.max == drawn.max()
    assert summary.histogram == tuple(np.bincount(drawn).tolist())
    for share in (50, 95, 99):
        assert getattr(summary, f"p{share}") == np.percentile(drawn, share, method="inverted_cdf")
