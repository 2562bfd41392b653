"""The index: what it lists, and that a command that adds to it writes the same page as one that reads all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from shutil import copytree, rmtree
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from simasgd.command import cli
from simasgd.errors import UsageError
from simasgd.indexing import updating
from simasgd.indexing.updating import find_index, update_index, write_index
from simasgd.queries.briefs import BriefWithCurve
from simasgd.report.index.pictures import draw_run
from simasgd.report.index.rows import shorten_verdict
from simasgd.results.contents import dump_scenario
from simasgd.results.json_files import read_json
from simasgd.storage import lock
from tests.build import TIMING, scenario


def read_rows(folder: Path) -> dict[str, list[str]]:
    """Return the texts of the cells of each row, by what the row links to."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    rows = re.findall(r'^<tr><td><a href="([^"]*)">(.*)', page, re.MULTILINE)
    return {unquote(link): [re.sub("<[^>]*>", "", cell) for cell in rest.split("<td")] for link, rest in rows}


def test_every_study_and_every_run_within_one_is_listed_and_linked(home: Path) -> None:
    assert write_index(home) == []
    rows = read_rows(home)
    assert all((home / link).exists() for link in rows)
    studies = {link: cells for link, cells in rows.items() if len(cells) == 7}
    assert set(studies) == {"both/index.html", "old/hung <i>/index.html", "swept/index.html"}
    verdict = json.loads((home / "both" / "study.json").read_text())["verdict"]
    _, _, told, kind, runs, lowest, _ = studies["both/index.html"]
    assert len(told) > 40
    assert verdict.startswith(told.lstrip(">"))
    assert (kind, lowest) == (">comparison", ' data-value="0.03">3.0\u00a0%')
    assert runs == ">2"
    assert studies["swept/index.html"][2:5] == [">Use 2 learners.", ">sweep", ">2"]
    parts = [cells for cells in rows.values() if len(cells) == 10]
    assert [cells[0] for cells in parts if "swept" in cells[0]] == ["swept learners=1, seed 0", "swept learners=2, seed 0"]
    assert sorted(cells[0] for cells in parts) == [
        *("both async, seed 0", "both hardsync, seed 0", "swept learners=1, seed 0", "swept learners=2, seed 0")
    ]
    assert "4 runs" not in (home / "index.html").read_text()
    assert "<h1>5 runs in reports</h1>" in (home / "index.html").read_text()


def test_a_file_that_nobody_can_read_is_named(home: Path, tmp_path: Path) -> None:
    copy = Path(copytree(home, tmp_path / "reports"))
    (copy / "both" / "async" / "run.json").write_text("{}")
    done = CliRunner().invoke(cli.app, ["index", str(copy)], catch_exceptions=False)
    assert done.stdout == f"index: {copy / 'index.html'}\n"
    assert done.stderr == f"not a file of this version of simasgd: {copy / 'both' / 'async' / 'run.json'}\n"
    quiet = CliRunner().invoke(cli.app, ["index", str(copy), "--json"], catch_exceptions=False)
    assert json.loads(quiet.stdout) == {
        "unreadable": [str(copy / "both" / "async" / "run.json")],
        "index": str(copy / "index.html"),
    }
    assert "both async, seed 0" not in [cells[0] for cells in read_rows(copy).values()]


def test_bringing_it_up_to_date_is_as_good_as_reading_all(home: Path, tmp_path: Path) -> None:
    top = tmp_path / "reports"
    copytree(home / "both", top / "both")
    copytree(home / "old", top / "old")
    write_index(top)
    copytree(home / "swept", top / "swept")  # as a command does
    copytree(home / "both", top / "copied")  # as a user does
    (top / "later").mkdir()
    rmtree(top / "old")
    update_index(top, [top / "swept"])
    brought = (top / "index.html").read_bytes(), (top / "index.json").read_bytes()
    write_index(top)
    assert ((top / "index.html").read_bytes(), (top / "index.json").read_bytes()) == brought
    assert {link.partition("/")[0] for link in read_rows(top)} == {"both", "copied", "swept"}
    copytree(home / "old", top / "later" / "old")  # as Python does, into a folder that an index has passed by
    update_index(top, [top / "both"])
    assert "later" in {link.partition("/")[0] for link in read_rows(top)}
    (top / "both" / "study.json").write_text(json.dumps({"verdict": "Nobody wins."}))
    update_index(top, [top / "both"])
    assert read_rows(top)["both/index.html"][2] == ">Nobody wins."


def test_commands_add_their_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(dump_scenario(scenario(TIMING, {"record": "summary"})), encoding="utf-8")
    assert CliRunner().invoke(cli.app, ["run", "t.yaml", "-q"], catch_exceptions=False).exit_code == 0
    assert list(read_rows(Path("reports"))) == ["test/index.html"]
    assert CliRunner().invoke(cli.app, ["runs"]).stdout.splitlines()[-1] == "index: reports/index.html"
    assert sorted(path.name for path in Path().iterdir()) == ["reports", "t.yaml"]
    # A page that somebody else wrote stays, and the results are whole all the same.
    Path("reports/index.html").write_text("mine")
    Path("reports/test/index.html").unlink()
    done = CliRunner().invoke(cli.app, ["report", "reports/test"], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (0, "report: reports/test/index.html\n")
    page = Path("reports").resolve() / "index.html"
    assert done.stderr == f"note: {page}: is not an index that simasgd wrote; move it away\n"
    assert page.read_text() == "mine"
    assert Path("reports/test/index.html").is_file()


def test_an_index_is_written_above_results_only(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="holds results itself"):
        write_index(home / "swept")
    with pytest.raises(UsageError, match="there is no such folder"):
        write_index(tmp_path / "x")
    assert find_index(tmp_path / "a" / "b", tmp_path) == tmp_path
    assert find_index(tmp_path / "a" / "b", tmp_path / "reports") is None
    write_index(tmp_path)
    assert find_index(tmp_path / "a" / "b", tmp_path / "reports") == tmp_path
    assert "There are no results yet" in (tmp_path / "index.html").read_text()
    (tmp_path / "index.json").write_text('{"mine": true}')
    assert find_index(tmp_path / "a" / "b", tmp_path / "reports") is None, "a web page of the user's, perhaps"
    with pytest.raises(UsageError, match=r"index\.json: is not an index that simasgd wrote"):
        write_index(tmp_path)
    (tmp_path / "index.json").unlink()
    monkeypatch.setattr(updating, "_PATIENCE", 0.05)
    held = lock.acquire(tmp_path / ".simasgd-index.lock")
    assert held is not None
    with pytest.raises(UsageError, match="another process is writing it"):
        update_index(tmp_path, [])
    lock.release(tmp_path / ".simasgd-index.lock", held)


def test_a_curve_is_drawn_on_a_scale_from_zero(home: Path) -> None:
    brief = read_json(home / "both" / "async" / "run.json", BriefWithCurve)
    rows = [{"epoch": x, "test_error": y} for x, y in ((0, 1.0), (1, 0.5), (2, None), (4, 0.0))]
    drawn = draw_run(brief.model_copy(update={"evaluations": rows}))
    # 60 × 14 units within a margin of 2: (0, 1) is at the upper left, and (4, 0) at the lower right.
    assert 'd="M2 2l15 7 45 7"' in drawn


def test_a_long_verdict_is_cut_at_a_sentence() -> None:
    first, second = "a" * 150 + ".", "b" * 150 + "."
    assert shorten_verdict(f"{first} {second}") == first
    assert shorten_verdict(f"{first} Short.") == f"{first} Short."


def test_a_target_that_was_not_reached_is_told_apart_from_the_outcome(home: Path, tmp_path: Path) -> None:
    copy = Path(copytree(home, tmp_path / "reports"))
    file = copy / "both" / "async" / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "target": {"test_error": 0.01, "reached": False}}))
    write_index(copy)
    outcome = read_rows(copy)["both/async/"][2]
    assert re.fullmatch(r">fails to learn; .*test error.* was not reached", outcome)
