"""The public surface: exported names, the README's example, and what README and docs say of commands and keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import simasgd
from simasgd.scenario.reading import catalogue, keys
from simasgd.scenario.schema import Scenario

ROOT = Path(__file__).parent.parent


def test_exported_names():
    assert sorted(simasgd.__all__) == [
        "Advice",
        "Comparison",
        "DataMissing",
        "Run",
        "RunFailed",
        "Scenario",
        "ScenarioError",
        "SimasgdError",
        "Study",
        "Sweep",
        "Task",
        "UsageError",
        "advise",
        "compare",
        "extend",
        "load_runs",
        "simulate",
        "study",
        "sweep",
    ]
    for name in simasgd.__all__:
        exported = getattr(simasgd, name)
        assert exported.__doc__
        assert callable(exported)
    assert set(simasgd.__all__) <= set(dir(simasgd))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = simasgd.nothing


def test_functions_stay_functions_when_their_modules_are_imported():
    import simasgd.simulator
    from simasgd import simulate

    assert simasgd.simulate is simulate is simasgd.simulator.simulate


@pytest.mark.compiles
def test_the_readmes_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(example.strip().splitlines()) <= 10
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert f"{names['run'].test_error:.1%} test error" in printed
    assert names["run"].test_error < 0.25


def test_the_readmes_scenario_is_a_scenario(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme.yaml").write_text(text)
    scenario = simasgd.Scenario.load(tmp_path / "readme.yaml")
    quickstart = simasgd.Scenario.load("quickstart")
    assert scenario.hash() == quickstart.hash(), "the README explains another scenario than the quickstart"


def test_every_key_is_documented():
    text = (ROOT / "docs" / "scenario.md").read_text()
    for key in keys.list_keys(Scenario):
        last = key.rsplit(".", 1)[-1]
        assert re.search(rf"`[^`]*\b{last}\b[^`]*`", text), f"{key} is not in docs/scenario.md"
    for profile in catalogue.list_profiles():
        assert profile in text


def test_every_command_is_in_the_changelog():
    from simasgd.command.cli import app

    text = (ROOT / "CHANGELOG.md").read_text()
    for command in app.commands:
        assert f"`{command}`" in text
