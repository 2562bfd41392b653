"""Users' texts are shown unchanged, never as mathematics, markup or control characters; long tables are thinned."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from simasgd.report.drawing import svg
from simasgd.report.facts.formats import replace_controls
from simasgd.report.page import render_sweep
from simasgd.results.tables import thinned
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.sweeps.plan import plan_sweep
from tests.build import TIMING, scenario
from tests.sweeps.running import run_sweep


@pytest.mark.parametrize("text", ["a$x_$b", "a$b$", r"$\frac{$", "<b>&amp;", "日本", "100 %"])
def test_a_text_in_a_figure_is_a_text(text: str) -> None:
    with warnings.catch_warnings(), svg.open_figure(height=1.0) as figure:
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph")
        axes = figure.subplots()
        axes.set_xticks([0.0, 1.0], [text, "other"])
        axes.set_title(text)
        drawn = svg.render_inline(figure, "figure", text)
    assert drawn.count(f">{text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</text>") == 2
    assert "font-style" not in drawn


def test_values_of_an_axis_are_texts(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 20}}).resolved()))
    axes = ["title=a$x_$b,<i>,日本", "learners=1,2"]
    page = render_sweep(run_sweep(plan_sweep(tmp_path / "t.yaml", axes), tmp_path / "out", workers=1))
    assert ">a$x_$b</text>" in page
    assert "<i>" not in page
    assert page.encode()


def test_what_no_page_can_hold_is_replaced() -> None:
    assert replace_controls("a\x00\x1b[2J\ud800\x85b\n\tü") == "a\ufffd\ufffd[2J\ufffd\ufffdb\n\tü"


@pytest.mark.parametrize(("rows", "most"), [(1, 2), (2, 2), (3, 2), (1000, 1000), (1001, 1000), (50_001, 400)])
def test_a_thinned_table_keeps_its_ends(rows: int, most: int) -> None:
    kept = thinned(pd.DataFrame({"row": range(rows)}), most)["row"].tolist()
    assert len(kept) == min(rows, most)
    assert (kept[0], kept[-1]) == (0, rows - 1)
    gaps = {later - earlier for earlier, later in pairwise(kept)}
    assert not gaps or max(gaps) - min(gaps) <= 1
