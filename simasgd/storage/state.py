"""The state of any results folder: what it holds, and what goes on with unfinished work in it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.errors import UsageError
from simasgd.storage.files import REPORTS, SCENARIO
from simasgd.storage.manifest import MANIFEST, Manifest
from simasgd.storage.work_folder import PURPOSE, WORK, find_holder

_NAMES = {
    "run": "a run",
    "compare": "a comparison",
    "sweep": "a sweep",
    "advise": "a search for advice",
    "record": "a recording",
    "import": "an imported run",
    "validate": "a validation",
}
_OUT = "--out"
_ANEW = ("record", "import", "validate")  # these keep no parts
_RUN, _CHECKPOINT = re.compile("[0-9a-f]{16}"), re.compile(r"[0-9a-f]{16}\.checkpoint")


@final
@dataclass(frozen=True)
class FolderState:
    """What a results folder holds.

    `kind` is the command that wrote the results, and `working` the one whose work is unfinished; "" if there is none.
    `runs` and `checkpoints` count what is kept of that work. `holder` is the process that works on it; "" if none does.
    `command` is the command line that goes on; "" if it is not known.
    """

    folder: Path
    kind: str
    is_complete: bool
    working: str
    runs: int
    checkpoints: int
    holder: str
    command: str

    def sentences(self) -> Iterator[str]:
        """Yield what the user wants to know, a sentence a line."""
        if self.kind:
            yield f"{self.folder}: {_name(self.kind)}, {'complete' if self.is_complete else 'without its page'}"
        if self.working:
            yield f"{self.folder}: {_name(self.working)}, unfinished{self._say_kept()}"
        if self.holder:
            yield f"{self.holder} works on it"
        elif self.working or not self.is_complete:
            again = "repeats" if self.working in _ANEW else "continues"
            which = f"this {again} it: {self.command}" if self.command else f"the same command {again} it"
            yield f"nobody works on it; {which}"

    def _say_kept(self) -> str:
        kept = [
            f"{many:,} {word}{'s' if many > 1 else ''}"
            for many, word in ((self.runs, "finished run"), (self.checkpoints, "checkpoint"))
            if many
        ]
        return f": {' and '.join(kept)} {'is' if self.runs + self.checkpoints == 1 else 'are'} kept" if kept else ""


def aim(command: str, folder: Path) -> str:
    """Return a command line that writes into a folder, wherever that lies and was first written; "" for no command.

    A scenario that is in the folder, and not where the command would look for it, is taken from there.
    """
    words = shlex.split(command)
    if not words:
        return ""
    if _OUT in words[:-1]:
        words[words.index(_OUT) + 1] = str(folder)
    elif folder.resolve().parent != REPORTS.resolve():
        words += [_OUT, str(folder)]
    if words[2:3] == [SCENARIO] and not Path(SCENARIO).is_file() and (folder / SCENARIO).is_file():
        words[2] = str(folder / SCENARIO)
    return shlex.join(words)


def _name(kind: str) -> str:
    return _NAMES.get(kind, f"results of `simasgd {kind}`")


def read_state(folder: Path) -> FolderState:
    """Read the state of a folder. Raises UsageError if simasgd wrote no results there."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    results, work = Manifest.read(folder / MANIFEST), Manifest.read(folder / WORK / PURPOSE)
    if results is None and work is None:
        raise UsageError(f"{folder}: holds no results of simasgd, and no unfinished work")
    names = os.listdir(folder / WORK) if work is not None else []
    return FolderState(
        folder=folder,
        kind="" if results is None else results.contents.kind,
        is_complete=results is not None and results.complete,
        working="" if work is None else work.contents.kind,
        runs=sum(_RUN.fullmatch(name) is not None for name in names),
        checkpoints=sum(_CHECKPOINT.fullmatch(name) is not None for name in names),
        holder=find_holder(folder)[0],
        command="" if work is None else aim(work.command, folder),
    )
