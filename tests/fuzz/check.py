"""Mutated scenarios, overrides and axes through `simasgd check` and `simasgd sweep --dry-run`: each is fine, or refused in one
message of bounded length that names its place; nothing else is raised, and none takes long."""

from __future__ import annotations

import json
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple

import click

from simasgd.command import cli
from simasgd.errors import SimasgdError
from simasgd.scenario.reading import catalogue, keys, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import merge
from tests.command.bad_input import PLAIN, TIMING
from tests.scenario.sections.forms import CLUSTER_FORMS

LONGEST = 60.0  # CPU seconds: a case that takes as long hangs
_MESSAGE = 20_100  # characters

# fmt: off
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 7, 1000, 2**53, 2**53 + 1, 2**64, 10**18, 10**400, -(10**400), 0.0, -0.0, 0.5, 1.0, 1.5,
    1e-300, 1e300, 5e-324, float("nan"), float("inf"), -float("inf"), "", " ", "0", "1", "null", "yes", "~", "learners",
    "infinite", "unlimited", "1 s", "0 s", "1e400 s", "-1 s", "1e-15 s", "1e15 s", "3 ms", "1 kB", "1 GB/s", "25 Gbit",
    "x" * 5000, "9" * 5000, "1" * 3000 + " a b", "\x1b[2J", "a\nb", "\x85", "\u2028", "\x00", "\ud800", "\u202e", "λ", "$x$",
    "/dev/zero", "/dev/urandom", "/", ".", "nowhere.txt", "s.yaml", "a\0b", "../../etc/passwd", "node 3", "rack 99999999",
    "async", "hardsync", "all-reduce", "gossip", "adv*", "ideal", "p775", "gpu8-200g", "mlp", "digits", "noise", "sgd", "adam",
    [], [1], [0, 0], ["a"], [[]], [None], {}, {"kind": "async"}, {"kind": None}, {"kind": []}, {"kind": "ring"}, [{}] * 3,
    {"distribution": "constant"}, {"distribution": "gamma", "cv": 0.3}, {"measured": ["1 s", 0]}, {"file": "/dev/zero"},
    {"mtbf": "1 s", "mttr": "1 s"}, [{"learner": 0, "at": "1 s"}], {"total": 0.9}, {"a": {"b": {"c": [1, {"d": 2}]}}},
]
SNIPPETS = [
    "&a ", "*a", "<<: *a\n", "<<: {}\n", "!!int ", "!!str ", "!!python/object:os.system ", "!!set ", "! ", "%YAML 1.1\n",
    "%YAML 1.3\n", "%TAG ! x\n", "---\n", "...\n", "\t", "\r", "\x00", "\x07", "\x1b", "\x85", "\u2028", "\ufeff", "\ufffe",
    "[", "{", "]", "}", "[" * 300, "{a: " * 300, "- " * 300, "? ", ": ", "#", "|\n", ">\n", "'", '"', '"\\ud800"', '"\\e[2J"',
    "0x", "-_", "0x_", "1e", ".", "1:30", "2001-13-45", "@", "`", ",", "\n", "\n\n  ", "x" * 3000, "9" * 6000, "[a, " * 40,
    "a0: &a0 [1,1,1,1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 4)}]\n" for i in range(1, 12)),
]
AXES = [
    "1,2", "1,,2", "range(3)", "range(0,99999999999999999999)", "range(1,2,0)", "range(5,0,-1)", "linspace(0,1,3)", "a,b",
    "logspace(1 us,1 ms,3)", "logspace(0,1,3)", "linspace(1 s,1 kB,3)", "linspace(-1e308,1e308,3)", "choice(1,1)", "[1,2",
    "linspace(0,1,1e9)", "foo(3)", "{a: 1},{a: 2}", "'a,b',c", "null,1", "async,hardsync", "1 s,2 s", "range()", "²,³", ",",
]
# fmt: on


class Mutant(NamedTuple):
    """What is tried: the bytes of the file s.yaml, and a command line without the file."""

    content: bytes
    command: str
    arguments: tuple[str, ...]


class Wrong(AssertionError):
    """A case that ends otherwise than it may."""


@dataclass
class Report:
    """What became of the cases: `ends` counts them by their end, `longest` is the most CPU seconds that one took."""

    ends: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    longest_case: Mutant | None = None
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{number:,} {end}" for end, number in sorted(self.ends.items()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return f"{self.ends.total():,} cases: {ends}; longest {self.longest:.2f} CPU seconds; peak memory {peak:.0f} MB"


def fuzz(cases: int, seed: int) -> Report:
    """Try mutants number 0 to `cases` − 1 of a seed."""
    report, bases = Report(), _bases()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "s.yaml"
        for number in range(cases):
            mutant = _mutant(Random(f"{seed} {number}"), bases)
            began = process_time()
            try:
                with _deadline():
                    report.ends[_tried(mutant, file)] += 1
            except Exception as error:  # noqa: BLE001  # whatever is raised is what is looked for
                report.ends["FAILED"] += 1
                report.failures.append(f"seed {seed}, case {number}: {type(error).__name__}: {error}\n{str(mutant)[:2000]}")
            spent = process_time() - began
            if spent > report.longest:
                report.longest, report.longest_case = spent, mutant
    return report


def main(cases: int, seed: int) -> int:
    """Try so many mutants, say what became of them, and return an exit code."""
    report = fuzz(cases, seed)
    print(report)
    for failure in report.failures[:20]:
        print(failure)
    return 1 if report.failures else 0


@contextmanager
def _deadline() -> Iterator[None]:
    def late(signum: int, frame: Any) -> None:
        raise Wrong(f"takes more than {LONGEST:.0f} CPU seconds")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def _tried(mutant: Mutant, file: Path) -> str:
    """What became of one, "fine" or "refused". Raises Wrong, or whatever the program raises."""
    file.write_bytes(mutant.content)
    options = ["--dry-run"] if mutant.command == "sweep" else []
    try:
        with redirect_stdout(StringIO()):
            cli.app.main([mutant.command, *options, "--", str(file), *mutant.arguments], "simasgd", standalone_mode=False)
    except SimasgdError as error:
        _judge(error, file)
        return "refused"
    except click.UsageError as error:  # an argument that is no text
        if error.exit_code != 2 or len(error.message) > _MESSAGE or not error.message.isprintable():
            raise Wrong(f"is refused by {error.message[:300]!r}") from None
        return "refused"
    if mutant.command == "check":
        _judge_fine(Scenario.load(file, *mutant.arguments))
    return "fine"


def _judge(error: SimasgdError, file: Path) -> None:
    message = str(error)
    if error.exit_code != 2:
        raise Wrong(f"exit code {error.exit_code}")
    if not message.startswith((str(file), "command line: ", "learning.data: ")):
        raise Wrong(f"names no place: {message[:300]}")
    if len(message) > _MESSAGE or any(len(line) > 3000 for line in message.split("\n")):
        raise Wrong(f"has {len(message)} characters")
    if not message.replace("\n", "").isprintable():
        raise Wrong(f"has control characters: {message[:300]!r}")
    heads = [line for line in message.split("\n") if line.startswith((str(file), "command line: "))]
    if len(heads) > len(set(heads)):
        raise Wrong(f"says a mistake twice: {message[:300]}")


def _judge_fine(scenario: Scenario) -> None:
    """What is accepted can be written down, and means the same when it is read again."""
    resolved = yaml_layer.dump_yaml(scenario.resolved())
    resolved.encode()
    again = yaml_layer.parse_layer(resolved, "resolved")
    if Scenario.from_layer(again).hash() != scenario.hash():
        raise Wrong("is another scenario when it is resolved and read again")


def _bases() -> list[str]:
    """The scenarios that are mutated."""
    shipped = [path.read_text(encoding="utf-8") for path in catalogue.list_scenarios().values()]
    timing = TIMING.replace("payload", "samples_per_epoch: 100, payload")
    plain = yaml_layer.parse_layer(timing, "").tree
    return [
        PLAIN,
        timing,
        *shipped,
        *(yaml_layer.dump_yaml(merge(plain, {"cluster": form})) for form in CLUSTER_FORMS.values()),
    ]


def _mutant(random: Random, bases: list[str]) -> Mutant:
    written = random.choice(bases)
    mutations: list[Callable[[Random, str, list[str]], str]] = [_with_other_values, _with_snippets, _with_lines_moved]
    for _ in range(random.choice([0, 0, 1, 1, 1, 2, 3])):
        written = random.choices(mutations, [4, 1, 1])[0](random, written, bases)
    content = written.encode("utf-8", "surrogatepass")
    if random.random() < 0.1:
        content = _with_other_bytes(random, content)
    if random.random() < 0.15:
        axes = tuple(f"{_key(random)}={random.choice(AXES)}" for _ in range(random.choice([1, 1, 2])))
        return Mutant(content, "sweep", axes)
    overrides = tuple(f"{_key(random)}={_written(random, random.choice(VALUES))}" for _ in range(random.choice([0, 0, 1, 2])))
    return Mutant(content, "check", overrides)


def _key(random: Random) -> str:
    key = random.choice(keys.list_keys(Scenario))
    parts = key.split(".")
    choices = [key, ".".join(parts[random.randrange(len(parts)) :]), _misspelt(random, key), random.choice(SNIPPETS)]
    return random.choices(choices, [5, 5, 1, 0.3])[0]


def _misspelt(random: Random, word: str) -> str:
    place = random.randrange(len(word) + 1)
    return word[:place] + random.choice("abz_.-=: \x1bλ") + word[place + random.randrange(2) :]


def _written(random: Random, value: Any) -> str:
    """A value as YAML, in one of the forms that JSON and YAML have for it."""
    if isinstance(value, str) and random.random() < 0.5:
        return value
    plain = json.dumps(value, ensure_ascii=random.random() < 0.5)
    return plain.replace("-Infinity", "-.inf").replace("Infinity", ".inf").replace("NaN", ".nan")


def _with_other_values(random: Random, written: str, bases: list[str]) -> str:
    """The tree with a value or key changed, put in, taken out, or taken over from another scenario."""
    try:
        tree = yaml_layer.parse_layer(written, "").tree
    except SimasgdError:
        return written
    for _ in range(random.choice([1, 1, 2, 4])):
        parent, key = random.choice(list(_places(tree)))
        match random.choice([0, 0, 1, 2, 3, 4, 5]):
            case 0:
                parent[key] = _near(random, parent[key])
            case 1:
                parent[key] = random.choice(VALUES)
            case 2 if isinstance(parent, dict):
                parent[_misspelt(random, key)] = parent.pop(key)
            case 3 if isinstance(parent, dict) and len(tree) > 1:
                del parent[key]
            case 4:
                other_parent, other_key = random.choice(list(_places(yaml_layer.parse_layer(random.choice(bases), "").tree)))
                parent[key if random.random() < 0.5 or isinstance(parent, list) else other_key] = other_parent[other_key]
            case _:
                full = random.choice(keys.list_keys(Scenario)).split(".")
                _put(tree, full, random.choice(VALUES))
    return _written(random, tree)


def _near(random: Random, value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice([value + 1, value - 1, value * 2, value * 1000, -value])
    if isinstance(value, float):
        return random.choice([value * 2, value / 2, value * 1e6, value * 1e-6, -value])
    if isinstance(value, str) and value[:1].isdigit():
        return random.choice(
            [f"1{value}", f"0.{value}", f"{value}/s", value.replace(" ", ""), value.split(" ")[0], f"-{value}"]
        )
    return random.choice(VALUES)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a tree."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield tree, key
        yield from _places(child)


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {"kind": tree[key]} if isinstance(tree.get(key), str) else {}
        tree = tree[key]
    tree[path[-1]] = value


def _with_snippets(random: Random, written: str, bases: list[str]) -> str:
    for _ in range(random.choice([1, 1, 2, 5])):
        place = random.randrange(len(written) + 1)
        cut = random.choice([0, 0, 1, 5, 50])
        written = written[:place] + random.choice(SNIPPETS) + written[place + cut :]
    return written


def _with_lines_moved(random: Random, written: str, bases: list[str]) -> str:
    lines = written.split("\n")
    taken = lines.pop(random.randrange(len(lines)))
    indented = " " * random.choice([0, 0, 1, 2, 4]) + taken
    lines.insert(random.randrange(len(lines) + 1), random.choice([taken, indented, f"{taken}\n{taken}"]))
    return "\n".join(lines)


def _with_other_bytes(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content) + 1)
    match random.randrange(6):
        case 0:
            return content[:place] + bytes(random.randrange(256) for _ in range(4)) + content[place:]
        case 1:
            return content[:place]
        case 2:
            return content.decode("utf-8", "replace").encode("utf-16")
        case 3:
            return content.replace(b"\n", random.choice([b"\r\n", b"\r"]))
        case 4:
            return b"\xef\xbb\xbf" + content
        case _:
            return bytes(byte ^ (random.random() < 0.01) for byte in content)
