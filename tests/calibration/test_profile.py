"""`simasgd fit` writes a profile that a scenario can name, with the source of every number, and a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from simasgd.command.cli import app
from simasgd.errors import ScenarioError, SimasgdError, UsageError
from simasgd.scenario.cluster.profile_file import ProfileFile
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.units import TIME, parse
from tests.calibration.simulated import write_log

COMPUTE = "{per_sample: 10 ms, distribution: gamma, cv: 0.2}"
UNLIKE = ", speeds: [1, 0.5, 2, 0.5], stragglers: {slowdown: 5, mean_normal: 6 s, mean_slow: 2 s, hits: all, members: [0, 2]}"
SCENARIO = """name: mine
cluster: {learners: 4, profile: own.yaml}
workload: {mini_batch: 8, payload: 1 kB}
protocol: async
stop: {gradients: 10}
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["fit", *words], catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log and what `fit` made of it."""
    folder = tmp_path_factory.mktemp("fit")
    log = write_log(folder, COMPUTE, UNLIKE, gradients=1500)
    done = run(str(log), "--out", str(folder / "own.yaml"))
    assert done.exit_code == 0
    assert f"profile: {folder / 'own.yaml'}" in done.output
    folder.joinpath("s.yaml").write_text(SCENARIO, encoding="utf-8")
    return folder


def one_column(folder: Path) -> str:
    """Write a log of lognormal times and nothing else, and return its path."""
    times = np.random.default_rng(1).lognormal(-2.0, 0.5, 400)
    pd.DataFrame({"seconds": times}).to_csv(folder / "log.csv", index=False)
    return str(folder / "log.csv")


def leaves(value: object, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {found for key, item in value.items() for found in leaves(item, f"{path}.{key}" if path else key)}
    return {path}


def test_every_number_has_a_source_with_its_standard_error(folder: Path) -> None:
    tree = yaml_layer.read_layer(folder / "own.yaml").tree
    assert set(tree["sources"]) == leaves({"cluster": tree["cluster"]})
    for key, source in tree["sources"].items():
        assert re.match(r"fitted|found|least squares|mean|assumed|the best|the likelier", source), key
        assert "±" in source or not source.startswith("fitted") or key == "cluster.speeds"


def test_a_scenario_runs_on_the_profile(folder: Path) -> None:
    cluster = Scenario.load(folder / "s.yaml").cluster
    assert isinstance(cluster.profile, ProfileFile)
    assert cluster.compute.distribution == "gamma"
    assert cluster.speeds == pytest.approx((1, 0.5, 2, 0.5), rel=0.05)
    (kind,) = cluster.kinds_of_stragglers
    assert (kind.hits, kind.members) == ("all", (0, 2))


def test_laws_are_for_any_number_of_learners(folder: Path) -> None:
    log = str(folder / "log-0.parquet")
    assert run(log, "--out", str(folder / "laws.yaml"), "--speeds", "law").exit_code == 0
    cluster = Scenario.load(folder / "s.yaml", f"profile={folder / 'laws.yaml'}", "learners=30").cluster
    (kind,) = cluster.kinds_of_stragglers
    assert (kind.hits, kind.share, kind.members) == ("all", 0.5, None)
    assert cluster.speeds is not None
    assert not isinstance(cluster.speeds, tuple)


def test_the_page_stands_alone(folder: Path) -> None:
    page = (folder / "own.html").read_text(encoding="utf-8")
    assert "What the fit does not catch" in page
    assert page.count("<svg") >= 4
    for part in ("Quantiles: gamma", "Autocorrelation", "Speed of each learner", "log likelihood", "cluster.profile: own.yaml"):
        assert part in page
    assert not re.search(r"""(src|href)=["']?https?:""", page)


def test_files_that_are_there_are_kept_unless_they_are_to_be_replaced(folder: Path) -> None:
    log, out = one_column(folder), folder / "other.yaml"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"other\.yaml is there already; choose another name, or --replace it"):
        run(log, "--out", str(out))
    assert out.read_text(encoding="utf-8") == "mine"
    done = run(log, "--out", str(out), "--replace", "-q")
    assert done.stdout.splitlines() == [str(out), str(out.with_suffix(".html"))]
    assert out.read_text(encoding="utf-8").startswith("title: ")
    assert not list(folder.glob("*.new"))


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("own.json", "the name of a profile ends in .yaml"),
        ("nowhere/own.yaml", "there is no folder"),
        ("x.yaml", "is a folder"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_is_read(out: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "x.html").mkdir()
    with pytest.raises(UsageError, match=expected):
        run("no-such-log.csv", "--out", str(tmp_path / out))


def test_json_has_every_number(folder: Path) -> None:
    found = json.loads(run(str(folder / "log-0.parquet"), "--json").output)
    assert {law["distribution"] for law in found["compute"]["laws"]} >= {"gamma", "lognormal", "pareto"}
    assert found["compute"]["stragglers"][0]["together"] is True
    assert found["profile"]["cluster"]["compute"]["distribution"] == "gamma"
    assert found["network"] is None


def test_the_mean_time_is_told_with_slow_spells_and_outside_them(folder: Path) -> None:
    found = json.loads(run(str(folder / "log-0.parquet"), "--json").output)["compute"]
    log = pd.read_parquet(folder / "log-0.parquet").query("operation == 'compute'")
    assert found["overall_mean"] == pytest.approx(log["seconds"].mean())
    assert found["overall_mean"] > 1.2 * found["mean"]["value"]
    overall, outside = (f"{1e3 * seconds:.3g}\u00a0ms" for seconds in (found["overall_mean"], found["mean"]["value"]))
    page = (folder / "own.html").read_text(encoding="utf-8")
    assert f"A mini-batch takes {overall} on average, and {outside} outside slow spells" in page


def test_both_distances_are_named_and_have_one_form(folder: Path) -> None:
    found = json.loads(run(str(folder / "log-0.parquet"), "--json").output)["compute"]
    of_all, outside = f"{found['distance']:.3f}", f"{found['laws'][0]['distance']:.3f}"
    page = (folder / "own.html").read_text(encoding="utf-8")
    assert f"{outside} under {found['laws'][0]['distribution']} outside slow spells" in page
    assert f"With the slow spells, the law of the profile is {of_all} from all times" in page
    sources = yaml_layer.read_layer(folder / "own.yaml").tree["sources"]
    assert f"distance {of_all} from all times, with the slow spells" in sources["cluster.compute.distribution"]
    assert sources["cluster.compute.cv"].endswith(f"outside slow spells; {found['mini_batches']:,} mini-batches in all")


def test_a_log_of_one_column_is_enough(tmp_path: Path) -> None:
    done = run(one_column(tmp_path))
    assert done.exit_code == 0
    assert re.search(r"distribution +lognormal, cv 0\.\d+ ±", done.output)


def test_the_size_of_the_mini_batches_may_be_given(tmp_path: Path) -> None:
    log, own = one_column(tmp_path), str(tmp_path / "own.yaml")
    assert run(log, "mini_batch=64", "--out", own).exit_code == 0
    compute = yaml_layer.read_layer(Path(own)).tree["cluster"]["compute"]
    mean = float(pd.read_csv(log)["seconds"].mean())
    assert parse(compute["per_sample"], TIME) * 64 == pytest.approx(mean, rel=0.01)
    assert parse(compute["per_batch"], TIME) == 0.0
    assert "simasgd fit" in (tmp_path / "own.html").read_text()
    assert " mini_batch=64 --out " in (tmp_path / "own.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mini_batch=64", "learners=3"], "learners=3: a fit reads its numbers from the log; only mini_batch=N can be given"),
        (["mini_batch=0"], "mini_batch=0: expected the samples of a mini-batch, a whole number from 1"),
        (["mini_batch=[1, 2]"], "expected the samples of a mini-batch"),
        (["mini_batch=1", "workload.mini_batch=2"], "is given twice"),
    ],
)
def test_a_fit_takes_no_other_key(words: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SimasgdError) as complaint:
        run(one_column(tmp_path), *words)
    assert message in str(complaint.value)


def test_a_list_of_speeds_for_other_learners_leads_to_a_law(folder: Path) -> None:
    with pytest.raises(ScenarioError, match=r"there are 4 speeds for 32 learners; a law .* 'simasgd fit --speeds law'"):
        Scenario.load(folder / "s.yaml", "learners=32")
