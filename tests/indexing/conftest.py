"""A folder of small results of every kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simasgd import Study
from simasgd.report.verdict.study_files import write_results
from simasgd.storage.files import PAGE
from tests.build import LEARNING, TIMING, scenario
from tests.clockwork import HANG, NO_PATH, altered, run
from tests.queries.swept import write_small_sweep
from tests.report.drawing.six import ENDS, learnt

HUNG = {"hang": HANG, "stopped_by": "hang", "critical_path": NO_PATH, "what_if": None}


def write(study: Study, folder: Path) -> None:
    folder.mkdir(parents=True)
    write_results(study, folder)
    (folder / PAGE).write_text("a page", encoding="utf-8")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a comparison of learned runs, a sweep of two points, and a run that hung, in a folder of its own."""
    folder = tmp_path_factory.mktemp("indexed") / "reports"
    names = ("async", "hardsync")
    both = scenario(LEARNING, {"variants": {name: {"protocol": ENDS[name][0]} for name in names}})
    write(Study(both, {name: [learnt(name, 4)] for name in names}), folder / "both")
    write(Study(scenario(TIMING), {"": [altered(run(), **HUNG)]}), folder / "old" / "hung <i>")
    swept = write_small_sweep(folder / "swept", "cluster.learners=1,2")
    replace(swept, verdict="Use 2 learners.").write_answers(folder / "swept")
    (folder / "swept" / PAGE).write_text("a page", encoding="utf-8")
    return folder
