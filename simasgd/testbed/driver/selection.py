"""The driver of a scenario."""

from __future__ import annotations

from simasgd.protocols.base import AbstractPeerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.driver import AbstractDriver, Driver
from simasgd.testbed.driver.peer_driver import PeerDriver
from simasgd.testbed.engine.abstract import AbstractEngine


def make_driver(engine: AbstractEngine, scenario: Scenario, *, paced: bool) -> AbstractDriver:
    """Return the driver of a scenario, by whether its protocol has a parameter server."""
    if isinstance(scenario.protocol, AbstractPeerProtocol):
        return PeerDriver(engine, scenario, paced=paced)
    return Driver(engine, scenario, paced=paced)
