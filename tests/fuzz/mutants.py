"""Mutated scenarios, overrides and axes, as functions of a random state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from simasgd.errors import SimasgdError
from simasgd.scenario.reading import catalogue, keys, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import merge
from tests.command.bad_input import PLAIN, TIMING
from tests.scenario.sections.forms import CLUSTER_FORMS

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
    """A case: the bytes of the file s.yaml, and a command line without the file."""

    content: bytes
    command: str
    arguments: tuple[str, ...]


def list_bases() -> list[str]:
    """Return the texts of the scenarios that are mutated."""
    shipped = [path.read_text(encoding="utf-8") for path in catalogue.list_scenarios().values()]
    timing = TIMING.replace("payload", "samples_per_epoch: 100, payload")
    plain = yaml_layer.parse_layer(timing, "").tree
    return [
        PLAIN,
        timing,
        *shipped,
        *(yaml_layer.dump_yaml(merge(plain, {"cluster": form})) for form in CLUSTER_FORMS.values()),
    ]


def mutate(random: Random, bases: list[str]) -> Mutant:
    text = random.choice(bases)
    mutations: list[Callable[[Random, str, list[str]], str]] = [_change_values, _insert_snippets, _move_lines]
    for _ in range(random.choice([0, 0, 1, 1, 1, 2, 3])):
        text = random.choices(mutations, [4, 1, 1])[0](random, text, bases)
    content = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.1:
        content = _change_bytes(random, content)
    if random.random() < 0.15:
        axes = tuple(f"{_choose_key(random)}={random.choice(AXES)}" for _ in range(random.choice([1, 1, 2])))
        return Mutant(content, "sweep", axes)
    overrides = tuple(
        f"{_choose_key(random)}={_write(random, random.choice(VALUES))}" for _ in range(random.choice([0, 0, 1, 2]))
    )
    return Mutant(content, "check", overrides)


def _choose_key(random: Random) -> str:
    key = random.choice(keys.list_keys(Scenario))
    parts = key.split(".")
    choices = [key, ".".join(parts[random.randrange(len(parts)) :]), _misspell(random, key), random.choice(SNIPPETS)]
    return random.choices(choices, [5, 5, 1, 0.3])[0]


def _misspell(random: Random, word: str) -> str:
    place = random.randrange(len(word) + 1)
    return word[:place] + random.choice("abz_.-=: \x1bλ") + word[place + random.randrange(2) :]


def _write(random: Random, value: Any) -> str:
    """Return a value as YAML, in one of its forms in JSON and YAML."""
    if isinstance(value, str) and random.random() < 0.5:
        return value
    plain = json.dumps(value, ensure_ascii=random.random() < 0.5)
    return plain.replace("-Infinity", "-.inf").replace("Infinity", ".inf").replace("NaN", ".nan")


def _change_values(random: Random, text: str, bases: list[str]) -> str:
    """Change, insert or delete a value or key, or copy one from another scenario."""
    try:
        tree = yaml_layer.parse_layer(text, "").tree
    except SimasgdError:
        return text
    for _ in range(random.choice([1, 1, 2, 4])):
        parent, key = random.choice(list(_iterate_places(tree)))
        match random.choice([0, 0, 1, 2, 3, 4, 5]):
            case 0:
                parent[key] = _change_value(random, parent[key])
            case 1:
                parent[key] = random.choice(VALUES)
            case 2 if isinstance(parent, dict):
                parent[_misspell(random, key)] = parent.pop(key)
            case 3 if isinstance(parent, dict) and len(tree) > 1:
                del parent[key]
            case 4:
                other_parent, other_key = random.choice(
                    list(_iterate_places(yaml_layer.parse_layer(random.choice(bases), "").tree))
                )
                parent[key if random.random() < 0.5 or isinstance(parent, list) else other_key] = other_parent[other_key]
            case _:
                full = random.choice(keys.list_keys(Scenario)).split(".")
                _set(tree, full, random.choice(VALUES))
    return _write(random, tree)


def _change_value(random: Random, value: Any) -> Any:
    """Return another value of the same kind."""
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


def _iterate_places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Iterate over every (container, key) in a tree."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield tree, key
        yield from _iterate_places(child)


def _set(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {"kind": tree[key]} if isinstance(tree.get(key), str) else {}
        tree = tree[key]
    tree[path[-1]] = value


def _insert_snippets(random: Random, text: str, bases: list[str]) -> str:
    for _ in range(random.choice([1, 1, 2, 5])):
        place = random.randrange(len(text) + 1)
        cut = random.choice([0, 0, 1, 5, 50])
        text = text[:place] + random.choice(SNIPPETS) + text[place + cut :]
    return text


def _move_lines(random: Random, text: str, bases: list[str]) -> str:
    lines = text.split("\n")
    taken = lines.pop(random.randrange(len(lines)))
    indented = " " * random.choice([0, 0, 1, 2, 4]) + taken
    lines.insert(random.randrange(len(lines) + 1), random.choice([taken, indented, f"{taken}\n{taken}"]))
    return "\n".join(lines)


def _change_bytes(random: Random, content: bytes) -> bytes:
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
