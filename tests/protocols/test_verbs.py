"""The verbs are the same in the structural types, in the classes of both worlds and in the docs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from simasgd.cluster.peers.centre import Centre, CentreMessaging
from simasgd.cluster.peers.inbox import Inbox
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.cluster.peers.peer import Peer
from simasgd.cluster.peers.second_thread import SecondThread
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.pulling import AbstractPulling
from simasgd.cluster.server.pushing import AbstractPushing
from simasgd.cluster.server.server import Server
from simasgd.protocols import verbs
from simasgd.testbed.learner.learner import RealLearner
from simasgd.testbed.peers.centre import RealCentre
from simasgd.testbed.peers.holder import RealHolder
from simasgd.testbed.peers.inbox import RealInbox
from simasgd.testbed.peers.messaging import RealMessaging
from simasgd.testbed.peers.peer import RealPeer
from simasgd.testbed.peers.second_thread import RealSecondThread
from simasgd.testbed.server.server import RealServer
from tests.protocols.verbs_table import PAGE, page_with_tables

CLASSES: dict[type, tuple[type, ...]] = {
    verbs.ServerVerbs: (Server,),
    verbs.LearnerVerbs: (Learner, AbstractPulling, AbstractPushing),
    verbs.ModelHolderVerbs: (ModelHolder,),
    verbs.MessagingVerbs: (Messaging,),
    verbs.PeerVerbs: (Peer, Messaging, Inbox, CentreMessaging, SecondThread, ModelHolder),
    verbs.CentreVerbs: (Centre,),
}
REAL: dict[type, tuple[type, ...]] = {
    verbs.ServerVerbs: (RealServer,),
    verbs.LearnerVerbs: (RealLearner,),
    verbs.ModelHolderVerbs: (RealHolder,),
    verbs.MessagingVerbs: (RealMessaging,),
    verbs.PeerVerbs: (RealPeer, RealMessaging, RealInbox, RealSecondThread),
    verbs.CentreVerbs: (RealCentre,),
}
"""The classes of the test-bed. mypy compares types, where a process gives them to its protocol."""
VERBS = [
    (kind, name) for kind in CLASSES for name, member in vars(kind).items() if inspect.isfunction(member) and name[0] != "_"
]


def test_all_structural_types_are_here() -> None:
    assert set(CLASSES) == {kind for name, kind in vars(verbs).items() if name.endswith("Verbs")}
    assert len(VERBS) > 30


@pytest.mark.parametrize(("kind", "name"), VERBS, ids=lambda value: getattr(value, "__name__", value))
def test_a_verb_has_the_parameters_of_the_class_that_does_it(kind: type, name: str) -> None:
    """Compare parameters: mypy compares their types, but not the values of defaults."""
    concrete = next(method for owner in CLASSES[kind] if inspect.isfunction(method := getattr(owner, name, None)))
    assert parameters(getattr(kind, name)) == parameters(concrete)


@pytest.mark.parametrize(("kind", "name"), VERBS)
def test_a_verb_is_the_same_on_real_processes(kind: type, name: str) -> None:
    concrete = next(method for owner in REAL[kind] if inspect.isfunction(method := getattr(owner, name, None)))
    assert parameters(getattr(kind, name)) == parameters(concrete)


def parameters(function: Callable[..., Any]) -> list[tuple[Any, ...]]:
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


def test_the_docs_have_the_verbs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_tables(page), "python -m tests.protocols.verbs_table writes the tables"
    for kind in CLASSES:
        assert kind is verbs.ModelHolderVerbs or f"<!-- verbs: {kind.__name__} -->" in page
