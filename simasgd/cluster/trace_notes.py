"""Notes on the traces of a run: who replays which series, and whose trace ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from simasgd.cluster.clock.traces import block_length
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.compute import Compute
from simasgd.scenario.cluster.measured import series_of

_FACTORS = (10_000, 1_000, 100, 10, 2)
"""A note states one of these as the number of times that a trace was used, so that variants share the note."""


def describe_traces(spec: Cluster, computed: Sequence[int], left: Mapping[int, float]) -> tuple[str, ...]:
    """Return notes for the reader of a run.

    `computed` has the number of mini-batches that each learner has computed, and `left` the time
    (s) at which a learner's work ended with its trace, by the learner's number.
    """
    if isinstance(spec.compute, tuple):
        own = [(law, learner) for learner, law in enumerate(spec.compute) if law.distribution == "trace"]
        return tuple(_describe_ends([(law, _length(law, learner), computed[learner]) for law, learner in own], left))
    law = spec.compute
    if law.distribution != "trace":
        return ()
    if law.per == "cluster":
        return tuple(_describe_ends([(law, _length(law, 0), sum(computed))], left))
    used = [(law, _length(law, learner), count) for learner, count in enumerate(computed)]
    return (*_describe_series(law, spec.learners), *_describe_ends(used, left))


def _describe_series(law: Compute, learners: int) -> Iterator[str]:
    assert law.measured is not None
    many = len(series_of(law.measured))
    if many > learners:
        whose = "one learner" if learners == 1 else f"{learners:,} learners"
        last = "the last is" if many - learners == 1 else f"the last {many - learners:,} are"
        yield f"The trace has {many:,} series for {whose}; {last} not used."
    elif many < learners:
        which = f"learner i replays series i mod {many}" if many > 1 else "all learners replay it"
        yield f"The trace has {many:,} series for {learners:,} learners: {which}, each from a place of its own."


def _describe_ends(used: Sequence[tuple[Compute, int, int]], left: Mapping[int, float]) -> Iterator[str]:
    """Describe traces that ended; a trace is its law, its length and the number of its times that were used."""
    if left:
        first = min(left.values())
        if len(left) == 1:
            yield f"The trace of one learner ended at {first:.6g} s, and its work with it."
        else:
            yield f"The traces of {len(left):,} learners ended, the first at {first:.6g} s, and their work with them."
    beyond = [one for one in used if one[2] > one[1]]
    if not beyond:
        return
    law, length, count = max(beyond, key=lambda one: one[2] / one[1])
    one, many = len(beyond) == 1, len(used)
    how = "repeated from the beginning"
    if law.at_end == "bootstrap":
        how = f"continued with random blocks of {'it' if one else 'them'} ({block_length(law, length):,} values each)"
    whose = "it" if many == 1 else "the most used one"
    much = next((f"at least {least:,} times" for least in _FACTORS if count >= least * length), "less than twice")
    fact = f"{_name_some(len(beyond), many)} ended before the run did, and {'was' if one else 'were'} {how}"
    yield f"{fact}; {whose} gave {much} as many mini-batches as it has values ({length:,})."


def _name_some(some: int, many: int) -> str:
    """Name some of many traces."""
    if some < many:
        return f"{some:,} of {many:,} traces"
    return {1: "The trace", 2: "Both traces"}.get(many, f"All {many:,} traces")


def _length(law: Compute, learner: int) -> int:
    assert law.measured is not None
    series = series_of(law.measured)
    return len(series[learner % len(series)])
