"""A command that is killed at any change to the disk ends, when it is given again, as if it had never been killed.

`kill_server.py` counts the changes: files opened to be written, renames, deletions, folders made and deleted. Here a command is
killed before every rename and before one in thirty of the others, and, for one in thirty, right after an opened file is there
and empty. `make test` does so with `run` alone. `make kills` takes all changes, and `sweep`, `report` and `--replace`, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TINY = """
name: tiny
cluster: {learners: 2, profile: ideal}
workload: {mini_batch: 4, payload: 1 kB, samples_per_epoch: 100}
protocol: async
stop: {gradients: 20}
"""
SERVER = Path(__file__).with_name("kill_server.py")
EVERYWHERE = os.environ.get("SIMASGD_TEST_KILLS") == "all"
EARLIER = ["run", "tiny.yaml", "repeats=2", "--out", "out", "-q"]
REPLACED = ["run", "tiny.yaml", "--out", "out", "--replace", "-q"]


@pytest.mark.kills
@pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills by signal")
@pytest.mark.parametrize(
    ("before", "command", "changed"),
    [
        ([], ["run", "tiny.yaml", "-q"], {"reports/tiny/simasgd.json", "reports/tiny/index.html", "reports/tiny/run.json"}),
        pytest.param(
            [],
            ["sweep", "tiny.yaml", "learners=2,3", "-q"],
            {"reports/tiny-sweep/sweep.json", "reports/tiny-sweep/index.html"},
            marks=[] if EVERYWHERE else pytest.mark.skip(reason="make kills"),
        ),
        pytest.param(
            [EARLIER], ["report", "out"], {"out/index.html"}, marks=[] if EVERYWHERE else pytest.mark.skip(reason="make kills")
        ),
        pytest.param([EARLIER], REPLACED, {"out/run.json"}, marks=[] if EVERYWHERE else pytest.mark.skip(reason="make kills")),
    ],
    ids=["run", "sweep", "report", "replaced"],
)
def test_a_command_killed_at_any_change_is_tidied_up_by_itself(
    before: list[list[str]], command: list[str], changed: set[str]
) -> None:
    asked = {"before": [{"tiny.yaml": TINY}, *before], "command": command, "every": 1 if EVERYWHERE else 30}
    done = subprocess.run([sys.executable, str(SERVER), json.dumps(asked)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    print(f"{len(seen['changes'])} changes, killed {seen['tried']} times")
    renames = [path for event, path in seen["changes"] if event == "os.rename"]
    opened = [path for event, path in seen["changes"] if event == "open"]
    assert min(len(renames), len(opened)) >= 3
    assert seen["tried"] >= (len(seen["changes"]) + len(opened) if EVERYWHERE else len(renames))
    assert changed <= set(seen["files"])
    assert not [path for path in seen["files"] if Path(path).name.startswith(".") or path.endswith(".new")]
    assert seen["wrong"] == []
