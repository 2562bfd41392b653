"""Mistakes in a `cluster` section, key by key, and in sections that depend on it."""

from __future__ import annotations

from tests.command.bad_input import DEGRADED, VARIANTS, Case, cluster, compute, wrong

CLUSTER_CASES: list[Case] = [
    # Compute times
    compute("unknown law", "{distribution: paretto}", "s.yaml:5:27: cluster.compute.distribution: ", "did you mean 'pareto'?"),
    compute("no time per sample", "{per_sample: null}", "s.yaml:5:25: cluster.compute.per_sample: missing"),
    compute(
        "shifted exponential with cv 2",
        "{distribution: shifted-exponential, cv: 2}",
        "s.yaml:5:52: cluster.compute.cv: 2 is too large; shifted-exponential times have a cv of at most 1",
    ),
    compute("pareto without cv", "{distribution: pareto, cv: null}", "s.yaml:5:39: cluster.compute.cv: missing: pareto times"),
    compute(
        "file without times",
        "{distribution: empirical, file: s.yaml}",
        "s.yaml:5:44: cluster.compute.file: s.yaml, line 1: 'name: plain' is not a time; write one number a line",
    ),
    compute("empirical without times", "{distribution: empirical, cv: null}", "s.yaml:5:3: cluster.compute.file: missing: "),
    compute(
        "measured times with a cv",
        "{distribution: empirical, measured: [1 s], cv: 0.1}",
        "s.yaml:5:59: cluster.compute.cv: empirical times have a coefficient of variation of their own",
    ),
    compute(
        "measured times under another law",
        "{measured: [1 s], distribution: gamma}",
        "s.yaml:5:23: cluster.compute.measured: there are measured times, but the distribution is gamma",
    ),
    compute("no measured times", "{measured: []}", "s.yaml:5:23: cluster.compute.measured: the list is empty"),
    compute("measured time without unit", "{measured: [1 s, 2]}", "s.yaml:5:29: cluster.compute.measured.1: 2 has no unit"),
    compute("file missing", "{file: t.txt}", "s.yaml:5:19: cluster.compute.file: t.txt cannot be read: No such file"),
    compute("file a number", "{file: 3}", "s.yaml:5:19: cluster.compute.file: 3 is not text"),
    compute(
        "efficiency a number", "{efficiency: 0.5}", "s.yaml:5:25: cluster.compute.efficiency: found 0.5; expected a mapping"
    ),
    compute(
        "efficiency's key",
        "{efficiency: {full: 8, exponent: 0.5}}",
        "s.yaml:5:26: ",
        "unknown key 'full'; did you mean 'full_at'?",
    ),
    compute("efficiency true", "{efficiency: {full_at: true, exponent: 0.5}}", "s.yaml:5:35: ", "true is not a whole number"),
    compute("exponent 1", "{efficiency: {full_at: 8, exponent: 1}}", "s.yaml:5:48: ", "1 is too large; it must be less than 1"),
    cluster("unknown law of updates", "server: {update_law: {distribution: gama}}", "s.yaml:5:39: ", "did you mean 'gamma'?"),
    cluster("law of updates a word", "server: {update_law: gamma}", "s.yaml:5:24: ", "found 'gamma'; expected a mapping"),
    cluster(
        "update law without cv",
        "server: {update_law: {distribution: gamma}}",
        "s.yaml:5:12: cluster.server.update_law.cv: missing: gamma times need their coefficient of variation",
    ),
    # Speeds and stragglers
    cluster("two speeds for 30", "speeds: [1, 2]", "s.yaml:5:11: cluster.speeds: there are 2 speeds for 30 learners"),
    cluster("speed 0", "speeds: [1, 0]", "s.yaml:5:15: cluster.speeds.1: 0 is too small; it must be more than 0"),
    cluster("speed true", "speeds: [1, true]", "s.yaml:5:15: cluster.speeds.1: true is not a number"),
    cluster("speeds a word", "speeds: fast", "s.yaml:5:11: cluster.speeds: found 'fast'; expected a list or a mapping"),
    cluster(
        "law of speeds",
        "speeds: {distribution: normal, cv: 1}",
        "s.yaml:5:26: cluster.speeds.distribution: 'normal' is not one of 'gamma' or 'lognormal'",
    ),
    cluster("speeds' key", "speeds: {distribution: gamma, cvv: 0.3}", "s.yaml:5:33: ", "did you mean 'cv'?"),
    cluster(
        "a link that carries nothing",
        "faults: {degraded_links: [{link: server, at: 1 s, lasting: 1 s, factor: 1e-16}]}",
        "s.yaml:5:75: cluster.faults.degraded_links.0.factor: 1e-16 is too small; it must be at least 1e-15",
    ),
    cluster(
        "two bandwidths for 30 nodes",
        "network: {bandwidth: [1 GB/s, 2 GB/s]}",
        "s.yaml:5:24: cluster.network.bandwidth: there are 2 bandwidths for 30 nodes with learners",
    ),
    cluster(
        "a bandwidth a word", "network: {bandwidth: [fast]}", "s.yaml:5:25: cluster.network.bandwidth.0: 'fast' is not a qu"
    ),
    cluster(
        "law of bandwidths without its name",
        "network: {bandwidth: {mean: 1 GB/s, cv: 1}}",
        "s.yaml:5:13: cluster.network.bandwidth.distribution: missing",
    ),
    cluster(
        "bandwidths all equal",
        "network: {bandwidth: {mean: 1 GB/s, distribution: gamma, cv: 0}}",
        "s.yaml:5:64: cluster.network.bandwidth.cv: 0 is too small",
    ),
    cluster(
        "an unlimited law of bandwidths",
        "network: {bandwidth: {mean: unlimited, distribution: gamma, cv: 1}}",
        "s.yaml:5:31: cluster.network.bandwidth.mean: a law needs a finite mean",
    ),
    cluster("a server on no node", "server: {node: 30}", "s.yaml:5:18: cluster.server.node: there is no node 30; there are 30"),
    cluster("a server on node true", "server: {node: true}", "s.yaml:5:18: cluster.server.node: true is not a whole number"),
    cluster(
        "two nodes for three shards",
        "server: {node: [0, 1]}\n  architecture: {kind: base, shards: 3}",
        "s.yaml:5:18: cluster.server.node: there are 2 nodes for 3 shards",
    ),
    cluster(
        "a server on a node under adv",
        "server: {node: 0}\n  architecture: adv",
        "s.yaml:5:18: cluster.server.node: adv places its servers itself",
    ),
    cluster("speeds all equal", "speeds: {distribution: gamma, cv: 0}", "s.yaml:5:37: cluster.speeds.cv: 0 is too small"),
    cluster("learners per node true", "learners_per_node: true", "s.yaml:5:22: cluster.learners_per_node: true is not a whole"),
    cluster(
        "stragglers faster",
        "stragglers: {slowdown: 1, mean_normal: 1 s, mean_slow: 1 s}",
        "s.yaml:5:26: cluster.stragglers.slowdown: 1 is too small; it must be more than 1",
    ),
    cluster(
        "slow for no time", "stragglers: {slowdown: 2, mean_normal: 1 s, mean_slow: 0}", "s.yaml:5:58: ", "a positive time"
    ),
    cluster(
        "too many kinds of stragglers",
        f"stragglers: [{', '.join(['{slowdown: 2, mean_slow: forever}'] * 21)}]",
        "s.yaml:5:15: cluster.stragglers: the list has 21 items; expected at most 20",
    ),
    cluster(
        "stragglers' key",
        "stragglers: {slow_down: 2, mean_normal: 1 s, mean_slow: 1 s}",
        "s.yaml:5:16: ",
        "did you mean 'slowdown'?",
    ),
    # Network and architecture
    cluster("unknown sharing", "network: {sharing: fare}", "s.yaml:5:22: cluster.network.sharing: ", "did you mean 'fair'?"),
    cluster("unknown topology", "network: {topology: tre}", "s.yaml:5:23: cluster.network.topology: ", "did you mean 'tree'?"),
    cluster(
        "unknown kind of it", "network: {topology: {kind: tre}}", "s.yaml:5:30: cluster.network.topology.kind: ", "'tree'?"
    ),
    cluster("topology's key", "network: {topology: {kind: tree, nodes: 3}}", "s.yaml:5:36: ", "unknown key 'nodes'; "),
    cluster(
        "another topology's key",
        "network: {topology: {kind: ring, local: 3}}",
        "s.yaml:5:36: ",
        "unknown key 'local'; known keys: kind",
    ),
    cluster(
        "topology without kind",
        "network: {topology: {nodes_per_rack: 3}}",
        "s.yaml:5:23: cluster.network.topology: kind is missing; choose from 'star', 'tree', 'ring', 'medium', 'p775'",
    ),
    cluster(
        "rack of true nodes", "network: {topology: {kind: tree, nodes_per_rack: true}}", "s.yaml:5:52: ", "not a whole number"
    ),
    cluster("overhead without unit", "network: {overhead: 3}", "s.yaml:5:23: cluster.network.overhead: 3 has no unit"),
    cluster("unknown architecture", "architecture: adv**", "s.yaml:5:17: cluster.architecture: ", "did you mean 'adv*'?"),
    cluster("architecture begun with a star", "architecture: *adv", "s.yaml:5:17: not YAML: found undefined alias"),
    cluster(
        "architecture a number", "architecture: 3", "s.yaml:5:17: cluster.architecture: found 3; expected a kind or a mapping"
    ),
    cluster(
        "shards of a tree",
        "architecture: {kind: adv, shards: 2}",
        "s.yaml:5:29: ",
        "unknown key 'shards'; known keys: colocated, ",
    ),
    cluster("yes for true", "architecture: {kind: adv*, colocated: yes}", "s.yaml:5:41: ", "'yes' is neither true nor false"),
    cluster("a tree of one", "architecture: {kind: adv, fan_out: 1}", "s.yaml:5:38: ", "1 is too small; it must be at least 2"),
    # Faults
    cluster("faults a list", "faults: []", "s.yaml:5:11: cluster.faults: found a list; expected a mapping"),
    cluster("unknown fault", "faults: {crash: []}", "s.yaml:5:12: cluster.faults.crash: ", "did you mean 'crashes'?"),
    cluster(
        "crashes a number", "faults: {crashes: 3}", "s.yaml:5:21: cluster.faults.crashes: found 3; expected a list or a mapping"
    ),
    cluster("no mttr", "faults: {crashes: {mtbf: 1 h}}", "s.yaml:5:12: cluster.faults.crashes.mttr: missing"),
    cluster("mttr misspelt", "faults: {crashes: {mtbf: 1 h, mttrr: 1 s}}", "s.yaml:5:33: ", "did you mean 'mttr'?"),
    cluster(
        "always crashing", "faults: {crashes: {mtbf: 0, mttr: 1 s}}", "s.yaml:5:28: ", "crashes.mtbf: must be a positive time"
    ),
    cluster(
        "key in a list",
        "faults: {crashes: [{learner: 1, at: 1 s}, {lerner: 1, at: 1 s}]}",
        "s.yaml:5:46: cluster.faults.crashes.1.lerner: unknown key 'lerner'; did you mean 'learner'?",
    ),
    cluster("missing in a list", "faults: {crashes: [{learner: 1}]}", "s.yaml:5:22: cluster.faults.crashes.0.at: missing"),
    cluster("crash of true", "faults: {crashes: [{learner: true, at: 1 s}]}", "s.yaml:5:32: ", "true is not a whole number"),
    cluster(
        "crash of nobody",
        "faults: {crashes: [{learner: 30, at: 1 s}]}",
        "s.yaml:5:32: cluster.faults.crashes.0.learner: there is no learner 30; there are 0 to 29",
    ),
    cluster(
        "crash while down",
        "faults: {crashes: [{learner: 1, at: 5 s, down: 2 s}, {learner: 1, at: 6 s}]}",
        "s.yaml:5:73: cluster.faults.crashes.1.at: learner 1 is down then, until 7 s",
    ),
    cluster(
        "crash after the last",
        "faults: {crashes: [{learner: 1, at: 5 s, down: 2 s}, {learner: 1, at: 2 s}]}",
        "s.yaml:5:39: cluster.faults.crashes.0.at: learner 1 is down then, for good",
    ),
    cluster("down for no time", "faults: {crashes: [{learner: 1, at: 5 s, down: 0}]}", "s.yaml:5:50: ", "or null: for good"),
    cluster(
        "overlapping pauses",
        "faults: {server_pauses: [{at: 4 s, lasting: 1 s}, {at: 1 s, lasting: 3.5 s}]}",
        "s.yaml:5:33: cluster.faults.server_pauses.0.at: the server still pauses then, until 4.5 s",
    ),
    cluster("pause of no time", "faults: {server_pauses: [{at: 4 s, lasting: 0}]}", "s.yaml:5:47: ", "must be a positive time"),
    cluster(
        "pause no list", "faults: {server_pauses: {at: 4 s, lasting: 1 s}}", "s.yaml:5:27: ", "found a mapping; expected a list"
    ),
    cluster(
        "near link",
        DEGRADED.format("servr"),
        "s.yaml:5:36: ",
        "degraded_links.0.link: 'servr' is not a link; did you mean 'server'?",
    ),
    cluster("near node", DEGRADED.format("nod 3"), "s.yaml:5:36: ", "'nod 3' is not a link; did you mean 'node 3'?"),
    cluster(
        "far link", DEGRADED.format("eth0"), "s.yaml:5:36: ", "'eth0' is not a link; expected 'server', 'node N' or 'rack N'"
    ),
    cluster("no such node", DEGRADED.format("node 30"), "s.yaml:5:36: ", "there is no node 30; there are nodes 0 to 29"),
    cluster(
        "no racks",
        DEGRADED.format("rack 0"),
        "s.yaml:5:36: ",
        "there is no rack 0; there are no racks (network.topology is not a tree)",
    ),
    cluster(
        "no such rack",
        "network: {topology: {kind: tree, nodes_per_rack: 8}}\n  " + DEGRADED.format("rack 4"),
        "s.yaml:6:36: ",
        "there is no rack 4; there are racks 0 to 3",
    ),
    cluster("link a number", DEGRADED.format("7"), "s.yaml:5:36: ", "7 is not text"),
    cluster("no degradation", DEGRADED.format("server").replace("0.5", "1"), "s.yaml:5:75: ", "1 is too large"),
    cluster("loss a number", "faults: {message_loss: 0.1}", "s.yaml:5:26: ", "found 0.1; expected a mapping"),
    cluster(
        "everything lost",
        "faults: {message_loss: {probability: 1, resend_after: 1 s}}",
        "s.yaml:5:40: cluster.faults.message_loss.probability: 1 is too large; it must be at most 0.99",
    ),
    wrong("timeout without unit", "hardsync", "{kind: hardsync, barrier_timeout: 3}", "s.yaml:6:45: ", "3 has no unit"),
    wrong(
        "timeout of async", "hardsync", "{kind: async, barrier_timeout: 3 s}", "s.yaml:6:25: ", "unknown key 'barrier_timeout'"
    ),
    wrong(
        "unknown collective",
        "hardsync",
        "{kind: all-reduce, collective: rign}",
        "s.yaml:6:42: protocol.collective: unknown kind 'rign'; choose from 'ring', ",
        "did you mean 'ring'?",
    ),
    wrong(
        "past the centre",
        "hardsync",
        "{kind: easgd, moving_rate: 31}",
        "s.yaml:6:38: protocol.moving_rate: 31 is more than the 30 learners",
    ),
    wrong(
        "own models with a server's rule",
        "protocol: hardsync\nlearning:",
        "protocol: sgp\nlearning:\n  modulation: gap-aware",
        "s.yaml:8:3: learning.modulation.kind: gap-aware needs one server that applies all gradients, and sgp has none",
    ),
    wrong(
        "own models compressed",
        "350 kB}\nprotocol: hardsync",
        "350 kB, compression: sign}\nprotocol: gossip-push",
        "s.yaml:5:44: workload.compression.kind: under gossip-push learners send models, and only gradients",
    ),
    wrong(
        "a tree of no servers",
        "p775\nworkload: {mini_batch: 4, payload: 350 kB}\nprotocol: hardsync",
        "p775\n  architecture: adv\nworkload: {mini_batch: 4, payload: 350 kB}\nprotocol: all-reduce",
        "s.yaml:5:3: cluster.architecture.kind: under all-reduce learners send no gradients to a server, so adv has no",
    ),
    *(
        wrong(
            f"no server: {key}",
            "p775\nworkload: {mini_batch: 4, payload: 350 kB}\nprotocol: hardsync",
            f"p775\n  faults: {{{key}: {value}}}\nworkload: {{mini_batch: 4, payload: 350 kB}}\nprotocol: ad-psgd",
            "s.yaml:5:",
            f"cluster.faults.{key}",
            f"under ad-psgd {message}",
        )
        for key, value, message in [
            ("server_pauses", "[{at: 1 s, lasting: 1 s}]", "there is no parameter server to pause"),
            ("degraded_links", "[{link: server, at: 1 s, lasting: 1 s, factor: 0.5}]", "learners do not use a server"),
        ]
    ),
    wrong(
        "near record", "stop: {epochs: 1}", "stop: {epochs: 1}\nrecord: timelin", "s.yaml:13:9: ", "did you mean 'timeline'?"
    ),
    wrong(
        "a variant's fault",
        "stop: {epochs: 1}",
        VARIANTS + " {a: {cluster: {faults: {crashes: [{lerner: 1, at: 1 s}]}}}}",
        "s.yaml:13:46: variants.a.cluster.faults.crashes.0.lerner: unknown key 'lerner'; did you mean 'learner'?",
    ),
    cluster(
        "kind as a key",
        "network: {topology: {kind: tree, tree: 3}}",
        "s.yaml:5:36: cluster.network.topology.tree: unknown key 'tree'; known keys: core_latency, ",
    ),
]
