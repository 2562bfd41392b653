"""Measured times and delays from a file into the scenario, which then needs the file no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import complaints, text_files
from simasgd.scenario.vocabulary.merge import Layer, Path
from simasgd.scenario.vocabulary.units import TIME, show
from simasgd.scenario.vocabulary.values import shown

_DELAY: Path = ("protocol", "delay")
_COMPUTE: Path = ("cluster", "compute")
_PLACES: tuple[Path, ...] = (_COMPUTE, ("cluster", "server", "update_law"), _DELAY)
_MAX_VALUES = 10_000
_NO_TIME = "is no time; one number a line is wanted, in seconds without a unit, 0 or from 1e-15 to 1e15"
_NO_DELAY = "is no delay; one whole number of updates a line is wanted, from 0 to 1000000"


class _FileName(str):
    """The name of a file that stands for the values in it."""

    __slots__ = ()


def rename_file_keys(layer: Layer) -> Layer:
    """The layer with each `file` moved to `measured`, before layers are merged: so the later of the two holds, and `file: null`
    takes measured times away. Raises ScenarioError where both are given at once, or `file` is no text."""
    tree, marks = layer.tree, dict(layer.marks)
    variants = tree.get("variants")
    prefixes: list[Path] = [(), *(("variants", name) for name in (variants if isinstance(variants, dict) else ()))]
    for place in [place for prefix in prefixes for place in _find_sections(tree, prefix)]:
        section = _get(tree, place)
        if "file" not in section:
            continue
        name = section["file"]
        if not isinstance(name, str | None):
            raise ScenarioError(complaints.format_complaint_at((*place, "file"), layer, f"{shown(name)} is not text"))
        measured, mark = section.get("measured"), marks.pop((*place, "file"), None)
        if name is not None and measured is not None:
            raise ScenarioError(
                complaints.format_complaint_at((*place, "file"), layer, "there are `measured` times as well; one is wanted")
            )
        if measured is None:
            measured = None if name is None else _FileName(name)
            if mark is not None:
                marks[*place, "measured"] = mark
        rest = {key: value for key, value in section.items() if key != "file"}
        tree = _replace(tree, place, {**rest, "measured": measured})
    return Layer(tree, marks)


def read_measured_files(layer: Layer) -> Layer:
    """The layer with the times in the files it names, and without an earlier layer's mean of these times. Raises ScenarioError
    where a file cannot be read."""
    layer = _drop_earlier_means(layer)
    tree = layer.tree
    for place in list(_find_sections(tree)):
        section = _get(tree, place)
        name = section.get("measured")
        if isinstance(name, _FileName):
            read, complaint = (_parse_updates, _NO_DELAY) if place[: len(_DELAY)] == _DELAY else (_parse_time, _NO_TIME)
            tree = _replace(
                tree, place, {**section, "measured": _read_values(layer, (*place, "measured"), name, read, complaint)}
            )
    return Layer(tree, dict(layer.marks))


def _drop_earlier_means(layer: Layer) -> Layer:
    """A user's measured times over a profile's `per_sample` would only count as ratios; they are seconds, and so they win."""
    section = _get(layer.tree, _COMPUTE)
    if not isinstance(section, dict) or section.get("measured") is None:
        return layer
    measured = layer.decided((*_COMPUTE, "measured"))
    law = layer.decided((*_COMPUTE, "distribution")) if "distribution" in section else None
    if measured is None or (section.get("distribution", "empirical") != "empirical" and law is not None and law >= measured):
        return layer
    for key in ("per_batch", "per_sample", "efficiency"):
        given = layer.touched((*_COMPUTE, key)) if key in section else None
        if given is not None and given < measured:
            layer = layer.replaced((*_COMPUTE, key))
    return layer


def _find_sections(tree: Any, prefix: Path = ()) -> Iterator[Path]:
    """Where the scenario or variant at a path has a section that may name a file; a delay may be a list of them."""
    for place in _PLACES:
        found = _get(tree, (*prefix, *place))
        if isinstance(found, dict):
            yield (*prefix, *place)
        elif isinstance(found, list) and place == _DELAY:
            yield from ((*prefix, *place, number) for number, item in enumerate(found) if isinstance(item, dict))


def _get(tree: Any, path: Path) -> Any:
    for key in path:
        is_there = key in tree if isinstance(tree, dict) else isinstance(key, int)
        tree = tree[key] if is_there else None
    return tree


def _read_values(layer: Layer, path: Path, name: str, read: Callable[[str], Any], wanted: str) -> list[Any]:
    def complaint(message: str) -> ScenarioError:
        return ScenarioError(complaints.format_complaint_at(path, layer, message))

    if not name:
        raise complaint("'' is no name of a file")
    file = _find_folder(layer, path) / name
    try:
        lines = text_files.read_text(file).splitlines()
    except OSError as error:
        raise complaint(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:  # bytes that are no text, or a name that no file can have
        raise complaint(f"{shown(str(file))} is no text file") from None
    written = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, start=1)]
    written = [(number, content) for number, content in written if content]
    values = []
    for number, content in written[: _MAX_VALUES + 1]:
        value = read(content)
        if value is None:
            raise complaint(f"{file}, line {number}: {content[:40]!r} {wanted}")
        values.append(value)
    if not 1 <= len(values) <= _MAX_VALUES:
        raise complaint(f"{file} holds {len(written):,} values; 1 to {_MAX_VALUES:,} are wanted")
    return values


def _find_folder(layer: Layer, path: Path) -> FilePath:
    """Beside the file in which the path is written, or the working directory if the command line says it."""
    marks = (layer.marks.get(path[:size]) for size in range(len(path), 0, -1))
    mark = next((mark for mark in marks if mark is not None), None)
    return FilePath(mark.source).parent if mark is not None and mark.line else FilePath()


def _parse_time(content: str) -> str | None:
    try:
        seconds = float(content)
    except ValueError:
        return None
    return show(seconds, TIME) if seconds == 0.0 or 1e-15 <= seconds <= 1e15 else None


def _parse_updates(content: str) -> int | None:
    return int(content) if content.isdecimal() and len(content) <= 20 and int(content) <= 1_000_000 else None


def _replace(tree: Any, place: Path, section: dict[str, Any]) -> Any:
    if not place:
        return section
    key, *rest = place
    if isinstance(key, int):
        return [*tree[:key], _replace(tree[key], tuple(rest), section), *tree[key + 1 :]]
    return {**tree, key: _replace(tree[key], tuple(rest), section)}
