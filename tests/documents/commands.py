"""The commands in the documents: run in this process, or checked without being run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from click.testing import CliRunner

from simasgd.command import cli
from simasgd.scenario.protocol_variants import build_comparison, parse_target
from simasgd.scenario.reading.keys import resolve_key
from simasgd.scenario.schema import Scenario
from simasgd.sweeps.plan import plan_sweep

ROOT = Path(__file__).parents[2]
OTHERS = {"pip", "uv", "python", "git", "cd", "source", "ray", "sbatch", "pytest"}
"""Programs of which a command is not checked."""
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z_0-9]*=")
# Stand for a scenario's file and a profile's file that the page does not show.
_SOME_SCENARIO, _SOME_PROFILE = "digits", "ideal"


def run(line: str, further: str) -> str:
    """Run a line of a shell script in this process and return what it printed.

    Only the program simasgd is run; the line may end with `> FILE`.
    """
    command, _, file = line.partition(" > ")
    program, *arguments = split(command)
    assert program == "simasgd", f"{line}: only simasgd is run; say above the block why this is only checked"
    added = shlex.split(further)
    kept = [word for word in arguments if not any(_replaces(one, word) for one in added)]
    done = CliRunner().invoke(cli.app, [*kept, *added], catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, f"{line}\n{done.output}"
    if file:
        Path(file.strip()).write_text(done.stdout, encoding="utf-8")
    return done.stdout


def _replaces(added: str, word: str) -> bool:
    """Return whether an added KEY=VALUE gives a key that a word gives, or removes its section: both may not be given."""
    try:
        own, other = (resolve_key(Scenario, one.partition("=")[0]) for one in (added, word))
    except ValueError:
        return False  # it is an option, a protocol or a condition
    return own == other or (added.endswith("=null") and other.startswith(f"{own}."))


def split(line: str) -> list[str]:
    """Return the words of a command, without assignments before it."""
    words = shlex.split(line, comments=True)
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words


def check(line: str) -> None:
    """Check a line of a shell script without running it.

    A command of simasgd is parsed, and its scenario loaded, with overrides, protocols or axes. A target of make and a benchmark
    must exist. The other programs that documents use are left alone.
    """
    words = split(re.sub(r"\$\{?[A-Z_]+\}?", "1", line).partition(" > ")[0])
    if not words or words[0] == "export":
        return
    program, *arguments = words
    if program.endswith("simasgd"):
        _check_command(*arguments)
    elif program == "make":
        _check_target(*arguments)
    elif [program.rpartition("/")[2], *arguments[:2]] == ["python", "-m", "benchmarks"]:
        known = re.findall(r'^ +"([a-z-]+)": \w+\.main', (ROOT / "benchmarks" / "__main__.py").read_text(), re.MULTILINE)
        assert set(arguments[2:]) <= set(known), line
    else:
        assert program.rpartition("/")[2] in OTHERS, f"{line}: is {program!r} misspelt?"


def _check_target(target: str, *assignments: str) -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(target)}:", text, re.MULTILINE), f"there is no target {target} in the Makefile"
    given = dict(word.split("=", 1) for word in assignments)
    if "NAME" in given:
        _check_command({"scenario": "run"}.get(target, target), given["NAME"], *shlex.split(given.get("ARGS", "")))


def _check_command(name: str, *arguments: str) -> None:
    command = cli.app.commands[name]
    if {"-h", "--help"} & set(arguments):
        return
    context = command.make_context(name, list(arguments))
    if checking := _CHECKS.get(name):
        checking(context.params)


def _source(source: str) -> str:
    return _SOME_SCENARIO if source.endswith(".yaml") and not Path(source).exists() else source


def _check_scenario(given: dict[str, object]) -> None:
    if given.get("scenario"):
        Scenario.load(_source(str(given["scenario"])), *_texts(given.get("overrides")))


def _check_comparison(given: dict[str, object]) -> None:
    measured = given["measured"]
    assert isinstance(measured, tuple)
    chosen = build_comparison(_source(str(given["scenario"])), _texts(given["arguments"]), others=len(measured)).scenario
    if given["target"] is not None:
        parse_target(str(given["target"]), chosen)


def _check_sweep(given: dict[str, object]) -> None:
    assert plan_sweep(_source(str(given["scenario"])), _texts(given["axes"]), "").points


def _texts(words: object) -> tuple[str, ...]:
    assert isinstance(words, Sequence)
    return tuple(_profile(*str(word).partition("=")) for word in words)


def _profile(key: str, sign: str, value: str) -> str:
    is_missing = key.rpartition(".")[2] == "profile" and value.endswith(".yaml") and not Path(value).exists()
    return f"{key}{sign}{_SOME_PROFILE if is_missing else value}"


_CHECKS: dict[str, Callable[[dict[str, object]], None]] = {
    **dict.fromkeys(("run", "check", "show", "record"), _check_scenario),
    "compare": _check_comparison,
    "sweep": _check_sweep,
}
