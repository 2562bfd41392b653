"""A generated text to learn: a Markov source with known entropy."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from simasgd import exact
from simasgd.tape.arrays import Ints

CHARACTERS = 16
_PROBABILITIES = (0.5, 0.25, 0.125, 0.125)
ENTROPY = -sum(p * math.log(p) for p in _PROBABILITIES)
"""Entropy of a character given those before it, in nats: the least possible loss of a model. It is
1.75 bits."""


@cache
def successors() -> Ints:
    """Return the four characters that may follow a and then b, likeliest first, shape (16, 16, 4).

    They are drawn once, and have the probabilities 1/2, 1/4, 1/8 and 1/8 everywhere.
    """
    keys = exact.uniforms(exact.stream(0, exact.Purpose.TEXT, 0), CHARACTERS**3)
    order = np.argsort(keys.reshape(CHARACTERS, CHARACTERS, CHARACTERS), axis=-1)
    return order[:, :, : len(_PROBABILITIES)]


def text(number: int, length: int) -> Ints:
    """Return the first characters of text `number`, 1 or more: a Markov chain of order 2 over `successors`."""
    draws = exact.uniforms(exact.stream(0, exact.Purpose.TEXT, number), length)
    choices = np.searchsorted(np.cumsum(_PROBABILITIES[:-1]), draws).tolist()
    table = successors().tolist()
    written = [0, 0]
    for choice in choices:
        written.append(table[written[-2]][written[-1]][choice])
    return np.array(written[2:])


def windows(number: int, samples: int, context: int) -> tuple[Ints, Ints]:
    """Return every sequence of `context` characters of a text, shape (samples, context), and the character after each."""
    every = np.lib.stride_tricks.sliding_window_view(text(number, samples + context), context + 1)
    return every[:, :context], every[:, context]
