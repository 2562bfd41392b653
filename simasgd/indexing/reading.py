"""Studies and their runs, as an index lists them, from their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

from simasgd.errors import SimasgdError
from simasgd.queries.briefs import BriefWithCurve
from simasgd.queries.places import RunPlace, find_results
from simasgd.report.index.entries import RunEntry, StudyEntry
from simasgd.results.json_files import Stored, read_json
from simasgd.results.outcome import describe_outcomes
from simasgd.storage.files import ADVICE, PAGE, RUN, STUDY, SWEEP, VALIDATION, VARIANTS
from simasgd.sweeps.table import Sweep, is_sweep

_KINDS = {SWEEP: "sweep", ADVICE: "advice", VALIDATION: "validation"}


@final
class _Verdict(Stored):
    """The verdict in study.json, sweep.json, advice.json or validate.json."""

    verdict: str | None


@final
class Reader:
    """Reads studies below `top`, and lists the files that simasgd did not write, or wrote in another version."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self.unreadable: list[Path] = []

    def read(self, below: Path) -> Iterator[StudyEntry]:
        """Yield the studies in a folder and below it; a study without any readable file is left out."""
        found = find_results(below)
        places: defaultdict[Path, list[RunPlace]] = defaultdict(list)
        for place in found.runs:
            places[place.study].append(place)
        for study in found.studies:
            if (entry := self._read_study(study, places[study])) is not None:
                yield entry

    def _read_study(self, study: Path, places: list[RunPlace]) -> StudyEntry | None:
        main = next(path for name in (ADVICE, SWEEP, VALIDATION, STUDY, RUN, VARIANTS) if (path := study / name).is_file())
        labels: Mapping[str, str] = {}
        if is_sweep(study):
            try:
                labels = Sweep.load(study).label_points()
            except SimasgdError:
                self.unreadable.append(study / SWEEP)
        order = {name: i for i, name in enumerate(labels)}
        places.sort(key=lambda place: order.get(place.point, 0))
        runs = [run for place in places if (run := self._read_run(place, labels)) is not None]
        verdict = self._read_verdict(main) if main.name in (SWEEP, ADVICE, VALIDATION, STUDY) else ""
        if not runs and not verdict:
            return None
        return StudyEntry(
            path=study.relative_to(self._top).as_posix(),
            kind=_name_kind(main, study, runs),
            verdict=verdict or describe_outcomes([run.brief.outcome for run in runs], "runs"),
            has_page=(study / PAGE).is_file(),
            written=main.stat().st_mtime,
            runs=runs,
        )

    def _read_run(self, place: RunPlace, labels: Mapping[str, str]) -> RunEntry | None:
        try:
            brief = read_json(place.file, BriefWithCurve)
        except SimasgdError:
            self.unreadable.append(place.file)
            return None
        label = labels.get(place.point, place.point) if place.point else place.variant
        return RunEntry(
            path=place.folder.relative_to(self._top).as_posix(),
            names=", ".join(filter(None, (label, f"seed {brief.seed}"))),
            variant=place.variant,
            has_page=(place.folder / PAGE).is_file(),
            brief=brief,
        )

    def _read_verdict(self, file: Path) -> str:
        try:
            return read_json(file, _Verdict).verdict or ""
        except SimasgdError:
            self.unreadable.append(file)
            return ""


def _name_kind(main: Path, study: Path, runs: list[RunEntry]) -> str:
    if main.name in _KINDS:
        return _KINDS[main.name]
    if (study / VARIANTS).is_file():
        return "comparison"
    return "measured run" if runs and runs[0].brief.origin == "measured" else "run"
