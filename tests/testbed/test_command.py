"""`simasgd record`, as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner

from simasgd.command import cli
from simasgd.errors import RunFailed, SimasgdError, UsageError
from simasgd.testbed.engine import starting
from simasgd.testbed.engine.abstract import AbstractEngine
from tests.build import IS_AT_LENGTH

PROGRAM = str(Path(sys.executable).with_name("simasgd"))
SHORT = ["variants=null", "stop.epochs=null", "stop.gradients=40", "compute.per_sample=1 ms"]
TIMING = [*SHORT, "learning=null", "workload.samples_per_epoch=1000", "workload.payload=2 kB"]


def refusal(*arguments: str, folder: Path) -> SimasgdError:
    """Return the error that ends the command in this process, before anything is written."""
    with chdir(folder):
        done = CliRunner().invoke(cli.app, ["record", *arguments])
    assert isinstance(done.exception, SimasgdError), done.output
    assert list(folder.iterdir()) == []
    return done.exception


def test_a_scenario_runs_on_ray_and_nothing_of_ray_is_printed(engine: AbstractEngine, tmp_path: Path) -> None:
    """Ray has hints of its own on standard error; a user sees simasgd's lines only."""
    import ray

    address = ray.get_runtime_context().gcs_address
    words = ["record", "quickstart", *TIMING, "protocol=async", "learners=1", "--address", address]
    done = subprocess.run([PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    titles, row, *said, last = done.stdout.splitlines()
    assert titles.split()[:3] == ["run", "measured", "time"]
    assert row.startswith("quickstart")
    verdict, *notes = said[said.index("") + 1 :]
    assert verdict.startswith("measured async applies ")
    assert all(note.startswith("note: ") for note in notes)
    assert "with 2 processes on one machine" in notes[0]
    assert last == "report: reports/quickstart-record/index.html"
    assert all(re.fullmatch(r"quickstart: \d+% \([a-z ,0-9]+\)", line) for line in done.stderr.splitlines())
    folder = tmp_path / "reports/quickstart-record"
    assert "easured" in (folder / "index.html").read_text(encoding="utf-8")
    about = json.loads((folder / "run.json").read_text())
    assert about["origin"] == "measured"
    assert about["gradients"]["applied"] == 40
    if not IS_AT_LENGTH:
        return  # `make kills` goes on
    with chdir(tmp_path):
        for command in (
            ["fit", str(folder), "--out", "profile.yaml"],
            ["validate", str(folder), "cluster.profile=profile.yaml"],
        ):
            told = CliRunner().invoke(cli.app, command, catch_exceptions=False)
            assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["quickstart", "--engine", "rai"], ["there is no engine 'rai'", "did you mean 'ray'?"]),
        (["quickstart", "--engine", "dask"], ["there is no engine 'dask'", "expected ray"]),
        (["quickstart", "learners=1000"], ["quickstart cannot be recorded", "cluster.learners", "at most 60"]),
        (["quickstat"], ["quickstart"]),
        (["quickstart", "lerners=2"], ["learners"]),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_cannot_be_done_is_refused_before_anything_starts(
    arguments: list[str], fragments: list[str], tmp_path: Path
) -> None:
    error = refusal(*arguments, folder=tmp_path)
    assert error.exit_code == 2
    for fragment in fragments:
        assert fragment in str(error)


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(starting, "find_spec", lambda name: None)
    error = refusal("quickstart", folder=tmp_path)
    assert isinstance(error, UsageError)
    assert str(error).removesuffix("pip install 'simasgd[ray]'") in (
        "The engine ray is not installed; install it with: ",
        "The engine ray is not installed; install it with: uv ",
    )


@pytest.mark.parametrize("address", ["silly", "ray://127.0.0.1:9"])
def test_an_address_without_a_cluster_ends_with_one_message(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(RunFailed, match=r"^--address .*: the Ray cluster cannot be joined: \S") as caught:
        starting.start_engine("ray", address)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_cluster_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setattr(starting, "_PATIENCE", 0.05)
    with pytest.raises(RunFailed, match=r"--address 127\.0\.0\.1:9: no Ray cluster answers within"):
        starting.start_engine("ray", "127.0.0.1:9")
