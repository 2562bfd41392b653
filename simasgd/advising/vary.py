"""What `simasgd advise` varies: keys with their values, written `learners=1..64,protocol=hardsync,async`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from simasgd.errors import ScenarioError
from simasgd.printable import printable, shortened
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import ARGUMENT
from simasgd.sweeps.axes import Axis, parse, round_off
from simasgd.sweeps.roles import KeyRole, find_role

PROTOCOL = "protocol"
USUAL_PROTOCOLS = (
    "hardsync",
    "backup-workers:backups=1",
    "n-softsync:n=1",
    "ssp:slack=3",
    "async",
    "all-reduce",
    "local-sgd",
)
"""One protocol of each family: rounds, rounds without the slowest, any λ gradients, bounded and unbounded staleness,
collective operations, and own models."""
_NEW_KEY = re.compile(r"\s*([A-Za-z_][\w.]*)\s*=(.*)", re.DOTALL)
_RANGE = re.compile(r"\s*([0-9.eE+-]*[0-9])\s*\.\.\s*([0-9.eE+-]*[0-9])\s*")
_MOST_DOUBLINGS = 60


@final
@dataclass(frozen=True)
class Vary:
    """What varies: protocols as `simasgd compare` takes them, and axes as those of a sweep.

    `protocols` is empty if the scenario's own protocol, or its own variants, stay. `fixed` are the keys with one value, as
    overrides. Values of the default axes (`is_usual`) that the scenario refuses are left out silently.
    """

    protocols: tuple[str, ...]
    axes: tuple[Axis, ...]
    fixed: tuple[str, ...] = ()
    is_usual: bool = False

    def sets(self, key: str) -> bool:
        """Return whether the user chooses the values of a key, or of keys below it."""
        chosen = [*(axis.key for axis in self.axes), *(_full_key(override) for override in self.fixed)]
        return any(f"{one}.".startswith(f"{key}.") for one in chosen)


def read_vary(words: Sequence[str], scenario: Scenario) -> Vary:
    """Return what words such as `learners=1..64,mini_batch=4..128` vary; without words what is usual for a scenario.

    `a..b` stands for a, 2a, 4a, … up to b. Raises ScenarioError.
    """
    if not words:
        return _usual(scenario)
    protocols: tuple[str, ...] = ()
    arguments: list[str] = []
    for key, values in [found for word in words for found in _split_keys(word)]:
        if key == PROTOCOL:
            if protocols:
                raise _error("protocol", "is given twice; write all protocols behind one protocol=")
            protocols = tuple(values)
            continue
        _require_choice(key)
        arguments.append(f"{key}={','.join(one for value in values for one in _expand(key, value))}")
    axes, fixed = parse(arguments)
    return Vary(protocols, tuple(axes), tuple(fixed))


def _usual(scenario: Scenario) -> Vary:
    """Return the usual choices: fewer learners, half and twice the mini-batch, and a protocol of each family."""
    arguments = []
    most, size = scenario.cluster.learners, scenario.workload.mini_batch
    if most > 1:
        arguments.append(f"cluster.learners={','.join(_double(1, most))}")
    if isinstance(size, int):
        arguments.append(f"workload.mini_batch={','.join(str(one) for one in (size // 2, size, 2 * size) if one)}")
    axes, fixed = parse(arguments)
    return Vary(() if scenario.variants else USUAL_PROTOCOLS, tuple(axes), tuple(fixed), is_usual=True)


def _split_keys(word: str) -> list[tuple[str, list[str]]]:
    """Split `a=1,2,b=3` into keys with their values. Values go on until the next key."""
    try:
        pieces = yaml_layer.split_outside_brackets(word, ",")
    except ValueError as error:
        raise _error(word, str(error)) from None
    found: list[tuple[str, list[str]]] = []
    for piece in pieces:
        match = _NEW_KEY.fullmatch(piece)
        follows = bool(found) and found[-1][0] == PROTOCOL and ":" in found[-1][1][-1]
        if match is None or (follows and not _is_key_of_scenario(match[1])):
            if not found:
                raise _error(word, f"{piece.strip()!r} is not of the form KEY=VALUES; for example learners=1..64")
            values = found[-1][1]
            if match is None:
                values.append(piece.strip())
            else:  # of a protocol with several parameters
                values[-1] = f"{values[-1]},{piece.strip()}"
            continue
        key = match[1] if match[1] == PROTOCOL else _resolve(word, match[1])
        found.append((key, [match[2].strip()]))
    for key, values in found:
        if not all(values):
            raise _error(word, f"{key} has an empty value")
    return found


def _is_key_of_scenario(written: str) -> bool:
    """Return whether a word is a key of a scenario, and not one of a protocol."""
    try:
        return not keys.resolve_key(Scenario, written).startswith(f"{PROTOCOL}.")
    except ValueError:
        return False


def _resolve(word: str, written: str) -> str:
    try:
        return keys.resolve_key(Scenario, written)
    except ValueError as error:
        raise _error(word, str(error)) from None


def _full_key(override: str) -> str:
    return keys.resolve_key(Scenario, override.partition("=")[0].strip())


def _require_choice(key: str) -> None:
    """Raise ScenarioError for a key that nobody chooses, or that the search itself sets."""
    if key.split(".")[0] in ("stop", "record", "repeats", "name", "title", "variants"):
        raise _error(key, "the search decides this itself; set it in the scenario, for example stop.epochs=20")
    role = find_role(key)
    if role is KeyRole.CHANCE:
        raise _error(key, "the search chooses the seeds itself; repeats=N says how many at most")
    if role is KeyRole.WORLD:
        raise _error(
            key,
            "belongs to the world that you have to live with; the answer says how it depends on that",
        )
    if key.startswith(f"{PROTOCOL}."):
        raise _error(key, "write it with its protocol, for example protocol=n-softsync:n=1,n-softsync:n=4")


def _expand(key: str, value: str) -> list[str]:
    match = _RANGE.fullmatch(value)
    if match is None:
        if ".." in value:
            raise _error(f"{key}={value}", "a range is written FIRST..LAST with two numbers, for example 1..64")
        return [value]
    try:
        first, last = (int(end) if end.isdecimal() else float(end) for end in match.groups())
    except ValueError:
        raise _error(f"{key}={value}", "a range has two numbers, for example 1..64") from None
    if not 0 < first <= last:
        raise _error(f"{key}={value}", "a range begins with a positive number and ends with one that is not less")
    return _double(first, last)


def _double(first: float, last: float) -> list[str]:
    """Return first, twice that, and so on, and the last."""
    values = [round_off(first * 2**power) for power in range(_MOST_DOUBLINGS) if first * 2**power <= last * (1 + 1e-9)]
    if values[-1] < last * (1 - 1e-9):
        values.append(last)
    return [str(int(value)) if float(value).is_integer() else repr(value) for value in values]


def _error(what: str, problem: str) -> ScenarioError:
    return ScenarioError(f"{ARGUMENT}: vary {shortened(printable(what), 200)}: {problem}")
