"""Any log becomes a run that can be saved and read, or is refused in one message."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from simasgd import Run, Scenario, simulate
from simasgd.errors import SimasgdError
from simasgd.measured.exporting import export_log
from simasgd.measured.importing import import_log
from simasgd.validation.validating import load_measured, validate
from tests.build import TIMING, scenario, thin
from tests.measured.logs import put

NUMBERS = ("", "0", "-1", "1e18", "-1e18", "9007199254740992", "0.5", "3")
WORDS = ("run", "idle", "abandon", "drop", "wait", "compute", "x")


@pytest.fixture(scope="module")
def chosen() -> Scenario:
    changes = {"cluster": {"learners": 3, "profile": "p775"}, "stop": {"gradients": 30}, "record": "timeline"}
    return scenario(TIMING, changes)


@pytest.fixture(scope="module")
def lines(chosen: Scenario, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    file = tmp_path_factory.mktemp("log") / "log.csv"
    export_log(simulate(chosen), file)
    return [line.split(",") for line in file.read_text().splitlines()]


def damaged(lines: list[list[str]], draw: random.Random) -> str:
    """Return a log with some values replaced, rows lost, doubled or swapped, and perhaps a column or the updates lost."""
    rows = [list(line) for line in lines]
    if draw.random() < 0.3:
        lost = draw.randrange(len(rows[0]))
        rows = [row[:lost] + row[lost + 1 :] for row in rows]
    for _ in range(draw.choice([0, 1, 2, 5])):
        at = draw.randrange(1, len(rows))
        match draw.randrange(4):
            case 0:
                del rows[at]
            case 1:
                rows.insert(at, list(draw.choice(rows[1:])))
            case 2:
                rows[at], rows[-1] = rows[-1], rows[at]
            case _:
                rows[at][draw.randrange(len(rows[at]))] = draw.choice(NUMBERS + WORDS)
    if draw.random() < 0.2:
        rows = [row for row in rows if "update" not in row]
    return "\n".join(",".join(row) for row in rows) + "\n"


@pytest.mark.parametrize("seed", thin(range(40), 2))
def test_a_log_is_a_run_or_a_message(seed: int, lines: list[list[str]], chosen: Scenario, tmp_path: Path) -> None:
    draw = random.Random(seed)
    file = put(tmp_path, damaged(lines, draw))
    messages = []
    try:
        run = import_log([file], chosen if draw.random() < 0.5 else None, overrides=["mini_batch=4"])
    except SimasgdError as error:
        messages.append(str(error))
    else:
        run.write_into(tmp_path / "out")
        assert Run.load(tmp_path / "out").summary == run.summary
    try:
        found = validate(load_measured([file], chosen), "", lambda phase, fraction: None)
    except SimasgdError as error:
        messages.append(str(error))
    else:
        assert found.verdict
    assert not [message for message in messages if "\n" in message]
