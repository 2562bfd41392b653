"""simasgd.json: the list of files that simasgd wrote into a results folder.

It marks the folder as simasgd's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from simasgd.printable import is_text
from simasgd.storage.files import is_file, write_whole

MANIFEST = "simasgd.json"
_WRITER, _FORMAT = "simasgd", 1
_DIGEST = re.compile("[0-9a-f]{64}")


@final
@dataclass(frozen=True)
class Contents:
    """The origin of results: the command, its parameters and the code.

    kind        the command: run, compare, sweep, import or validate
    parameters  SHA-256 digests of the parameters: one for a run or a comparison, one for each point
                of a sweep
    code        the version of the code, as in `simasgd.results.identity.name_code`
    """

    kind: str
    parameters: tuple[str, ...]
    code: str

    def cover(self, other: Contents) -> bool:
        """Tell whether these results include all parameters of the other, and so may replace it."""
        return self.kind == other.kind and set(other.parameters) <= set(self.parameters)

    @property
    def name(self) -> str:
        """A name for kind and parameters: 16 hexadecimal digits."""
        return hashlib.sha256(" ".join([self.kind, *sorted(self.parameters)]).encode()).hexdigest()[:16]


@final
@dataclass(frozen=True)
class Manifest:
    """The files of results: relative POSIX paths, each with the SHA-256 digest of its content.

    `complete` says that the command has ended. Otherwise its page, or points of a sweep, may be
    missing. `command` is the command line of unfinished work; "" where results themselves have it.
    """

    contents: Contents
    complete: bool
    files: Mapping[str, str]
    command: str = ""

    def write(self, path: Path) -> None:
        """Write the list as a JSON file, whole or not at all."""
        content = {
            "written_by": _WRITER,
            "format": _FORMAT,
            "kind": self.contents.kind,
            "code": self.contents.code,
            "complete": self.complete,
            "parameters": list(self.contents.parameters),
            "files": dict(sorted(self.files.items())),
            **({"command": self.command} if self.command else {}),
        }
        write_whole(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Manifest | None:
        """Read a file that `write` wrote; return None for a link, another file, or no file."""
        if not is_file(path):
            return None
        try:
            content = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return None
        return cls._of(content)

    @classmethod
    def _of(cls, content: Any) -> Manifest | None:
        if not isinstance(content, dict) or (content.get("written_by"), content.get("format")) != (_WRITER, _FORMAT):
            return None
        kind, code, complete = content.get("kind"), content.get("code"), content.get("complete")
        parameters, files = content.get("parameters"), content.get("files")
        if not (isinstance(kind, str) and isinstance(code, str) and isinstance(complete, bool)):
            return None
        if not (isinstance(parameters, list) and all(_is_digest(value) for value in parameters)):
            return None
        if not (isinstance(files, dict) and all(_is_inside(name) and _is_digest(value) for name, value in files.items())):
            return None
        command = content.get("command", "")
        return cls(Contents(kind, tuple(parameters), code), complete, files, command if isinstance(command, str) else "")


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_inside(name: str) -> bool:
    """Tell whether a relative path stays within its folder."""
    parts = name.split("/")
    return is_text(name) and not any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts)
