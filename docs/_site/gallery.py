"""The pictures of docs/gallery.md, made by its own commands: `make gallery`.

Above each picture of the page stands a command, and a comment with the figure's heading in the report. The command is run in an
empty folder. A headless browser opens the report and takes the picture.
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
ENTRY = re.compile(
    r"```sh\n(?P<command>[^`]*)```\n\n<!-- figure: (?P<heading>.*?) -->\n!\[[^\]]*\]\((?P<picture>[^)]+)\)", re.DOTALL
)
LARGEST = 60_000  # bytes of a picture
WIDTH = 900  # of the browser's window; figures are as wide as its text


class Entry(NamedTuple):
    """A picture of the page, and what makes it."""

    command: str
    heading: str
    picture: str


def read_entries(text: str) -> list[Entry]:
    """Return the entries of the page."""
    return [Entry(match["command"], match["heading"], match["picture"]) for match in ENTRY.finditer(text)]


def make_picture(browser: Browser, entry: Entry, files: dict[str, str]) -> bytes:
    """Run the command of an entry beside some files, and return its figure as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        script = entry.command.replace("simasgd ", f"{PROGRAM} ")
        subprocess.run(["bash", "-euc", script], cwd=folder, check=True)
        (report,) = Path(folder).glob("reports/*/index.html")
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        page.goto(report.as_uri())
        headings = page.locator("figcaption").all_inner_texts()
        found = [number for number, heading in enumerate(headings) if heading.startswith(entry.heading)]
        if not found:
            sys.exit(f"{entry.picture}: no figure is headed {entry.heading!r}, but {headings}")
        picture = page.locator("figure").nth(found[0]).screenshot()
        page.close()
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(64)
    image.save(small := io.BytesIO(), "PNG", optimize=True)
    return small.getvalue()


def main() -> None:
    """Make the pictures of the page, or those that the command line names."""
    text = PAGE.read_text(encoding="utf-8")
    files = dict(re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", text, re.DOTALL))
    chosen = [entry for entry in read_entries(text) if not sys.argv[1:] or Path(entry.picture).stem in sys.argv[1:]]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for entry in chosen:
            picture = make_picture(browser, entry, files)
            if len(picture) > LARGEST:
                sys.exit(f"{entry.picture}: {len(picture):,} bytes are more than {LARGEST:,}")
            path = PAGE.parent / entry.picture
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture)
            print(f"{entry.picture}: {len(picture):,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
