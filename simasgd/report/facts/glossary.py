"""The words of a report, explained on its page."""

from __future__ import annotations

GLOSSARY = (
    (
        "Simulated time",
        "What the modelled cluster would need: computing, messages, queues, updates and waiting. Evaluating on the test "
        "set takes none of it. How long the simulation itself took is another number (wall time).",
    ),
    (
        "Staleness, σ or τ",
        "How many other updates were made between the reading of the weights and the use of the gradient that was computed on "
        "them; where learners have models of their own, how often the learner's model was changed in between. A lone learner "
        "has 0.",
    ),
    (
        "Age of what is mixed in",
        "Where models of others, or parts of them, are mixed into a model: the number of steps that the other's holder had "
        "made since it was read, be it on its way or waiting. Of the centre's model it is the centre's moves. Means of all "
        "learners' models at once have no age.",
    ),
    (
        "Consensus distance",
        "How far apart learners' models are: the root mean square of their Euclidean distances from their mean, all "
        "parameters together, as they are at an evaluation. It is 0 where all agree. Under local-sgd and easgd it grows "
        "between two meetings, so it depends on how long ago the last one was.",
    ),
    (
        "The staleness law",
        "The mean staleness that follows if communication is free and no learner ever waits: λ − 1 for async, (λ − 1)/c for "
        "n-softsync, 0 for hardsync. Messages and queues move the measured mean away from it.",
    ),
    (
        "Epoch",
        "As many applied samples as the training set holds, whoever computed them. Gradients that were never "
        "applied do not count.",
    ),
    ("hardsync", "The server waits for one gradient of every learner, applies their mean, and sends all the new weights."),
    ("n-softsync", "The server updates with the mean of any c = ⌊λ/n⌋ gradients, whoever sent them."),
    ("async", "The server applies every gradient when it arrives: n-softsync with n = λ."),
    (
        "ssp, bounded-delay, dynsgd",
        "Async in which nobody gets more than s mini-batches ahead of the slowest; in which weights are pulled only when they "
        "are more than d updates old; whose gradients count 1/τ.",
    ),
    (
        "backup-workers, k-sync, k-batch-sync, rennala",
        "The server updates with the first gradients on the newest weights. The others are dropped when they come, or given up "
        "as soon as there are newer weights (cancelled).",
    ),
    (
        "k-async, k-batch-async, ringmaster",
        "The server updates with the next K gradients, of K learners who wait for that update or of anybody; or with every "
        "gradient that is less than R updates late.",
    ),
    (
        "downpour, fedbuff",
        "A learner sends the sum of several gradients, and steps a copy of the weights of its own meanwhile. FedBuff's server "
        "updates with the mean of K such messages.",
    ),
    (
        "all-reduce, local-sgd",
        "No server: all learners average their gradients, and make the same step; or make several steps on models of their own "
        "and then average the models. Who sends to whom is the collective's affair (ring, tree, …).",
    ),
    (
        "easgd, easgd-sync",
        "Learners have models of their own, and every τ steps each of them and a centre, on a server, draw each other nearer; "
        "one by one, or all at once.",
    ),
    (
        "gossip-pull, gossip-push, elastic-gossip, ad-psgd",
        "No server: a learner takes in a random other one's model, fetched or sent; two draw each other nearer; or two average "
        "their models while both compute on.",
    ),
    (
        "sgp, overlap-sgp",
        "No server: a learner sends half of itself 1, 2, 4, … learners further on, and takes in what comes; at once, or up to "
        "some steps late.",
    ),
    (
        "λ, µ, α₀",
        "Number of learners, samples per gradient (mini-batch), and the learning rate before staleness changes it. α₀/τ "
        "divides each gradient's by its own staleness, α₀/⟨σ⟩ all by one mean.",
    ),
    (
        "Compute, push, wait, pull, idle",
        "Compute: a gradient. Push: what a learner sends, or averages with all others, on the way. Pull: the weights, or a "
        "model, that it fetches. Wait: for others, be it a place in a queue, an update or a barrier. Idle: nothing to do.",
    ),
    (
        "base, adv, adv*",
        "Rudra's architectures. base: one thread computes, pushes and pulls in turn. adv: another thread pushes, and a tree of "
        "servers adds gradients up on their way. adv*: a third thread pulls, and learners pass the weights on to each other.",
    ),
    (
        "Communication overlap",
        "Computing as a share of the time in which the computing thread computes, pushes, waits or pulls. Where all "
        "communication hides behind computing it is 100 %.",
    ),
    (
        "Critical path",
        "The one chain of computing, messages and updates that had to follow each other up to the run's end. It holds no "
        "waiting: whoever waits, waits for something else on it. Other is time that merely passes: an absence, a time-out.",
    ),
    (
        "If one part were twice as fast",
        "The first gradients simulated once more, with the network, the servers or the nodes twice as fast, and nothing else. "
        "Where gradients are summed up while they wait (adv, adv*), a long critical path makes them late, not few: then this "
        "table says what makes the run shorter, and the path what makes it stale.",
    ),
    (
        "Test error, test loss",
        "The share of test samples that are taken for another class, and the mean of what is minimized over the test samples. "
        "Where labels are no classes there is only a loss: half the squared error of a regression, or a given function. Where "
        "learners have models of their own the mean of these is tested, or the centre if there is one.",
    ),
    (
        "Fails to learn",
        "The final test error is at least 80 % of what guessing gives (without classes: the test loss is at least 80 % of that "
        "of the initial weights), or the weights stopped being finite (diverged).",
    ),
    (
        "Worse, better",
        "Test errors differ by more than 1.5 points (test losses by more than a tenth of the smaller one) and by more than "
        "either varies over the seeds; else they count as alike.",
    ),
    (
        "Time to a target",
        "That of the first evaluation at or below the target, in the mean over the seeds that reach it. Weights are evaluated "
        "once an epoch, so it is an epoch too late at most. Unless somebody asks for another target it is "
        "the second-best variant's: the value that all its seeds get to, rounded up.",
    ),
    (
        "Bytes sent",
        "What was handed to the network until then, gradients, weights and models alike, lost and repeated messages included.",
    ),
    (
        "Pareto front",
        "The variants to which no other is both as good and as soon, and better in one of the two, in the means over the "
        "seeds. A variant that diverged, hung or fails to learn at some seed is never on it.",
    ),
    (
        "Wins, ties",
        "The least mean wins. It is a tie where the difference is no difference: of errors and losses as under worse and "
        "better, of times, bytes and epochs 2 %; and never less than either varies over the seeds. Only those compete that "
        "learn and, for a target, reach it at every seed.",
    ),
    (
        "Seeds",
        "Each seed fixes compute times, initial weights and mini-batches. Numbers are means over the seeds, with the least and "
        "the greatest.",
    ),
)
