"""Keeping the weights of a moment: as arrays with names, for a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import jax
import numpy as np
from jax.tree_util import keystr
from jaxtyping import PyTree

from simasgd.learning.layout.moment import Moment
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.problem import Problem
from simasgd.results.kept.weights import Arrays, Weights
from simasgd.scenario.learning.models import AbstractModel, Own


def keep(problem: Problem, moment: Moment, model: AbstractModel) -> Weights:
    """Return the weights of a moment, and all that a replay needs to go on from them, as arrays."""
    snapshot = moment.take_snapshot()
    names = name_arrays(problem, model)

    def named(weights: Parameters) -> Arrays:
        return dict(zip(names, map(np.asarray, jax.tree.leaves(weights)), strict=True))

    return Weights(
        arrays=named(snapshot.weights),
        learners=None if snapshot.learners is None else named(snapshot.learners),
        centre=None if snapshot.centre is None else named(snapshot.centre),
        optimizer=dict(zip(name_leaves(snapshot.optimizer), map(np.asarray, jax.tree.leaves(snapshot.optimizer)), strict=True)),
        memory=dict(zip(name_leaves(snapshot.memory), map(np.asarray, jax.tree.leaves(snapshot.memory)), strict=True)),
    )


def name_arrays(problem: Problem, model: AbstractModel) -> list[str]:
    """Return the names of a model's arrays in the order of its leaves: the layer's, a dot, and the array's within it.

    Arrays of a model of the user's own have the keys of their tree for names.
    """
    paths = [_keys(path) for path, _ in jax.tree_util.tree_leaves_with_path(problem.start)]
    if isinstance(model, Own):
        return [".".join(path) or model.layer_names[0] for path in paths]
    layers: Sequence[int] = jax.tree.leaves(problem.recipe.task.objective.layers(problem.start))
    of_layer: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
    for layer, path in zip(layers, paths, strict=True):
        of_layer[layer].append(path)
    common = {layer: _common_length(found) for layer, found in of_layer.items()}
    return [".".join([model.layer_names[layer], *path[common[layer] :]]) for layer, path in zip(layers, paths, strict=True)]


def name_leaves(tree: PyTree) -> list[str]:
    """Return the names of the leaves of a tree: their keys, joined by slashes."""
    return ["/".join(_keys(path)) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]


def _keys(path: Sequence[object]) -> tuple[str, ...]:
    return tuple(keystr((key,), simple=True) for key in path)


def _common_length(paths: Sequence[tuple[str, ...]]) -> int:
    """Return the number of first keys that all paths share, the last of each left out."""
    length = 0
    for keys in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(keys)) > 1:
            break
        length += 1
    return length
