"""Every block of code in README, CONTRIBUTING and docs/ is run, or checked where a comment above it says why no more."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tomllib
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from tests.documents import commands
from tests.documents.blocks import PAGES, ROOT, Block, read_blocks, read_lines
from tests.documents.installed import forget_installed

LANGUAGES = {"python", "sh", "yaml", "json", "toml", "csv", "text", ""}
WHOLE = {"name", "cluster", "stop"}  # keys of a YAML block that is a whole scenario


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("page", [page for page in PAGES if read_blocks(page)], ids=name)
def test_the_blocks_of_a_page_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the blocks of a page one after the other, in one folder and with one set of Python's names."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    with chdir(tmp_path):
        for block in read_blocks(page):
            try:
                if block.is_output:
                    assert_printed(block.text, printed)
                else:
                    printed = execute(block, names)
            except Exception as error:
                error.add_note(f"in the block {block.where}")
                raise
    for module in tmp_path.glob("*.py"):
        sys.modules.pop(module.stem, None)
    forget_installed()


def execute(block: Block, names: dict[str, Any]) -> str:
    """Do what a block asks for, and return what it printed."""
    if block.file:
        Path(block.file).parent.mkdir(exist_ok=True)
        Path(block.file).write_text(block.text, encoding="utf-8")
        forget_installed()  # the file may say where a protocol is
    match block.language:
        case "python":
            code = compile(block.text, block.where, "exec")
            if not block.unrun:
                with redirect_stdout(io.StringIO()) as printed:
                    exec(code, names)
                return printed.getvalue()
        case "sh":
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
            lines = list(read_lines(block.text))
            if block.unrun:
                for line in lines:
                    commands.check(line)
            else:
                return "".join(commands.run(line, block.arguments) for line in lines)
        case "yaml":
            load_yaml(block)
        case "json":
            json.loads(block.text)
        case "toml":
            tomllib.loads(block.text)
        case language:
            assert language in LANGUAGES, f"{language}: what is to be tested of this language?"
    return ""


def load_yaml(block: Block) -> None:
    """Load a block as a scenario, or as values of one."""
    layer = yaml_layer.parse_layer(block.text, block.where)
    tree = json.loads(json.dumps(layer.tree))
    if block.file:
        Scenario.load(Path(block.file))
    elif set(tree) >= WHOLE:
        Scenario.from_layer(layer)
    else:
        Scenario.load("digits", *(f"{key}={json.dumps(value)}" for key, value in tree.items()))


def assert_printed(quoted: str, printed: str) -> None:
    """Assert that each quoted line was printed, with whatever numbers; `…` stands for any text."""
    lines = [mask(line) for line in printed.splitlines()]
    for line in quoted.splitlines():
        pattern = ".*".join(map(re.escape, mask(line).split("…")))
        assert any(re.fullmatch(pattern, found) for found in lines), f"{line!r} was not printed, but\n{printed}"


def mask(line: str) -> str:
    """Return a line with all numbers alike and single spaces, since learned numbers differ between versions of JAX."""
    return " ".join(re.sub(r"\d+(?:[.,]\d+)*(?:e[-+]?\d+)?", "0", line).split())


def test_what_is_only_checked_says_why() -> None:
    reasons = {block.where: block.unrun for page in PAGES for block in read_blocks(page) if block.unrun}
    assert reasons
    assert {where for where, reason in reasons.items() if len(reason.split()) < 2} == set()
