"""Measured times and delays: the scenario holds their values, not the names of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import text_files
from simasgd.scenario.reading.complaints import format_complaint_at
from simasgd.scenario.vocabulary.merge import Layer, Path
from simasgd.scenario.vocabulary.units import TIME, show
from simasgd.scenario.vocabulary.values import shown

_DELAY: Path = ("protocol", "delay")
_COMPUTE: Path = ("cluster", "compute")
_PLACES: tuple[Path, ...] = (_COMPUTE, ("cluster", "server", "update_law"), _DELAY)
_MAX_VALUES = 10_000
_NO_TIME = "is not a time; write one number a line, in seconds without a unit, either 0 or from 1e-15 to 1e15"
_NO_DELAY = "is not a delay; write one whole number of updates a line, from 0 to 1000000"


class _FileName(str):
    """The name of a file, in place of the values in it."""

    __slots__ = ()


def rename_file_keys(layer: Layer) -> Layer:
    """Move each `file` to the key `measured`, before layers are merged.

    So the later one of the two keys wins, and `file: null` removes measured times. Raises
    ScenarioError if a layer gives both, or if `file` is not text.
    """
    tree, marks = layer.tree, dict(layer.marks)
    variants = tree.get("variants")
    prefixes: list[Path] = [(), *(("variants", name) for name in (variants if isinstance(variants, dict) else ()))]
    for place in [place for prefix in prefixes for place in _find_sections(tree, prefix)]:
        section = _get(tree, place)
        if "file" not in section:
            continue
        name = section["file"]
        if not isinstance(name, str | None):
            raise ScenarioError(format_complaint_at((*place, "file"), layer, f"{shown(name)} is not text"))
        measured, mark = section.get("measured"), marks.pop((*place, "file"), None)
        if name is not None and measured is not None:
            raise ScenarioError(
                format_complaint_at((*place, "file"), layer, "`measured` is given as well; give only one of the two")
            )
        if measured is None:
            measured = None if name is None else _FileName(name)
            if mark is not None:
                marks[*place, "measured"] = mark
        rest = {key: value for key, value in section.items() if key != "file"}
        tree = _replace(tree, place, {**rest, "measured": measured})
    return Layer(tree, marks)


def read_measured_files(layer: Layer) -> Layer:
    """Replace each file name by the values in the file, and drop an earlier layer's mean of them.

    Raises ScenarioError if a file cannot be read.
    """
    layer = _drop_earlier_means(layer)
    tree = layer.tree
    for place in list(_find_sections(tree)):
        section = _get(tree, place)
        name = section.get("measured")
        if isinstance(name, _FileName):
            parse, problem = (_parse_updates, _NO_DELAY) if place[: len(_DELAY)] == _DELAY else (_parse_time, _NO_TIME)
            tree = _replace(
                tree, place, {**section, "measured": _read_values(layer, (*place, "measured"), name, parse, problem)}
            )
    return Layer(tree, dict(layer.marks))


def _drop_earlier_means(layer: Layer) -> Layer:
    """Drop a profile's `per_sample` and the like where a later layer gives measured times.

    With both, the measured times would count only as ratios. They are seconds, and so they win.
    """
    section = _get(layer.tree, _COMPUTE)
    if not isinstance(section, dict) or section.get("measured") is None:
        return layer
    measured = layer.origin_at((*_COMPUTE, "measured"))
    law = layer.origin_at((*_COMPUTE, "distribution")) if "distribution" in section else None
    if measured is None or (section.get("distribution", "empirical") != "empirical" and law is not None and law >= measured):
        return layer
    for key in ("per_batch", "per_sample", "efficiency"):
        given = layer.latest_origin_at((*_COMPUTE, key)) if key in section else None
        if given is not None and given < measured:
            layer = layer.replace((*_COMPUTE, key))
    return layer


def _find_sections(tree: Any, prefix: Path = ()) -> Iterator[Path]:
    """Iterate over the sections of a scenario or variant that may name a file.

    `prefix` is the path of the scenario or variant. A delay may be a list of such sections.
    """
    for place in _PLACES:
        section = _get(tree, (*prefix, *place))
        if isinstance(section, dict):
            yield (*prefix, *place)
        elif isinstance(section, list) and place == _DELAY:
            yield from ((*prefix, *place, number) for number, item in enumerate(section) if isinstance(item, dict))


def _get(tree: Any, path: Path) -> Any:
    for key in path:
        is_there = key in tree if isinstance(tree, dict) else isinstance(key, int)
        tree = tree[key] if is_there else None
    return tree


def _read_values(layer: Layer, path: Path, name: str, parse: Callable[[str], Any], problem: str) -> list[Any]:
    def complaint(message: str) -> ScenarioError:
        return ScenarioError(format_complaint_at(path, layer, message))

    if not name:
        raise complaint("the file name is empty")
    file = find_folder(layer, path) / name
    try:
        lines = text_files.read_text(file).splitlines()
    except OSError as error:
        raise complaint(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:  # bytes that are not text, or a name that no file can have
        raise complaint(f"{shown(str(file))} is not a text file") from None
    written = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, start=1)]
    written = [(number, content) for number, content in written if content]
    values = []
    for number, content in written[: _MAX_VALUES + 1]:
        value = parse(content)
        if value is None:
            raise complaint(f"{file}, line {number}: {content[:40]!r} {problem}")
        values.append(value)
    if not 1 <= len(values) <= _MAX_VALUES:
        raise complaint(f"{file} holds {len(written):,} values; expected 1 to {_MAX_VALUES:,}")
    return values


def find_folder(layer: Layer, path: Path) -> FilePath:
    """Return the folder that file names are relative to.

    It is the folder of the file in which the path is written, or the working directory for a path
    from the command line.
    """
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
