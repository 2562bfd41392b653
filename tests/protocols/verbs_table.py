"""The tables of verbs in docs/new-protocol.md, from the docstrings in simasgd/protocols/verbs.py.

`python -m tests.protocols.verbs_table` writes them.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "new-protocol.md"
SOURCE = ROOT / "simasgd" / "protocols" / "verbs.py"
TABLES = re.compile(r"(?<=<!-- verbs: )(\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


def page_with_tables(page: str) -> str:
    """Return the page with every table as the docstrings have it."""
    classes = {node.name: node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}
    return TABLES.sub(lambda match: f"{match[1]} -->\n{_table(match[1], classes)}", page)


def _table(name: str, classes: dict[str, ast.ClassDef]) -> str:
    rows = "".join(
        f"| `{verb}` | {'yes' if takes_time else ''} | {text} |\n" for verb, takes_time, text in _rows(name, classes)
    )
    return f"| verb | time | effect |\n|---|---|---|\n{rows}"


def _rows(name: str, classes: dict[str, ast.ClassDef]) -> list[tuple[str, bool, str]]:
    """Return signature, whether the verb takes time, and first line of every verb of a class."""
    node = classes[name]
    rows = [row for base in node.bases if ast.unparse(base) == "ModelHolderVerbs" for row in _rows("ModelHolderVerbs", classes)]
    for member, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(member, ast.FunctionDef):
            text, is_property = ast.get_docstring(member), bool(member.decorator_list)
            assert text
            takes_time = member.returns is not None and ast.unparse(member.returns).startswith("Timed[")
            rows.append((member.name if is_property else _signature(member), takes_time, text.partition("\n")[0]))
        elif isinstance(member, ast.AnnAssign):
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            rows.append((ast.unparse(member.target), False, str(after.value.value)))
    return rows


def _signature(function: ast.FunctionDef) -> str:
    """Return a verb as a role calls it: without annotations and `self`."""
    arguments = function.args
    for argument in (*arguments.args, *arguments.kwonlyargs, *([arguments.vararg] if arguments.vararg else [])):
        argument.annotation = None
    del arguments.args[0]
    return f"{function.name}({ast.unparse(arguments)})"


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
