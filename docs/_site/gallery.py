"""The pictures of docs/gallery.md, made by its own commands: `make gallery [ARGS=NAME]`.

Above each picture of the page stands a comment with the figure's heading in the report of the last command above. Each command
is run in a folder of its own, beside the files that the page shows. A headless browser opens the report and takes the picture.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

PAGE = Path(__file__).parents[1] / "gallery.md"
PROGRAM = Path(sys.executable).with_name("simasgd")
COMMAND = r"```sh\n(?P<command>[^`]*)```"
PICTURE = r"<!-- figure: (?P<heading>.*?) -->\n!\[[^\]]*\]\((?P<picture>[^)]+)\)"
LARGEST = 60_000  # bytes of a picture
WIDTH = 900  # of the browser's window; figures are as wide as its text


class Figure(NamedTuple):
    """A picture of the page: its file, and the heading of the figure in the report."""

    picture: str
    heading: str


def read_figures(text: str) -> dict[str, list[Figure]]:
    """Return the pictures of each command of the page."""
    found: dict[str, list[Figure]] = {}
    command = ""
    for match in re.finditer(f"{COMMAND}|{PICTURE}", text):
        if match["command"]:
            command = match["command"]
        else:
            found.setdefault(command, []).append(Figure(match["picture"], match["heading"]))
    return found


def take_pictures(browser: Browser, command: str, figures: list[Figure], files: dict[str, str]) -> dict[Figure, bytes]:
    """Run a command beside some files, and return figures of its report as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        subprocess.run(["bash", "-euc", command.replace("simasgd ", f"{PROGRAM} ", 1)], cwd=folder, check=True)
        (report,) = Path(folder).glob("reports/*/index.html")
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        page.goto(report.as_uri())
        headings = [text.replace("\xa0", " ") for text in page.locator("figcaption").all_inner_texts()]
        taken = {}
        for figure in figures:
            found = [number for number, heading in enumerate(headings) if heading.startswith(figure.heading)]
            if not found:
                sys.exit(f"{figure.picture}: no figure is headed {figure.heading!r}, but {headings}")
            taken[figure] = make_small(page.locator("figure").nth(found[0]).screenshot())
        page.close()
    return taken


def make_small(picture: bytes) -> bytes:
    """Return a PNG with 64 colours."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(small := io.BytesIO(), "PNG", optimize=True)
    return small.getvalue()


def main() -> None:
    """Make the pictures of the page, or those that the command line names."""
    text = PAGE.read_text(encoding="utf-8")
    files = dict(re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", text, re.DOTALL))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for command, figures in read_figures(text).items():
            chosen = [figure for figure in figures if not sys.argv[1:] or Path(figure.picture).stem in sys.argv[1:]]
            for figure, content in take_pictures(browser, command, chosen, files).items() if chosen else ():
                if len(content) > LARGEST:
                    sys.exit(f"{figure.picture}: {len(content):,} bytes are more than {LARGEST:,}")
                path = PAGE.parent / figure.picture
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                print(f"{figure.picture}: {len(content):,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
