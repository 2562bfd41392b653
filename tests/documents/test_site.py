"""The site that `make docs` builds: without warnings, from what the code says, and without a network."""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import chdir, redirect_stderr
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import final
from warnings import catch_warnings, simplefilter

import pytest
from playwright.sync_api import Browser, Page
from sphinx.cmd.build import main

import simasgd
from simasgd.command import cli
from simasgd.protocols import verbs
from simasgd.results import tables
from simasgd.results.summary import Summary
from tests.browser import MARKS

ROOT = Path(__file__).parents[2]
SHOWN = ["index.html", "scenario.html", "tasks/sync-or-async.html", "gallery.html", "reference/commands.html"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does, into another folder: once for all processes of a session."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(folder)
    return folder


def build(folder: Path) -> None:
    (recipe,) = re.findall(r"\$\(VENV\)/bin/python (-m sphinx .*)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    arguments = [word.replace("site", str(folder), 1) if word.startswith("site") else word for word in recipe.split()]
    with chdir(ROOT), redirect_stderr(StringIO()) as complaints, catch_warnings():
        simplefilter("ignore")  # of other packages
        code = main(arguments[2:])  # without -m sphinx; here, most of what the site documents is imported already
    assert (code, complaints.getvalue()) == (0, "")


@final
class Loaded(HTMLParser):
    """Collects what a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("href") if tag == "link" else given.get("src")
        if address and given.get("rel") not in ("index", "search", "next", "prev"):
            self.addresses.append(address)


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > 15
    for path in pages:
        loaded = Loaded()
        loaded.feed(path.read_text(encoding="utf-8"))
        assert len(loaded.addresses) > 3
        for address in loaded.addresses:
            if not address.startswith("data:"):
                assert "//" not in address, path
                assert (path.parent / re.split("[?#]", address)[0]).is_file(), (path, address)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_the_reference_has_every_command_name_column_and_key(site: Path) -> None:
    commands, python, results = (
        (site / "reference" / f"{name}.html").read_text(encoding="utf-8") for name in ("commands", "python", "results")
    )
    for name, command in cli.app.commands.items():
        assert f'id="simasgd-{name}"' in commands
        for option in command.params:
            if option.opts[0].startswith("--"):
                assert f'id="cmdoption-simasgd-{name}{option.opts[0].removeprefix("-")}"' in commands
    for name in simasgd.__all__:
        assert f'id="simasgd.{name}"' in python
    for columns in (tables.UPDATES, tables.LEARNERS, tables.EVALUATIONS, tables.TIMELINE, tables.SWEEP_POINTS):
        for name in columns:
            assert f">{name}</span>" in results
    for key in Summary.model_fields:
        assert f">{key}</span>" in results
    told = (site / "reference" / "verbs.html").read_text(encoding="utf-8")
    for kind in (verbs.ServerVerbs, verbs.LearnerVerbs, verbs.PeerVerbs, verbs.CentreVerbs):
        for name in {name for one in kind.__mro__ if one.__module__ == verbs.__name__ for name in vars(one)}:
            assert name.startswith("_") or re.search(rf'id="simasgd\.protocols\.verbs\.\w+\.{name}"', told), name


def test_the_notebooks_are_pages_with_all_their_code(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    for path in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        assert f'<a class="reference internal" href="notebooks/{path.stem}.html">' in index, "in the navigation"
        page = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert page.count('class="highlight-python') == sum(cell["cell_type"] == "code" for cell in cells)
        assert f">{path.name}</span>" in page, "the file can be had"


@MARKS[0]
@MARKS[1]
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_pages_on_disk_fit_and_say_nothing_to_the_console(browser: Browser, site: Path, width: int, scheme: str) -> None:
    with browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", offline=True, viewport={"width": width, "height": 900}
    ) as context:
        page = context.new_page()
        trouble: list[str] = []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: trouble.extend([request.url] * (not request.url.startswith(site.as_uri()))))
        grounds = [look_at(page, site / name) for name in SHOWN]
        assert {ground < 128 for ground in grounds} == {scheme == "dark"}
        assert find(page, site, "staleness") > 5
        assert trouble == []


def look_at(page: Page, path: Path) -> int:
    """Open a page, see that it is no wider than the window, and return the brightness of its ground."""
    page.goto(path.as_uri())
    assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"), path
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)"), path
    return int(page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"))


def find(page: Page, site: Path, word: str) -> int:
    """Search for a word, and return the number of pages found."""
    page.goto(f"{(site / 'search.html').as_uri()}?q={word}")
    page.wait_for_selector("#search-results ul.search li a")
    return page.locator("#search-results ul.search li").count()
