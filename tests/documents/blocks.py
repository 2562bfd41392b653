"""The blocks of code in README, CONTRIBUTING and docs/, and what their comments ask of the tests.

A comment directly above a block says how it is tested:

<!-- checked only: REASON -->        the block is not run; see `tests.documents.commands.check`
<!-- run with: KEY=VALUE … -->       every command of the block is run with these arguments, too
<!-- file: NAME -->                  the block is this file in the folder where the page's blocks run
<!-- output -->                      what the block above printed, or a part of it
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_COMMENT = re.compile(r"<!-- (checked only|run with|file|output)(?:: (.*?))? -->", re.DOTALL)


@final
@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    where: str
    """The page and the line, for messages."""
    language: str
    text: str
    unrun: str
    """Why the block is only checked; "" if it is run."""
    arguments: str
    """What every command is run with in addition."""
    file: str
    """The name of the file that the block shows; "" if it shows none."""
    is_output: bool


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of code of a page, in order, without directives of Sphinx."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [
        block
        for number, token in enumerate(tokens)
        if token.type == "fence" and not token.info.startswith("{")
        for block in [_make_block(page, token, _comments_above(tokens, number))]
    ]


def _make_block(page: Path, token: Token, comments: dict[str, str]) -> Block:
    assert token.map is not None
    return Block(
        f"{page.relative_to(ROOT)}:{token.map[0] + 1}",
        token.info.strip(),
        token.content,
        comments.get("checked only", ""),
        comments.get("run with", ""),
        comments.get("file", ""),
        "output" in comments,
    )


def _comments_above(tokens: Sequence[Token], number: int) -> dict[str, str]:
    found: dict[str, str] = {}
    while number and tokens[number - 1].type == "html_block":
        number -= 1
        found |= {match[1]: " ".join((match[2] or "").split()) for match in _COMMENT.finditer(tokens[number].content)}
    return found


def read_lines(text: str) -> Iterator[str]:
    """Yield the commands of a shell script, each on one line, without comments of whole lines."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()
