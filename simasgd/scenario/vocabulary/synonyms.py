"""Synonyms of simasgd's words: the first source of "did you mean", before words that merely look alike.

A word is compared in lower case, with `_` for `-` and blanks, and without `num_`, `n_` or
`number_of_` at its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

_PREFIX = re.compile(r"(num|n|number_of|nr|no_of)_")


def _by_word(meanings: Mapping[tuple[str, ...], str]) -> dict[str, tuple[str, ...]]:
    return {word: targets for targets, words in meanings.items() for word in words.split()}


KEYS = _by_word(
    {
        ("workload.mini_batch",): "batch batch_size batchsize bs minibatch minibatch_size mini_batch_size local_batch_size "
        "train_batch_size per_device_batch_size samples_per_gradient mu",
        ("cluster.learners",): "workers worker nodes clients replicas gpus devices processes procs ranks world_size trainers "
        "agents machines peers learner",
        ("cluster.learners_per_node",): "gpus_per_node workers_per_node processes_per_node devices_per_node ranks_per_node",
        ("learning.optimizer.learning_rate",): "lr eta alpha alpha0 step_size stepsize rate learningrate base_lr initial_lr",
        ("learning.optimizer.weight_decay",): "wd l2 l2_penalty regularization",
        ("learning.optimizer",): "optim opt",
        ("learning.schedule",): "lr_schedule scheduler lr_scheduler",
        ("learning.data",): "dataset data_set",
        ("learning.model.hidden",): "hidden_layers hidden_sizes hidden_size hidden_units layer_sizes",
        ("learning.modulation",): "staleness_rule discount staleness_aware lr_rule",
        ("workload.payload",): "message_size model_size gradient_size parameter_size param_size message",
        ("workload.compression",): "compressor quantization quantisation sparsification",
        ("cluster.network.latency",): "ping rtt lag network_delay",
        ("cluster.network.bandwidth", "cluster.server.bandwidth"): "bw throughput network_speed link_speed",
        ("cluster.compute.per_batch",): "compute_time batch_time iteration_time step_time gradient_time",
        ("cluster.compute.per_sample",): "sample_time time_per_sample",
        ("cluster.compute.file",): "trace traces trace_file times_file measured_times compute_trace",
        ("cluster.compute.at_end",): "on_end wrap loop",
        ("cluster.stragglers",): "slow_spells slowdowns interference hiccups slow_nodes slow_workers",
        ("cluster.stragglers.hits",): "scope affects level",
        ("cluster.speeds",): "speed heterogeneity worker_speeds",
        ("cluster.faults.crashes",): "failures failure crash preemptions",
        ("cluster.profile",): "preset hardware machine",
        ("cluster.architecture.shards",): "servers parameter_servers ps server_count",
        ("protocol",): "algorithm algo method strategy mode synchronization sync sync_mode",
        ("protocol.slack",): "staleness_bound max_staleness staleness bound",
        ("protocol.backups",): "backup_workers backup spares",
        ("protocol.local_steps", "protocol.period"): "local_epochs tau sync_period communication_period",
        ("repeats",): "runs trials replications repetitions seeds",
        ("stop.epochs",): "epoch max_epochs train_epochs",
        ("stop.updates", "stop.gradients"): "iterations iters max_steps max_iter max_iterations total_steps rounds steps",
        ("stop.simulated_time",): "time duration max_time time_limit sim_time until",
    }
)
"""The keys that a user's word may stand for."""

KINDS = _by_word(
    {
        ("hardsync", "all-reduce"): "sync synchronous sync_sgd ssgd s_sgd synchronous_sgd barrier lockstep",
        ("hardsync",): "bsp bulk_synchronous bulk_synchronous_parallel hard_sync",
        ("async",): "asgd async_sgd asynchronous asynchronous_sgd asp hogwild a_sgd a3c",
        ("async", "hardsync"): "sgd parameter_server ps param_server minibatch_sgd",
        ("ssp",): "stale_sync stale_synchronous stale_synchronous_parallel bounded_staleness",
        ("all-reduce",): "allreduce ring_allreduce ring_all_reduce ring ddp ddp_sgd horovod nccl data_parallel fsdp",
        ("local-sgd",): "fedavg federated federated_averaging localsgd local post_local_sgd diloco",
        ("fedbuff",): "fedasync buffered",
        ("n-softsync",): "softsync soft_sync",
        ("easgd",): "elastic elastic_averaging ea_sgd",
        ("backup-workers",): "backup backups drop_stragglers",
        ("ad-psgd", "sgp", "gossip-pull"): "decentralized decentralised d_psgd dpsgd gossip p2p peer_to_peer",
        ("mlp",): "dnn fnn feedforward fully_connected dense nn perceptron",
        ("lenet5", "resnet20", "cifar10-rudra"): "cnn convnet conv lenet",
        ("resnet20", "resnet18"): "resnet resnet50 resnet34",
        ("softmax", "logistic"): "logreg logistic_regression multinomial softmax_regression",
        ("linear",): "linear_regression linreg least_squares",
        ("transformer",): "gpt llm bert attention",
        ("cifar10",): "cifar cifar_10",
        ("fashion-mnist",): "fmnist fashion fashionmnist",
        ("imagenet",): "imagenet1k ilsvrc imagenet_1k",
        ("sgd",): "momentum nesterov sgdm gd",
        ("inverse-staleness",): "staleness_aware staleness 1/tau inverse",
        ("top-k",): "topk sparse sparsification",
        ("fp16",): "half float16 half_precision",
        ("sign",): "signsgd sign_sgd 1_bit onebit",
    }
)
"""The kinds (of protocols, models, data, optimizers, modulations, compressions) that a user's word
may stand for."""

_TIMES = _by_word(
    {
        ("s",): "s sec secs second seconds",
        ("ms", "min"): "m",
        ("ms",): "msec msecs millis millisecond milliseconds",
        ("us",): "usec usecs micros microsecond microseconds mus",
        ("ns",): "nsec nsecs nanosecond nanoseconds",
        ("min",): "mins minute minutes",
        ("h",): "hr hrs hour hours",
    }
)
_VOLUME = re.compile(r"([kmgt]i?)?(b|bytes?|bits?|be|)(ps|/s|/sec|/second|)", re.IGNORECASE)


def keys(word: str) -> tuple[str, ...]:
    """Return the full keys that a word may stand for; none for an unknown word. Only the last part of a dotted key counts."""
    return KEYS.get(_normal(word.rpartition(".")[2]), ())


def kinds(word: str, choices: Collection[str]) -> tuple[str, ...]:
    """Return the kinds among `choices` that a word may stand for."""
    return tuple(kind for kind in KINDS.get(_normal(word), ()) if kind in choices)


def units(word: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the units among `known` that a word may stand for: two if it may mean bytes or bits."""
    meant = [unit for unit in _TIMES.get(word.lower(), ()) if unit in known]
    volume = _VOLUME.fullmatch(word)
    if not meant and volume is not None and volume[0]:
        prefix, kind, per_second = volume.groups()
        scale = "" if prefix is None else _SCALES[prefix[0].lower()] + ("i" if len(prefix) > 1 else "")
        rate = "/s" if "B/s" in known else ""
        is_exact = scale == (prefix or "")
        meant = [scale + form + rate for form in _forms(kind, bool(per_second) or is_exact)]
    return tuple(unit for unit in meant if unit in known)


_SCALES = {"k": "k", "m": "M", "g": "G", "t": "T"}


def _forms(kind: str, is_careful: bool) -> Sequence[str]:
    """Return bytes, bits, or both.

    A capital B stands for bytes. A small b stands for bits in a rate (gbps) or after a correct
    prefix (Gb, but not gb).
    """
    if kind.lower() in ("be", "bit", "bits") or (kind == "b" and is_careful):
        return ("bit",)
    return ("B",) if kind == "B" or kind.lower() in ("byte", "bytes") else ("B", "bit")


def ask(meant: Sequence[str]) -> str:
    """Write a question such as: did you mean 'MB' or 'Mbit'?."""
    first, last = ", ".join(map(repr, meant[:-1])), repr(meant[-1])
    return f"did you mean {f'{first} or {last}' if first else last}?"


def _normal(word: str) -> str:
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    return _PREFIX.sub("", plain, count=1) if plain not in KEYS else plain
