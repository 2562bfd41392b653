"""The scenarios and node profiles that come with simasgd, and the protocols there are."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import get_args

from simasgd.errors import ScenarioError
from simasgd.protocols import AbstractProtocol, Protocol, foreign
from simasgd.scenario.vocabulary.values import nearest, shown

_PACKAGE = Path(__file__).parents[2]


def list_scenarios() -> dict[str, Path]:
    """The named scenarios: those of the wheel or, in a source tree, of its scenarios/ folder."""
    installed = _PACKAGE / "scenarios"
    return _list_yaml_files(installed if installed.is_dir() else _PACKAGE.parent / "scenarios")


def list_profiles() -> dict[str, Path]:
    """The node profiles."""
    return _list_yaml_files(_PACKAGE / "cluster" / "profiles")


def find_scenario_file(source: str | Path) -> Path:
    """The file that a scenario's name or path means. Raises ScenarioError."""
    path = Path(source)
    try:
        str(source).encode()
    except UnicodeEncodeError:  # it could not be written into the results
        raise ScenarioError(f"{shown(str(source))}: a file's name must be UTF-8 text") from None
    if path.suffix in (".yaml", ".yml") or len(path.parts) != 1 or os.path.isfile(path):
        return path
    named = list_scenarios()
    if str(source) in named:  # though there may be a folder of that name, with its results, say
        return named[str(source)]
    if os.path.exists(path):
        return path
    near = nearest(str(source), named)
    hint = f"; did you mean {near!r}?" if near else f"; there are {', '.join(named)}"
    raise ScenarioError(f"there is no scenario named {shown(str(source))}{hint} (a file's name ends in .yaml)")


def _list_yaml_files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def list_protocols() -> dict[str, str]:
    """The kinds of protocols, those of other packages included, with the beginning of what they say of themselves."""
    own = {one.model_fields["kind"].default: one for one in get_args(Protocol)}
    return {kind: _read_first_words(one) for kind, one in own.items()} | {
        kind: _describe_foreign(kind) for kind in foreign.list_installed_kinds()
    }


def _describe_foreign(kind: str) -> str:
    try:
        found = foreign.load_protocol(kind)
    except ValueError as error:
        return str(error)
    return _read_first_words(found) if found is not None else ""


def _read_first_words(protocol: type[AbstractProtocol]) -> str:
    """Up to the first parenthesis, colon, semicolon or full stop."""
    text = " ".join((protocol.__doc__ or "").split())
    return re.split(r" \(|[:;.](?: |$)", text, maxsplit=1)[0]
