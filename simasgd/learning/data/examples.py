"""Samples on the device: all at once, or for a window of steps at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Sharding

from simasgd.learning.data.image_folder import LazyImages
from simasgd.tape.arrays import Ints

_WINDOW_BYTES = 256e6
_HUGE_PAGES_FROM = 4 << 20  # bytes; where NumPy begins to ask for huge pages
_ALIGNMENT = 64  # bytes, of memory that XLA uses without a copy


@final
@dataclass(frozen=True, eq=False)
class Examples:
    """Samples: `inputs` with a leading axis of samples, and `labels` with the same axis on the device.

    Inputs are an array on the device, or images that are decoded on request.
    """

    inputs: jax.Array | LazyImages
    labels: jax.Array

    @classmethod
    def placed(cls, inputs: npt.NDArray[Any] | LazyImages, labels: npt.NDArray[Any], dtype: Any) -> Examples:
        """Put samples on the device, with floating-point numbers of type `dtype`."""
        return cls(inputs if isinstance(inputs, LazyImages) else _place(inputs, dtype), _place(labels, dtype))

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: npt.NDArray[np.int32]) -> tuple[jax.Array, jax.Array]:
        """Return the inputs and labels of these indices."""
        if isinstance(self.inputs, LazyImages):
            return jnp.asarray(self.inputs.take(indices)), self.labels[jnp.asarray(indices)]
        taken: tuple[jax.Array, jax.Array] = _taken(self.inputs, self.labels, indices)
        return taken

    def portions(self, size: int = 1000) -> Iterator[tuple[jax.Array, jax.Array]]:
        """Yield all samples in order; all at once if they are on the device."""
        if not isinstance(self.inputs, LazyImages):
            yield self.inputs, self.labels
            return
        for start in range(0, len(self), size):
            yield self.batch(np.arange(start, min(start + size, len(self)), dtype=np.int32))


@jax.jit
def _taken(inputs: jax.Array, labels: jax.Array, indices: jax.Array) -> tuple[jax.Array, jax.Array]:
    return inputs[indices], labels[indices]


def _place(array: npt.NDArray[Any], dtype: Any) -> jax.Array:
    """Put a copy of an array on the device, with floating-point numbers of type `dtype`."""
    chosen = jax.dtypes.canonicalize_dtype(dtype if np.issubdtype(array.dtype, np.floating) else array.dtype)
    size = array.size * chosen.itemsize
    if size < _HUGE_PAGES_FROM or jax.default_backend() != "cpu":
        return jnp.asarray(array, chosen)
    # NumPy asks the system for huge pages, and XLA does not. With them a mini-batch of random rows of
    # 188 MB is read in three quarters of the time. XLA uses aligned memory as it is.
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % _ALIGNMENT
    copy = memory[begin : begin + size].view(chosen).reshape(array.shape)
    copy[...] = array
    placed: jax.Array = jax.device_put(copy, may_alias=True)
    return placed


class Window(NamedTuple):
    """Steps `start` to `stop`, and the distinct samples that they use, shape (n,)."""

    start: int
    stop: int
    wanted: Ints


@final
class Feed:
    """The training samples of a tape's steps for the compiled loop.

    `samples`, shape (E, B), are the indices of the samples of each evaluation among those that
    `samples_for` returns. Step u has the evaluations first[u] to first[u + 1]. Windows end at steps
    of `cuts`, which ascend and include the last step. `placement` gives the devices.
    """

    def __init__(
        self,
        examples: Examples,
        samples: npt.NDArray[np.int32],
        first: Ints,
        cuts: Ints,
        placement: Sharding | None = None,
    ) -> None:
        self.samples = samples
        self._placement = placement
        self._whole = None if isinstance(examples.inputs, LazyImages) else self._placed(examples.inputs, examples.labels)
        self._examples = examples
        self._windows: list[Window] = []
        self._cached: tuple[int, Any] | None = None
        self._next: tuple[int, Future[Any]] | None = None
        if isinstance(examples.inputs, LazyImages):
            self.samples = samples.copy()
            each = samples.shape[1] * examples.inputs.shape[1] * 4
            windows = list(_windows(self.samples, first, cuts, max(1, int(_WINDOW_BYTES // each))))
            self._windows = windows or [Window(0, 0, np.zeros(1, np.int64))]  # without any step the loop still needs arguments
            self._size = max(len(window.wanted) for window in self._windows)

    def samples_for(self, step: int) -> tuple[jax.Array, jax.Array]:
        """Return inputs and labels for the steps from `step` to the next of `ends`."""
        if self._whole is not None:
            return self._whole
        number = next((i for i, window in enumerate(self._windows) if step < window.stop), len(self._windows) - 1)
        if self._cached is None or self._cached[0] != number:
            ready = self._next is not None and self._next[0] == number
            loaded = self._next[1].result() if ready and self._next is not None else self._load(number)
            self._cached = (number, loaded)
            if number + 1 < len(self._windows):  # decoded while the loop runs
                thread = ThreadPoolExecutor(1)
                self._next = (number + 1, thread.submit(self._load, number + 1))
                thread.shutdown(wait=False)
        result: tuple[jax.Array, jax.Array] = self._cached[1]
        return result

    @property
    def ends(self) -> list[int]:
        """The steps at which the samples change: `samples_for` a step suffices up to the next of these."""
        return [window.stop for window in self._windows]

    def _load(self, number: int) -> tuple[jax.Array, jax.Array]:
        wanted = self._windows[number].wanted
        return self._placed(*self._examples.batch(np.resize(wanted, self._size).astype(np.int32)))

    def _placed(self, inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        return (inputs, labels) if self._placement is None else jax.device_put((inputs, labels), self._placement)


def _windows(samples: npt.NDArray[np.int32], first: Ints, cuts: Ints, most: int) -> Iterator[Window]:
    """Yield windows of about `most` evaluations; replace the samples of each by their places among its distinct samples."""
    start = 0
    while start < cuts[-1]:
        fitting = cuts[(cuts > start) & (first[cuts] <= first[start] + most)]
        stop = int(fitting[-1] if len(fitting) else cuts[cuts > start][0])
        rows = slice(first[start], first[stop])
        wanted, places = np.unique(samples[rows].astype(np.int64), return_inverse=True)
        samples[rows] = places.reshape(samples[rows].shape)
        yield Window(start, stop, wanted)
        start = stop
