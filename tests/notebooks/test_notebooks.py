"""The tutorial notebooks run from their first cell to their last, and each ends in an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
ANSWERS = {
    "first-study": "With α₀/τ it has",
    "your-cluster": "all-reduce is best",
    "your-protocol": "No gradient of round robin is more than 3 updates late.",
}


def cells(path: Path, kind: str) -> list[Any]:
    book = json.loads(path.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    return [cell for cell in book["cells"] if cell["cell_type"] == kind]


def test_there_are_three() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(ANSWERS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_its_outputs(path: Path) -> None:
    """Numbers of another version would be wrong, and pictures would hide a change of the text."""
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(path, "code"))
    assert len({cell["id"] for kind in ("code", "markdown") for cell in cells(path, kind)}) > 9


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_answer(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell()
    shown = 0
    for cell in cells(path, "code"):
        before = capsys.readouterr().out
        result = shell.run_cell("".join(cell["source"]), silent=False, store_history=False)
        result.raise_error()
        if result.result is not None:
            formats, _ = shell.display_formatter.format(result.result)
            shown += "text/html" in formats
    plt.close("all")
    assert ANSWERS[path.stem] in before + capsys.readouterr().out
    assert shown >= 1
