"""The files of a study with its verdict, as commands write them."""

from __future__ import annotations

import json
from pathlib import Path

from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.verdict.verdict import state_plainly
from simasgd.results.json_files import write_json
from simasgd.results.study import Study
from simasgd.storage.files import STUDY


def write_results(study: Study, folder: Path) -> None:
    """Write a study's files into a folder that no other process writes to, with a `verdict` in each study.json.

    The sub-folder of a variant has the verdict on the variant alone.
    """
    study.write_into(folder)
    _add_verdict(study, folder)
    if study.has_variants:
        for variant in study.runs:
            _add_verdict(study.alone(variant), folder / variant)


def _add_verdict(study: Study, folder: Path) -> None:
    path = folder / STUDY
    content = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**content, "verdict": state_plainly(collect_facts(study))})
