"""Random compute times and slow spells: laws of all learners or of each, traces, and kinds of spells."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_TIMES = ["0 s", "1 ms", "2 ms", "7 ms", "40 ms"]


def computes(law: dict[str, Any], mean: str, learners: int, *, may_leave: bool) -> st.SearchStrategy[Any]:
    """Return compute times: mostly of a law with a mean time per sample, or a trace, or a list of both."""
    common = {"per_batch": 0, "per_sample": None if "measured" in law else mean, **law}
    listed = st.lists(st.one_of(st.just(common), traces(may_leave=may_leave, alone=True)), min_size=learners, max_size=learners)
    return st.one_of(st.just(common), st.just(common), traces(may_leave=may_leave), listed)


@st.composite
def traces(draw: st.DrawFn, *, may_leave: bool, alone: bool = False) -> dict[str, Any]:
    """Draw a trace of one to three series; `alone` is that of a single learner."""
    series = st.lists(st.sampled_from(_TIMES), min_size=1, max_size=40).map(lambda times: [*times, "3 ms"])
    found = draw(st.lists(series, min_size=1, max_size=3))
    at_end = draw(st.sampled_from([None, "repeat", "bootstrap", *(["stop"] if may_leave else [])]))
    return {
        "distribution": "trace",
        "per_batch": 0,
        "per_sample": draw(st.sampled_from([None, "1 ms"])),
        "measured": found if len(found) > 1 else found[0],
        "per": draw(st.sampled_from([None, "learner", *(["cluster"] if len(found) == 1 and not alone else [])])),
        "at_end": at_end,
        "block": draw(st.sampled_from([None, 1, 2])) if at_end == "bootstrap" else None,
    }


@st.composite
def kinds_of_stragglers(draw: st.DrawFn, one: dict[str, Any] | None, members: dict[str, int]) -> Any:
    """Draw the kind `one` alone, or up to three kinds; `members` counts the learners, nodes and racks."""
    if one is None or draw(st.booleans()):
        return one
    kinds = []
    for _ in range(draw(st.integers(0, 3))):
        hits = draw(st.sampled_from([*(name for name, count in members.items() if count), "all"]))
        chosen = {}
        if hits != "all":
            numbers = st.lists(st.integers(0, members[hits] - 1), min_size=1, unique=True)
            chosen = draw(st.one_of(st.just({}), st.builds(lambda share: {"share": share}, st.sampled_from([0.01, 0.5])),
                                    numbers.map(lambda found: {"members": found})))  # fmt: skip
        lengths = {"mean_slow": "forever"} if draw(st.booleans()) else {key: one[key] for key in ("mean_normal", "mean_slow")}
        laws = {}
        if "mean_normal" in lengths:
            law = st.sampled_from([None, {"distribution": "constant"}, {"distribution": "pareto", "cv": 3}])
            laws = {"normal_law": draw(law), "slow_law": draw(law)}
        slowdown = draw(st.sampled_from([one["slowdown"], {"mean": one["slowdown"], "distribution": "gamma", "cv": 2}]))
        kinds.append({"slowdown": slowdown, "hits": hits, **chosen, **lengths, **laws})
    return kinds
