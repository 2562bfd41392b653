"""The scenarios and node profiles that come with simasgd, and the available protocols."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from simasgd.errors import ScenarioError
from simasgd.protocols import Protocol, foreign
from simasgd.scenario.vocabulary.names import YAML_SUFFIXES
from simasgd.scenario.vocabulary.values import nearest, shown

_PACKAGE = Path(__file__).parents[2]


def list_scenarios() -> dict[str, Path]:
    """Return the files of the named scenarios, by name.

    They lie in the installed package or, in a source tree, in the folder scenarios/.
    """
    installed = _PACKAGE / "scenarios"
    return _list_yaml_files(installed if installed.is_dir() else _PACKAGE.parent / "scenarios")


def list_profiles() -> dict[str, Path]:
    """Return the files of the node profiles, by name."""
    return _list_yaml_files(_PACKAGE / "cluster" / "profiles")


def find_scenario_file(source: str | Path) -> Path:
    """Return the file for a scenario's name or path. Raises ScenarioError."""
    path = Path(source)
    try:
        str(source).encode()
    except UnicodeEncodeError:  # the results could not hold such a name
        raise ScenarioError(f"{shown(str(source))}: a file's name must be UTF-8 text") from None
    if path.suffix in YAML_SUFFIXES or len(path.parts) != 1 or os.path.isfile(path):
        return path
    named = list_scenarios()
    if str(source) in named:  # even if a folder of that name exists, for example with its results
        return named[str(source)]
    if os.path.exists(path):
        return path
    raise ScenarioError(f"there is no scenario named {shown(str(source))}; {_hint(str(source), list(named))}")


def _hint(name: str, scenarios: list[str]) -> str:
    """Return what the user may have meant by the name of a scenario that is not there."""
    if name in list_profiles():
        return f"{name} is a node profile, which a scenario names: simasgd run quickstart profile={name}"
    if name in list_protocols():
        return f"{name} is a protocol, which a scenario names: simasgd run quickstart variants=null protocol={name}"
    near = nearest(name, scenarios)
    likely = f"did you mean {near!r}?" if near else f"choose from {', '.join(scenarios)}"
    return f"{likely} (a file's name ends in .yaml)"


def _list_yaml_files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def list_protocols() -> dict[str, str]:
    """Return the kinds of protocols, those of other packages included, with a short description."""
    own = {protocol.model_fields["kind"].default: protocol for protocol in get_args(Protocol)}
    descriptions = {kind: read_first_words(protocol) for kind, protocol in own.items()}
    return descriptions | {kind: _describe_foreign(kind) for kind in foreign.list_installed_kinds()}


def _describe_foreign(kind: str) -> str:
    try:
        protocol = foreign.load_protocol(kind)
    except ValueError as error:
        return str(error)
    return read_first_words(protocol) if protocol is not None else ""


def read_first_words(section: type[BaseModel]) -> str:
    """Return the docstring up to the first parenthesis, colon, semicolon or full stop."""
    text = " ".join((section.__doc__ or "").split())
    return re.split(r"(?<![÷×·+−=]) \(|[:;.](?: |$)", text, maxsplit=1)[0]
