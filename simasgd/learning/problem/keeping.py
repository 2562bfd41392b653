"""Keeping a snapshot as arrays with names, for a file, and going on from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr
from jaxtyping import PyTree

from simasgd.errors import UsageError
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.results.kept.weights import Arrays, KeptWeights
from simasgd.scenario.learning.models import AbstractModel, Own
from simasgd.tape.tape import Tape

Tree = TypeVar("Tree", bound=PyTree)


def keep(snapshot: Snapshot, recipe: Recipe, model: AbstractModel) -> KeptWeights:
    """Return a snapshot as arrays."""
    names = name_arrays(snapshot.weights, recipe, model)

    def named(tree: PyTree, names: Sequence[str]) -> Arrays:
        return dict(zip(names, map(np.asarray, jax.tree.leaves(tree)), strict=True))

    return KeptWeights(
        arrays=named(snapshot.weights, names),
        learners=None if snapshot.learners is None else named(snapshot.learners, names),
        centre=None if snapshot.centre is None else named(snapshot.centre, names),
        optimizer=named(snapshot.optimizer, name_leaves(snapshot.optimizer)),
        memory=named(snapshot.memory, name_leaves(snapshot.memory)),
    )


def restore(kept: KeptWeights, start: Parameters, recipe: Recipe, tape: Tape, model: AbstractModel) -> Snapshot:
    """Return the snapshot that was kept as arrays; `start` has the structure of the weights.

    The memory of a rule that has another shape on this tape begins anew. Raises UsageError if
    other arrays are not those of this problem.
    """
    names, rule, mixing = name_arrays(start, recipe, model), recipe.rule, tape.mixing

    def of_learners(tree: Tree) -> Tree:
        if mixing is None:
            return tree
        stacked: Tree = jax.tree.map(lambda leaf: jnp.stack([leaf] * mixing.learners), tree)
        return stacked

    state, memory = of_learners(rule.update.init(start)), rule.per_gradient.init(start)
    found = {name: array.shape for name, array in kept.memory.items()}
    fits = found == dict(zip(name_leaves(memory), map(jnp.shape, jax.tree.leaves(memory)), strict=True))
    return Snapshot(
        weights=_tree(kept.arrays, start, names),
        optimizer=_tree(kept.optimizer, state, name_leaves(state)),
        memory=_tree(kept.memory, memory, name_leaves(memory)) if fits else memory,
        learners=None if mixing is None else _tree(kept.learners, of_learners(start), names),
        centre=_tree(kept.centre, start, names) if mixing is not None and mixing.has_centre else None,
    )


def _tree(arrays: Arrays | None, like: Tree, names: Sequence[str]) -> Tree:
    """Return the arrays as a tree with the structure, the shapes and the types of another."""
    leaves, structure = jax.tree.flatten(like)
    for name, leaf in zip(names, leaves, strict=True):
        if arrays is None or name not in arrays or arrays[name].shape != jnp.shape(leaf):
            raise UsageError(f"the kept weights do not fit: {name} of shape {jnp.shape(leaf)} is expected")
    assert arrays is not None or not leaves
    placed = [jnp.asarray((arrays or {})[name], jnp.result_type(leaf)) for name, leaf in zip(names, leaves, strict=True)]
    tree: Tree = jax.tree.unflatten(structure, placed)
    return tree


def name_arrays(weights: Parameters, recipe: Recipe, model: AbstractModel) -> list[str]:
    """Return the names of a model's arrays in the order of its leaves: the layer's, a dot, and the array's within it.

    Arrays of a model of the user's own have the keys of their tree for names.
    """
    paths = [_keys(path) for path, _ in jax.tree_util.tree_leaves_with_path(weights)]
    if isinstance(model, Own):
        return [".".join(path) or model.layer_names[0] for path in paths]
    layers: Sequence[int] = jax.tree.leaves(recipe.task.objective.layers(weights))
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
