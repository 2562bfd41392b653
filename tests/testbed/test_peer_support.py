"""What real processes without a parameter server refuse, and why."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd.testbed.peers.support import list_obstacles_without_server
from tests.build import LINEAR, scenario
from tests.testbed.peer_laws import SECTIONS

ADAM = {"learning": {"optimizer": {"kind": "adam", "learning_rate": 0.01}}}
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "collective": ("local-sgd", {"protocol": {"collective": "tree"}}, "around a ring, not by tree; use ring"),
    "buckets": ("all-reduce", {"protocol": {"buckets": 4}}, "use 1 bucket"),
    "crashes": ("gossip-pull", {"cluster": {"faults": {"crashes": [{"learner": 0, "at": "1 s"}]}}}, "makes no faults yet"),
    "pauses": ("easgd", {"cluster": {"faults": {"server_pauses": [{"at": "1 s", "lasting": "1 s"}]}}}, "makes no faults yet"),
    "schedule": ("sgp", {"learning": {"schedule": {"factor": 0.5, "boundaries": [1]}}}, "no learner of sgp knows"),
    "states": ("local-sgd", {"protocol": {"average_momentum": True}, **ADAM}, "adam together have the size of 3 models"),
    "server": ("all-reduce", {"learning": {"modulation": {"kind": "gap-aware"}}}, "all-reduce has none"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_says_why(name: str) -> None:
    kind, change, reason = CASES[name]
    chosen = scenario(LINEAR, {"protocol": SECTIONS[kind]}, change)
    (found,) = list_obstacles_without_server(chosen)
    assert reason in found.message


@pytest.mark.parametrize("kind", SECTIONS)
def test_every_protocol_without_a_server_is_supported(kind: str) -> None:
    assert not list(list_obstacles_without_server(scenario(LINEAR, {"protocol": SECTIONS[kind]})))


def test_states_that_fit_into_a_message_are_averaged() -> None:
    change = {"protocol": {"kind": "local-sgd", "average_momentum": True}, "workload": {"payload": "1 kB"}}
    assert not list(list_obstacles_without_server(scenario(LINEAR, change, ADAM)))
    momentum = {"protocol": {"kind": "local-sgd", "average_momentum": True}}
    assert not list(list_obstacles_without_server(scenario(LINEAR, momentum)))


def test_a_schedule_of_common_steps_is_supported() -> None:
    change = {"protocol": "all-reduce", "learning": {"schedule": {"factor": 0.5, "boundaries": [1]}}}
    assert not list(list_obstacles_without_server(scenario(LINEAR, change)))


def test_protocols_with_a_server_are_not_judged_here() -> None:
    assert not list(list_obstacles_without_server(scenario(LINEAR, {"protocol": "async"})))
