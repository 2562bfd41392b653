"""Hostile files, small but expensive or with terminal controls, are refused in bounded time and memory."""

from __future__ import annotations

import os
import signal
import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from simasgd.errors import RunFailed, ScenarioError, UsageError
from simasgd.scenario.reading import text_files, yaml_layer, yaml_tree
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary import units
from simasgd.storage.opening import check_name
from tests.command.bad_input import TIMING
from tests.scenario.reading.plain import complaint

PLAIN = TIMING.replace("payload", "samples_per_epoch: 100, payload")


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """Stop a test after some time; all of them together take a few seconds."""

    def late(signum: int, frame: object) -> None:
        raise AssertionError("takes more than 20 CPU seconds")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, 20.0)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    signal.signal(signal.SIGPROF, before)


def bomb(levels: int) -> str:
    """Return aliases that stand for 9^levels values."""
    return "a0: &a0 [1,2,3,4,5,6,7,8,9]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, levels)
    )


def chain(links: int) -> str:
    """Return shallow aliases that together nest `levels` deep."""
    return "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, links))


@pytest.mark.parametrize(
    ("yaml", "fragments"),
    [
        (bomb(9), ["s.yaml:5:", "the aliases stand for more than 20,000 values"]),
        (chain(200), ["s.yaml:49:", "nested too deeply; the limit is 50 levels"]),
        ("a: " + "[" * 2000, ["s.yaml:1:53: ", "nested too deeply"]),
        ("- " * 2000, ["s.yaml:1:101: ", "nested too deeply"]),
        ("{a: " * 2000, ["s.yaml:1:", "nested too deeply"]),
        ("a: &a {b: *a}", ["s.yaml:1:11: ", "the alias refers to a list or mapping that contains"]),
        ("a: &a {<<: *a}", ["s.yaml:1:12: ", "the alias refers to a list or mapping that contains"]),
        ("a: {<<: 3}", ["s.yaml:1:5: ", "a merge key (<<) needs a mapping"]),
        ("? {a: 1}\n: 2", ["s.yaml:1:3: ", "a key must be text"]),
        ("a: !!python/object:os.system ls", ["s.yaml:1:4: ", "the tag '!!python/object:os.system' is not supported"]),
        ("a: !!int x", ["s.yaml:1:4: ", "the tag '!!int' does not match its value"]),
        ("a: " + "9" * 5000, ["s.yaml:1:4: ", "a number of 5,000 characters is too long"]),
        ("a: 0x" + "f" * 5000, ["s.yaml:1:4: ", "a number of 5,002 characters is too long"]),
        ("%YAML 1.1\n---\na: 1:30", ["s.yaml:1:7: ", "%YAML 1.1 is not supported; a scenario is YAML 1.2"]),
        ("# c\n%YAML 1.3\n---\na: 1", ["s.yaml:2:7: ", "%YAML 1.3 is not supported"]),
        ('title: "\\ud800"', ["s.yaml:1:8: ", "the character U+D800 is not allowed"]),
        ("a: 1\nb: x\x85y", ["s.yaml:2:5: ", "the character U+0085 is not allowed"]),
        ("a: 1\rb: 2\r\nb: 3", ["s.yaml:3:1: ", 'found duplicate key "b"']),
    ],
    ids=lambda case: repr(case[:24]) if isinstance(case, str) else "",
)
def test_yaml_that_no_scenario_has(yaml: str, fragments: list[str]) -> None:
    message = complaint(yaml)
    assert message.startswith(fragments[0])
    assert all(fragment in message for fragment in fragments)


def test_aliases_within_bounds_are_what_they_stand_for() -> None:
    assert yaml_layer.parse_scalar("{a: &a {x: 1, y: 2}, b: {<<: *a, y: 3}, c: [*a, *a]}") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": [{"x": 1, "y": 2}, {"x": 1, "y": 2}],
    }
    assert yaml_layer.parse_scalar("{a: &a {x: 1}, b: &b {x: 2, z: 3}, c: {<<: [*a, *b]}}")["c"] == {"x": 1, "z": 3}
    assert yaml_layer.parse_scalar("[!!str 3, !!float 3, ! 3, !!int '3']") == ["3", 3.0, "3", 3]
    assert yaml_layer.parse_scalar("%YAML 1.2\n---\nyes") == "yes"


def test_a_bomb_takes_no_memory() -> None:
    tracemalloc.start()
    complaint(bomb(40))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_tree, "MAX_NODES", 1000)
    assert yaml_layer.parse_scalar(f"[{'1,' * 999}]") == [1] * 999
    with pytest.raises(ValueError, match="there are more than 1,000 values"):
        yaml_layer.parse_scalar(f"[{'1,' * 1000}]")


@pytest.mark.parametrize(
    "value", ["-_", "0x_", "0b_", "_1", "+", "1:30", "2001-13-45", "0o9", "1_0", "1_0.5", "0x1_0", "1__000"]
)
def test_what_looks_like_a_number_and_is_none_is_text(value: str) -> None:
    assert yaml_layer.parse_scalar(value) == value
    assert complaint(PLAIN, f"seed={value}").startswith(f"argument: seed: {value!r} is not a whole number")


@pytest.mark.parametrize(
    "value", ["1" * 3000 + " a b", "1" * 3000, " " * 3000 + "x y", "1." * 2000, "1e" * 2000, "5 " + "m" * 9000]
)
def test_a_long_quantity_is_refused_in_linear_time(value: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        units.parse(value, units.SIZE)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("number", [10**400, -(10**400), 10**4000])
def test_a_long_number_is_no_quantity(number: int) -> None:
    with pytest.raises(ValueError, match="has no unit") as caught:
        units.parse(number, units.TIME)
    assert len(str(caught.value)) < 400


def test_the_message_about_a_long_line_is_short() -> None:
    """Check that a complaint shows the part of the line around the mistake, with the caret below it."""
    line = "{name: t, cluster: {learners: 0, profile: ideal}, workload: {mini_batch: 0, payload: 1}, protocol: async, stop: {}}"
    message = complaint(line.replace("async", "a" * 100_000))
    assert len(message) < 4000
    heads, sources, carets = (message.split("\n")[i::3] for i in range(3))
    assert [head.split(": ")[1] for head in heads] == [
        "cluster.learners",
        "workload.mini_batch",
        "workload.payload",
        "protocol",
    ]
    for source, caret in zip(sources, carets, strict=True):
        assert source[caret.index("^")] in "01a"


def test_of_very_many_mistakes_the_first_ones_are_told() -> None:
    faults = f"faults: {{crashes: [{'{}, ' * 20_000}]}}"
    message = complaint(PLAIN.replace("profile: ideal", f"profile: ideal, {faults}"))
    assert message.count("missing") == 20
    assert message.endswith("… and more mistakes")
    assert len(message) < 10_000


@pytest.mark.parametrize(
    "yaml",
    [
        PLAIN + '"\\e[2J\\e]0;owned\\a": 3\n',
        PLAIN.replace("async", '"\\e[31m"'),
        PLAIN.replace("ideal", '"\\e[31m\\n\\rs.yaml: fine"'),
        PLAIN + 'variants: {"\\e[2J": {seed: 1}}\n',
        PLAIN.replace("async", '{kind: async, "\\u202e\\e[2J": 1}'),
    ],
    ids=repr,
)
def test_nothing_in_a_message_controls_a_terminal(yaml: str) -> None:
    message = complaint(yaml)
    assert message.replace("\n", "").isprintable()
    assert message.count("s.yaml:") == 1 + message.count("\\ns.yaml:") + message.count("\\rs.yaml:")


@pytest.mark.parametrize("error", [ScenarioError, RunFailed, UsageError])
def test_no_error_controls_a_terminal(error: type[Exception]) -> None:
    assert str(error("a\x1b[2J\nb\u202e")) == "a\\x1b[2J\nb\\u202e"
    assert len(str(error("x" * 10**6))) < 21_000


@pytest.mark.parametrize("character", ["\x1b", "\n", "\x00", "\u2028", "\x7f"])
def test_a_title_is_one_line_of_text(character: str) -> None:
    named = f"U+{ord(character):04X}"
    yaml = PLAIN + f'title: "a\\u{ord(character):04x}b"\n'
    assert f"title: the character {named} is not allowed; one line of text" in complaint(yaml)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with things that are not regular files."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
    Path("link").symlink_to("pipe")
    with Path("huge").open("wb") as file:
        file.truncate(10**12)  # sparse
    Path("plain.yaml").write_text(PLAIN, encoding="utf-8")
    return tmp_path


NO_FILES = ["pipe", "link", "socket", "huge", "/dev/zero", "/dev/urandom", "/proc/self/mem", ".", "x" * 5000, "x/" * 3000]


@pytest.mark.parametrize("name", NO_FILES, ids=lambda name: name[:12])
def test_only_a_regular_file_of_bounded_size_is_read(name: str, places: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(name)
    assert len(str(caught.value)) < 1500
    for key in ("compute.file", "server.update_law.file"):
        with pytest.raises(ScenarioError, match=rf"^argument: cluster\.{key}: ") as caught:
            Scenario.load("plain.yaml", f"{key}={name}")
        assert len(str(caught.value)) < 3000


def test_a_file_may_be_as_large_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_BYTES", 10)
    file = tmp_path / "f"
    file.write_bytes(b"\xef\xbb\xbf1234567")
    assert text_files.read_text(file) == "1234567"
    file.write_bytes(b"12345678901")
    with pytest.raises(OSError, match="it has 11 bytes; the limit is 10 bytes"):
        text_files.read_text(file)


def test_measured_delays_of_many_digits(places: Path) -> None:
    Path("delays.txt").write_text("1\n" + "9" * 5000 + "\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"delays\.txt, line 2: '9{40}' is not a delay"):
        Scenario.load("plain.yaml", "protocol={kind: injected-staleness, delay: {file: delays.txt}}", "learners=1")


@pytest.mark.parametrize(
    "override",
    [
        "variants.a." * 2000 + "seed=1",
        "a." * 20_000 + "b=1",
        "x" * 100_000 + "=1",
        "seed=" + "[" * 5000,
        "seed=" + "a" * 100_000,
        "=" * 9,
    ],
    ids=lambda override: override[:12],
)
def test_the_message_about_a_long_override_is_short(override: str) -> None:
    message = complaint(PLAIN, override)
    assert message.startswith("argument: ")
    assert len(message) < 3000


def test_variants_are_bounded_with_what_they_inherit() -> None:
    variants = "variants: {" + ", ".join(f"v{i}: {{seed: {i}}}" for i in range(1001)) + "}\n"
    assert complaint(PLAIN + variants).startswith("s.yaml:6:11: variants: there are 1,001 variants; the limit is 1,000")
    speeds = f"speeds: [{'1, ' * 20_000}]"
    variants = "variants: {" + ", ".join(f"v{i}: {{seed: {i}}}" for i in range(100)) + "}\n"
    assert "100 variants inherit 20,0" in complaint(PLAIN.replace("profile: ideal", f"profile: ideal, {speeds}") + variants)


LIMITS = [
    ("learners=1000001", "cluster.learners: 1000001 is too large"),
    ("repeats=1001", "repeats: 1001 is too large"),
    (
        "architecture={kind: base, shards: 10000}",
        "architecture.shards: 4,000 learners with 10,000 shards each are 40,000,000 ways",
    ),
    ("learning.model={kind: mlp, hidden: [10000000, 10000000]}", "learning.model: the model has 100,0"),
    ("learning.model={kind: mlp, hidden: [9007199254740992]}", "learning.model.hidden.0: 9007199254740992 is too large"),
    (
        "learning.data={kind: linear-regression, features: 1000, samples: 10000000}",
        "are 10,001,000,000 numbers; 5,000,000,000 are",
    ),
    (
        "learning={data: {kind: noise, features: 100000, samples: 100000}, model: {kind: quadratic, spectrum: [1]}}",
        "numbers; 5,",
    ),
    ("learning={data: characters, model: {kind: transformer, layers: 9007199254740992}}", "learning.model.layers: 90"),
]


@pytest.mark.parametrize(("override", "fragment"), LIMITS, ids=lambda case: case[:40])
def test_what_multiplies_into_memory_is_bounded(override: str, fragment: str) -> None:
    learning = (
        "learning: {data: {kind: linear-regression, features: 5}, model: linear, optimizer: {kind: sgd, learning_rate: 0.1}}\n"
    )
    assert fragment in complaint(PLAIN.replace("learners: 4", "learners: 4000") + learning, override)


def test_all_runs_are_bounded_together() -> None:
    variants = "variants: {" + ", ".join(f"v{i}: {{seed: {i}}}" for i in range(101)) + "}\n"
    assert "repeats: 101,000 runs of all variants are too many; at most 100,000 are allowed" in complaint(
        PLAIN + variants, "repeats=1000"
    )


@pytest.mark.parametrize(
    "name", ["x" * 256, "x" * 5000, "a/" * 1800 + "x", "x\udcff", "λ" * 128], ids=lambda name: repr(name[:9])
)
def test_a_folder_of_results_has_a_name_that_its_files_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give another place with --out"):
        check_name(tmp_path / name)
    check_name(tmp_path / ("x" * 255))
