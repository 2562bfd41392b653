"""Run the tutorial notebooks, and keep what each cell shows for the site: `python docs/_site/run_notebooks.py FOLDER`.

A notebook whose outputs are there already is not run again. The name of its file has a digest of the notebook and of
simasgd's source, so a change of either runs it anew.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

BOOKS = Path(__file__).parents[1] / "notebooks"
_PROGRESS = re.compile(r"^.*: \d+% \(.*\)\n", re.MULTILINE)
_SOURCE = Path(__file__).parents[2] / "simasgd"


def find_outputs(book: Path, folder: Path) -> Path:
    """Return the file in a folder that has the outputs of a notebook, or will have them."""
    digest = hashlib.sha256(book.read_bytes())
    for path in sorted(_SOURCE.rglob("*")):
        if path.suffix in (".py", ".yaml") and path.is_file():
            digest.update(path.relative_to(_SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    return folder / f"{book.stem}-{digest.hexdigest()[:16]}.json"


def list_outputs(book: Path, folder: Path) -> list[Path]:
    """Return the files in a folder that have outputs of a notebook."""
    return sorted(folder.glob(f"{book.stem}-*.json"))


def run_book(book: Path) -> list[list[dict[str, str]]]:
    """Run a notebook in an empty folder; return what each cell of code shows: texts, HTML and pictures (SVG) in order.

    Raises RuntimeError if a cell raises.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    plt.close("all")  # what was drawn before is not the notebook's
    shown = []
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for cell in json.loads(book.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                printed, source = io.StringIO(), "".join(cell["source"])
                with redirect_stdout(printed):
                    result = shell.run_cell(source, store_history=False)
                if not result.success:
                    raise RuntimeError(f"{book.name}: a cell failed: {result.error_before_exec or result.error_in_exec!r}")
                value = None if source.rstrip().endswith(";") else result.result
                shown.append([*_take_text(printed.getvalue()), *_show(shell, value), *_take_pictures(plt)])
    return shown


def _take_text(printed: str) -> list[dict[str, str]]:
    """Return what a cell printed, without the text of its last value, which is shown by itself."""
    text = _PROGRESS.sub("", printed.partition("Out[")[0]).rstrip()
    return [{"text": text}] if text else []


def _show(shell: Any, value: Any) -> list[dict[str, str]]:
    """Return the value of a cell's last line as a notebook shows it."""
    if value is None or "matplotlib" in type(value).__module__:
        return []
    formats, _ = shell.display_formatter.format(value)
    return [{"html": formats["text/html"]}] if "text/html" in formats else [{"text": formats["text/plain"]}]


def _take_pictures(plt: Any) -> list[dict[str, str]]:
    """Return the figures that a cell left open, and close them."""
    found = []
    for number in plt.get_fignums():
        drawn = io.BytesIO()
        plt.figure(number).savefig(drawn, format="svg", bbox_inches="tight", facecolor="white", metadata={"Date": None})
        found.append({"svg": base64.b64encode(drawn.getvalue()).decode()})
    plt.close("all")
    return found


def main() -> None:
    """Run the notebooks whose outputs are missing in the folder that is named, and remove outdated outputs."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    files = {find_outputs(book, folder): book for book in sorted(BOOKS.glob("*.ipynb"))}
    for path in folder.glob("*.json"):
        if path not in files:
            path.unlink()
    for path, book in files.items():
        if not path.exists():
            path.write_text(json.dumps(run_book(book)), encoding="utf-8")


if __name__ == "__main__":
    main()
