"""Measured times from a file: reading, overriding, and every mistake in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario

PLAIN = """\
name: plain
cluster:
  learners: 4
  compute: {distribution: empirical, file: times.txt}
  network: {latency: 0, bandwidth: unlimited}
  server: {bandwidth: unlimited, update: 1 ms}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
stop: {gradients: 10}
"""
TIMES = "# seconds\n0.25\n\n1e-3  # a fast one\n 0 \n3\n"
MEASURED = (0.25, 1e-3, 0.0, 3.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a scenario and its times in here/, and other times in the working directory."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "s.yaml").write_text(PLAIN, encoding="utf-8")
    (tmp_path / "here" / "times.txt").write_text(TIMES, encoding="utf-8")
    (tmp_path / "times.txt").write_text("7\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(*overrides: str) -> Scenario:
    return Scenario.load("here/s.yaml", *overrides)


def rewrite(folder: Path, old: str, new: str) -> None:
    assert PLAIN.count(old) == 1
    (folder / "here" / "s.yaml").write_text(PLAIN.replace(old, new), encoding="utf-8")


def test_a_file_lies_beside_the_scenario_and_is_embedded(folder: Path) -> None:
    chosen = load()
    assert chosen.cluster.compute.measured == MEASURED
    assert chosen.cluster.compute.file is None
    assert chosen.cluster.compute.mean_measured == 3.251 / 4
    # √((0.5628² + 0.8118² + 0.8128² + 2.1872²)/4) ÷ 0.8128: divided by n, as the simulator draws from just these.
    assert chosen.cluster.compute.variation == pytest.approx(1.5588, abs=1e-4)


def test_the_resolved_scenario_needs_the_file_no_more(folder: Path) -> None:
    chosen = load()
    (folder / "here" / "times.txt").unlink()
    (folder / "again.yaml").write_text(yaml_layer.dump_yaml(chosen.resolved()), encoding="utf-8")
    again = Scenario.load("again.yaml")
    assert again == chosen
    assert again.hash() == chosen.hash()


def test_a_file_and_a_list_of_the_same_times_are_one_scenario(folder: Path) -> None:
    chosen = load()
    rewrite(folder, "file: times.txt", "measured: [250 ms, 0.001 s, 0, 3 s]")
    assert load().hash() == chosen.hash()


def test_on_the_command_line_a_file_lies_in_the_working_directory(folder: Path) -> None:
    assert load("compute.file=times.txt").cluster.compute.measured == (7.0,)
    assert load("compute.file=here/times.txt").cluster.compute.measured == MEASURED
    assert load(f"compute.file={folder}/here/times.txt").cluster.compute.measured == MEASURED
    assert load("cluster={compute: {file: times.txt}}").cluster.compute.measured == (7.0,)


def test_an_absolute_name_is_taken_as_it_is(folder: Path) -> None:
    rewrite(folder, "file: times.txt", f"file: {folder / 'times.txt'}")
    assert load().cluster.compute.measured == (7.0,)


def test_of_file_and_measured_the_later_holds(folder: Path) -> None:
    assert load("compute.measured=[5 s]").cluster.compute.measured == (5.0,)
    assert load("compute.measured=[5 s]", "compute.file=times.txt").cluster.compute.measured == (7.0,)
    rewrite(folder, "file: times.txt", "measured: [5 s]")
    assert load().cluster.compute.measured == (5.0,)
    assert load("compute.file=times.txt").cluster.compute.measured == (7.0,)


def test_a_file_that_an_override_replaces_need_not_be_there(folder: Path) -> None:
    (folder / "here" / "times.txt").unlink()
    assert load("compute.file=times.txt").cluster.compute.measured == (7.0,)


def test_null_takes_measured_times_away(folder: Path) -> None:
    for key in ("file", "measured"):
        chosen = load(f"compute.{key}=null", "compute.distribution=constant", "per_sample=1 ms")
        assert chosen.cluster.compute.measured is None


def test_variants_have_their_own(folder: Path) -> None:
    (folder / "here" / "more.txt").write_text("9\n", encoding="utf-8")
    variants = "variants:\n  same: {seed: 1}\n  more: {cluster: {compute: {file: more.txt}}}\n"
    rewrite(folder, "stop: {gradients: 10}\n", "stop: {gradients: 10}\n" + variants)
    chosen = load()
    assert {name: one.cluster.compute.measured for name, one in chosen.variants.items()} == {"same": MEASURED, "more": (9.0,)}
    chosen = load("variants.more.compute.file=times.txt")
    assert {name: one.cluster.compute.measured for name, one in chosen.variants.items()} == {"same": MEASURED, "more": (7.0,)}


def test_of_an_anchor_too_the_file_lies_beside_the_scenario(folder: Path) -> None:
    rewrite(
        folder,
        "compute: {distribution: empirical, file: times.txt}",
        "compute: {<<: &measured {distribution: empirical, file: times.txt}}",
    )
    assert load().cluster.compute.measured == MEASURED


def test_a_byte_order_mark_and_crlf_do_no_harm(folder: Path) -> None:
    (folder / "here" / "times.txt").write_bytes(b"\xef\xbb\xbf" + TIMES.replace("\n", "\r\n").encode())
    assert load().cluster.compute.measured == MEASURED


def test_update_times(folder: Path) -> None:
    rewrite(folder, "update: 1 ms}", "update: 1 ms, update_law: {distribution: empirical, file: times.txt}}")
    assert load().cluster.server.update_law.measured == MEASURED


def complaint(*overrides: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(*overrides)
    return str(caught.value)


PLACE = "here/s.yaml:4:44: cluster.compute.file: "
WANTED = "write one number a line, in seconds without a unit"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "here/times.txt holds 0 values; expected 1 to 20,000,000"),
        (b"# none\n\n", "here/times.txt holds 0 values"),
        (b"1\n2\n3 s\n", f"here/times.txt, line 3: '3 s' is not a time; {WANTED}"),
        (b"1\n\n# c\n-2\n", "here/times.txt, line 4: '-2' is not a time"),
        (b"1,2\n", "here/times.txt, line 1: '1,2' is not a time"),
        (b"nan\n", "here/times.txt, line 1: 'nan' is not a time"),
        (b"inf\n", "here/times.txt, line 1: 'inf' is not a time"),
        (b"1e-16\n", "here/times.txt, line 1: '1e-16' is not a time"),
        (b"0\n0\n", "the measured times are all 0"),
        (b"\xff\xfe", "'here/times.txt' is not a text file"),
    ],
    ids=lambda case: repr(case[:20]),
)
def test_a_file_that_is_wrong(folder: Path, content: bytes, message: str) -> None:
    (folder / "here" / "times.txt").write_bytes(content)
    found = complaint()
    assert found.startswith(PLACE + message)
    assert found.count("\n") == 2  # the line and the caret


def test_a_file_that_is_not_there(folder: Path) -> None:
    (folder / "here" / "times.txt").unlink()
    assert complaint().startswith(PLACE + "here/times.txt cannot be read: No such file or directory")
    assert complaint("compute.file=nowhere.txt").startswith("argument: cluster.compute.file: nowhere.txt cannot be read")
    assert complaint("compute.file=here").startswith("argument: cluster.compute.file: here cannot be read: Is a directory")
    assert complaint('compute.file="a\\0b"').startswith("argument: cluster.compute.file: 'a\\x00b' is not a text file")
    assert complaint("compute.file=''").startswith("argument: cluster.compute.file: the file name is empty")
    assert complaint("compute.file=3").startswith("argument: cluster.compute.file: 3 is not text")


def test_the_law_must_fit(folder: Path) -> None:
    assert "the distribution is gamma, not empirical (null unsets them)" in complaint(
        "compute={distribution: gamma, cv: 0.1, file: times.txt}"
    )
    assert complaint("compute.cv=0.1").startswith(
        "argument: cluster.compute.cv: empirical times have a coefficient of variation of their own"
    )
    rewrite(folder, "file: times.txt", "file: times.txt, measured: [1 s]")
    assert complaint().startswith(PLACE + "`measured` is given as well; give only one of the two")
    rewrite(folder, "distribution: empirical, file: times.txt", "distribution: empirical")
    assert complaint().startswith("here/s.yaml:4:3: cluster.compute.file: missing: empirical times need a file")
