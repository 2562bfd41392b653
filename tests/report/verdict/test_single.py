"""The verdict on a single run: how good, how long, what limits it, and a next step."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd.report.facts.formats import NBSP
from simasgd.report.facts.learning_facts import Trend
from simasgd.report.facts.part_facts import ResourceFact, WhatIfFact
from simasgd.report.sections.single_variant import describe_busiest
from tests.report.verdict.by_hand import DIVERGED, HUNG, TIMES, TIMING, facts, learns, loss, said, spread

COMPUTES = "Learners compute 90 % of the time and wait 8.0 %"
FULL = (ResourceFact("server", 0.98, 3.0), ResourceFact("server, link in", 0.92, 0.5))


def gains(**factors: float) -> tuple[WhatIfFact, ...]:
    """Return what parts twice as fast bring; of a part that ends in `_limit` only the limit is known."""
    return tuple(
        WhatIfFact(part.removesuffix("_limit"), 2, factor, 0 if part.endswith("_limit") else 9)
        for part, factor in factors.items()
    )


def test_a_run_that_learned() -> None:
    found = facts("async", error=0.05, width=0.02, seeds=(0, 1, 2), speedup=spread(12.5))
    assert said(found) == (
        "async reaches 5.0 % test error (4.0 % – 6.0 % over three seeds) after 30 epochs in 10 s of simulated time, "
        f"12.5× as fast as one learner alone (30 learners). {COMPUTES}."
    )
    text = said(loss("async", 0.05, width=0.02, seeds=(0, 1, 2)))
    assert text.startswith("async reaches a test loss of 0.05 (0.04 – 0.06 over three seeds) after 30 epochs in 7.5 s")


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({}, ""),
        ({"what_if": (WhatIfFact("network", 2, 1.1, 9), WhatIfFact("node", 2, 1.9, 9))}, ""),
        ({"what_if": (WhatIfFact("server", 2, 1.3, 9),)}, "; a server twice as fast would make it 1.30× as fast"),
        (
            {"resources": (ResourceFact("server", 0.1, 0.0), ResourceFact("node 3, link in", 0.97, 8.0))},
            "; the link into node 3 is the bottleneck, busy 97 % of the time",
        ),
        ({"resources": (ResourceFact("server", 0.89, 0.0),)}, ""),
        (
            {"slowest": 2.0, "least_wait": 0.01},
            "; they wait for the slowest learner, which computes 2.00× as long as the fastest",
        ),
        ({"slowest": 2.0, "least_wait": 0.07}, ""),
        ({"slowest": 1.2, "least_wait": 0.01}, ""),
    ],
)
def test_what_limits_it(changes: dict[str, Any], clause: str) -> None:
    assert said(facts("async", **changes)).endswith(f"{COMPUTES}{clause}.")


@pytest.mark.parametrize(
    ("what_if", "compute", "clause"),
    [
        (gains(network=1.0, server=1.9, node=1.0), 0.5, "the server is the bottleneck, busy 98 % of the time"),
        (gains(network=1.9, server=1.4, node=1.0), 0.5, "the link into the server is the bottleneck, busy 92 % of the time"),
        (
            gains(network=1.0, server=1.01, node=1.97),
            0.99,
            "the server is busy 98 % of the time, but a node twice as fast would make the run 1.97× as fast, "
            "and a server only 1.01×",
        ),
        (
            gains(network=1.0, server_limit=1.2, node=1.5),
            0.5,
            "the server is busy 98 % of the time, but a node twice as fast would make the run 1.50× as fast, "
            "and a server at most 1.20×",
        ),
        (
            gains(network=1.0, server_limit=1.0, node=1.0),
            0.5,
            "the server is busy 98 % of the time, but a server twice as fast would not make the run faster",
        ),
        (gains(server_limit=1.9), 0.5, "the server is the bottleneck, busy 98 % of the time"),
        (gains(server_limit=1.9), 0.99, "the server is busy 98 % of the time, but learners hardly wait for it"),
        ((), 0.5, "the server is the bottleneck, busy 98 % of the time"),
        ((), 0.99, "the server is busy 98 % of the time, but learners hardly wait for it"),
    ],
)
def test_a_busy_server_is_the_bottleneck_only_if_a_faster_one_would_help(
    what_if: tuple[WhatIfFact, ...], compute: float, clause: str
) -> None:
    found = facts("async", resources=FULL, what_if=what_if, learner_time={"compute": compute, "wait": 1.0 - compute})
    assert said(found).endswith(f"; {clause}.")
    assert describe_busiest(found).replace(NBSP, " ") == clause, "the page says the same"


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        (
            {"learning": learns(0.05, Trend.NO_LOWER)},
            "Likely the learning rate is too high for this staleness (0.05 × 28.8 = 1.44). "
            "Try modulation=inverse-staleness or learning_rate=0.0017.",
        ),
        (
            {"learning": learns(0.8, Trend.REBOUNDS), "staleness": spread(0.0)},
            "Likely the learning rate is too high even without staleness (0.8). Try learning_rate=0.08.",
        ),
        (
            {"learning": learns(0.05, Trend.FALLS)},
            "The test loss still falls, so likely more epochs are needed. Try more epochs (stop.epochs).",
        ),
        (
            {"learning": learns(0.5, Trend.NO_LOWER), "rule": "α₀/τ"},
            "Likely the learning rate is too high even with α₀/τ (0.5). Try learning_rate=0.05.",
        ),
    ],
)
def test_a_run_that_fails_gets_a_next_step(changes: dict[str, Any], advice: str) -> None:
    text = said(facts("async", error=0.9, **changes))
    ended = "has not learned yet" if "still falls" in advice else "fails to learn"
    assert f" {ended}: 90.0 % test error after 30 epochs. " in text
    assert text.endswith(advice)


def test_a_run_may_diverge_hang_or_do_nothing() -> None:
    diverged = facts("async", error=None, diverged=DIVERGED, learning=learns(0.05, Trend.NO_LOWER))
    assert said(diverged).startswith("async diverged at update 1,234. Likely the learning rate is too high for this staleness")
    two = facts("async", error=0.1, diverged=DIVERGED, seeds=(0, 1))
    assert "diverged at update 1,234 (1 of 2 seeds)" in said(two)
    hung = facts("hardsync", **HUNG, can_time_out=True)
    assert said(hung) == (
        "hardsync hangs after its last update at 1.07 s: all wait for learner 3. "
        "With protocol.barrier_timeout the others go on after a while."
    )
    nothing = facts("async", staleness=None, seconds=None)
    assert said(nothing).startswith("async applied no gradient: the run ends before the first update. Try a later stop")
    assert "fails to learn: an infinite test loss after 30 epochs" in said(
        loss("async", None, learning=learns(0.05, Trend.NO_LOWER))
    )


def test_a_run_without_learning() -> None:
    found = facts("async", **TIMING, speedup=spread(0.88), learner_time={**TIMES, "compute": 0.05, "wait": 0.93})
    assert said(found) == (
        "async applies 4,000 samples per simulated second with 30 learners, 0.88× as fast as one learner alone. "
        "Learners wait 93 % of the time."
    )
    lone = facts("async", **TIMING, speedup=spread(1.0), learners=1)
    assert said(lone).startswith("async applies 4,000 samples per simulated second with one learner. ")
