"""What an index keeps between two commands: the rows of each study, so that a command makes only its own anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import final

from pydantic import ValidationError

import simasgd
from simasgd.indexing.names import KEPT, KEPT_BEGIN
from simasgd.report.index.entries import StudyEntry
from simasgd.report.index.rows import make_run_row, make_study_row
from simasgd.results.json_files import Items, Stored
from simasgd.storage.files import write_whole


@cache
def _name_code() -> str:
    """Name the code that makes rows."""
    digest = hashlib.sha256()
    for path in sorted((Path(simasgd.__file__).parent / "report" / "index").glob("*.py")):
        digest.update(path.read_bytes())
    return f"{simasgd.__version__} {digest.hexdigest()[:16]}"


@final
class KeptStudy(Stored):
    """A study: the time at which it was written, its kind, the number of its runs, its row and theirs."""

    written: float
    kind: str
    number: int
    row: str
    runs: Items[str]


@final
class KeptFile(Stored):
    """The form of the file. `code` is the version of the code that made it."""

    code: str
    studies: dict[str, KeptStudy]


@final
@dataclass
class KeptRows:
    """The rows by the paths of their studies."""

    studies: dict[str, KeptStudy] = field(default_factory=dict)

    @classmethod
    def load(cls, top: Path) -> KeptRows | None:
        """Read the file; None if there is none of this version, so that all has to be read anew."""
        try:
            found = KeptFile.model_validate_json((top / KEPT).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return cls(dict(found.studies)) if found.code == _name_code() else None

    def save(self, top: Path) -> None:
        """Write the file, whole or not at all."""
        studies = {path: vars(study) for path, study in sorted(self.studies.items())}
        content = {"code": _name_code(), "studies": studies}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        write_whole(top / KEPT, f"{KEPT_BEGIN}{text[1:]}".encode())

    @property
    def number(self) -> int:
        """The number of runs."""
        return sum(study.number for study in self.studies.values())

    @property
    def folders(self) -> set[str]:
        """The folders of the index that are studies or have some in them."""
        return {path.partition("/")[0] for path in self.studies}

    def replace(self, below: str, studies: Iterable[StudyEntry]) -> None:
        """Put studies in the place of those in a folder and below it; "" is the whole index."""
        inside = f"{below}/" if below else ""
        for path in [path for path in self.studies if path == below or path.startswith(inside)]:
            del self.studies[path]
        for study in studies:
            is_alone = len(study.runs) == 1 and study.runs[0].path == study.path
            self.studies[study.path] = KeptStudy(
                written=study.written,
                kind=study.kind,
                number=len(study.runs),
                row=make_study_row(study),
                runs=() if is_alone else tuple(make_run_row(run, study) for run in study.runs),
            )

    def list_newest_first(self) -> list[KeptStudy]:
        """Return the studies, the newest first."""
        paths = sorted(self.studies)
        return [self.studies[path] for path in sorted(paths, key=lambda path: -self.studies[path].written)]
