"""The scenario that describes a measured run: the user's, or what the log tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simasgd.errors import UsageError
from simasgd.operations.log import OperationLog
from simasgd.scenario.reading.load import parse_override
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.scenario.workload import Stop
from simasgd.tape.arrays import Ints


def describe_system(
    log: OperationLog, scenario: Scenario | None, name: str | None, overrides: Sequence[str]
) -> tuple[Scenario, bool]:
    """Return a scenario of the measured system without variants, and whether its protocol is known.

    `overrides` (key=value) apply where there is no scenario; with one they are in it already. Raises UsageError where
    the log contradicts the scenario, and ScenarioError.
    """
    files = () if log.places is None else log.places.files
    title = choose_name(files[0] if files else Path("measured"), scenario, name)
    if scenario is not None:
        _require_agreement(log, scenario)
        return scenario.model_copy(update={"name": title, "variants": {}, "repeats": 1}), True
    changes = [parse_override(Scenario, override).tree for override in overrides]
    mini_batch = _find_mini_batch(log)
    if mini_batch is None and not any("mini_batch" in change.get("workload", {}) for change in changes):
        raise UsageError(
            f"{_files(log)}: there is no mini_batch, so samples cannot be counted; give a scenario, or the size: mini_batch=32"
        )
    tree = {
        "name": title,
        "title": "A real system, imported from its log",
        "cluster": {"learners": len(log.learners), "profile": "ideal"},
        "workload": {"mini_batch": mini_batch or 1, "payload": _find_payload(log)},
        "protocol": {"kind": "async"},
        "stop": {"updates": 1},
    }
    return Scenario.from_layer(Layer(tree), overrides), any("protocol" in change for change in changes)


def with_end(scenario: Scenario, updates: int) -> Scenario:
    """Return a scenario that stops where the log ends, and records what the log tells."""
    return scenario.model_copy(update={"stop": Stop(updates=updates)})


def number_learners(log: OperationLog, learners: int) -> Ints:
    """Return the number of each of the log's learners among `learners`.

    Names that are whole numbers below `learners` are these numbers; otherwise the names are numbered in their order.
    """
    names = log.learners
    if all(name.isdecimal() and len(name) < 10 for name in names):
        numbers = [int(name) for name in names]
        if len(set(numbers)) == len(numbers) and max(numbers) < learners:
            return np.array(numbers, np.int64)
    return np.arange(len(names))


def _files(log: OperationLog) -> str:
    return ", ".join(map(str, () if log.places is None else log.places.files)) or "the log"


def choose_name(file: Path, scenario: Scenario | None, name: str | None) -> str:
    """Return the name of an imported run: the one given, or from the scenario's or the log's.

    Raises UsageError if it is not a name.
    """
    if name is None and scenario is not None:
        return f"{scenario.name[:90]}-measured"
    if name is None:
        return re.sub(r"[^a-z0-9_.-]+", "-", file.name.partition(".")[0].lower()).strip("-_.")[:90] or "measured"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,99}", name):
        raise UsageError(f"--name: {name!r} is not a name; expected lower-case letters, digits, `_`, `.` and `-`")
    return name


def _find_mini_batch(log: OperationLog) -> int | None:
    """Return the one size of mini-batches in the log; None if it has none.

    Raises UsageError if there are several.
    """
    if log.mini_batch is None:
        return None
    known = np.flatnonzero(~np.isnan(log.mini_batch))
    if not len(known):
        return None
    sizes = log.mini_batch[known]
    different = sizes != sizes[0]
    if different.any():
        row = int(known[np.argmax(different)])
        raise UsageError(
            f"{log.place(row)}: mini_batch is {log.mini_batch[row]:g}, elsewhere {sizes[0]:g}; one size for all learners is "
            "supported"
        )
    if sizes[0] < 1 or sizes[0] != np.floor(sizes[0]) or sizes[0] > 2**53:
        raise UsageError(f"{log.place(int(known[0]))}: mini_batch: {sizes[0]:g} is not a whole number from 1")
    return int(sizes[0])


def _find_payload(log: OperationLog) -> str:
    """Return the size of the largest message; 0 bytes if the log has no sizes."""
    if log.bytes is None or np.isnan(log.bytes).all():
        return "0 B"
    return f"{np.nanmax(log.bytes):.17g} B"


def _require_agreement(log: OperationLog, scenario: Scenario) -> None:
    learners, found = scenario.cluster.learners, len(log.learners)
    if found > learners:
        raise UsageError(
            f"{_files(log)}: the log has {found} learners, but the scenario {scenario.name} has {learners}; try "
            f"learners={found}"
        )
    mini_batch = _find_mini_batch(log)
    if mini_batch is not None and mini_batch != scenario.workload.mini_batch:
        raise UsageError(
            f"{_files(log)}: the log has mini-batches of {mini_batch} samples, but the scenario {scenario.name} of "
            f"{scenario.workload.mini_batch}; try mini_batch={mini_batch}"
        )
