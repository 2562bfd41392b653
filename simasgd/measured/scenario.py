"""The scenario that describes a measured run: the user's, or what the log tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.errors import UsageError
from simasgd.operations.log import OperationLog
from simasgd.scenario.reading.overrides import parse_override
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
        require_agreement(log, scenario)
        return scenario.model_copy(update={"name": title, "variants": {}, "repeats": 1}), True
    changes = [parse_override(Scenario, override).layer.tree for override in overrides]
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


def _find_sizes(log: OperationLog) -> dict[int, int]:
    """Return the size of the mini-batches of each of the log's learners that has one.

    Raises UsageError if a learner has several.
    """
    if log.mini_batch is None:
        return {}
    known = np.flatnonzero(~np.isnan(log.mini_batch) & (log.learner >= 0))
    sizes = log.mini_batch[known]
    learners, first, whose = np.unique(log.learner[known], return_index=True, return_inverse=True)
    different = sizes != sizes[first][whose]
    if different.any():
        at = int(np.argmax(different))
        raise UsageError(
            f"{log.place(int(known[at]))}: mini_batch is {sizes[at]:g}, elsewhere {sizes[first[whose[at]]]:g}; one size for "
            "each learner is supported"
        )
    wrong = (sizes < 1) | (sizes != np.floor(sizes)) | (sizes > 2**53)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise UsageError(f"{log.place(int(known[at]))}: mini_batch: {sizes[at]:g} is not a whole number from 1")
    return dict(zip(learners.tolist(), sizes[first].astype(np.int64).tolist(), strict=True))


def _find_mini_batch(log: OperationLog) -> int | list[int] | None:
    """Return the size of mini-batches in the log, or of each learner where they differ; None if it has none."""
    sizes = _find_sizes(log)
    if len(set(sizes.values())) <= 1:
        return next(iter(sizes.values()), None)
    count = len(log.learners)
    lacking = next((learner for learner in range(count) if learner not in sizes), None)
    if lacking is not None:
        raise UsageError(
            f"{_files(log)}: learner {log.learners[lacking]} has no mini_batch, and those of other learners differ; give all"
        )
    of_numbers = dict(zip(number_learners(log, count).tolist(), range(count), strict=True))
    return [sizes[of_numbers[number]] for number in range(count)]


def _find_payload(log: OperationLog) -> str:
    """Return the size of the largest message; 0 bytes if the log has no sizes."""
    if log.bytes is None or np.isnan(log.bytes).all():
        return "0 B"
    return f"{np.nanmax(log.bytes):.17g} B"


def require_agreement(log: OperationLog, scenario: Scenario) -> None:
    """Raise UsageError if a log has more learners than a scenario, or mini-batches of another size."""
    learners, found = scenario.cluster.learners, len(log.learners)
    if found > learners:
        raise UsageError(
            f"{_files(log)}: the log has {found} learners, but the scenario {scenario.name} has {learners}; try "
            f"learners={found}"
        )
    chosen = mini_batch_sizes(scenario.workload, learners, scenario.cluster_seed)
    expected, numbers = size_of_each(chosen, learners), number_learners(log, learners)
    for learner, size in _find_sizes(log).items():
        if size != expected[numbers[learner]]:
            whose = "the log has" if isinstance(chosen, int) else f"learner {log.learners[learner]} has"
            raise UsageError(
                f"{_files(log)}: {whose} mini-batches of {size} samples, but the scenario {scenario.name} of "
                f"{expected[numbers[learner]]}; try mini_batch={size}"
            )
