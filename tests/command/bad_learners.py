"""Mistakes in laws of single learners, in traces and in slow spells."""

from __future__ import annotations

from tests.command.bad_input import PLAIN, Case, cluster, compute, override

LEARNER_CASES: list[Case] = [
    cluster(
        "half a kind of spells",
        "stragglers: {slowdown: 2}",
        "s.yaml:5:3: cluster.stragglers.mean_normal: missing: give mean_normal and mean_slow, or",
    ),
    cluster(
        "spells for ever and normal ones",
        "stragglers: [{slowdown: 2, mean_normal: 1 s, mean_slow: forever}]",
        "s.yaml:5:43: cluster.stragglers.0.mean_normal: a spell that lasts for ever leaves no time for normal spells",
    ),
    cluster(
        "a law of no lengths",
        "stragglers: {slowdown: 2, mean_slow: forever, slow_law: {distribution: constant}}",
        "s.yaml:5:59: cluster.stragglers.slow_law: spells that last for ever have no lengths",
    ),
    cluster(
        "spells of racks in a star",
        "stragglers: {slowdown: 2, mean_slow: forever, hits: rack}",
        "s.yaml:5:55: cluster.stragglers.hits: there are no racks (network.topology is not a tree)",
    ),
    cluster(
        "spells of node 30",
        "stragglers: {slowdown: 2, mean_slow: forever, hits: node, members: [0, 30]}",
        "s.yaml:5:74: cluster.stragglers.members.1: there is no node 30; there are 0 to 29",
    ),
    cluster(
        "spells of learner 3 twice",
        "stragglers: {slowdown: 2, mean_slow: forever, members: [3, 3]}",
        "s.yaml:5:62: cluster.stragglers.members.1: learner 3 is given twice",
    ),
    cluster(
        "members and a share",
        "stragglers: {slowdown: 2, mean_slow: forever, members: [3], share: 0.1}",
        "s.yaml:5:70: cluster.stragglers.share: `members` is given as well",
    ),
    cluster(
        "a group with a learner that is not there",
        "stragglers: {slowdown: 2, mean_slow: forever, hits: all, members: [0, 30]}",
        "s.yaml:5:73: cluster.stragglers.members.1: there is no learner 30; there are 0 to 29",
    ),
    cluster(
        "a law of slowdowns without cv",
        "stragglers: {slowdown: {mean: 2, distribution: pareto}, mean_slow: forever}",
        "s.yaml:5:16: cluster.stragglers.slowdown.cv: missing: pareto times need",
    ),
    cluster(
        "spells of a trace",
        "stragglers: {slowdown: 2, mean_normal: 1 s, mean_slow: 1 s, slow_law: {distribution: trace}}",
        "s.yaml:5:88: cluster.stragglers.slow_law.distribution: 'trace' is not one of",
    ),
    cluster(
        "a trace of updates",
        "server: {update_law: {distribution: trace}}",
        "s.yaml:5:39: cluster.server.update_law.distribution: 'trace' is not one of",
    ),
    # A law for each learner, and traces
    compute(
        "two laws for 30",
        "[{per_sample: 1 s}, {per_sample: 2 s}]",
        "s.yaml:5:12: cluster.compute: the list has 2 items, but there are 30 learners",
    ),
    compute("no laws", "[]", "s.yaml:5:12: cluster.compute: the list is empty"),
    cluster(
        "a law of its own without a mean",
        f"compute: [{', '.join(['{per_sample: 1 s}'] * 29)}, {{cv: 0}}]",
        "s.yaml:5:564: cluster.compute.29.per_sample: missing",
    ),
    override(
        "a part of a law that is a list",
        "compute.cv=0.3",
        "cluster.compute.cv: cluster.compute is a list, of which an override cannot change a part; give it whole",
        text=PLAIN.replace("profile: p775", "profile: p775\n  compute: [{per_sample: 1 s}]"),
    ),
    compute("a trace of nothing", "{distribution: trace}", "s.yaml:5:3: cluster.compute.file: missing: a trace needs a file"),
    compute(
        "a trace with a cv",
        "{distribution: trace, measured: [1 s], cv: 0.1}",
        "s.yaml:5:55: cluster.compute.cv: a trace's times have a coefficient of variation of their own",
    ),
    compute(
        "the end of no trace", "{at_end: stop}", "s.yaml:5:21: cluster.compute.at_end: is for traces, but the distribution"
    ),
    compute(
        "one trace of two series",
        "{distribution: trace, measured: [[1 s], [2 s]], per: cluster}",
        "s.yaml:5:65: cluster.compute.per: the trace has 2 series",
    ),
    compute(
        "a block without bootstrap",
        "{distribution: trace, measured: [1 s], block: 1}",
        "s.yaml:5:58: cluster.compute.block: is the length of a block of the bootstrap; set at_end: bootstrap",
    ),
    compute(
        "a block longer than its series",
        "{distribution: trace, measured: [1 s], at_end: bootstrap, block: 2}",
        "s.yaml:5:77: cluster.compute.block: 2 is more than the 1 times of the shortest series",
    ),
    compute("a column of no file", "{column: ms}", "s.yaml:5:21: cluster.compute.column: is about the file of"),
    compute(
        "a file's digest alone",
        "{distribution: trace, measured: {sha256: abc}}",
        "s.yaml:5:44: cluster.compute.measured: found a mapping; expected a list of times",
    ),
]
