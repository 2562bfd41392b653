"""Mutants through `simasgd check` and `simasgd sweep --dry-run`.

Each mutant is accepted, or refused in one message of bounded length that names its place. Nothing else
is raised, and no mutant takes long.
"""

from __future__ import annotations

import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import click

from simasgd.command import cli
from simasgd.errors import SimasgdError
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from tests.fuzz.mutants import Mutant, list_bases, mutate

LONGEST = 60.0  # CPU seconds: a case that takes as long hangs
_MESSAGE = 20_100  # characters


class Wrong(AssertionError):
    """A case with an outcome that is not allowed."""


@dataclass
class Report:
    """The outcomes of the cases: `ends` counts them, `longest` is the CPU time of the slowest case."""

    ends: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    longest_case: Mutant | None = None
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{number:,} {end}" for end, number in sorted(self.ends.items()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return f"{self.ends.total():,} cases: {ends}; longest {self.longest:.2f} CPU seconds; peak memory {peak:.0f} MB"


def fuzz(cases: int, seed: int) -> Report:
    """Run mutants number 0 to `cases` − 1 of a seed."""
    report, bases = Report(), list_bases()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "s.yaml"
        for number in range(cases):
            mutant = mutate(Random(f"{seed} {number}"), bases)
            began = process_time()
            try:
                with _limit_time():
                    report.ends[_run(mutant, file)] += 1
            except Exception as error:  # noqa: BLE001  # any exception is a finding
                report.ends["FAILED"] += 1
                report.failures.append(f"seed {seed}, case {number}: {type(error).__name__}: {error}\n{str(mutant)[:2000]}")
            spent = process_time() - began
            if spent > report.longest:
                report.longest, report.longest_case = spent, mutant
    return report


def main(cases: int, seed: int) -> int:
    """Run `cases` mutants, print their outcomes, and return an exit code."""
    report = fuzz(cases, seed)
    print(report)
    for failure in report.failures[:20]:
        print(failure)
    return 1 if report.failures else 0


@contextmanager
def _limit_time() -> Iterator[None]:
    def late(signum: int, frame: Any) -> None:
        raise Wrong(f"takes more than {LONGEST:.0f} CPU seconds")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def _run(mutant: Mutant, file: Path) -> str:
    """Return "fine" or "refused" for a mutant. Raises Wrong, or any exception of the program."""
    file.write_bytes(mutant.content)
    options = ["--dry-run"] if mutant.command == "sweep" else []
    try:
        with redirect_stdout(StringIO()):
            cli.app.main([mutant.command, *options, "--", str(file), *mutant.arguments], "simasgd", standalone_mode=False)
    except SimasgdError as error:
        _check_message(error, file)
        return "refused"
    except click.UsageError as error:  # an argument that is not text
        if error.exit_code != 2 or len(error.message) > _MESSAGE or not error.message.isprintable():
            raise Wrong(f"is refused by {error.message[:300]!r}") from None
        return "refused"
    if mutant.command == "check":
        _check_accepted(Scenario.load(file, *mutant.arguments))
    return "fine"


def _check_message(error: SimasgdError, file: Path) -> None:
    message = str(error)
    if error.exit_code != 2:
        raise Wrong(f"exit code {error.exit_code}")
    if not message.startswith((str(file), "argument: ", "learning.data: ")):
        raise Wrong(f"names no place: {message[:300]}")
    if len(message) > _MESSAGE or any(len(line) > 3000 for line in message.split("\n")):
        raise Wrong(f"has {len(message)} characters")
    if not message.replace("\n", "").isprintable():
        raise Wrong(f"has control characters: {message[:300]!r}")
    heads = [line for line in message.split("\n") if line.startswith((str(file), "argument: "))]
    if len(heads) > len(set(heads)):
        raise Wrong(f"says a mistake twice: {message[:300]}")


def _check_accepted(scenario: Scenario) -> None:
    """Check that an accepted scenario has the same hash after it is resolved, written and read again."""
    resolved = yaml_layer.dump_yaml(scenario.resolved())
    resolved.encode()
    again = yaml_layer.parse_layer(resolved, "resolved")
    if Scenario.from_layer(again).hash() != scenario.hash():
        raise Wrong("is another scenario when it is resolved and read again")
