"""Where runs lie in results folders, and what a list reads of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simasgd import load_runs
from simasgd.queries.briefs import Brief, BriefWithCurve
from simasgd.queries.places import find_runs
from simasgd.results.json_files import read_json
from simasgd.results.summary import Summary
from tests.clockwork import HANG, NO_PATH, run


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_each_run_is_found_with_its_study(tmp_path: Path) -> None:
    files = [
        *("lone/run.json", "lone/repeats/4/run.json"),
        *("both/variants.json", "both/a/run.json", "both/a/repeats/1/run.json", "both/b/run.json"),
        *("swept/sweep.json", "swept/points/0123456789abcdef/run.json"),
        *("mine/points/p/run.json", "lone/.simasgd-unfinished/0123456789abcdef/run.json"),  # neither a sweep nor finished
    ]
    for file in files:
        touch(tmp_path / file)
    found = {
        place.folder.relative_to(tmp_path).as_posix(): (
            place.study.relative_to(tmp_path).as_posix(),
            place.variant,
            place.point,
        )
        for place in find_runs(tmp_path)
    }
    assert found == {
        "lone": ("lone", "", ""),
        "lone/repeats/4": ("lone", "", ""),
        "both/a": ("both", "a", ""),
        "both/a/repeats/1": ("both", "a", ""),
        "both/b": ("both", "b", ""),
        "swept/points/0123456789abcdef": ("swept", "", "0123456789abcdef"),
        "mine/points/p": ("mine/points/p", "", ""),
    }


@pytest.mark.parametrize("changes", [{}, {"hang": HANG, "stopped_by": "hang", "critical_path": NO_PATH, "what_if": None}])
def test_a_brief_says_what_the_summary_says(changes: dict[str, object], tmp_path: Path) -> None:
    summary = run(None, **changes).summary
    path = tmp_path / "run.json"
    path.write_text(json.dumps(summary.as_json()), encoding="utf-8")
    assert read_json(path, Summary) == summary
    for form in (Brief, BriefWithCurve):
        brief = read_json(path, form)
        shared = set(form.model_fields) - {"evaluations"}
        assert {name: getattr(brief, name) for name in shared} == {name: getattr(summary, name) for name in shared}
        assert (brief.has_time, brief.reason) == (summary.has_time, summary.reason)


def test_what_is_not_a_run_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "x" / "run.json")
    table = load_runs(tmp_path)
    assert table.empty
    assert table.attrs["unreadable"] == [str(tmp_path / "x" / "run.json")]
