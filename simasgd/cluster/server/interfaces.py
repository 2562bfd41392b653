"""The two interfaces of a server: a source of weights and a sink of gradients."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

from simpy import Event

from simasgd.cluster.clock.trail import Trail
from simasgd.tape.tape import Gradient

Deliver = Callable[[Sequence[Gradient], Trail], None]
"""Receives a message with its trail."""


class AbstractSource(abc.ABC):
    """A participant that gives its weights to others. `timestamp` is that of its weights, −1 if it has none yet."""

    timestamp: int

    @property
    @abc.abstractmethod
    def newest(self) -> int:
        """The timestamp of the newest weights of the run."""

    @abc.abstractmethod
    def ready(self, minimum: int, trail: Trail) -> Event | None:
        """Return an event to wait for before a request for weights can be answered; None if it can be answered now.

        The request is for weights of at least timestamp `minimum`, and has the trail `trail`. After
        the event, ask again if the weights are still too old. The event's value is the trail of
        that instant, or None.
        """

    @abc.abstractmethod
    def copy_out(self, trail: Trail) -> Event | None:
        """Copy the weights for a reply, whose request has the trail `trail`; needed only if copies take time.

        Return an event for the end of the copy, with its trail; None if it takes no time.
        """

    @abc.abstractmethod
    def due(self, learner: int) -> int:
        """Return the timestamp of the weights that will contain this learner's last gradient; 0 if not known."""


class AbstractSink(abc.ABC):
    """A participant that receives gradients."""

    deliver: Deliver
    """Receives a message that arrives now, with one gradient or the sum of several, and acts on it at once."""

    @abc.abstractmethod
    def absorbed(self) -> Event | None:
        """Return an event that happens when the messages so far are processed, with that trail; None if they are.

        A server of the tree then sends its next message.
        """
