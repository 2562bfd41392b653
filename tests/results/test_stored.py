"""Results that were edited by hand, cut off or renamed are one message that names the file and the key."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simasgd import Run, Study, UsageError, simulate
from simasgd.report.page import render_study
from simasgd.results.json_files import Stored, read_json
from simasgd.results.stored import StudyJson, SweepJson, VariantsJson
from simasgd.results.summary import Summary
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.table import Sweep
from tests.build import IS_AT_LENGTH, TIMING, scenario
from tests.clockwork import run, study_of, timeline
from tests.sweeps.running import run_sweep

WRONG: tuple[Any, ...] = (None, "x", -1, 1.5, 10**30, [], {}, True, [1])
REMOVED, RENAMED = object(), object()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a study of two variants, one without a server, with time lines; and a sweep of two points."""
    folder = tmp_path_factory.mktemp("stored")
    small = {"stop": {"gradients": 20}, "record": "timeline", "cluster": {"learners": 2}}
    runs = {name: simulate(scenario(TIMING, small, {"protocol": name})) for name in ("async", "easgd")}
    study_of(runs).save(folder / "study")
    (folder / "t.yaml").write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 20}}).resolved()))
    run_sweep(plan_sweep(folder / "t.yaml", ["learners=1,2"]), folder / "sweep", workers=1)
    return folder


def keys(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every key, and of the first item of every list."""
    if path:
        yield path
    items = content.items() if isinstance(content, dict) else enumerate(content[:1]) if isinstance(content, list) else ()
    for key, value in items:
        yield from keys(value, (*path, key))


def changed(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    found = copy.deepcopy(content)
    parent = found
    for key in path[:-1]:
        parent = parent[key]
    if value in (REMOVED, RENAMED):
        old = parent.pop(path[-1])
        if value is RENAMED and isinstance(parent, dict):
            parent[f"{path[-1]}_"] = old
    else:
        parent[path[-1]] = value
    return found


def loads(folder: Path) -> Any:
    return Sweep.load(folder) if (folder / "sweep.json").is_file() else Study.load(folder)


def refused(path: Path, form: type[Stored]) -> str:
    """Return the complaint about a file; "" if it is accepted."""
    try:
        read_json(path, form)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("file", "form", "optional"),
    [
        ("study/async/run.json", Summary, 0.35),
        ("study/easgd/run.json", Summary, 0.35),
        ("study/study.json", StudyJson, 0.35),
        ("study/variants.json", VariantsJson, 1.0),
        ("sweep/sweep.json", SweepJson, 1.0),
    ],
)
def test_every_key_is_checked(file: str, form: type[Stored], optional: float, results: Path, tmp_path: Path) -> None:
    """It is of its form, or refused with the file's name; most changes of files of which all is read are refused."""
    content = json.loads((results / file).read_text())
    path = tmp_path / "changed.json"
    accepted = changes = 0
    values = (*WRONG, REMOVED, RENAMED)
    for number, key in enumerate(keys(content)):
        for value in values if IS_AT_LENGTH else values[number % 3 :: 3]:
            path.write_text(json.dumps(changed(content, key, value)))
            said = refused(path, form)
            assert not said or said.startswith(f"{path}: ")
            changes, accepted = changes + 1, accepted + (not said)
    assert accepted <= optional * changes
    path.write_text(json.dumps(content))
    assert not refused(path, form)


@pytest.mark.parametrize(
    "nothing",
    [
        {"servers": [], "links": [], "what_if": None, "overlap": None, "threads": {}},
        {"name": "$a$ <b>", "version": "\ud800", "note": "\x07", "architecture": "$x_$"},
    ],
)
def test_what_is_accepted_is_drawn(nothing: dict[str, Any], results: Path, tmp_path: Path) -> None:
    home = tmp_path / "async"
    shutil.copytree(results / "study/async", home)
    content = json.loads((home / "run.json").read_text())
    (home / "run.json").write_text(json.dumps({**content, **nothing}))
    page = render_study(Study.load(home))
    assert page.encode()
    assert "\x07" not in page


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("wall", "total"), "x", "wall.total: a number is expected, not 'x'"),
        (("wall",), {}, "wall.simulate is missing; was it written by another version of simasgd? (and 3 more)"),
        (("staleness",), None, "staleness: a mapping is expected, not null"),
        (("links", 0, "busy"), 7.0, "links.0.busy: input should be less than or equal to"),
        (("servers",), {"server": 1}, "servers: a list is expected, not a mapping"),
        (("simulated_seconds",), REMOVED, "simulated_seconds is missing; was it written by another version of simasgd?"),
        (("staleness", "histogram"), [], "staleness: mean, max and percentiles are null if and only if"),
    ],
)
def test_what_is_said(path: tuple[str | int, ...], value: Any, said: str, results: Path, tmp_path: Path) -> None:
    home = tmp_path / "async"
    shutil.copytree(results / "study/async", home)
    content = json.loads((home / "run.json").read_text())
    (home / "run.json").write_text(json.dumps(changed(content, path, value)))
    with pytest.raises(UsageError) as error:
        Run.load(home)
    assert str(error.value).startswith(f"{home / 'run.json'}: {said}")


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"seed": NaN}', "[" * 100_000, "\x00", '{"a": 1e999}'])
def test_what_is_no_json_of_ours(text: str, results: Path, tmp_path: Path) -> None:
    home = tmp_path / "async"
    shutil.copytree(results / "study/async", home)
    (home / "run.json").write_text(text)
    with pytest.raises(UsageError, match=r"run\.json: "):
        Run.load(home)


def test_a_run_of_any_length_comes_back(tmp_path: Path) -> None:
    """A learner whose speed is drawn next to 0 takes more than 1e40 s."""
    slow = run(timeline(2, 3).assign(end=1e42))
    slow.save(tmp_path)
    assert Run.load(tmp_path).summary == slow.summary


@pytest.mark.parametrize("file", ["async/updates", "async/learners", "async/timeline", "points"])
def test_every_column_is_checked(file: str, results: Path, tmp_path: Path) -> None:
    home = tmp_path / ("sweep" if file == "points" else "study")
    shutil.copytree(results / home.name, home)
    path = home / f"{file}.parquet"
    table = pd.read_parquet(path)
    for column in table.columns.drop("test_loss", errors="ignore"):  # of which any number is a value
        for changed_table in (
            table.drop(columns=column),
            table.rename(columns={column: f"{column}_"}),
            table.assign(**{column: [[1.0]] * len(table)}),
            table.assign(**{column: -7.0}),
        ):
            changed_table.to_parquet(path)
            with pytest.raises(UsageError, match=column) as error:
                loads(home)
            assert str(path) in str(error.value)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match="cannot be read"):
        loads(home)


def test_files_that_do_not_belong_together(results: Path, tmp_path: Path) -> None:
    home = tmp_path / "study"
    shutil.copytree(results / "study", home)
    listed = json.loads((home / "variants.json").read_text())
    for name in ("other", "..", "/"):
        (home / "variants.json").write_text(json.dumps({"variants": [{**listed["variants"][0], "variant": name}]}))
        with pytest.raises(UsageError, match=r"variants\.json: .* is not a variant of"):
            Study.load(home)
    (home / "variants.json").write_text(json.dumps(listed))
    (home / "scenario.yaml").unlink()
    with pytest.raises(UsageError, match=r"scenario\.yaml is missing"):
        Study.load(home)
