"""Synonyms of simasgd's words: the first source of "did you mean", before words that merely look alike.

A word is compared in lower case, with `_` for `-` and blanks, and without `num_`, `n_` or
`number_of_` at its beginning. A misspelt synonym counts, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from simasgd.scenario.vocabulary.names import join_words
from simasgd.scenario.vocabulary.values import are_opposed, nearest, similarity

_PREFIX = re.compile(r"(num|n|number_of|nr|no_of)_")


def _by_word(meanings: Mapping[tuple[str, ...], str]) -> dict[str, tuple[str, ...]]:
    return {word: targets for targets, words in meanings.items() for word in words.split()}


KEYS = _by_word(
    {
        ("workload.mini_batch",): "batch batch_size batchsize bs minibatch minibatch_size mini_batch_size local_batch_size "
        "train_batch_size per_device_batch_size samples_per_gradient mu µ μ",
        ("cluster.learners",): "workers worker nodes clients replicas gpus devices processes procs ranks world_size trainers "
        "agents machines peers learner num_gpus n_gpus cores cpus hosts lambda λ",
        ("cluster.learners_per_node",): "gpus_per_node workers_per_node processes_per_node devices_per_node ranks_per_node",
        (
            "learning.optimizer.learning_rate",
        ): "lr eta η alpha α alpha0 alpha_0 α₀ step_size stepsize rate learningrate base_lr initial_lr max_lr",
        ("learning.optimizer.weight_decay",): "wd l2 l2_penalty regularization",
        ("learning.optimizer.clip",): "clipping gradient_clipping grad_clip clip_norm max_norm max_grad_norm clip_gradients",
        ("learning.optimizer",): "optim opt",
        ("learning.schedule",): "lr_schedule scheduler lr_scheduler learning_rate_schedule",
        ("learning.schedule.warmup",): "warmup_epochs warm_up lr_warmup",
        ("learning.schedule.boundaries",): "milestones lr_steps drops",
        ("learning.data",): "dataset data_set",
        ("learning.partition",): "split non_iid iid sharding data_split",
        ("learning.evaluate",): "eval eval_every evaluation eval_interval test_every validate_every",
        ("learning.model",): "network_model net arch nn",
        ("learning.model.hidden",): "hidden_layers hidden_sizes hidden_size hidden_units layer_sizes",
        ("learning.modulation",): "staleness_rule discount staleness_aware lr_rule",
        ("workload.payload",): "message_size model_size gradient_size parameter_size param_size message bytes",
        ("workload.compression",): "compressor quantization quantisation sparsification",
        ("cluster.network.latency",): "ping rtt lag network_delay",
        ("cluster.network.bandwidth", "cluster.server.bandwidth"): "bw throughput network_speed link_speed ethernet gbe",
        ("cluster.compute.per_batch",): "compute_time batch_time iteration_time step_time gradient_time",
        ("cluster.compute.per_sample",): "sample_time time_per_sample",
        ("cluster.compute.file",): "trace traces trace_file times_file measured_times compute_trace",
        ("cluster.compute.at_end",): "on_end wrap loop",
        ("cluster.stragglers",): "slow_spells slowdowns interference hiccups slow_nodes slow_workers slow_learners straggler",
        ("cluster.stragglers.hits",): "scope affects level",
        ("cluster.speeds",): "speed heterogeneity worker_speeds",
        ("cluster.faults.crashes",): "failures failure crash preemptions",
        ("cluster.profile",): "preset hardware machine",
        ("cluster.architecture.shards",): "servers parameter_servers ps server_count",
        ("protocol",): "algorithm algo method strategy mode synchronization sync sync_mode",
        ("protocol.slack",): "staleness_bound max_staleness staleness bound",
        ("protocol.backups",): "backup_workers backup spares",
        ("protocol.local_steps", "protocol.period"): "local_epochs tau sync_period communication_period",
        ("repeats",): "runs trials replications repetitions seeds num_seeds",
        ("stop.epochs",): "epoch max_epochs train_epochs",
        ("stop.updates", "stop.gradients"): "iterations iters max_steps max_iter max_iterations total_steps rounds steps",
        ("stop.simulated_time",): "time duration max_time time_limit sim_time until",
        ("stop.test_error",): "target target_error accuracy target_accuracy early_stopping goal error",
    }
)
"""The keys that a user's word may stand for."""

KINDS = _by_word(
    {
        (
            "hardsync",
            "all-reduce",
        ): "sync synchronous synchron synced sync_sgd ssgd s_sgd synchronous_sgd barrier lockstep",
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
        ("gossip-pull", "ad-psgd", "sgp"): "decentralized decentralised d_psgd dpsgd gossip p2p peer_to_peer",
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

VALUES = _by_word(
    {
        ("lognormal", "gamma"): "gaussian normal gauss random weibull",
        ("exponential",): "exp poisson memoryless markov",
        ("pareto",): "heavy_tailed heavy_tail power_law powerlaw",
        ("constant",): "fixed deterministic none const",
        ("empirical",): "measured sampled bootstrap histogram",
        ("trace",): "replay recorded log",
        ("float32",): "fp32 single f32 float",
        ("float64",): "fp64 double f64",
        ("timeline",): "all full everything trace events gantt",
        ("summary",): "none minimal nothing",
        ("fair",): "maxmin max_min fair_share shared processor_sharing ps tcp",
        ("fifo",): "fcfs queue first_in_first_out",
        ("together",): "same synchronized at_once",
        ("spread",): "random staggered",
    }
)
"""The words among which a key chooses (laws, number formats and others) that a user's word may stand for."""

ABSENT = {
    word: reason
    for words, reason in {
        "dropout": "the models have none; a model of your own may (docs/own-model.md)",
        "loss criterion loss_function": "the model decides the loss; 'simasgd list models' shows them",
        "batchnorm batch_norm batch_normalization": "the model decides it; 'simasgd list models' shows them",
        "activation activations": "the model decides it; 'simasgd list models' shows them",
        "output output_dir out_dir outdir folder": "the folder of the results is an option: --out FOLDER",
        "device cuda accelerator backend": "JAX chooses the device; its variable JAX_PLATFORMS names another",
    }.items()
    for word in words.split()
}
"""Words for what a scenario cannot say, each with the reason or the way."""

_TIMES = _by_word(
    {
        ("s",): "s sec secs second seconds",
        ("ms", "min"): "m",
        ("ms",): "msec msecs millis millisecond milliseconds",
        ("us",): "usec usecs micros microsecond microseconds mus",
        ("ns",): "nsec nsecs nanosecond nanoseconds",
        ("min",): "mins minute minutes",
        ("h",): "hr hrs hour hours d day days",
    }
)
_LEAST, _LEAST_OF_KINDS, _SURE = 0.7, 0.6, 0.75  # similarities
_VOLUME = re.compile(r"([kmgt]i?|(?:kilo|mega|giga|tera))?(b|bytes?|bits?|be|)(ps|/s|/sec|/second|)", re.IGNORECASE)


def keys(word: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the full keys that a word may stand for; none for an unknown word.

    Only the last part of a dotted key counts. `known` are the full keys, of which the word may be
    the end after a prefix such as `num_` (num_epochs).
    """
    plain = _normal(word.rpartition(".")[2])
    if plain in KEYS:
        return KEYS[plain]
    return tuple(key for key in known if key.rpartition(".")[2] == plain)


def kinds(word: str, choices: Collection[str]) -> tuple[str, ...]:
    """Return the kinds and other values among `choices` that a word may stand for."""
    plain = _normal(word)
    meant = dict.fromkeys([*KINDS.get(plain, ()), *VALUES.get(plain, ())])
    return tuple(kind for kind in meant if kind in choices)


def suggest_keys(word: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the full keys among `known` that a word may stand for, or that it misspells; the likeliest only."""
    if meant := keys(word, known):
        return meant
    endings: dict[str, tuple[str, ...]] = {}
    for full in known:
        parts = full.split(".")
        for start in range(len(parts)):
            endings.setdefault(".".join(parts[start:]), (full,))
    plain, last = word.strip().lower().replace("-", "_"), _normal(word.rpartition(".")[2])
    return _likeliest([(plain, endings, _LEAST), (last, KEYS, _SURE)])


def suggest_kinds(word: str, choices: Collection[str]) -> tuple[str, ...]:
    """Return the values among `choices` that a word may stand for, or that it misspells; the likeliest only."""
    if meant := kinds(word, choices):
        return meant
    own = {choice: (choice,) for choice in choices}
    return _likeliest([(word.lower(), own, _LEAST_OF_KINDS), (_normal(word), _users_words(choices), _SURE)])


def suggest_by_use(word: str, choices: Collection[str]) -> tuple[str, ...]:
    """Return the values among `choices` that a user's word stands for which a word misspells; the likeliest only."""
    return _likeliest([(_normal(word), _users_words(choices), _SURE)])


def _users_words(choices: Collection[str]) -> dict[str, tuple[str, ...]]:
    return {known: meant for known in (*KINDS, *VALUES) if (meant := kinds(known, choices))}


def suggest(word: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the name that a word misspells, or what the user's word stands for that it misspells."""
    plain = _normal(word)
    return _likeliest([(word, {name: (name,) for name in names}, _LEAST), (plain, KEYS, _SURE), (plain, KINDS, _SURE)])


def _likeliest(spellings: Iterable[tuple[str, Mapping[str, tuple[str, ...]], float]]) -> tuple[str, ...]:
    """Return what the nearest spelling of a word stands for, of several tables with a least similarity each.

    A spelling that stands for the opposite of the word is left out.
    """
    found = []
    for word, meanings, least in spellings:
        allowed = [one for one, meant in meanings.items() if not any(are_opposed(word, name) for name in meant)]
        if (near := nearest(word, allowed, least)) is not None:
            found.append((similarity(word, near), meanings[near]))
    return max(found, key=lambda one: one[0])[1] if found else ()


def units(word: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the units among `known` that a word may stand for: two if it may mean bytes or bits."""
    meant = [unit for unit in _TIMES.get(word.lower(), ()) if unit in known]
    volume = _VOLUME.fullmatch(word)
    if not meant and volume is not None and volume[0]:
        prefix, kind, per_second = volume.groups()
        scale = "" if prefix is None else _SCALES[prefix[0].lower()] + ("i" if len(prefix) == 2 else "")
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
    return f"did you mean {join_words([repr(word) for word in meant])}?"


def _normal(word: str) -> str:
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    return _PREFIX.sub("", plain, count=1) if plain not in KEYS else plain
