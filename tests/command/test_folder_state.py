"""What `simasgd status` says of the folder of any command."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from simasgd.command import cli
from simasgd.command.options import spell_command
from simasgd.errors import UsageError
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.storage.manifest import Contents
from simasgd.storage.opening import open_folder
from simasgd.storage.state import aim
from simasgd.storage.work_folder import WORK
from tests.build import TIMING, scenario

CONTENTS = Contents("compare", ("0" * 64,), "code")
COMMAND = "simasgd compare mine.yaml hardsync async --out place"


def status(folder: str) -> list[str]:
    return CliRunner().invoke(cli.app, ["status", folder]).output.splitlines()


def test_an_interrupted_comparison_is_unfinished_until_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with suppress(KeyboardInterrupt), open_folder(Path("place"), CONTENTS, ("run.json",), command=COMMAND) as place:
        (place.unfinished / f"{'1' * 16}.checkpoint").write_bytes(b"")
        (place.unfinished / ("2" * 16)).mkdir()
        unfinished = "place: a comparison, unfinished: 1 finished run and 1 checkpoint are kept"
        assert status("place")[0] == unfinished
        assert status("place")[1].endswith(" works on it")
        raise KeyboardInterrupt
    assert status("place") == [unfinished, f"nobody works on it; this continues it: {COMMAND}"]
    Path("place").rename("moved")
    assert status("moved")[1].endswith("hardsync async --out moved")
    with open_folder(Path("moved"), CONTENTS, ("run.json",), command=COMMAND) as place:
        with place.replacing() as fresh:
            (fresh / "run.json").write_text("{}")
        place.finish()
    assert status("moved") == ["moved: a comparison, complete"]


@pytest.mark.parametrize("place", [["--out", "so"], []])
def test_unfinished_work_of_standard_input_names_no_file_that_is_not_there(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = spell_command("run", "-", ("seed=1",), tuple(place))
    with suppress(KeyboardInterrupt), open_folder(Path("so"), CONTENTS, ("run.json",), command=command) as folder:
        (folder.unfinished / ("2" * 16)).mkdir()
        raise KeyboardInterrupt
    why = "no file here has that, for example because it came from standard input or from Python"
    assert status("so")[1] == f"nobody works on it; the same command continues it with the same scenario: {why}"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["status", str(tmp_path / "nope")])
    assert str(done.exception) == f"{tmp_path / 'nope'}: there is no such folder"
    done = CliRunner().invoke(cli.app, ["status", str(tmp_path)])
    assert str(done.exception) == f"{tmp_path}: holds no results of simasgd, and no unfinished work"


@pytest.mark.parametrize(
    ("command", "folder", "aimed"),
    [
        ("simasgd sweep s learners=1,2", "reports/renamed", "simasgd sweep s learners=1,2 --out reports/renamed"),
        ("simasgd sweep s learners=1,2", "copied/s-sweep", "simasgd sweep s learners=1,2 --out copied/s-sweep"),
        ("simasgd sweep s --out a 'learners=1, 2'", "b", "simasgd sweep s --out b 'learners=1, 2'"),
        ("simasgd sweep scenario.yaml learners=1,2", "held", "simasgd sweep held/scenario.yaml learners=1,2 --out held"),
        ("simasgd validate m scenario.yaml", "held", "simasgd validate m held/scenario.yaml --out held"),
        ("simasgd run scenario.yaml --out a", "b", ""),
        ("", "held", ""),
    ],
)
def test_a_command_is_aimed_at_the_folder_that_was_asked_about(
    command: str, folder: str, aimed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("held").mkdir()
    Path("held/scenario.yaml").touch()
    assert aim(command, Path(folder)) == aimed


@pytest.mark.parametrize("verb", ["run", "compare"])
def test_the_command_of_results_names_their_folder(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 4}}).resolved()))
    words = [verb, "s.yaml", *(("hardsync", "async") if verb == "compare" else ()), "seed=1", "--out", "else where"]
    CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert json.loads(Path("else where/study.json").read_text())["command"] == shlex.join(["simasgd", *words])
    assert "--out &#39;else where&#39;" in Path("else where/index.html").read_text()


def test_a_page_is_drawn_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / WORK).write_text("in the way")
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).endswith("is not a folder; move it away"), "report has no --out"
