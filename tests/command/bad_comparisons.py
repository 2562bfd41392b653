"""Cases of bad input to `simasgd compare`."""

from __future__ import annotations

from simasgd.learning.data.files import VARIABLE
from tests.command.bad_input import PLAIN, TIMING, Case, compare

TIMING_PLAIN = TIMING.replace("payload: 1 kB", "payload: 1 kB, samples_per_epoch: 9")

COMPARE_CASES = [
    compare(
        "unknown protocol compared", ["hardsink", "async"], "protocol: unknown kind 'hardsink'", "did you mean 'hardsync'?"
    ),
    compare("no protocol", ["learners", "async"], "protocol: unknown kind 'learners'; choose from 'hardsync', "),
    compare("unknown modulation", ["async+inverse-stalenes", "async"], "unknown kind 'inverse-stalenes'", "mean 'inverse-stal"),
    compare("protocol's key missing", ["n-softsync", "async"], "protocol.n: missing", "| n-softsync\n", "| ^"),
    compare("protocol's key unknown", ["async:spred=3", "hardsync"], "protocol.spred: unknown key", "did you mean 'spread'?"),
    compare("protocol's value", ["n-softsync:n=31", "async"], "protocol.n: 31 is more than the 30 learners", f"|{' ' * 14}^"),
    compare("protocol's unit", ["hardsync:barrier_timeout=5", "async"], "protocol.barrier_timeout: 5 has no unit"),
    compare("modulation's key missing", ["async+exponential-staleness", "async"], "learning.modulation.rate: missing"),
    compare("protocol's key without =", ["async:spread", "hardsync"], "async:spread: 'spread' is not of the form key=value"),
    compare("protocol's key twice", ["n-softsync:n=1,n=2", "async"], "n-softsync:n=1,n=2: n is given twice"),
    compare("protocol's bracket", ["async:spread=[1", "hardsync"], "async:spread=[1: a bracket or quote is not closed"),
    compare("protocol without kind", [":n=3", "async"], ":n=3: the kind of the protocol is missing"),
    compare("modulation without kind", ["async+", "hardsync"], "async+: the kind of the modulation is missing"),
    compare("two modulations", ["async+none+none", "async"], "async+none+none: a protocol can have only one modulation"),
    compare("protocol twice", ["async", "async"], "async: is given twice"),
    compare("one name twice", ["async:spread=1", "async:spread= 1"], "would be named async-spread1, like 'async:spread=1'"),
    compare(
        "long protocol",
        [f"async:{'x' * 99}=1", "hardsync"],
        "is too long for the name of a variant; the limit is 100 characters",
    ),
    compare("one protocol", ["async"], "async is the only variant; a comparison needs at least two"),
    compare(
        "protocol for all", ["async", "hardsync", "protocol=async"], "protocol=async: would set the protocol of every variant"
    ),
    compare(
        "modulation for all",
        ["async+none", "async", "modulation=none"],
        "modulation=none: would set the modulation of every variant",
    ),
    compare("modulation of nothing", ["async+none", "async"], "async+none: the scenario has no learning", text=TIMING_PLAIN),
    compare("override compared", ["async", "hardsync", "learnerz=3"], "unknown key 'learnerz'; did you mean"),
    compare("injected among others", ["injected-staleness:delay=3", "async"], "protocol: there are 30 learners; "),
    compare(
        "target no number",
        ["async", "hardsync", "--target", "abc"],
        "target abc: this is not a number; give a test error such as 5%",
    ),
    compare(
        "target too large", ["async", "hardsync", "--target", "5"], "target 5: a test error must be at", "did you mean 5%?"
    ),
    compare("target NaN", ["async", "hardsync", "--target", "nan"], "target nan: this is not a number; give a test error"),
    compare(
        "target of timing",
        ["async", "hardsync", "--target", "5%"],
        "target 5%: the scenario has no learning",
        text=TIMING_PLAIN,
    ),
    Case("nothing to compare", PLAIN, ["compare", "s.yaml"], ["s.yaml: has no variants to compare; name protocols, as in: "]),
    Case(
        "variants compared are none",
        PLAIN,
        ["compare", "s.yaml", "async", "hardsync", "variants=null"],
        ["s.yaml: has no variants to compare"],
    ),
    Case(
        "compare of no scenario", PLAIN, ["compare", "quickstar"], ["there is no scenario named", "did you mean 'quickstart'?"]
    ),
    Case(
        "data compared",
        PLAIN,
        ["compare", "s.yaml", "async", "hardsync", "data=mnist"],
        ["learning.data: mnist"],
        {VARIABLE: "."},
    ),
    Case(
        "compare into a foreign folder",
        PLAIN,
        ["compare", "s.yaml", "async", "hardsync", "--out", "."],
        [".: exists and does not hold earlier results"],
    ),
]
