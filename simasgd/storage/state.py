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
from simasgd.storage.files import SCENARIO
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
_NOT_KEPT = "no file here has that, for example because it came from standard input or from Python"
_ANEW = ("record", "import", "validate")  # these keep no parts
_RUN, _CHECKPOINT = re.compile("[0-9a-f]{16}"), re.compile(r"[0-9a-f]{16}\.checkpoint")


@final
@dataclass(frozen=True)
class FolderState:
    """What a results folder holds.

    `kind` is the command that wrote the results, and `working` the one whose work is unfinished; "" if there is none.
    `runs` and `checkpoints` count what is kept of that work. `holder` is the process that works on it; "" if none does.
    `command` is the command line that goes on; "" if it is not known, or (`lacks_scenario`) its scenario is in no file.
    """

    folder: Path
    kind: str
    is_complete: bool
    working: str
    runs: int
    checkpoints: int
    holder: str
    command: str
    lacks_scenario: bool = False

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
            why = f" with the same scenario: {_NOT_KEPT}" if self.lacks_scenario else ""
            yield f"nobody works on it; {which}{why}"

    def _say_kept(self) -> str:
        kept = [
            f"{many:,} {word}{'s' if many > 1 else ''}"
            for many, word in ((self.runs, "finished run"), (self.checkpoints, "checkpoint"))
            if many
        ]
        return f": {' and '.join(kept)} {'is' if self.runs + self.checkpoints == 1 else 'are'} kept" if kept else ""


def aim(command: str, folder: Path) -> str:
    """Return a command line that writes into a folder, wherever that lies and whatever its name is now; "" for no command.

    A scenario that is in the folder, and not where the command would look for it, is taken from there. If it is in neither
    place, there is no command: one from standard input or from Python is kept with finished results only.
    """
    words = shlex.split(command)
    if not words:
        return ""
    for place in (place for place, word in enumerate(words) if word == SCENARIO and words[place - 1] != _OUT):
        if Path(SCENARIO).is_file():
            continue
        if not (folder / SCENARIO).is_file():
            return ""
        words[place] = str(folder / SCENARIO)
    if _OUT in words[:-1]:
        words[words.index(_OUT) + 1] = str(folder)
    else:
        words += [_OUT, str(folder)]
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
    command = "" if work is None else aim(work.command, folder)
    return FolderState(
        folder=folder,
        kind="" if results is None else results.contents.kind,
        is_complete=results is not None and results.complete,
        working="" if work is None else work.contents.kind,
        runs=sum(_RUN.fullmatch(name) is not None for name in names),
        checkpoints=sum(_CHECKPOINT.fullmatch(name) is not None for name in names),
        holder=find_holder(folder)[0],
        command=command,
        lacks_scenario=work is not None and work.command != "" and not command,
    )
