"""Whatever a user gets wrong ends in one message that says what and where, exit code 2, and nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simasgd.command import cli
from simasgd.learning.data.files import VARIABLE
from tests.command.bad_cluster import CLUSTER_CASES
from tests.command.bad_comparisons import COMPARE_CASES
from tests.command.bad_input import COMPUTE, NETWORK, PLAIN, RUN, TIMING, VARIANTS, Case, override, sweep, wrong
from tests.command.bad_learners import LEARNER_CASES

CASES = [
    # Values
    wrong("unknown unit", "350 kB", "350 kBB", "s.yaml:5:36: workload.payload: ", "did you mean 'kB'?"),
    wrong("no unit", "350 kB", "350", "s.yaml:5:36: workload.payload: 350 has no unit"),
    wrong("time for size", "350 kB", "3 ms", "s.yaml:5:36: ", "'3 ms' is a time; expected a size"),
    wrong("metres", "profile: p775", NETWORK + "{latency: 5 m}", "s.yaml:5:22: ", "did you mean 'ms' or 'min'?"),
    wrong(
        "size for bandwidth",
        "profile: p775",
        NETWORK + "{bandwidth: 25 Gbit}",
        "s.yaml:5:24: cluster.network.bandwidth: '25 Gbit' is a size; expected a bandwidth",
    ),
    wrong("Gbps", "profile: p775", NETWORK + "{bandwidth: 25 Gbps}", "s.yaml:5:24: ", "did you mean 'Gbit/s'?"),
    wrong("no bandwidth", "profile: p775", NETWORK + "{bandwidth: 0 B/s}", "s.yaml:5:24: ", "expected a positive bandwidth"),
    wrong("negative latency", "profile: p775", NETWORK + "{latency: -1 us}", "s.yaml:5:22: ", "'-1 us' is negative"),
    wrong("NaN latency", "profile: p775", NETWORK + "{latency: .nan}", "s.yaml:5:22: ", "NaN is not finite"),
    wrong("n > λ", "hardsync", "{kind: n-softsync, n: 31}", "s.yaml:6:33: protocol.n: 31 is more than the 30 learners"),
    wrong("4.5 learners", "30", "4.5", "s.yaml:3:13: cluster.learners: 4.5 is not a whole number"),
    wrong("true learners", "30", "true", "s.yaml:3:13: cluster.learners: true is not a whole number"),
    wrong("no learners", "30", "0", "s.yaml:3:13: cluster.learners: 0 is too small; it must be more than 0"),
    wrong("learners in quotes", "30", '"30"', "s.yaml:3:13: cluster.learners: '30' is not a whole number"),
    wrong("learners null", "learners: 30", "learners:", "s.yaml:3:3: cluster.learners: null is not a whole number"),
    wrong("far too many", "30", "9" * 400, "s.yaml:3:13: cluster.learners: ", "is too large"),
    wrong("NaN rate", "0.05", ".nan", "s.yaml:10:41: learning.optimizer.learning_rate: NaN is not a finite number"),
    wrong("rate 0", "0.05", "0", "s.yaml:10:41: learning.optimizer.learning_rate: 0 is too small; it must be more than 0"),
    wrong("negative rate", "0.05", "-0.05", "s.yaml:10:41: ", "-0.05 is too small; it must be more than 0"),
    wrong("rate in quotes", "0.05", "'0.05'", "s.yaml:10:41: ", "'0.05' is not a number"),
    wrong("momentum 1", "0.9", "1", "s.yaml:10:57: learning.optimizer.momentum: 1 is too large; it must be less than 1"),
    wrong("schedule descends", "[24, 28]", "[28, 24]", "s.yaml:11:26: learning.schedule.boundaries: ", "does not ascend"),
    wrong("gamma without cv", "profile: p775", COMPUTE + "{cv: null}", "s.yaml:5:17: cluster.compute.cv: ", "need"),
    wrong(
        "constant with cv",
        "profile: p775",
        COMPUTE + "{distribution: constant, cv: 0.1}",
        "s.yaml:5:41: cluster.compute.cv: constant times have a cv of 0, but cv is 0.1; give another distribution",
    ),
    wrong(
        "computing takes no time",
        "profile: p775",
        COMPUTE + "{per_batch: 0, per_sample: 0}",
        "s.yaml:5:39: cluster.compute.per_sample: ",
        "no time at all",
    ),
    wrong("seed -1", "name: plain", "name: plain\nseed: -1", "s.yaml:2:7: seed: -1 is too small; it must be at least 0"),
    wrong("seed 2³²", "name: plain", "name: plain\nseed: 4294967296", "s.yaml:2:7: seed: ", "must be at most 4294967295"),
    wrong("endless epochs", "epochs: 1", "epochs: 1e308", "s.yaml:12:16: stop.epochs: ", "is too large"),
    # Names
    wrong("slash in name", "name: plain", "name: a/b", "s.yaml:1:7: name: 'a/b' is not a valid name"),
    wrong("capitals in name", "name: plain", "name: Plain", "s.yaml:1:7: name: 'Plain' is not a valid name"),
    wrong("name with dots first", "name: plain", "name: ../plain", "s.yaml:1:7: name: '../plain' is not a valid name"),
    wrong("long name", "name: plain", f"name: {'x' * 300}", "s.yaml:1:7: name: ", "is too long; the limit is 100 characters"),
    # Keys, kinds and sections
    wrong("near key", "learners: 30", "learnerz: 30", "s.yaml:3:3: cluster.learnerz: ", "did you mean 'learners'?"),
    wrong(
        "far key",
        "learners: 30",
        "learners: 30\n  qqqqq: 3",
        "s.yaml:4:3: cluster.qqqqq: unknown key 'qqqqq'; known keys: architecture, compute, costs, faults, learners, ",
    ),
    wrong("number as key", "name: plain", "name: plain\n3: x", "s.yaml:2:1: 3: unknown key '3'"),
    wrong("key twice", "name: plain", "name: plain\nname: x", 's.yaml:2:1: not YAML: found duplicate key "name"'),
    wrong("unknown profile", "p775", "p757", "s.yaml:4:12: cluster.profile: ", "did you mean 'p775'?"),
    wrong("unknown protocol", "hardsync", "hardsink", "s.yaml:6:11: protocol: ", "did you mean 'hardsync'?"),
    wrong("unknown model", "kind: mlp", "kind: mpl", "s.yaml:9:17: learning.model.kind: ", "did you mean 'mlp'?"),
    wrong("n is missing", "hardsync", "n-softsync", "s.yaml:6:1: protocol.n: missing"),
    wrong("learners are missing", "  learners: 30\n", "", "s.yaml:2:1: cluster.learners: missing"),
    wrong("stop is missing", "stop: {epochs: 1}\n", "", "s.yaml: stop: missing"),
    wrong("stop without end", "{epochs: 1}", "{}", "s.yaml:12:7: stop: no limit given"),
    wrong("no samples per epoch", "mini_batch", "mini_batch", "s.yaml:3:1: workload.samples_per_epoch: missing", base=TIMING),
    wrong("no payload", ", payload: 1 kB", ", samples_per_epoch: 9", "s.yaml:3:1: workload.payload: missing", base=TIMING),
    wrong("variant renames", "stop: {epochs: 1}", VARIANTS + " {a: {name: x}}", "s.yaml:13:16: variants.a.name: "),
    wrong(
        "variants a list", "stop: {epochs: 1}", VARIANTS + " [a, b]", "s.yaml:13:11: variants: found a list; expected a mapping"
    ),
    wrong(
        "variant a word",
        "stop: {epochs: 1}",
        VARIANTS + " {a: async}",
        "s.yaml:13:15: variants.a: found 'async'; expected a mapping of changes",
    ),
    wrong("variant's key", "stop: {epochs: 1}", VARIANTS + " {a: {seeds: 3}}", "s.yaml:13:16: ", "did you mean 'seed'?"),
    wrong("variant's name", "stop: {epochs: 1}", VARIANTS + "\n  A/b:", "s.yaml:14:3: variants.A/b: 'A/b' is not a valid name"),
    wrong("variant's value", "stop: {epochs: 1}", VARIANTS + " {a: {seed: -1}}", "s.yaml:13:22: variants.a.seed: "),
    *CLUSTER_CASES,
    *LEARNER_CASES,
    # What is no scenario at all
    Case("not UTF-8", b"name: \xff\xfe\n", RUN, ["s.yaml: is not UTF-8 text"]),
    Case("empty", "", RUN, ["s.yaml: the file is empty"]),
    Case("only a comment", "# nothing\n", RUN, ["s.yaml: the file is empty"]),
    Case("a list", "- a\n", RUN, ["s.yaml:1:1: found a list; expected a mapping with the keys of a scenario"]),
    wrong("tab", "learning:\n", "learning:\n\t", "s.yaml:8:1: not YAML: found a tab"),
    wrong("open bracket", "[32]", "[32", "s.yaml:9:33: not YAML: expected ',' or ']'"),
    wrong("control character", "plain", "pl\x07ain", "s.yaml:1:9: not YAML: the character U+0007 is not allowed"),
    Case("contains itself", "&a [*a]", RUN, ["s.yaml:1:5: not YAML: the alias refers to a list or mapping that contains"]),
    Case("a directory", PLAIN, ["run", "."], [".: found a directory; expected a YAML file"]),
    Case("no such file", PLAIN, ["run", "t.yaml"], ["t.yaml: there is no such file"]),
    Case("no such file below a file", PLAIN, ["run", "s.yaml/t.yaml"], ["s.yaml/t.yaml: cannot be read: Not a directory"]),
    Case("near scenario", PLAIN, ["run", "quickstar"], ["there is no scenario named 'quickstar'; did you mean 'quickstart'?"]),
    Case("far scenario", PLAIN, ["run", "zzzzzz"], ["there is no scenario named 'zzzzzz'; choose from ", "quickstart"]),
    Case("a protocol", PLAIN, ["run", "async"], ["there is no scenario named 'async'; async is a protocol", "protocol=async"]),
    Case("a profile", PLAIN, ["check", "p775"], ["there is no scenario named 'p775'; p775 is a node profile", "profile=p775"]),
    # Data
    Case("data without variable", PLAIN, [*RUN, "data=mnist"], ["learning.data: mnist", "set SIMASGD_DATA"], {VARIABLE: None}),
    Case(
        "no imagenet",
        PLAIN,
        [*RUN, "data={kind: imagenet, resolution: 32}"],
        ["learning.data: imagenet: train"],
        {VARIABLE: "."},
    ),
    Case(
        "imagenet without resolution",
        PLAIN,
        ["check", "s.yaml", "data=imagenet"],
        ["argument: learning.data.resolution: missing"],
    ),
    Case("data missing", PLAIN, [*RUN, "data=cifar10"], ["learning.data: cifar10: data_batch_1.bin"], {VARIABLE: "."}),
    Case(
        "a variant's data", PLAIN + "variants: {a: {learning: {data: mnist}}}\n", RUN, ["learning.data: mnist"], {VARIABLE: "."}
    ),
    Case("a point's data", PLAIN, ["sweep", "s.yaml", "data=digits,mnist"], ["learning.data: mnist"], {VARIABLE: None}),
    # Overrides
    override("unknown override", "learnerz=3", "unknown key 'learnerz'; did you mean 'cluster.learners'?", "| learnerz=3"),
    override("override without =", "learners", "'learners' is not of the form key=value"),
    override("ambiguous override", "bandwidth=3 GB/s", "'bandwidth' is ambiguous; it may mean cluster.network.bandwidth, "),
    override("override no YAML", "learners=[1", "'[1' is not a YAML value"),
    override("override's value", "learners=4.5", "cluster.learners: 4.5 is not a whole number"),
    override("override in a mapping", "cluster={profile: zz}", "cluster.profile: there is no profile 'zz'"),
    override("ambiguous law", "cv=0.3", "'cv' is ambiguous; it may mean cluster.compute.cv, cluster.speeds.cv, "),
    override(
        "override's item", "crashes=[{lerner: 1, at: 1 s}]", "cluster.faults.crashes.0.lerner: ", "did you mean 'learner'?"
    ),
    override("override's kind", "topology=tre", "cluster.network.topology: unknown kind 'tre'", "did you mean 'tree'?"),
    override("override's kind missing", "shards=4", "cluster.architecture: kind is missing; choose from 'base', 'adv', 'adv*'"),
    override("override's file", "compute.file=t.txt", "cluster.compute.file: t.txt cannot be read: No such file"),
    override("override's word of the user", "batch_size=3", "did you mean 'workload.mini_batch'?"),
    override("override of no variant", "variants.a.seed=3", "there is no variant 'a'; the scenario has no variants"),
    override("exponential with a later cv", "compute={distribution: exponential, cv: 0.2}", "exponential times have a cv of 1"),
    # Folders
    Case("out is a file", PLAIN, ["run", "s.yaml", "--out", "s.yaml"], ["s.yaml: exists and is not a folder"]),
    Case("out is foreign", PLAIN, ["run", "s.yaml", "--out", "."], [".: exists and does not hold earlier results"]),
    Case("out below a file", PLAIN, ["run", "s.yaml", "--out", "s.yaml/x"], ["s.yaml/x: ", "s.yaml is not a folder"]),
    Case("sweep into a file", PLAIN, ["sweep", "s.yaml", "seed=1,2", "--out", "s.yaml"], ["s.yaml: exists and is not"]),
    Case("sweep into a foreign folder", PLAIN, ["sweep", "s.yaml", "seed=1,2", "--out", "."], [".: exists and does not hold"]),
    Case("report of nothing", PLAIN, ["report", "nowhere"], ["nowhere: there is no such folder"]),
    Case("report of a foreign folder", PLAIN, ["report", "."], [".: is not the folder of a run"]),
    Case("report of a file", PLAIN, ["report", "s.yaml"], ["s.yaml: exists and is not a folder"]),
    # Sweeps
    sweep("empty value", ["learners=1,,2"], "learners=1,,2: a value is empty"),
    sweep("unknown function", ["learners=foo(1)"], "unknown function 'foo'; choose from range, choice, linspace, logspace"),
    sweep("unknown swept key", ["learnerz=1,2"], "unknown key 'learnerz'; did you mean 'cluster.learners'?"),
    sweep("swept twice", ["learners=1,2", "cluster.learners=3,4"], "cluster.learners is swept twice"),
    sweep("swept and given", ["learners=1,2", "cluster.learners=3"], "cluster.learners is swept as well"),
    sweep("a bad point among good ones", ["learners=1,0,3"], "cluster.learners: 0 is too small"),
    sweep(
        "a bad combination", ["learners=1,4", "protocol={kind: n-softsync, n: 1},{kind: n-softsync, n: 2}"], "2 is more than"
    ),
    sweep("spaced without end", ["momentum=linspace(,1,3)"], "'' is neither a number nor a quantity"),
    *COMPARE_CASES,
    # Other commands
    Case("check", PLAIN.replace("30", "0"), ["check", "s.yaml"], ["s.yaml:3:13: cluster.learners: 0 is too small"]),
    Case("show", PLAIN.replace("30", "0"), ["show", "s.yaml"], ["s.yaml:3:13: cluster.learners: 0 is too small"]),
    Case("show what is not there", PLAIN, ["show", "hardsinc"], ["nothing is named 'hardsinc'; did you mean 'hardsync'"]),
    Case(
        "explain what is not there", PLAIN, ["explain", "qqqqq"], ["nothing is named 'qqqqq'; 'simasgd list' shows the names"]
    ),
    Case("no variant", PLAIN, ["run", "s.yaml", "--variant", "a"], ["argument: there is no variant 'a'"]),
    Case("unknown option", PLAIN, ["run", "s.yaml", "--bar"], ["", "No such option", "--bar"]),
    Case("unknown command", PLAIN, ["walk", "s.yaml"], ["", "No such command", "walk"]),
    Case("no scenario", PLAIN, ["run"], ["", "Missing argument"]),
]


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def judge(case: Case, code: object, output: str, errors: str) -> None:
    assert code == 2, errors
    assert output == ""
    assert "Traceback" not in errors
    assert errors.startswith(case.fragments[0])
    for fragment in case.fragments:
        assert fragment in errors
    # Said once: no line but those that show the place comes again.
    said = [line for line in errors.splitlines() if line.startswith(("s.yaml", "command line", "profile"))]
    assert len(said) == len(set(said)) <= 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def write(case: Case, folder: Path) -> dict[str, bytes | None]:
    (folder / "s.yaml").write_bytes(case.text.encode() if isinstance(case.text, str) else case.text)
    return tree(folder)


@pytest.mark.parametrize("case", CASES, ids=[case.label for case in CASES])
def test_bad_input(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = write(case, folder)
    for name, value in case.environment.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["simasgd", *case.arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    captured = capsys.readouterr()
    judge(case, left.value.code, captured.out, captured.err)
    assert tree(folder) == before


# One of a file, of the environment, of a folder and of a sweep: a process of its own adds only what every mistake shares.
AS_PROGRAM = ["not UTF-8", "data missing", "out is foreign", "a bad point among good ones"]


@pytest.mark.parametrize("label", AS_PROGRAM)
def test_bad_input_to_the_installed_program(label: str, folder: Path) -> None:
    case = next(case for case in CASES if case.label == label)
    before = write(case, folder)
    program = Path(sys.executable).with_name("simasgd")
    changed = {name: value for name, value in case.environment.items() if value is not None}
    done = subprocess.run(
        [program, *case.arguments], cwd=folder, env={**os.environ, **changed}, capture_output=True, text=True, check=False
    )
    judge(case, done.returncode, done.stdout, done.stderr)
    assert tree(folder) == before


def test_the_unchanged_scenario_is_fine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Else the cases above could fail for another reason than theirs.
    (folder / "s.yaml").write_text(PLAIN, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["simasgd", "check", "s.yaml"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    assert capsys.readouterr().out == "s.yaml: fine (1 run)\n"
