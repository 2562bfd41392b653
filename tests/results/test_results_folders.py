"""Results folders: what is in them is only replaced where simasgd wrote it, and whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simasgd import Run, Study, simulate
from simasgd.errors import RunFailed, UsageError
from simasgd.storage.manifest import MANIFEST
from simasgd.storage.opening import reopen_folder
from simasgd.storage.work_folder import WORK
from tests.build import TIMING, scenario
from tests.results.folders import PAGE, interrupted, put, refuse, tree


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
