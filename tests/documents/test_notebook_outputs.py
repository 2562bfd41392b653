"""The site shows what the cells of a notebook show: by hand, with a small notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).parents[2] / "docs" / "_site"
CELLS = [
    ("markdown", "# Title"),
    ("code", "import matplotlib.pyplot as plt\nprint('said')\nprint('quickstart: 3% (compiling)')"),
    ("code", "class Shown:\n    def _repr_html_(self):\n        return '<b>bold</b>'\nShown()"),
    ("code", "plt.figure(figsize=(1, 1))\nplt.plot([1, 2]);"),
    ("code", "6 * 7"),
]


def write(folder: Path, *further: tuple[str, str]) -> Path:
    path = folder / "small.ipynb"
    cells = [{"cell_type": kind, "source": text.splitlines(keepends=True)} for kind, text in (*CELLS, *further)]
    path.write_text(json.dumps({"cells": cells}))
    return path


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    monkeypatch.syspath_prepend(str(SITE))
    import notebooks
    import run_notebooks

    return notebooks, run_notebooks


def test_each_cell_of_code_is_followed_by_what_it_shows(modules: tuple[Any, Any], tmp_path: Path) -> None:
    notebooks, runner = modules
    path = write(tmp_path)
    outputs = runner.run_book(path)
    assert [[list(shown) for shown in cell] for cell in outputs] == [[["text"]], [["html"]], [["svg"]], [["text"]]]
    page = notebooks.as_markdown(json.loads(path.read_text()), path.name, outputs)
    assert "````text\nsaid\n````" in page, "progress is left out"
    assert page.index("<b>bold</b>") < page.index("data:image/svg+xml;base64,") < page.index("````text\n42\n````")
    assert "The outputs below are those of simasgd" in page
    assert "not shown here" in notebooks.as_markdown(json.loads(path.read_text()), path.name)


def test_a_cell_that_fails_ends_it(modules: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"small.ipynb: a cell failed: ZeroDivisionError"):
        modules[1].run_book(write(tmp_path, ("code", "1 / 0")))


def test_outputs_are_kept_until_the_notebook_changes(modules: tuple[Any, Any], tmp_path: Path) -> None:
    find = modules[1].find_outputs
    first = find(write(tmp_path), tmp_path)
    assert first == find(write(tmp_path), tmp_path)
    assert first != find(write(tmp_path, ("code", "1")), tmp_path)
