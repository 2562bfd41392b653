"""Compare this commit with another one, in turn, as ratios: the clock, the replay, whole runs, start-up and commands.

Both run in the same environment. The other commit is a git worktree in a temporary folder. Ratios
are of CPU time, which other programs on the machine disturb less than elapsed time. Whole runs of
`peers` have both.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import parts
from benchmarks.timing import ROUNDS

HERE = Path(__file__).parents[1]
IMPORT = 'python -c "import pydantic, ruamel.yaml"'
STARTS = ("simasgd --help", "simasgd check quickstart")
TIMING_ONLY = ("learning=null", "variants=null", "protocol=async", "workload.samples_per_epoch=1437", "stop.epochs=null")
LARGE = ("cluster.learners=10000", "stop.gradients=200000", "record=summary")
COMMANDS = {
    "simasgd --help": ("--help",),
    "simasgd check quickstart": ("check", "quickstart"),
    "simasgd run quickstart": ("run", "quickstart"),
    "simasgd run, 10,000 learners × 200,000 gradients": ("run", "quickstart", *TIMING_ONLY, *LARGE),
}
Measures = dict[str, float]


def main(arguments: Sequence[str]) -> None:
    """Compare this commit with the one that the first argument names; the others name parts, else all are measured."""
    known = [*parts.PARTS, "commands"]
    chosen = [part for part in known if part in arguments[1:]] or known
    if not arguments or any(part not in known for part in arguments[1:]):
        sys.exit(f"say which commit, and which parts if not all: python -m benchmarks against REV [{' | '.join(known)}]")
    with _tree_of(arguments[0]) as other, tempfile.TemporaryDirectory() as folder:
        for part in chosen:
            work = partial(_measure_commands if part == "commands" else partial(_measure_part, part), Path(folder))
            _compare(part, arguments[0], other, work)


@contextmanager
def _tree_of(commit: str) -> Iterator[Path]:
    """Check a commit out in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        made = subprocess.run(
            ["git", "worktree", "add", "--detach", tree, commit], cwd=HERE, capture_output=True, text=True, check=False
        )
        if made.returncode:
            sys.exit(f"git has no commit {commit!r}: {made.stderr.strip()}")
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=HERE, check=True)


def _compare(part: str, name: str, other: Path, measure: Callable[[Path], Measures]) -> None:
    """Measure a part of both commits in turn, and print the ratios of each case."""
    there: list[Measures] = []
    here: list[Measures] = []
    for _ in range(ROUNDS):
        there.append(measure(other))
        here.append(measure(HERE))
    print(f"--- {part}: {name} ÷ this commit, median of {ROUNDS} in turn (least to greatest), CPU time unless it says elapsed")
    for case in here[0]:
        if not case.startswith("time-out of "):
            print(_line(case, there, here), flush=True)


def _line(case: str, there: Sequence[Measures], here: Sequence[Measures]) -> str:
    ratios = [before[case] / after[case] for before, after in zip(there, here, strict=True)]
    line = f"{case:50} {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    unit, words = (IMPORT, "times the imports") if case in STARTS else (f"time-out of {case}", "bare time-outs")
    if unit in here[0]:
        before, after = (statistics.median(one[case] / one[unit] for one in side) for side in (there, here))
        line += f"; {before:.1f} and now {after:.1f} {words}"
    seconds = statistics.median(one[case] for one in here)
    return f"{line}; now {seconds:.3g} s" if seconds > 0.01 else f"{line}; now {seconds * 1e6:.3g} µs"


def _measure_part(part: str, folder: Path, tree: Path) -> Measures:
    """Run a part with the package of a tree."""
    ran = _run(tree, folder, [str(Path(parts.__file__)), part])
    found: Measures = json.loads(ran.splitlines()[-1])
    return found


def _measure_commands(folder: Path, tree: Path) -> Measures:
    """Return the CPU time of each command (s)."""
    program = ["-c", _entry_point(tree)]
    runs = {IMPORT: ["-c", "import pydantic, ruamel.yaml"]} | {name: [*program, *words] for name, words in COMMANDS.items()}
    found = {}
    for name, arguments in runs.items():
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            _run(tree, Path(empty), arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found[name] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found


def _entry_point(tree: Path) -> str:
    """Return the program of the command `simasgd`, as the tree's own project file declares it."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["simasgd"].split(":")
    return f"from {module} import {function}; {function}()"


def _run(tree: Path, folder: Path, arguments: Sequence[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed packages, which are compiled once
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{' '.join(arguments)} failed with the package in {tree}:\n{ran.stderr[-2000:]}")
    return ran.stdout
