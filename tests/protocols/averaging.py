"""Mixing of the models on a tape, in NumPy and without learning."""

from __future__ import annotations

import numpy as np

from simasgd.tape.mixing import NONE


def models_of(tape, start, step):
    """Return all models that a tape makes, in order, with the initial model `start` first.

    step(row, base, read) returns the model after a step with a gradient: `base` is the old model,
    and the gradient was computed on `read`.
    """
    mixing = tape.mixing
    models = [np.asarray(start, np.float64)]
    for u in range(tape.num_steps):
        base = models[mixing.base[u]]
        gradients = range(tape.offsets[u], tape.offsets[u + 1])
        if len(gradients):
            models.append(step(gradients[0], base, models[tape.timestamp[gradients[0]]]))
        elif mixing.other[u] == NONE:
            models.append(mixing.base_share[u] * base)
        else:
            models.append(mixing.base_share[u] * base + mixing.other_share[u] * models[mixing.other[u]])
    return models


def spread(models):
    """Return S = Σ ‖x_i − mean‖², and the mean."""
    together = np.array(models)
    mean = together.mean(axis=0)
    return float(((together - mean) ** 2).sum()), mean
