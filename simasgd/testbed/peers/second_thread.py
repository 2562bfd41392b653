"""A learner's second thread, which sends and receives while the compute thread computes."""

from __future__ import annotations

from typing import final

from simasgd.cluster.clock.activity import Activity
from simasgd.protocols.verbs import Timed
from simasgd.tape.tape import Gradient
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.peers.messaging import RealMessaging
from simasgd.testbed.peers.process_lock import ProcessLock


@final
class RealSecondThread:
    """The second thread's messaging, and a place for one gradient that the compute thread hands over."""

    def __init__(
        self, gate: ProcessLock, messaging: RealMessaging, compute_activities: Activities, activities: Activities
    ) -> None:
        self.messaging = messaging
        self.activities = activities
        self._gate = gate
        self._compute_activities = compute_activities
        self._gradient: Gradient | None = None

    def hand_over(self, gradient: Gradient) -> Timed[None]:
        """Hand a gradient to the second thread, once that thread has taken the previous one."""
        yield from ()
        self._compute_activities.begin(Activity.WAIT, self._gate.clock.now)
        self._gate.wait_for(lambda: self._gradient is None)
        self._put(gradient)

    def handed_over(self) -> Timed[Gradient]:
        """Return the next gradient from the compute thread; for the second thread."""
        yield from ()
        self.activities.begin(Activity.WAIT, self._gate.clock.now)
        self._gate.wait_for(lambda: self._gradient is not None)
        gradient = self._gradient
        assert gradient is not None
        self._put(None)
        return gradient

    def _put(self, gradient: Gradient | None) -> None:
        with self._gate.changed:
            self._gradient = gradient
            self._gate.changed.notify_all()
