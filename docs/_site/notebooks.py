"""The tutorial notebooks as pages of the site: their text, their code, and their outputs if they were run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from run_notebooks import list_outputs
from sphinx.application import Sphinx

import simasgd

_RUN = "Run it yourself: {{download}}`{name} <{name}>`. {outputs}"
_WITH, _WITHOUT = "The outputs below are those of simasgd {version}.", "Outputs are not kept in the file, and not shown here."


class NotebookParser(MystParser):
    """Read a notebook as MyST Markdown, with the outputs that `run_notebooks.py` has put into `notebook_outputs`."""

    supported = ("ipynb",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse the text of a notebook."""
        book = Path(document["source"])
        environment = document.settings.env
        folder = environment.config.notebook_outputs
        kept = list_outputs(book, Path(folder)) if folder else []
        for path in kept:
            environment.note_dependency(str(path))  # so that new outputs make a new page
        outputs = json.loads(kept[0].read_text(encoding="utf-8")) if kept else None
        super().parse(as_markdown(json.loads(inputstring), book.name, outputs), document)


def as_markdown(book: dict[str, Any], name: str, outputs: Sequence[Sequence[dict[str, str]]] | None = None) -> str:
    """Return a notebook as Markdown; after its first cell, a line says where the file is.

    `outputs` has what each cell of code shows.
    """
    told = _WITHOUT if outputs is None else _WITH.format(version=simasgd.__version__)
    left = iter(outputs or ())
    first, *rest = (_write_cell(cell, left) for cell in book["cells"])
    return "\n\n".join([first, _RUN.format(name=name, outputs=told), *rest])


def _write_cell(cell: dict[str, Any], outputs: Iterator[Sequence[dict[str, str]]]) -> str:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return text
    return "\n\n".join([f"```python\n{text}\n```", *(_write_output(shown) for shown in next(outputs, ()))])


def _write_output(shown: dict[str, str]) -> str:
    if "text" in shown:
        return f"````text\n{shown['text']}\n````"
    html = shown.get("html") or f'<img alt="The figure that this cell draws" src="data:image/svg+xml;base64,{shown["svg"]}">'
    return f'````{{raw}} html\n<div class="output">{html}</div>\n````'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_config_value("notebook_outputs", "", "env", str)
    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
