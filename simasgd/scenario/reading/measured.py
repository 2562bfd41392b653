"""Measured times and delays: the scenario holds their values, not the names of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import text_files
from simasgd.scenario.reading.complaints import format_complaint_at
from simasgd.scenario.tables.absences import read_absences
from simasgd.scenario.tables.columns import NamedColumns
from simasgd.scenario.tables.parquet import read_stored
from simasgd.scenario.tables.times import read_times
from simasgd.scenario.vocabulary.merge import Layer, Path
from simasgd.scenario.vocabulary.units import TIME
from simasgd.scenario.vocabulary.values import shown

_DELAY: Path = ("protocol", "delay")
_COMPUTE: Path = ("cluster", "compute")
_COSTS: tuple[Path, ...] = tuple(("cluster", "costs", key) for key in ("step", "mixing", "collective_start"))
_PLACES: tuple[Path, ...] = (_COMPUTE, ("cluster", "server", "update_law"), *_COSTS, _DELAY)
_FAULTS: Path = ("cluster", "faults")
_STRAGGLERS: Path = ("cluster", "stragglers")
_LAWS = ("slowdown", "normal_law", "slow_law")
_OF_FILES = ("column", "learner_column", "unit")
_MAX_VALUES = 10_000
_STORED = "; a run's folder has it beside scenario.yaml"
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
    layer = _drop_earlier_means(_drop_earlier_costs(layer))
    tree = layer.tree
    for place in list(_find_sections(tree)):
        section = _get(tree, place)
        if isinstance(section.get("measured"), _FileName | dict):
            tree = _replace(tree, place, _read_section(layer, place, section))
    return Layer(_read_absences(layer, tree), dict(layer.marks))


def _read_absences(layer: Layer, tree: Any) -> Any:
    """Return the tree with the absences of the file that it names, if it names one."""
    faults, path = _get(tree, _FAULTS), (*_FAULTS, "absences_file")
    if not isinstance(faults, dict) or not isinstance(name := faults.get("absences_file"), str):
        return tree
    if faults.get("absences"):
        raise ScenarioError(format_complaint_at(path, layer, "`absences` is given as well; give only one of the two"))
    return _replace(tree, _FAULTS, {**faults, "absences": _read_file(layer, path, name, read_absences), "absences_file": None})


def _read_section(layer: Layer, place: Path, section: dict[str, Any]) -> dict[str, Any]:
    """Return a section with the values of the file that it names; a mapping of another form stays."""
    named, path = section["measured"], (*place, "measured")
    if isinstance(named, dict):
        if not all(isinstance(named.get(key), str) for key in ("file", "sha256")):
            return section
        read = partial(read_stored, digest=named["sha256"])
        return {**section, "measured": _read_file(layer, path, named["file"], read, _STORED)}
    if place[: len(_DELAY)] == _DELAY:
        return {**section, "measured": _read_file(layer, path, named, _read_updates)}
    said = {key: section.get(key) for key in _OF_FILES}
    for key, value in said.items():
        if not isinstance(value, str | None):
            raise ScenarioError(format_complaint_at((*place, key), layer, f"{shown(value)} is not text"))
    if said["unit"] is not None and said["unit"] not in TIME.units:
        return section  # the schema refuses it
    unit = None if said["unit"] is None else TIME.units[said["unit"]]
    about = NamedColumns(said["column"], said["learner_column"], unit)
    rest = {key: value for key, value in section.items() if key not in _OF_FILES}
    return {**rest, "measured": _read_file(layer, path, named, partial(read_times, named=about))}


def _drop_earlier_means(layer: Layer) -> Layer:
    """Drop a profile's `per_sample` and the like where a later layer gives measured times.

    With both, the measured times would count only as ratios. They are seconds, and so they win.
    """
    section = _get(layer.tree, _COMPUTE)
    if not isinstance(section, dict) or section.get("measured") is None:
        return layer
    measured = layer.origin_at((*_COMPUTE, "measured"))
    law = layer.origin_at((*_COMPUTE, "distribution")) if "distribution" in section else None
    is_measured = section.get("distribution", "empirical") in ("empirical", "trace")
    if measured is None or (not is_measured and law is not None and law >= measured):
        return layer
    for key in ("per_batch", "per_sample", "efficiency"):
        given = layer.latest_origin_at((*_COMPUTE, key)) if key in section else None
        if given is not None and given < measured:
            layer = layer.replace((*_COMPUTE, key))
    return layer


def _drop_earlier_costs(layer: Layer) -> Layer:
    """Drop the mean of a cost where a later layer gives measured times, which are seconds and so win."""
    for place in _COSTS:
        section = _get(layer.tree, place)
        if not isinstance(section, dict) or section.get("measured") is None or "mean" not in section:
            continue
        measured, mean = layer.origin_at((*place, "measured")), layer.marks.get((*place, "mean"))
        if measured is not None and (mean is None or mean.origin < measured):  # a plain time has no mark for `mean`
            layer = layer.replace((*place, "mean"))
    return layer


def _find_sections(tree: Any, prefix: Path = ()) -> Iterator[Path]:
    """Iterate over the sections of a scenario or variant that may name a file.

    `prefix` is the path of the scenario or variant.
    """
    for place in _PLACES:
        yield from _find_items(tree, (*prefix, *place))
    for kind in _find_items(tree, (*prefix, *_STRAGGLERS)):
        for law in _LAWS:
            yield from _find_items(tree, (*kind, law))


def _find_items(tree: Any, place: Path) -> Iterator[Path]:
    """Iterate over the mapping at a path, or the mappings in a list there."""
    section = _get(tree, place)
    if isinstance(section, dict):
        yield place
    elif isinstance(section, list):
        yield from ((*place, number) for number, item in enumerate(section) if isinstance(item, dict))


def _get(tree: Any, path: Path) -> Any:
    for key in path:
        is_there = key in tree if isinstance(tree, dict) else isinstance(key, int) and isinstance(tree, list)
        tree = tree[key] if is_there else None
    return tree


def _read_file(layer: Layer, path: Path, name: str, read: Callable[[FilePath], Any], hint: str = "") -> Any:
    """Return what `read` finds in the file that is named at a path. Raises ScenarioError."""
    if not name:
        raise ScenarioError(format_complaint_at(path, layer, "the file name is empty"))
    file = find_folder(layer, path) / name
    try:
        return read(file)
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}{hint}"
    except UnicodeError:
        message = f"{shown(str(file))} is not a text file"
    except ValueError as error:  # a mistake in the file, or a name that no file can have
        message = f"{shown(str(file))} is not a text file" if "\0" in name else str(error)
    raise ScenarioError(format_complaint_at(path, layer, message))


def _read_updates(file: FilePath) -> list[int]:
    """Read one whole number of updates a line."""
    lines = text_files.read_text(file).splitlines()
    written = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, start=1)]
    written = [(number, content) for number, content in written if content]
    values = []
    for number, content in written[: _MAX_VALUES + 1]:
        value = _parse_updates(content)
        if value is None:
            raise ValueError(f"{file}, line {number}: {content[:40]!r} {_NO_DELAY}")
        values.append(value)
    if not 1 <= len(values) <= _MAX_VALUES:
        raise ValueError(f"{file} holds {len(written):,} values; expected 1 to {_MAX_VALUES:,}")
    return values


def find_folder(layer: Layer, path: Path) -> FilePath:
    """Return the folder that file names are relative to.

    It is the folder of the file in which the path is written, or the working directory for a path
    from the command line.
    """
    marks = (layer.marks.get(path[:size]) for size in range(len(path), 0, -1))
    mark = next((mark for mark in marks if mark is not None), None)
    return FilePath(mark.source).parent if mark is not None and mark.line else FilePath()


def _parse_updates(content: str) -> int | None:
    return int(content) if content.isdecimal() and len(content) <= 20 and int(content) <= 1_000_000 else None


def _replace(tree: Any, place: Path, section: dict[str, Any]) -> Any:
    if not place:
        return section
    key, *rest = place
    if isinstance(key, int):
        return [*tree[:key], _replace(tree[key], tuple(rest), section), *tree[key + 1 :]]
    return {**tree, key: _replace(tree[key], tuple(rest), section)}
