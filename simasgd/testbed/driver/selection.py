"""The driver of a scenario."""

from __future__ import annotations

from simasgd.protocols.base import AbstractPeerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.driver import AbstractDriver, Driver
from simasgd.testbed.driver.peer_driver import PeerDriver
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.system.pacing import AbstractPacing


def make_driver(engine: AbstractEngine, scenario: Scenario, pacing: type[AbstractPacing]) -> AbstractDriver:
    """Return the driver of a scenario, by whether its protocol has a parameter server."""
    if isinstance(scenario.protocol, AbstractPeerProtocol):
        return PeerDriver(engine, scenario, pacing)
    return Driver(engine, scenario, pacing)
