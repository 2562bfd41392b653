"""The terms of results: what a report says, explained on its page and by `simasgd explain`."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple


class Term(NamedTuple):
    """A term with its explanation, and the regular expression of the words that stand for it on a page.

    `asked` has further words by which it is asked for, of results' files and of the field.
    """

    name: str
    text: str
    words: str
    asked: str = ""


TERMS = (
    Term(
        "Simulated time",
        "The time that the modelled cluster would need for computing, messages, queues, updates and waiting. "
        "Evaluation on the test set takes no simulated time. The run time of the simulation itself is called wall "
        "time.",
        r"simulated (time|s\b|seconds?)",
        "simulated_seconds sim_time wall_time wall runtime run_time",
    ),
    Term(
        "Measured",
        "A run that `simasgd import` made of a real system's log. Its times are those of the system; what the log "
        "does not tell is left out. Learning is replayed: real gradients, in the order and with the staleness of the "
        "log.",
        r"\bmeasured\b",
    ),
    Term(
        "Staleness, σ or τ",
        "The number of other updates between reading the weights and applying the gradient that was computed on them."
        " If learners have their own models, it is the number of changes of the learner's model in between. A single "
        "learner has staleness 0.",
        r"\bstale",
        "sigma tau mean_staleness stale delay delays",
    ),
    Term(
        "Age of mixed-in models",
        "Some protocols mix the models of other learners, or parts of them, into a learner's model. The age of such a"
        " model is the number of steps that its owner has made since it was read. For the centre's model it is the "
        "number of the centre's moves. An average over all learners' models at once has no age.",
        r"mixed-in model",
        "age ages mixing_age",
    ),
    Term(
        "Samples/s",
        "The samples of applied gradients, divided by the simulated time.",
        r"samples/s|samples per simulated second",
        "samples_per_second samples_per_simulated_second throughput rate",
    ),
    Term(
        "Speed-up",
        "How many times as many samples are applied in a second as by a base. A figure of a sweep names its base, the fewest "
        "learners of the sweep. Elsewhere the base is one learner of speed 1 that computes alone: "
        "its mini-batch ÷ the mean compute time, without messages, updates and waiting. Where learners have laws of "
        "their own, it is the fastest of them. λ equal learners reach λ at most, on average.",
        r"speed-up",
        "speedup speed_up scaling scalability efficiency parallel_efficiency",
    ),
    Term(
        "Learner-hours",
        "The run's time, summed over the learners that were present: λ × the time, less the time that learners were down. "
        "Below one of them, pages and tables on the terminal have learner-seconds.",
        r"learner-(hours|seconds)",
        "gpu_hours node_hours cost",
    ),
    Term(
        "Speed of a learner",
        "The mini-batches that the learner has computed, for each second of its computing. Waiting and messages do not count.",
        r"mini-batches/s",
        "learner_speed",
    ),
    Term(
        "Consensus distance",
        "How far the learners' models are apart at an evaluation: the root mean square of their Euclidean distances "
        "from their mean, over all parameters. It is 0 if all models agree. Under local-sgd and easgd it grows "
        "between two averaging steps, so it depends on the time since the last one.",
        r"consensus distance",
        "consensus",
    ),
    Term(
        "Free communication and no waiting",
        "The mean staleness with free communication and without waiting: λ − 1 for async, (λ − 1)/c for n-softsync, 0"
        " for hardsync. Messages, queues and waiting move the measured mean away from it.",
        r"free communication",
        "free_communication",
    ),
    Term(
        "Epoch",
        "As many applied samples as the training set holds, whichever learners computed them. Gradients that were "
        "never applied do not count.",
        r"\bepochs?\b",
        "epochs",
    ),
    Term(
        "λ, µ, α₀",
        "The number of learners, the samples in a mini-batch, and the learning rate before staleness changes it. α₀/τ"
        " divides the rate of each gradient by its own staleness, α₀/⟨σ⟩ the rate of all gradients by one mean.",
        r"[λµ]|α₀",
        "lambda mu μ alpha0 alpha_0 symbols",
    ),
    Term(
        "Compute, push, wait, pull, idle",
        "Compute: a gradient. Push: a message from the learner, or an average with all others, is on its way. Pull: "
        "the learner fetches weights or a model. Wait: in a queue, for an update, at a barrier, or for a lost message "
        "to be sent again. Idle: there is nothing to do.",
        r"\b(push|pull|wait|idle)\b",
        "activities learner_time phases waiting",
    ),
    Term(
        "Link, port, D link",
        "A link carries messages in one direction, or in both if its name does not say which. A port connects one learner or "
        "server with the others on its node (intra_node_bandwidth). D links connect the supernodes of a P775.",
        r"\b(port (into|out of)|D link|link from node)\b",
        "interface nic port d_link l_link",
    ),
    Term(
        "Step, mix, copy, launch",
        "Shown if they take time (cluster.costs). Step: a learner applies a gradient to a model of its own. Mix: it "
        "mixes models. Copy: a message is copied and serialized at one of its ends, by a thread of the learner or by "
        "the server. Launch: the start of a collective operation. The answer thread of a learner does what other "
        "learners ask for.",
        r"\b(launch|mix|own steps|copies)\b",
    ),
    Term(
        "base, adv, adv*",
        "Rudra's architectures. base: one thread computes, pushes and pulls in turn. adv: another thread pushes, and "
        "a tree of servers adds gradients up on their way. adv*: a third thread pulls, and learners pass the weights "
        "on to each other.",
        r"\badv\b",
    ),
    Term(
        "Communication overlap",
        "The share of computing in the time in which the computing thread computes, pushes, waits or pulls. It is 100"
        " % if computing hides all communication.",
        r"communication overlap",
        "overlap comm_overlap",
    ),
    Term(
        "Critical path",
        "The chain of computing, messages and updates that had to follow each other until the run's end. It contains "
        "no waiting, because waiting ends with something else on the path. Where nothing works, it names the fault. "
        "Down: a learner is away. Resend: a lost message is to be sent again. Timeout: a time-out or a deadline passes. "
        "Pause: the server pauses. Other is the rest, for example the time after the last update.",
        r"critical path",
    ),
    Term(
        "If one part were twice as fast",
        "The first gradients, simulated once more with the network, the servers or the nodes twice as fast. Where slow "
        "spells or faults come at times, that is the whole run, or 10,000 gradients of a long one. "
        "A part that was not simulated has a limit, after a ≤: the run if the "
        "critical path spent half as long in the part. The interval after a ± is what chance alone may do. In adv "
        "and adv*, gradients are summed up while they wait, so a long critical path makes gradients stale but does "
        "not slow the run. There, this table shows which part limits the speed, and the path shows which part causes "
        "the staleness.",
        r"if one part were",
        "what_if whatif bottleneck",
    ),
    Term(
        "Test error, test loss",
        "The share of test samples that are assigned to a wrong class, and the mean over the test samples of the "
        "function that is minimized. If labels are not classes, there is only a loss: half the squared error of a "
        "regression, or a given function. If learners have their own models, the centre is tested, or without one "
        "their mean.",
        r"test (error|loss)",
        "error accuracy loss test_accuracy",
    ),
    Term(
        "Fails to learn",
        "The final test error is at least 80 % of that of guessing, or the weights stopped being finite (diverged). "
        "Beside better runs on the same data, the limit is in the middle between the lowest error and that of guessing, "
        "if that is lower. Without classes, the test loss is at least 80 % of that of the initial weights.",
        r"fails? to learn|diverged",
        "diverged divergence failure",
    ),
    Term(
        "Worse, better",
        "A difference of two mean test errors counts if it exceeds twice its standard error, of the seeds and the test "
        "set. With several seeds, a tenth of the smaller error never counts, or 0.5 points if that is less. More than a "
        "quarter always does, or 1.5 points if that is less. With one seed, a quarter never counts, or 1.5 points if that is "
        "less, and more than 1.5 points always do. For test losses, "
        "a fiftieth never counts, and more than a tenth always does. A difference that counts is still not clear if it is "
        "within twice its standard error over the seeds.",
        r"no worse|not clearly|points? (worse|better)|× (worse|better)",
    ),
    Term(
        "Time to a target",
        "The time of the first evaluation at or below the target, as a mean over the seeds that reach it. Weights are"
        " evaluated as often as `learning.evaluate` says, once an epoch by default. So this time may be too late by "
        "the time between two evaluations. By default, the target is the value that the second-best variant reaches "
        "at all its seeds. It is rounded up to 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten.",
        r"\btarget\b|\bto reach\b",
        "time_to_target time_to_accuracy tta",
    ),
    Term(
        "Bytes sent",
        "The bytes given to the network so far: gradients, weights and models, including lost and repeated messages.",
        r"bytes sent",
        "traffic bytes",
    ),
    Term(
        "Pareto front",
        "The variants that no other variant dominates. One variant dominates another if its mean score and mean time "
        "over the seeds are at least as good, and one of them is better. Variants that tie in both do not dominate each "
        "other. A variant that diverged, "
        "hung or fails to learn at some seed is never on the front.",
        r"pareto",
        "pareto_frontier",
    ),
    Term(
        "Wins, ties",
        "The lowest mean wins. Variants tie if their difference does not count. Errors and losses are judged as under"
        " worse and better. Times, bytes and epochs must differ by more than 2 %, and by more than the range of "
        "either over the seeds. Only variants compete that learn and, for a target, reach it at every seed.",
        r"\bties?\b|\bwins?\b|by each criterion",
        "tie winner",
    ),
    Term(
        "Seeds",
        "A seed fixes the compute times, initial weights and mini-batches. Numbers are means over the seeds, with the"
        " lowest and the highest value.",
        r"\bseeds\b",
    ),
)
"""In the order of a report's glossary."""


def find_terms(word: str) -> tuple[Term, ...]:
    """Return the terms that a word names, alone or as one of the words of a term's name."""
    return tuple(term for term in TERMS if _normal(word) in _names_of(term))


def list_terms() -> tuple[str, ...]:
    """Return the names of all terms."""
    return tuple(term.name for term in TERMS)


@cache
def _names_of(term: Term) -> frozenset[str]:
    parts = re.split(r", | or ", term.name)
    return frozenset(map(_normal, (term.name, *parts, *term.asked.split())))


def _normal(word: str) -> str:
    return re.sub(r"[-\s/]+", "_", word.strip().lower())
