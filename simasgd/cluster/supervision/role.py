"""One role of a protocol under supervision, while it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import FrameType, GeneratorType
from typing import Any, NamedTuple, final

from simasgd.cluster.clock.traces import EndOfTrace
from simasgd.cluster.supervision.arguments import quote
from simasgd.cluster.supervision.ledger import GradientLedger
from simasgd.cluster.supervision.places import Place, find_definition, find_origin, find_place, find_waiting_place
from simasgd.cluster.supervision.watchdog import RoleTimeout, Watchdog
from simasgd.errors import ProtocolFault, SimasgdError

FORGOTTEN = "is called without 'yield from', so it does nothing"
MOST_USES = 1_000_000  # uses of servers and learners by one role at one instant; a look through all peers takes fewer


class RoleEnded(Exception):
    """Base of the exceptions that end a role from outside, in one of its verbs. They are no mistake of the role."""


class PendingCall(NamedTuple):
    """A call of a verb that `yield from` has not begun. `step` counts how often the role had waited before it."""

    verb: str
    place: Place
    step: int


@final
class SupervisedRole:
    """The generator of one role. Its mistakes raise ProtocolFault.

    `last` is the place of the last verb or event. `event` is the event that a verb waits for, until
    the role has yielded it. `call` is the verb that the role waits in, "" outside a verb.
    `stand_ins` holds the role's stand-ins by the identity of the object
    that each stands for. A role may use servers and learners `most_uses` times without waiting.
    """

    def __init__(self, kind: str, name: str, ledger: GradientLedger, watchdog: Watchdog, most_uses: float = MOST_USES) -> None:
        self.ledger = ledger
        self._watchdog = watchdog
        self._most_uses = most_uses
        self.last = Place("?", 0)
        self.event: Any = None
        self.call = ""
        self.stand_ins: dict[int, Any] = {}
        self._kind = kind
        self._name = name
        self._pending: dict[int, PendingCall] = {}
        self._thrown_away: PendingCall | None = None
        self._uses = 0
        self._step = 0
        self._generator: Any = None

    def begin(self, role: Callable[[Any], Any], stand_in: Any) -> None:
        """Make the role's generator."""
        self.last = find_definition(role, self._kind)
        made = self._supervise(partial(role, stand_in))
        if not isinstance(made, GeneratorType):
            raise self.fault(self.last, f"{self._name}() has no 'yield from'; a role calls verbs with 'yield from'")
        self._generator = made

    def resume(self, value: Any) -> Any:
        """Continue to the next event that the role waits for, and return the event."""
        self._uses = 0
        self._step += 1
        event = self._supervise(partial(self._generator.send, value))
        self.last = find_waiting_place(self._generator)
        if event is not self.event or event is None:
            pending = self.start_call(event)
            if pending is not None:
                raise self.fault(self.last, f"{pending.verb}() is called with 'yield' in place of 'yield from'")
            raise self.fault(self.last, f"yields {quote(event)}; a role yields only through its verbs: yield from VERB(…)")
        self.event = None
        return event

    def close(self) -> None:
        """Close the role's generator."""
        if self._generator is not None:
            self._generator.close()

    def use(self, frame: FrameType) -> None:
        """Count a use of a server or a learner, so that a loop without an event ends."""
        self._refuse_thrown_away()
        self._uses += 1
        if self._uses > self._most_uses:
            raise self.fault(find_place(frame), "loops forever without waiting for anything")

    def add_call(self, call: object, verb: str, place: Place) -> None:
        """Remember a call until `yield from` begins it; an earlier one of that place must have begun if the role has waited."""
        for earlier in self._pending.values():
            if earlier.place == place and earlier.step < self._step:
                raise self.fault(place, f"{verb}() {FORGOTTEN}")
        self._pending[id(call)] = PendingCall(verb, place, self._step)

    def start_call(self, call: object) -> PendingCall | None:
        """Forget a call, because it begins; return None if it was not pending."""
        return self._pending.pop(id(call), None)

    def throw_away_call(self, call: object) -> None:
        """Remember that a pending call was thrown away."""
        self._thrown_away = self._pending.pop(id(call), None)

    def fault(self, place: Place, problem: str) -> ProtocolFault:
        """Return the error for a problem at a place."""
        return ProtocolFault(f"{place.file}:{place.line}: protocol {self._kind!r}, {self._name}: {problem}")

    def _refuse_thrown_away(self) -> None:
        if self._thrown_away is not None:
            raise self.fault(self._thrown_away.place, f"{self._thrown_away.verb}() {FORGOTTEN}")

    def _supervise(self, step: Callable[[], Any]) -> Any:
        """Run a step of the role and return its result; raise ProtocolFault for its mistakes."""
        try:
            with self._watchdog:
                made = step()
        except (ProtocolFault, EndOfTrace, RoleEnded):
            raise
        except RoleTimeout as error:
            raise self.fault(find_origin(error, self.last), "computes without end and waits for nothing") from None
        except StopIteration:
            self._refuse_thrown_away()
            raise self.fault(self.last, "returns after this line; a role runs forever: while True") from None
        except Exception as error:
            pending = self._thrown_away or next(reversed(self._pending.values()), None)
            if pending is not None:
                raise self.fault(pending.place, f"{pending.verb}() {FORGOTTEN}") from error
            if isinstance(error, SimasgdError):
                raise
            raise self.fault(find_origin(error, self.last), f"{type(error).__name__}: {error}") from error
        self._refuse_thrown_away()
        return made
