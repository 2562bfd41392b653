"""Runs a command of simasgd again and again, killing it at each of its changes to the disk, and then runs it once more.

A program of its own, so that it has one thread and may fork: what is imported once serves every run. Its argument is JSON:
`before`, the files and commands that make the folder that each run begins in; `command`; and `every`: it is killed at every
rename, and at one in so many of the other changes. It prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, final

from simasgd import study
from simasgd.command import cli
from simasgd.report.page import render_study
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.storage.manifest import MANIFEST
from simasgd.sweeps import computing
from simasgd.sweeps.pools.abstract import AbstractPool
from simasgd.sweeps.pools.work import Delivery, PointGroup, PoolTask, carry_out

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"}

Change = tuple[str, str]  # the event, and the path below the folder of the run


TIMING = {
    "name": "warm-up",
    "cluster": {"learners": 2, "profile": "ideal"},
    "workload": {"mini_batch": 4, "payload": "1 kB", "samples_per_epoch": 100},
    "protocol": "async",
    "stop": {"gradients": 20},
}
for module in ("sweeps.sweep", "command.output.progress", "stages.display", "report.sweep.drawing.figures"):
    import_module(f"simasgd.{module}")


def main() -> None:
    asked = json.loads(sys.argv[1])
    home = Path(tempfile.mkdtemp())
    render_study(study(Scenario.from_layer(Layer(TIMING))))  # what drawing makes once is made for all forks
    try:
        print(json.dumps(killed_everywhere(home, asked["before"], asked["command"], asked["every"])))
    finally:
        shutil.rmtree(home)


def killed_everywhere(home: Path, before: Sequence[Any], command: Sequence[str], every: int) -> dict[str, Any]:
    start = home / "start"
    start.mkdir()
    for step in before:
        if isinstance(step, Mapping):
            for name, content in step.items():
                (start / name).write_text(content)
        elif wait(forked(start, step)) != 0:
            raise SystemExit(f"{step}: {(start.parent / 'stderr').read_text()}")
    whole = home / "whole"
    shutil.copytree(start, whole, symlinks=True)
    changes: list[Change] = []
    code = wait(forked(whole, command, log=home / "log"))
    changes = [tuple(line) for line in json.loads((home / "log").read_text())]
    expected = snapshot(whole)
    wrong = []
    points = [*chosen(changes, every)]
    for number, half in points:
        shutil.copytree(start, home / "killed", symlinks=True)
        left = wait(forked(home / "killed", command, kill_at=number, half=half))
        middle = sorted(snapshot(home / "killed"))
        again = wait(forked(home / "killed", command))
        found = snapshot(home / "killed")
        if (left, again) != (-signal.SIGKILL, code) or found != expected:
            said = (home / "stderr").read_text()
            differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
            wrong.append([number, half, changes[number], left, again, differing, middle, said])
        shutil.rmtree(home / "killed")
    return {"code": code, "changes": changes, "tried": len(points), "wrong": wrong, "files": sorted(expected)}


def chosen(changes: Sequence[Change], every: int) -> Iterator[tuple[int, bool]]:
    """Choose where to kill: before a change, and also right after a file to be written was created empty."""
    for number, (event, _) in enumerate(changes):
        if event == "os.rename" or number % every == 0:
            yield number, False
        if event == "open" and number % every == 1 % every:
            yield number, True


def forked(folder: Path, command: Sequence[str], *, kill_at: int = -1, half: bool = False, log: Path | None = None) -> int:
    """Start a command in a fork; returns its process."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    os.chdir(folder)
    with (folder.parent / "stderr").open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    computing.run_groups = one_after_the_other
    seen = watched(folder, kill_at, half)
    sys.argv = ["simasgd", *command]
    code: Any = 1
    try:
        cli.main()
        code = 0
    except SystemExit as left:
        code = left.code
    finally:
        if log is not None:
            log.write_text(json.dumps(list(seen)))
        sys.stderr.flush()
        os._exit(code or 0)


RUN_GROUPS = computing.run_groups


@final
class InThisProcess(AbstractPool):
    """No process but this one: a task is over when it is submitted."""

    @property
    def capacity(self) -> int:
        return 1

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        del tasks
        yield

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        return [tuple(carry_out(task)) for task in tasks]

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        return list(handles)

    def result(self, handle: Any) -> list[Delivery]:
        return list(handle)


def one_after_the_other(
    missing: Sequence[PointGroup], sweep: Path, pool: AbstractPool, is_over: Callable[[], bool], tell: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """Do the work of a sweep's workers in this process, where it can be killed at each change to the disk."""
    del pool
    return RUN_GROUPS(missing, sweep, InThisProcess(), is_over, tell)


def watched(folder: Path, kill_at: int, half: bool) -> list[Change]:
    """Note each change that this process makes below a folder, and kill it before change number `kill_at`."""
    seen: list[Change] = []
    root = f"{folder.resolve()}{os.sep}"
    busy = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal busy
        if busy or not (event in CHANGES or (event == "open" and isinstance(arguments[2], int) and writes(arguments[2]))):
            return
        if not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.join(root, os.fsdecode(arguments[0]))
        if not path.startswith(root):
            return
        if len(seen) == kill_at:
            busy = True
            if half:
                os.close(os.open(path, arguments[2], 0o666))
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append((event, re.sub("[0-9a-f]{32}", "UUID", path[len(root) :])))

    sys.addaudithook(hook)
    return seen


def writes(flags: int) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def wait(process: int) -> int:
    """Return the exit code of a process, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def snapshot(folder: Path) -> dict[str, Any]:
    """Return all paths below a folder with their contents, without the wall times and the times of writing."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path) if path.is_symlink() else content(path)
        for path in folder.rglob("*")
    }


def content(path: Path) -> Any:
    if path.is_dir():
        return None
    if path.name == "run.json" and path.read_bytes():
        return {key: value for key, value in json.loads(path.read_text()).items() if key != "wall"}
    if path.name == MANIFEST:
        found = json.loads(path.read_text())
        timed = ("run.json", "index.html")
        return found | {"files": {name: None if name.endswith(timed) else sha for name, sha in found["files"].items()}}
    if path.name == "index.html":
        return re.sub(r"wall time, .*?</tr>|<td>\d{4}-\d\d-\d\d \d\d:\d\d", "", path.read_text(), flags=re.DOTALL)
    if path.name == "index.json":
        return re.sub(r'"written":[\d.]+|<td>\d{4}-\d\d-\d\d \d\d:\d\d', "", path.read_text())
    return path.read_bytes().hex()


if __name__ == "__main__":
    main()
