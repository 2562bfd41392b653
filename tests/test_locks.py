"""What `make` installs: a lock to run scenarios, and a lock of everything that agrees with it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = {"mlflow-skinny", "sqlalchemy", "alembic", "wandb"}  # 160 MB that tests do without
RUN, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"


def pins(lock: str) -> set[str]:
    """Return the lines of a lock that pin a version, with their markers."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {line.removesuffix("\\").strip() for line in lines if re.match(r"\w", line)}


def names(requirements: set[str]) -> set[str]:
    """Return the normalized names of requirements."""
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line)[0]).lower() for line in requirements}


def declared() -> tuple[set[str], set[str]]:
    """Return the names that pyproject.toml declares: those of every installation, and those of development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    tools = {*(line for line in groups["dev"] if isinstance(line, str)), *extras}
    return names({*project["project"]["dependencies"], *groups["setup"]}), names(tools)


def test_development_has_the_versions_that_scenarios_run_with() -> None:
    assert pins(RUN) - pins(DEVELOPMENT) == set()


def test_scenarios_run_without_the_tools_of_development() -> None:
    always, tools = declared()
    assert always - names(pins(RUN)) == set()
    assert tools & names(pins(RUN)) == set()
    assert tools - names(pins(DEVELOPMENT)) == OUTSIDE


@pytest.mark.parametrize("lock", [RUN, DEVELOPMENT])
def test_a_lock_has_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert len(re.findall(r"^\w.* \\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins(lock)) > 0
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(
    ("target", "locks"),
    [
        *((target, {RUN}) for target in ("scenario", "sweep", "list", "bench")),
        *((target, {RUN, DEVELOPMENT}) for target in ("setup", "test", "quick", "fuzz", "kills", "lint", "format", "docs")),
    ],
)
def test_what_runs_scenarios_installs_their_lock_only(target: str, locks: set[str], tmp_path: Path) -> None:
    command = ["make", "--dry-run", target, "NAME=quickstart", f"VENV={tmp_path / 'venv'}"]
    plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"-r (\S+\.lock)", plan)) == locks
