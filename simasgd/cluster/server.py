"""The parameter server: collects gradients, updates the weights, answers the learners."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.events import Signal
from simasgd.cluster.pipe import Pipe, Usage
from simasgd.tape import Gradient


@final
class Server:
    """A parameter server as its protocol sees it. `num_learners` is λ, `timestamp` the number of updates made so far.

    The verbs of a protocol's server role are `collect` and `update`. Updates are served one at a time, each taking
    `update_seconds`; weights become visible when their update is done, and `on_update(time, timestamp, gradients)` is then
    told that weights number `timestamp` + 1 were made.
    """

    def __init__(
        self,
        env: Environment,
        num_learners: int,
        update_seconds: float,
        on_update: Callable[[float, int, Sequence[Gradient]], None],
    ) -> None:
        self.num_learners = num_learners
        self.timestamp = 0
        self._env = env
        self._update_seconds = update_seconds
        self._on_update = on_update
        self._processor = Pipe("server")
        self._mailbox: list[Gradient] = []
        self._wanted = 0
        self._enough: Signal | None = None
        self._promised = 0  # the timestamp that the last update asked for will make
        self._due = [0] * num_learners
        self._reached: dict[int, Signal] = {}

    # The verbs of a protocol's server role.

    def collect(self, count: int) -> Generator[Event, None, Sequence[Gradient]]:
        """The next `count` gradients in order of arrival, whoever sent them."""
        mailbox = self._mailbox
        if len(mailbox) < count:
            self._wanted = count
            self._enough = Signal(self._env)
            yield self._enough
        taken = mailbox[:count]
        del mailbox[:count]
        return taken

    def update(self, gradients: Sequence[Gradient]) -> None:
        """Make the next weights from the current ones and the mean of `gradients`, when the earlier updates are done."""
        self._promised += 1
        for gradient in gradients:
            self._due[gradient.learner] = self._promised
        env, seconds = self._env, self._update_seconds
        now = env.now
        done = self._processor.request(now, seconds) + seconds
        if done > now:
            Timeout(env, done - now, gradients).callbacks.append(self._finish)
        else:
            self._apply(gradients)

    # What the learners ask of it.

    def deliver(self, gradient: Gradient) -> None:
        """A gradient arrives; the server acts on it at once."""
        self._mailbox.append(gradient)
        if self._enough is not None and len(self._mailbox) >= self._wanted:
            enough, self._enough = self._enough, None
            enough.call()

    def due(self, learner: int) -> int:
        """The timestamp of the weights that contain this learner's last gradient, as far as an update with it was asked
        for: one that is still being summed up with others is not waited for."""
        return self._due[learner]

    def reached(self, timestamp: int) -> Signal:
        """Happens when the weights reach `timestamp`, a later one than the current."""
        signal = self._reached.get(timestamp)
        if signal is None:
            signal = self._reached[timestamp] = Signal(self._env)
        return signal

    def usage(self, until: float) -> Usage:
        """How busy the server's updates kept it, and how many waited on average."""
        return self._processor.usage(until)

    def _finish(self, event: Event) -> None:
        gradients: Any = event.value
        self._apply(gradients)

    def _apply(self, gradients: Sequence[Gradient]) -> None:
        self._on_update(self._env.now, self.timestamp, gradients)
        self.timestamp += 1
        if self._reached and (signal := self._reached.pop(self.timestamp, None)) is not None:
            signal.call()
