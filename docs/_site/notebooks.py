"""The tutorial notebooks as pages of the site: their text, and their code without outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx

_RUN = "Run it yourself: {{download}}`{name} <{name}>`. Outputs are not kept, because each version has its own."


class NotebookParser(MystParser):
    """Read a notebook as MyST Markdown."""

    supported = ("ipynb",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse the text of a notebook."""
        super().parse(as_markdown(json.loads(inputstring), Path(document["source"]).name), document)


def as_markdown(book: dict[str, Any], name: str) -> str:
    """Return a notebook as Markdown; after its first cell, a line says where the file is."""
    first, *rest = map(_write_cell, book["cells"])
    return "\n\n".join([first, _RUN.format(name=name), *rest])


def _write_cell(cell: dict[str, Any]) -> str:
    text = "".join(cell["source"])
    return text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
