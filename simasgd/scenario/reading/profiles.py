"""Node profiles: those that come with simasgd, and files of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import catalogue, keys, yaml_layer
from simasgd.scenario.reading.complaints import format_complaint_at
from simasgd.scenario.reading.measured import find_folder, rename_file_keys
from simasgd.scenario.vocabulary.merge import Layer, Origin, Path
from simasgd.scenario.vocabulary.names import YAML_SUFFIXES
from simasgd.scenario.vocabulary.values import nearest, shown

_PLACE: Path = ("cluster", "profile")
_PARTS = ("title", "cluster", "under_topology", "sources")


def apply_profile(layer: Layer) -> Layer:
    """Return the layer merged over the values of the node profile that it names.

    A profile's file, relative to the file that names it, is replaced by its title and sources.
    Raises ScenarioError.
    """
    layer = _add_default_cluster(layer)
    cluster = layer.tree.get("cluster")
    name = cluster.get("profile") if isinstance(cluster, dict) else None
    if not isinstance(name, str):
        return Layer(dict(layer.tree), dict(layer.marks))
    is_file = is_path(name)
    profile = _read_own(layer, name) if is_file else _read_named(layer, name)
    values = _select_values(profile, cluster)
    merged = values.under(layer)
    whole = Layer({**merged.tree, "cluster": {**merged.tree["cluster"]}}, {**merged.marks, **layer.marks})
    if is_file:
        whole.tree["cluster"]["profile"] = _describe(name, profile, values, _kind_of_topology(cluster))
    return whole  # missing keys are the scenario's


def is_path(name: str) -> bool:
    """Return whether the name of a profile is that of a file of the user's own."""
    return name.endswith(YAML_SUFFIXES) or "/" in name or "\\" in name


def read_layer(name: str) -> Layer:
    """Read the layer of a profile by its name or from a file. Raises ScenarioError."""
    return yaml_layer.read_layer(FilePath(name)) if is_path(name) else _read_bundled(name)


def is_profile(layer: Layer) -> bool:
    """Return whether a file holds a profile: it has a cluster, and nothing else that a scenario needs."""
    return "cluster" in layer.tree and not {"name", "workload", "protocol", "stop"} & set(layer.tree)


def list_numbers(profile: Layer) -> dict[str, list[tuple[str, Any, str]]]:
    """Return the values of a profile, each with its key and source, by the topology under which they hold ("": any)."""
    sources = profile.tree.get("sources", {})

    def with_sources(tree: Any, written: str) -> list[tuple[str, Any, str]]:
        values = _iterate_values(tree, written)
        return [(key.replace(written, "cluster", 1), value, _find_source(sources, key)) for key, value in values]

    special = profile.tree.get("under_topology", {})
    return {
        "": with_sources(profile.tree["cluster"], "cluster"),
        **{topology: with_sources(tree, f"under_topology.{topology}") for topology, tree in special.items()},
    }


def _read_named(layer: Layer, name: str) -> Layer:
    named = _list_profiles()
    if name not in named:
        near = nearest(name, named)
        hint = f"did you mean {near!r}?" if near else f"choose from {', '.join(named)}, or a file whose name ends in .yaml"
        raise ScenarioError(format_complaint_at(_PLACE, layer, f"there is no profile {shown(name)}; {hint}"))
    return _read_bundled(name)


@cache
def _list_profiles() -> dict[str, FilePath]:
    return catalogue.list_profiles()


@cache
def _read_bundled(name: str) -> Layer:
    """Read the layer of a node profile that comes with simasgd."""
    return _as_profile(yaml_layer.read_layer(_list_profiles()[name], f"profile {name}"))


def _read_own(layer: Layer, name: str) -> Layer:
    """Read the layer of a profile's file, and check its parts."""
    path = find_folder(layer, _PLACE) / name
    if not path.is_file():
        near = nearest(name.removesuffix(".yaml"), _list_profiles())
        hint = f"; did you mean the profile {near!r}?" if near else ""
        raise ScenarioError(format_complaint_at(_PLACE, layer, f"there is no file {shown(str(path))}{hint}"))
    return check_profile(yaml_layer.read_layer(path), str(path))


def check_profile(profile: Layer, name: str) -> Layer:
    """Return the layer of a profile, after a check of its parts. Raises ScenarioError."""
    for key in profile.tree:
        if key not in _PARTS:
            message = keys.explain_unknown_key(str(key), _PARTS)
            raise ScenarioError(format_complaint_at((key,), profile, f"{message} (a profile's own keys)", at_key=True))
    for key in ("cluster", "under_topology", "sources"):
        if not isinstance(profile.tree.get(key, {}), dict):
            problem = f"found {shown(profile.tree[key])}; expected a mapping"
            raise ScenarioError(format_complaint_at((key,), profile, problem))
    if "cluster" not in profile.tree:
        raise ScenarioError(f"{name}: cluster: missing; a profile gives values of a scenario's cluster")
    if "profile" in profile.tree["cluster"]:
        raise ScenarioError(format_complaint_at(_PLACE, profile, "a profile cannot name another profile", at_key=True))
    for key, source in profile.tree.get("sources", {}).items():
        if not isinstance(source, str):
            message = f"found {shown(source)}; expected a text that says where the number comes from"
            raise ScenarioError(format_complaint_at(("sources", key), profile, message))
    if not isinstance(profile.tree.get("title", ""), str):
        raise ScenarioError(format_complaint_at(("title",), profile, f"{shown(profile.tree['title'])} is not text"))
    return _as_profile(rename_file_keys(profile))


def _as_profile(layer: Layer) -> Layer:
    return Layer(layer.tree, {path: mark._replace(origin=Origin.PROFILE) for path, mark in layer.marks.items()})


def _select_values(profile: Layer, cluster: Any) -> Layer:
    """Return a profile's values for a cluster and its topology."""
    values = Layer({"cluster": profile.tree["cluster"]}, {p: m for p, m in profile.marks.items() if p[0] == "cluster"})
    kind = _kind_of_topology(cluster)
    if not isinstance(kind, str) or kind not in profile.tree.get("under_topology", {}):
        return values
    special = profile.subtree("under_topology", kind)
    return values.under(Layer({"cluster": special.tree}, {("cluster", *path): mark for path, mark in special.marks.items()}))


def _kind_of_topology(cluster: Any) -> Any:
    network = cluster.get("network") if isinstance(cluster, dict) else None
    topology = network.get("topology") if isinstance(network, dict) else None
    return topology.get("kind") if isinstance(topology, dict) else topology


def _describe(name: str, profile: Layer, values: Layer, topology: Any) -> list[Any]:
    """Return what a resolved scenario keeps of a profile's file."""
    prefix = f"under_topology.{topology}."
    sources = profile.tree.get("sources", {})
    special = {f"cluster.{key.removeprefix(prefix)}": text for key, text in sources.items() if str(key).startswith(prefix)}
    numbers = [
        [key, _to_plain(value), _find_source({**sources, **special}, key)] for key, value in _iterate_values(values.tree, "")
    ]
    return [name, " ".join(profile.tree.get("title", "").split()), numbers]


def _to_plain(value: Any) -> Any:
    """Return a value in JSON's types: a name of a file is a text of its own kind before it is read."""
    return str(value) if isinstance(value, str) else value


def _find_source(sources: dict[str, str], key: str) -> str:
    """Return the source of a value, or that of a section above it."""
    parts = key.split(".")
    above = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    found = next((sources[one] for one in above if one in sources), "not stated")
    return " ".join(found.split())


def _iterate_values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _iterate_values(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _add_default_cluster(layer: Layer) -> Layer:
    """Give injected staleness a cluster if it has none: one learner, on the profile ideal."""
    protocol = layer.tree.get("protocol")
    kind = protocol.get("kind") if isinstance(protocol, dict) else protocol
    if kind != "injected-staleness" or layer.tree.get("cluster") is not None:
        return layer
    return Layer({**layer.tree, "cluster": {"learners": 1, "profile": "ideal"}}, layer.marks)
