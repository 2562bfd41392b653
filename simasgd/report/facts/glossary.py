"""The terms of a report, explained on its page if it uses them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import unescape
from inspect import getdoc
from typing import NamedTuple, get_args

from simasgd.protocols import AbstractProtocol, Protocol


class Term(NamedTuple):
    """A term with its explanation, and the regular expression of the words that stand for it on a page."""

    name: str
    text: str
    words: str


_TERMS = (
    Term(
        "Simulated time",
        "The time that the modelled cluster would need for computing, messages, queues, updates and waiting. "
        "Evaluation on the test set takes no simulated time. The run time of the simulation itself is called wall "
        "time.",
        r"simulated (time|s\b|seconds?)",
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
    ),
    Term(
        "Age of mixed-in models",
        "Some protocols mix the models of other learners, or parts of them, into a learner's model. The age of such a"
        " model is the number of steps that its owner has made since it was read. For the centre's model it is the "
        "number of the centre's moves. An average over all learners' models at once has no age.",
        r"mixed-in model",
    ),
    Term(
        "Speed-up over one learner",
        "The samples that a run applies in a second, divided by those of one learner of speed 1 that computes alone: "
        "its mini-batch ÷ the mean compute time, without messages, updates and waiting. Where learners have laws of "
        "their own, it is the fastest of them. λ equal learners reach λ at most, on average.",
        r"speed-up",
    ),
    Term(
        "Learner-hours",
        "The run's time, summed over the learners that were present: λ × the time, less the time that learners were down.",
        r"learner-hours",
    ),
    Term(
        "Speed of a learner",
        "The mini-batches that the learner has computed, for each second of its computing. Waiting and messages do not count.",
        r"mini-batches/s",
    ),
    Term(
        "Consensus distance",
        "How far the learners' models are apart at an evaluation: the root mean square of their Euclidean distances "
        "from their mean, over all parameters. It is 0 if all models agree. Under local-sgd and easgd it grows "
        "between two averaging steps, so it depends on the time since the last one.",
        r"consensus distance",
    ),
    Term(
        "Free communication and no waiting",
        "The mean staleness with free communication and without waiting: λ − 1 for async, (λ − 1)/c for n-softsync, 0"
        " for hardsync. Messages, queues and waiting move the measured mean away from it.",
        r"free communication",
    ),
    Term(
        "Epoch",
        "As many applied samples as the training set holds, whichever learners computed them. Gradients that were "
        "never applied do not count.",
        r"\bepochs?\b",
    ),
    Term(
        "λ, µ, α₀",
        "The number of learners, the samples in a mini-batch, and the learning rate before staleness changes it. α₀/τ"
        " divides the rate of each gradient by its own staleness, α₀/⟨σ⟩ the rate of all gradients by one mean.",
        r"[λµ]|α₀",
    ),
    Term(
        "Compute, push, wait, pull, idle",
        "Compute: a gradient. Push: a message from the learner, or an average with all others, is on its way. Pull: "
        "the learner fetches weights or a model. Wait: in a queue, for an update or at a barrier. Idle: there is "
        "nothing to do.",
        r"\b(push|pull|wait|idle)\b",
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
    ),
    Term(
        "Critical path",
        "The chain of computing, messages and updates that had to follow each other until the run's end. It contains "
        "no waiting, because waiting ends with something else on the path. Other is time that merely passes: an "
        "absence, a time-out.",
        r"critical path",
    ),
    Term(
        "If one part were twice as fast",
        "The first gradients, simulated once more with the network, the servers or the nodes twice as fast. In adv "
        "and adv*, gradients are summed up while they wait, so a long critical path makes gradients stale but does "
        "not slow the run. There, this table shows which part limits the speed, and the path shows which part causes "
        "the staleness.",
        r"if one part were",
    ),
    Term(
        "Test error, test loss",
        "The share of test samples that are assigned to a wrong class, and the mean over the test samples of the "
        "function that is minimized. If labels are not classes, there is only a loss: half the squared error of a "
        "regression, or a given function. If learners have their own models, the centre is tested, or without one "
        "their mean.",
        r"test (error|loss)",
    ),
    Term(
        "Fails to learn",
        "The final test error is at least 80 % of that of guessing, or the weights stopped being finite (diverged). "
        "Without classes, the test loss is at least 80 % of that of the initial weights.",
        r"fails? to learn|diverged",
    ),
    Term(
        "Worse, better",
        "A difference of two mean test errors counts if it exceeds twice its standard error, of the seeds and the test "
        "set. With several seeds, a tenth of the smaller error (or 0.5 points) never counts, and more than a quarter (or "
        "1.5 points) always does. With one seed, a quarter never counts, and more than 1.5 points always do. Of test losses "
        "a fiftieth never counts, and more than a tenth always does. A difference that counts is still not clear if it is "
        "within twice its standard error over the seeds.",
        r"no worse|not clearly|points? (worse|better)|× (worse|better)",
    ),
    Term(
        "Time to a target",
        "The time of the first evaluation at or below the target, as a mean over the seeds that reach it. Weights are"
        " evaluated as often as `learning.evaluate` says, once an epoch by default. So this time may be too late by "
        "the time between two evaluations. By default, the target is the value that the second-best variant reaches "
        "at all its seeds, rounded up.",
        r"\btarget\b|\bto reach\b",
    ),
    Term(
        "Bytes sent",
        "The bytes given to the network so far: gradients, weights and models, including lost and repeated messages.",
        r"bytes sent",
    ),
    Term(
        "Pareto front",
        "The variants that no other variant dominates. One variant dominates another if its mean score and mean time "
        "over the seeds are no worse, and one of them is better. A variant that diverged, hung or fails to learn at "
        "some seed is never on the front.",
        r"pareto",
    ),
    Term(
        "Wins, ties",
        "The lowest mean wins. Variants tie if their difference does not count. Errors and losses are judged as under"
        " worse and better. Times, bytes and epochs must differ by more than 2 %, and by more than the range of "
        "either over the seeds. Only variants compete that learn and, for a target, reach it at every seed.",
        r"\bties?\b|\bwins?\b|by each criterion",
    ),
    Term(
        "Seeds",
        "A seed fixes the compute times, initial weights and mini-batches. Numbers are means over the seeds, with the"
        " lowest and the highest value.",
        r"\bseeds\b",
    ),
)


@cache
def list_terms() -> tuple[Term, ...]:
    """Return all terms: those of every report, and the protocols with the first sentence of their docstrings."""
    return (*_TERMS, *sorted(_describe_protocol(protocol) for protocol in get_args(Protocol)))


def _describe_protocol(protocol: type[AbstractProtocol]) -> Term:
    (kind,) = get_args(protocol.model_fields["kind"].annotation)
    summary = (getdoc(protocol) or "").partition("\n\n")[0].replace("\n", " ")
    name = r"\w+-softsync" if kind == "n-softsync" else re.escape(kind)
    return Term(kind, summary, rf"(?<![\w-]){name}(?![\w-])")


def find_terms(page: str) -> Sequence[Term]:
    """Return the terms that the HTML of a page uses, in the order of the glossary."""
    said = re.sub(r"<script\b.*?</script>", " ", page, flags=re.DOTALL)
    said = unescape(re.sub(r"<[^>]+>", " ", said))
    return [term for term in list_terms() if re.search(term.words, said, flags=re.IGNORECASE)]
