"""The texts of pages and terminals name nothing by a name of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import simasgd

PACKAGE = Path(simasgd.__file__).parent
_INNER = re.compile(r"\b_?[A-Z]\w*[a-z][A-Z]\w*")  # two words in one, as only names of the code have them


def _read(folder: Path) -> Iterator[ast.Module]:
    for path in sorted(folder.rglob("*.py")):
        yield ast.parse(path.read_text(encoding="utf-8"))


def _list_texts(module: ast.Module) -> Iterator[str]:
    """Yield the strings of a module without its docstrings."""
    alone = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_no_text_of_a_report_names_a_class() -> None:
    classes = {node.name for module in _read(PACKAGE) for node in ast.walk(module) if isinstance(node, ast.ClassDef)}
    said = {name for module in _read(PACKAGE / "report") for text in _list_texts(module) for name in _INNER.findall(text)}
    templates = (path.read_text(encoding="utf-8") for path in (PACKAGE / "report" / "templates").glob("*.j2"))
    said |= {name for text in templates for name in _INNER.findall(text)}
    assert said & classes == set()
