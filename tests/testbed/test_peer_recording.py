"""A recorded run without a parameter server has a folder and a page like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from simasgd.recording import record
from simasgd.report.page import write_study
from simasgd.results.study import Study
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import AT_LENGTH
from tests.testbed.peer_laws import SECTIONS
from tests.testbed.recorded import small


@AT_LENGTH
@pytest.mark.usefixtures("quickly_compiled")
def test_a_study_without_servers_comes_back_from_its_folder(engine: AbstractEngine, tmp_path: Path) -> None:
    variants = {kind: {"protocol": SECTIONS[kind]} for kind in ("ad-psgd", "all-reduce", "easgd")}
    chosen = small(SECTIONS["easgd"], {"variants": variants, "record": "timeline"})
    study = record(chosen, engine, pacing=DrawnPacing, command="simasgd record x")
    study.save(tmp_path)
    write_study(study, tmp_path)
    loaded = Study.load(tmp_path)
    for kind, runs in loaded.runs.items():
        (run,) = runs
        summary = run.summary
        assert summary == study.runs[kind][0].summary
        assert summary.is_measured
        assert summary.recorded is not None
        assert summary.recorded.processes == 3 + (kind == "easgd")
        assert summary.recorded.weights_difference is not None
        assert summary.recorded.weights_difference <= 1e-5
        assert not summary.warnings
        assert (summary.mixing is None) == (kind == "all-reduce")
        assert run.operations is not None
        assert set(run.operations["operation"]) >= {"run", "compute", "wait"}
        assert ("update" in set(run.operations["operation"])) == (kind == "all-reduce")
        assert run.timeline is not None
    assert "easured" in (tmp_path / "index.html").read_text(encoding="utf-8")
