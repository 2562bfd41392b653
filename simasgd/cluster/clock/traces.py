"""Traces: measured compute times that are replayed in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from math import fsum, isqrt
from sys import float_info
from typing import final

import numpy as np

from simasgd import exact
from simasgd.scenario.cluster.compute import Compute
from simasgd.scenario.cluster.measured import series_of
from simasgd.tape.arrays import Floats

_FIRST_PIECE, _LARGEST_PIECE = 32, 512  # times turned into Python's numbers at once


class EndOfTrace(Exception):
    """Raised for the next time of a learner whose trace has ended; the learner's work ends with it."""


def replay(spec: Compute, scales: Sequence[float], seed: int, speeds: Sequence[float]) -> list[Iterator[float]]:
    """Return each learner's compute times (s): those of a trace, times the learner's scale and ÷ its speed.

    Learner i replays series i mod n of the trace's n series. Where λ > n, the learners of one
    series begin at different places of it, as far apart as possible. Per cluster, all learners take
    the times of one series in common.
    """
    series = _arrays(spec)
    if spec.per == "cluster":
        common = _replay(spec, series[0], 0, 1.0, seed, 1.0)
        return [map(partial(_slow, scale, speed), common) for scale, speed in zip(scales, speeds, strict=True)]
    places = start_places([len(one) for one in series], len(speeds))
    return [
        _replay(spec, series[learner % len(series)], place, scale, seed, speed, learner // len(series))
        for learner, (place, scale, speed) in enumerate(zip(places, scales, speeds, strict=True))
    ]


def replay_alone(spec: Compute, scale: float, seed: int, learner: int, speed: float) -> Iterator[float]:
    """Return the compute times (s) of a learner that has a trace of its own.

    If the trace has several series, learner i replays series i mod n.
    """
    series = _arrays(spec)
    return _replay(spec, series[learner % len(series)], 0, scale, seed, speed)


def means(spec: Compute) -> list[float]:
    """Return the mean of each series, as measured (s)."""
    assert spec.measured is not None
    return [fsum(one) / len(one) for one in series_of(spec.measured)]


def start_places(lengths: Sequence[int], learners: int) -> list[int]:
    """Return the place in its series where each learner begins; learner i has series i mod n."""
    many = len(lengths)
    sharing = [len(range(series, learners, many)) for series in range(many)]
    return [(learner // many) * lengths[learner % many] // sharing[learner % many] for learner in range(learners)]


def block_length(spec: Compute, length: int) -> int:
    """Return the length of a block of the bootstrap for a series: ⌈√n⌉ unless the scenario gives it."""
    return spec.block if spec.block is not None else isqrt(length - 1) + 1


def _arrays(spec: Compute) -> list[Floats]:
    assert spec.measured is not None
    return [np.asarray(one, dtype=np.float64) for one in series_of(spec.measured)]


def _replay(spec: Compute, series: Floats, place: int, scale: float, seed: int, speed: float, turn: int = 0) -> Iterator[float]:
    """Replay a series from `place` on; `turn` is 0 for its first learner, 1 for the next, and so on."""
    if spec.at_end == "stop":
        parts: Iterator[Floats] = iter((series[place:], series[:place]))
    elif spec.at_end == "bootstrap":
        parts = chain((series[place:], series[:place]), _blocks(series, block_length(spec, len(series)), seed, turn))
    else:
        parts = _repeat(series, place)
    times = chain.from_iterable(_lists(parts, scale, speed))
    return chain(times, _Ended()) if spec.at_end == "stop" else times


def _repeat(series: Floats, place: int) -> Iterator[Floats]:
    while True:
        yield series[place:]
        yield series[:place]


def _blocks(series: Floats, length: int, seed: int, turn: int) -> Iterator[Floats]:
    """Draw blocks of a series: the moving-block bootstrap (Künsch, Annals of Statistics 17, 1989).

    The first learners of all series have one stream of random places, and so have the next ones. So
    in series of equal length the blocks are the same, and learners that were slow together stay so.
    """
    places = len(series) - length + 1
    for u in exact.endless_uniforms(exact.stream(seed, exact.Purpose.BLOCK, turn)):
        begin = min(int(u * places), places - 1)
        yield series[begin : begin + length]


def _lists(parts: Iterator[Floats], scale: float, speed: float) -> Iterator[list[float]]:
    """Return the times (s) of a learner, a piece of the series at a time.

    Pieces grow, so that few times take little memory and many are fast.
    """
    size = _FIRST_PIECE
    for part in parts:
        end = 0
        while end < len(part):
            begin, end = end, end + size
            size = min(2 * size, _LARGEST_PIECE)
            times = part[begin:end]
            if scale != 1.0:
                times = times * scale
            if speed != 1.0:
                with np.errstate(over="ignore"):
                    times = np.minimum(times / speed, float_info.max)
            yield times.tolist()


def _slow(scale: float, speed: float, time: float) -> float:
    return min(time * scale / speed, float_info.max)


@final
class _Ended(Iterator[float]):
    """The end of a trace that stops."""

    def __next__(self) -> float:
        raise EndOfTrace
