"""`simasgd explain` knows every key and column of the files of results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from simasgd.asking.answers import answer
from simasgd.asking.as_json import describe_answer
from simasgd.asking.result_facts import find_result_keys
from simasgd.asking.result_keys import RUN, STUDY, SWEEP
from simasgd.asking.terminal import write_answer
from simasgd.results import stored, summary, tables
from simasgd.results.json_files import Stored


def paths_of(form: type[Stored], before: str = "") -> set[str]:
    """Return every key of a form, with those within it after a point; a mapping that any key may name stands for its values."""

    def within(annotation: Any) -> list[type[Stored]]:
        if isinstance(annotation, type) and not get_args(annotation):
            return [annotation] if issubclass(annotation, Stored) else []
        return [found for part in get_args(annotation) for found in within(part)]

    found = set()
    for name, field in form.model_fields.items():
        path = f"{before}{field.alias or name}"
        found.add(path)
        if path != "threads":  # as learner_time
            found |= {inner for one in within(field.annotation) for inner in paths_of(one, f"{path}.")}
    return found


@pytest.mark.parametrize(
    ("keys", "form"),
    [(RUN, summary.Summary), (STUDY, stored.StudyJson), (SWEEP, stored.SweepJson)],
    ids=["run", "study", "sweep"],
)
def test_every_key_that_is_read_has_a_meaning(keys: Mapping[str, str], form: type[Stored]) -> None:
    further = {"name", "outcomes", "points"} if form is stored.SweepJson else set()  # written, but not read again
    assert set(keys) == paths_of(form) | further


def test_every_column_has_a_meaning() -> None:
    for file, columns in (("points.parquet", tables.SWEEP_POINTS), ("evaluations.parquet", tables.EVALUATIONS)):
        for column, form in columns.items():
            assert (file, column, form.meaning) in find_result_keys(column)
    assert [found.key for found in find_result_keys("study.json")] == list(STUDY)


def test_a_key_of_results_is_explained_after_all_else() -> None:
    asked = answer("learners", keys_first=True)
    lines = list(write_answer(asked, 120))
    assert lines[0] == "cluster.learners"
    assert "  run.json, learners: number of learners, λ." in lines
    assert describe_answer(asked)["results"][0] == {"file": "run.json", "key": "learners", "meaning": RUN["learners"]}
    _, alone = write_answer(answer("servers.mean_queue", keys_first=True), 120)
    assert alone.startswith("  run.json, servers.mean_queue: gradients that waited")
    assert not answer("learners", keys_first=False).results
