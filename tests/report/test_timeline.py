"""The time line on a page: the selection of slices, their packing, and the still image."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simasgd import Study
from simasgd.report.drawing.page_parts import Block
from simasgd.report.facts.formats import NBSP, format_duration
from simasgd.report.facts.names import format_resource_name
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.page import render_study
from simasgd.report.sections.timeline import build_timeline_blocks
from simasgd.report.sections.timeline_slices import (
    ACTIVITIES,
    ShownTimeline,
    pack_slices,
    select_slices,
    share_slices,
)
from simasgd.results.timeline import group_tracks
from tests.clockwork import COLUMNS, run, study_of, timeline

EVERYTHING = 1_000_000


def of(table: pd.DataFrame, most: int = EVERYTHING) -> ShownTimeline:
    return select_slices(table[table["end"] > table["start"]], float(table["end"].max()), most)


def section(study: Study) -> Block:
    (block,) = build_timeline_blocks(study, collect_facts(study))
    return block


def unpacked(found: ShownTimeline) -> tuple[dict[str, Any], pd.DataFrame]:
    """Unpack the content as templates/gantt.js does."""
    content = json.loads(pack_slices(found))
    columns = gzip.decompress(base64.b64decode(content["columns"]))
    names = [(group, track) for track, group, many in content["tracks"] for _ in range(many)]
    gaps, lengths, learners = np.frombuffer(columns, "<i4", 3 * len(names)).reshape(3, -1).astype(np.int64)
    activities = np.frombuffer(columns, "u1", offset=12 * len(names))
    rows = pd.DataFrame(names, columns=["group", "track"])
    rows["activity"] = [content["activities"][i] for i in activities]
    moved = pd.Series(gaps + lengths).groupby([rows["group"], rows["track"]], sort=False).cumsum().to_numpy()
    rows["start"], rows["end"], rows["learner"] = (moved - lengths) * content["tick"], moved * content["tick"], learners
    return content, rows


@pytest.mark.parametrize("length", [1.0, 86_400.0])
def test_what_is_packed_is_the_table(length: float) -> None:
    table = timeline(5, 20, shared=True, threads=True)
    scale = length / table["end"].max()
    table = table.assign(start=table["start"] * scale, end=table["end"] * scale)
    content, rows = unpacked(of(table))
    assert content["tick"] <= 1e-9 * max(1.0, length)
    assert content["until"] == pytest.approx(length)
    lasting = table[table["end"] > table["start"]]
    for group in ("learners", "servers", "links"):
        for track, expected in group_tracks(lasting, group).items():
            found = rows[rows["track"] == format_resource_name(track)]
            assert found["activity"].tolist() == expected["activity"].tolist()
            assert found["learner"].tolist() == expected["learner"].tolist()
            for column in ("start", "end"):
                np.testing.assert_allclose(found[column], expected[column], atol=content["tick"])
    assert len(rows) == len(lasting)


def test_the_few_rounds_are_in_the_middle() -> None:
    table = timeline(3, 50)
    begins = table.loc[(table["track"] == "learner 0") & (table["activity"] == "compute"), "start"]
    start, end = of(table).rounds
    assert (start + end) / 2 == pytest.approx(table["end"].max() / 2)
    assert 3 <= ((begins > start) & (begins < end)).sum() <= 5


def test_the_few_rounds_of_a_short_time_line_are_all_of_it() -> None:
    table = timeline(3, 2)
    assert of(table).rounds == (0.0, table["end"].max())


def test_a_long_time_line_is_cut_and_says_so() -> None:
    table = timeline(10, 100)
    found = of(table, most=1000)
    rows = unpacked(found)[1]
    assert 950 < len(rows) <= 1000
    assert rows["end"].max() <= found.until + 1e-9
    assert found.until < table["end"].max() / 3
    assert found.rounds[1] < found.until
    (said,) = found.left_out
    assert re.fullmatch(r"slices that began after the first [\d.]+ ms of [\d.]+ ms", said.replace(NBSP, " "))


def test_many_tracks_are_cut_to_the_first_learners_and_the_busiest_links() -> None:
    names = [f"link {i}" for i in range(30)]
    links = [("links", name, "transfer", 0.0, 1e-3 * (1 + i), 0) for i, name in enumerate(names)]
    learners = [("learners", f"learner {i}", "compute", 0.0, 1e-3, i) for i in range(200)]
    found = of(pd.DataFrame([*links, *learners], columns=COLUMNS))
    assert list(found.tracks["links"]) == names[18:]
    assert list(found.tracks["learners"]) == [f"learner {i}" for i in range(90)]
    assert found.left_out == ["all but the first 90 of 200 tracks of learners", "all but the busiest 12 of 30 tracks of links"]
    note = section(study_of({"": run(pd.DataFrame([*links, *learners], columns=COLUMNS))})).timelines[0].note
    assert note.startswith("Not shown: all but the first 90 of 200 tracks of learners and all but the busiest 12 of 30")


def test_the_still_is_small_and_within_its_frame() -> None:
    still = str(section(study_of({"": run(timeline(40, 40))})).timelines[0].still)
    boxes = [
        tuple(map(float, box)) for box in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="12"', still)
    ]
    (frame,) = re.findall(r'viewBox="0 0 (\d+) (\d+)"', still)
    assert 100 < len(boxes) <= 300
    assert len(boxes) == still.count("<rect")
    assert all(x >= 110 and x + wide <= float(frame[0]) and y + 12 <= float(frame[1]) for x, y, wide in boxes)
    assert all(f">{name}<" in still for name in ("learner 0", "learner 5", "server"))


def test_variants_whose_clocks_ran_alike_share_a_time_line() -> None:
    same = run(timeline(2, 10))
    block = section(study_of({"one": same, "other": run(timeline(3, 10, seed=1)), "two": same}))
    assert [one.title for one in block.timelines] == ["one and two", "other"]
    assert [one.file for one in block.timelines] == ["one/timeline.json.gz", "other/timeline.json.gz"]
    assert section(study_of({"": same})).timelines[0].file == "timeline.json.gz"


def test_three_time_lines_at_most_and_the_others_are_linked() -> None:
    block = section(study_of({f"v{i}": run(timeline(2, 10 + i, seed=i)) for i in range(5)}))
    assert [one.title for one in block.timelines] == ["v0", "v1", "v2"]
    assert block.reading.endswith("Shown are 3 of 5 time lines: the first.")
    assert [(cell.text, cell.link) for cell in block.links] == [(f"v{i}", f"v{i}/index.html#timeline") for i in (3, 4)]


def test_leading_variants_have_a_time_line() -> None:
    study = study_of({f"v{i}": run(timeline(2, 10 + i, seed=i)) for i in range(5)})
    (block,) = build_timeline_blocks(study, collect_facts(study), ["v4", "v2"])
    assert [one.title for one in block.timelines] == ["v0", "v2", "v4"]
    assert "the best variant, the one it is compared with" in block.reading
    assert [cell.text for cell in block.links] == ["v1", "v3"]


def test_the_first_seed_is_shown() -> None:
    runs = [run(timeline(2, 5, seed=seed), seed=seed) for seed in (4, 5)]
    block = section(study_of({"": runs}))
    assert "at seed 4:" in block.reading
    assert json.loads(block.timelines[0].data)["until"] == runs[0].simulated_seconds


@pytest.mark.parametrize("table", [None, pd.DataFrame([], columns=COLUMNS), timeline(1, 1).assign(end=0.0, start=0.0)])
def test_without_a_time_line_there_is_no_section_and_no_script(table: pd.DataFrame | None) -> None:
    page = render_study(study_of({"": replace(run(None), timeline=table)}))
    assert 'id="timeline"' not in page
    assert "class Gantt" not in page


def test_the_legend_holds_what_is_seen() -> None:
    block = section(study_of({"": run(timeline(2, 5))}))
    assert [entry.text for entry in block.legend] == ["compute", "push", "wait", "pull", "update", "transfer"]
    assert set(timeline(2, 5)["activity"]) <= set(ACTIVITIES)


def test_a_page_with_more_than_it_can_show_stays_small() -> None:
    rng = np.random.default_rng(0)
    runs = {}
    for name in ("a", "b", "c"):
        table = timeline(30, 150, shared=True, threads=True, seed=len(runs))
        jitter = rng.uniform(0.0, 1e-6, len(table))  # incompressible, as the times of a random clock
        runs[name] = run(table.assign(start=table["start"] + jitter, end=table["end"] + 2 * jitter))
    assert all(found.timeline is not None and len(found.timeline) > 30_000 for found in runs.values())
    page = render_study(study_of(runs))
    assert 200_000 < len(page) < 2_000_000
    contents = [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page)]
    slices = sum(many for content in contents for _, _, many in content["tracks"])
    assert 60_000 < slices <= 96_000
    assert page.count("Not shown: all but the first 30 of 90 tracks of learners") == 3
    assert page.count(">Whole run<") == 3


def test_a_whole_run_goes_before_many_tracks() -> None:
    """40 learners with 5 slices in each of 20 cycles are 4,000; the server has 800 and the links 1,600."""
    table = timeline(40, 20)
    assert of(table, most=6400).left_out == []
    few = of(table, most=4000)
    assert few.is_whole
    assert few.left_out == ["all but the first 30 of 40 tracks of learners", "the 2 tracks of links"]
    assert not of(table, most=1500).is_whole


def test_who_needs_few_slices_leaves_the_rest_to_the_others() -> None:
    assert share_slices([100, 5, 60], 90) == [43, 5, 42]
    assert share_slices([10, 20], 90) == [10, 20]


def test_a_page_made_anew_from_its_folder_is_the_same(clocked: Study, tmp_path: Path) -> None:
    clocked.save(tmp_path)
    assert render_study(Study.load(tmp_path)) == render_study(clocked)


def test_a_seam_is_a_line_on_the_time_line() -> None:
    """It was continued half way, and the still shows the middle."""
    table = timeline(3, 40)
    half = float(table["end"].max()) / 2
    seam = {"samples": 10, "updates": 5, "epochs": 1.0, "simulated_seconds": half, "mean_staleness": None}
    block = section(study_of({"a": run(table, seams=[seam])}))
    (shown,) = block.timelines
    assert json.loads(shown.data)["seams"] == [half]
    assert shown.still.count("stroke-dasharray") == 1
    assert f"The run was continued at {format_duration(half)} (dotted line)" in shown.note
