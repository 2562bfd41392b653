"""The verbs: everything that a protocol may ask of a server, a learner, a peer or a centre.

The classes here are structural types. mypy checks that the classes in `simasgd/cluster` fit them. A
verb that returns `Timed` takes simulated time, and a role calls it with `yield from`. Every other
verb takes no simulated time and is called without it.

`docs/new-protocol.md` lists the verbs with the first lines of their docstrings. A test compares the
two.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from simasgd.scenario.cluster.delay import Delays

if TYPE_CHECKING:
    from simasgd.tape.mixing import Model
    from simasgd.tape.tape import Gradient, Weights

Result = TypeVar("Result")
Timed = Generator[Any, Any, Result]
"""The type of a verb that takes simulated time and then returns a `Result`."""


class Message(NamedTuple):
    """A message between learners: a model, with its sender, its number and a push-sum weight."""

    model: Model
    sender: int
    number: int = 0
    weight: float = 1.0


class ServerVerbs(Protocol):
    """A parameter server, as its protocol sees it."""

    @property
    def num_learners(self) -> int:
        """The number of learners, λ."""

    @property
    def timestamp(self) -> int:
        """The number of updates made so far."""

    def collect(self, count: int, spread: int | None = None, within: float | None = None) -> Timed[Sequence[Gradient]]:
        """Return the next messages, in order of arrival, until they hold `count` gradients.

        In a tree of servers, a message may be the sum of several gradients. It cannot be split, so
        there may be more than `count` gradients. With a `spread`, drop each message with a gradient
        whose staleness would exceed `spread` in the next update, and take another message instead.

        With `within`, return what has come by a deadline, which is `within` seconds after the last
        update was made, or after the start. If nothing has come by then, return the next message.
        """

    def first(self, count: int, *, distinct: bool) -> Timed[Sequence[Gradient]]:
        """Return the first `count` gradients on the newest weights; drop all others.

        The gradients are in order of arrival. If `distinct`, they come from `count` different
        learners. A gradient is dropped even if it arrives in one message with a gradient that
        counts.
        """

    def barrier(self, timeout: float | None = None) -> Timed[Sequence[Gradient]]:
        """Return one gradient of every member, on the newest weights, in order of arrival.

        All learners are members at first. A learner whose gradient is missing `timeout` seconds
        after the first gradient ceases to be a member, until a gradient of that learner arrives. In
        a tree of servers, a gradient counts as soon as it is at any server. Late gradients are
        dropped, and so is the second gradient of a learner that crashed after its first.
        """

    def update(self, gradients: Sequence[Gradient], summed: int = 1) -> None:
        """Make the next weights with the mean of `gradients`, after all earlier updates.

        If each message is the sum of `summed` gradients, the update uses the mean over messages.
        """

    def drop(self, gradients: Sequence[Gradient]) -> None:
        """Discard gradients by the protocol's rule."""


class LearnerVerbs(Protocol):
    """A learner with a parameter server, as its protocol sees it."""

    @property
    def number(self) -> int:
        """The number of the learner, from 0."""

    @property
    def computed(self) -> int:
        """The number of mini-batches that the learner has drawn so far, in earlier parts of the run, too."""

    @property
    def gradients_per_epoch(self) -> float:
        """The number of gradients, of all learners together and of mean size, in an epoch."""

    def pull(self, newer_than: Weights | None = None) -> Timed[Weights]:
        """Return weights from the server; with `newer_than`, wait for newer weights than these."""

    def refresh(self, weights: Weights, delay: int = 0) -> Timed[Weights]:
        """Return `weights` if they are at most `delay` updates old; otherwise pull newer ones.

        The question how old the weights are takes no time.
        """

    def compute(self, weights: Weights) -> Timed[Gradient]:
        """Compute the gradient of the learner's next mini-batch on `weights`."""

    def attempt(self, weights: Weights, before: float) -> Timed[Gradient | None]:
        """Compute a gradient, but return None once the server makes weights number `before`.

        The learner then gives up the mini-batch. It hears of these weights at once.
        """

    def step(self, weights: Weights) -> Weights:
        """Step the learner's own copy of `weights` with the last gradient computed on them.

        The step is one of plain SGD. A copy lasts until the learner pulls or continues with another
        copy. All gradients computed on a copy must be pushed, in order.
        """

    def push(self, *gradients: Gradient) -> Timed[None]:
        """Send one gradient, or the sum of several, as one message to the server."""

    def settle(self) -> Timed[None]:
        """Wait until the server has applied or dropped all gradients that the learner pushed."""

    def keep_up(self, slack: float) -> Timed[Weights]:
        """Wait until the learner is at most `slack` mini-batches ahead of every other learner.

        If the learner has pushed n gradients, wait until the server has applied or dropped
        n − `slack` gradients of every learner. Return the newest weights that lack one of these
        gradients.
        """

    def recall(self, weights: Weights, updates: Sequence[int]) -> Weights:
        """Return the weights from `updates` updates before `weights`, which the learner has kept.

        `updates` has one number for all layers, or one number for each layer.
        """

    def draws(self, delay: Delays) -> Iterator[tuple[int, ...]]:
        """Draw an endless stream of delays (updates), for all layers or for each layer.

        The cluster's seed determines the delays.
        """


class ModelHolderVerbs(Protocol):
    """A holder of a model. x is the holder's model."""

    @property
    def number(self) -> int:
        """The number of the learner, from 0."""

    @property
    def model(self) -> Model:
        """A handle on the current model."""

    def mix(self, theirs: Model, share: float, own_share: float | None = None) -> None:
        """Mix in a model: x ← (1 − share)·x + share·theirs; `own_share` replaces 1 − share."""

    def difference(self, mine: Model, theirs: Model, share: float) -> Model:
        """Make share·(mine − theirs), a model that nobody holds."""

    def subtract(self, difference: Model, of: Model | None = None) -> None:
        """Subtract a difference: x ← x − difference.

        If the difference contains another learner's model, `of` is that model, and the tape records
        its age.
        """


class MessagingVerbs(Protocol):
    """Messages of one thread of a learner to other learners."""

    def fetch(self, source: PeerVerbs) -> Timed[Model]:
        """Return the model of the learner `source` at the time when `source` sends it.

        The request takes no time.
        """

    def send(self, target: PeerVerbs, model: Model, number: int = 0, weight: float = 1.0) -> Timed[None]:
        """Send a model to the learner `target`, once the previous message has arrived."""

    def exchange(self, other: PeerVerbs, share: float) -> Timed[None]:
        """Move both models closer: x ← x − share·(x − y), and y ← y + share·(x − y) for `other`.

        This learner sends x. `other` changes y at once and answers with the old y, and this learner
        waits for the answer. The sum x + y is kept, even if another learner changes x meanwhile.
        """


class PeerVerbs(ModelHolderVerbs, MessagingVerbs, Protocol):
    """A learner without a parameter server, as its protocol sees it. x is the learner's model."""

    weight: float
    """The weight of push-sum, 1 at first."""

    @property
    def round(self) -> int:
        """The number of the round with which the role begins: 0, or after an absence the others'."""

    @property
    def peers(self) -> Sequence[PeerVerbs]:
        """All learners, this one included, by number."""

    @property
    def beside(self) -> MessagingVerbs:
        """The messaging verbs of the protocol's second thread."""

    def compute(self, model: Model) -> Timed[Gradient]:
        """Compute the gradient of the learner's next mini-batch on a model of its own."""

    def step(self, gradient: Gradient, share: float = 1.0) -> None:
        """Make a step: x ← x − share·(the optimizer's update with `gradient`)."""

    def draw(self, count: int) -> int:
        """Draw a uniform random number from 0 to `count` − 1."""

    def average(self, *, with_states: bool) -> Timed[None]:
        """Replace x by the mean of all models; `with_states` also averages optimizers' states.

        All learners take part, by the collective operation in the protocol's `meeting`.
        """

    def average_gradient(self, model: Model) -> Timed[Model]:
        """Compute a gradient on `model`, average it with all, and return the next common model."""

    def fetch_centre(self, moves: int = 0) -> Timed[Model]:
        """Return the centre's model, once the centre has moved `moves` times."""

    def push(self, difference: Model) -> Timed[None]:
        """Send a difference to the centre, once the previous message has arrived."""

    def take(self) -> Iterator[Message]:
        """Take the messages that have arrived, in order of arrival."""

    def receive(self, number: int) -> Timed[Message]:
        """Wait for the message with that number and return it."""

    def hand_over(self, gradient: Gradient) -> Timed[None]:
        """Hand a gradient to the second thread, once that thread has taken the previous one."""

    def handed_over(self) -> Timed[Gradient]:
        """Return the next gradient from the compute thread; for the second thread."""


class CentreVerbs(Protocol):
    """A centre, as its protocol sees it. x̃ is its model, on which nobody computes."""

    @property
    def num_learners(self) -> int:
        """The number of learners, λ."""

    def collect(self, count: int) -> Timed[Sequence[Message]]:
        """Return the next `count` messages, in order of arrival."""

    def move(self, messages: Sequence[Message]) -> None:
        """Move the centre: x̃ ← x̃ + Σ of the differences in `messages`, after earlier moves."""
