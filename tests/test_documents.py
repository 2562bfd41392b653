"""The pages name only files, modules and identifiers that exist, and their links lead somewhere."""

from __future__ import annotations

import re
import runpy
from functools import cache
from pathlib import Path

import pytest

import simasgd

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_HISTORY = "CHANGELOG.md"  # names modules that have moved
_ROOMS = ("DESIGN.md", "CONTRIBUTING.md")  # pages whose folders are those of the source tree
_EXAMPLE = re.DOTALL | re.MULTILINE
_SOURCES = ("*.py", "*.yaml", "*.js", "*.html", "Makefile", "pyproject.toml")


def read_prose(page: Path) -> str:
    """Return the text of a page without its examples."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=_EXAMPLE)


def find_code(page: Path) -> set[str]:
    """Return everything that stands in backticks on a page."""
    return set(re.findall(r"`([^`\n]+)`", read_prose(page)))


@cache
def list_files() -> frozenset[Path]:
    """Return the source files, by their paths from the root."""
    folders = [ROOT / name for name in ("simasgd", "tests", "benchmarks", "scenarios", "docs")]
    files = [path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return frozenset(path.relative_to(ROOT) for path in [*files, *ROOT.glob("*")])


@cache
def read_words() -> frozenset[str]:
    """Return every word of the sources, and the names of their modules."""
    sources = [path for path in list_files() if any(path.match(pattern) for pattern in _SOURCES)]
    words = {word for path in sources for word in re.findall(r"\w+", (ROOT / path).read_text(encoding="utf-8"))}
    return frozenset(words | {path.stem for path in sources})


def is_in_tree(name: str) -> bool:
    """Return whether a name such as `clock/pace.py` or `report/` is the end of a path in the source tree."""
    parts = Path(name).parts
    return any(path.parts[-len(parts) :] == parts for path in list_files())


def is_importable(name: str) -> bool:
    """Return whether a dotted name is that of a module, or of a name within one."""
    module, _, attribute = name.rpartition(".")
    paths = [name.replace(".", "/"), module.replace(".", "/")]
    modules = [is_in_tree(path) or is_in_tree(f"{path}.py") for path in paths]
    return modules[0] or (modules[1] and attribute in read_words())


def find_slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", read_prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read_prose(page)):
        if not target.startswith("http"):
            name, _, anchor = target.partition("#")
            linked = page.parent / name if name else page
            assert linked.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in find_slugs(linked), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != _HISTORY], ids=lambda page: page.name)
def test_names_exist(page: Path) -> None:
    spans = find_code(page)
    examples = set(re.findall(r"[\w.]+", "".join(re.findall(r"^```.*?^```", page.read_text(encoding="utf-8"), _EXAMPLE))))
    paths = {span for span in spans if re.fullmatch(r"[a-z_/]+\.py", span)}
    if page.name in _ROOMS:
        paths |= {span for span in spans if re.fullmatch(r"[a-z_/]+/", span)}
    assert {path for path in paths if not is_in_tree(path)} - examples == set()
    dotted = {name for span in spans for name in re.findall(r"\bsimasgd(?:\.\w+)+", span)}
    assert {name for name in dotted if not is_importable(name)} == set()
    words = {word for span in spans for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\b(?:[A-Z][a-z]+){2,}\b", span)}
    assert words - read_words() - examples == set()


def test_cited_sections_exist() -> None:
    facts = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    for path in list_files():
        if path.suffix in {".py", ".yaml"}:
            text = " ".join((ROOT / path).read_text(encoding="utf-8").split())
            for section in re.findall(r"\b[AB]\d\.\d\b", text):
                assert re.search(
                    rf"^(?:### .*|- \*\*){re.escape(section)}\b|^## {re.escape(section)}\b", facts, re.MULTILINE
                ), (path, section)
            for row in re.findall(r"\bB1 row (\d+)", text):
                assert f"- **Row {row}** " in facts, (path, row)
            for claim in re.findall(r"\b[Cc]laim (\d+)", text):
                assert re.search(rf"^- \*\*(?:\d+, )?{claim}(?:, \d+)?\*\* ", facts, re.MULTILINE), (path, claim)


def test_the_design_names_every_room() -> None:
    package = ROOT / "simasgd"
    rooms = {f"{folder.parent.relative_to(package).as_posix()}/" for folder in package.rglob("__init__.py")} - {"./"}
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert (rooms | modules) - find_code(ROOT / "DESIGN.md") == set()


def test_the_tables_of_results_files_are_up_to_date() -> None:
    source = ROOT / "docs" / "_site" / "result_files.py"
    written = runpy.run_path(str(source))["write_tables"]
    page = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    assert written(page) == page, "run `make docs`"


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\.\. auto\w+:: simasgd\.(\w+)$", page, re.MULTILINE)) == set(simasgd.__all__)
