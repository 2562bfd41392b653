"""Protocols of another package with one mistake each, and the message about the mistake."""

from __future__ import annotations

SERVE = """\
        while True:
            server.update((yield from server.collect(1)))
"""
LEARN = """\
        while True:
            weights = yield from learner.pull()
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)
            yield from learner.settle()
"""
PEER = """\
        while True:
            gradient = yield from peer.compute(peer.model)
            peer.step(gradient)
            yield from peer.send(peer.peers[(peer.number + 1) % len(peer.peers)], peer.model)
            for message in peer.take():
                peer.mix(message.model, 0.5)
"""


def server_protocol(serve: str = SERVE, learn: str = LEARN) -> str:
    return f"""
from typing import Literal
from simasgd.protocols import AbstractServerProtocol
from simasgd.tape.tape import Gradient, Weights

class Mine(AbstractServerProtocol):
    kind: Literal["mine"] = "mine"

    def serve(self, server):
{serve}
    def learn(self, learner):
{learn}
    def nominal_staleness(self, learners):
        return None
"""


def peer_protocol(learn: str = PEER) -> str:
    return f"""
from typing import Literal
from simasgd.protocols import AbstractPeerProtocol

class Mine(AbstractPeerProtocol):
    kind: Literal["mine"] = "mine"

    def learn(self, peer):
{learn}
"""


def change_learner(old: str, new: str) -> str:
    assert old in LEARN
    return server_protocol(learn=LEARN.replace(old, new))


def change_server(new: str) -> str:
    return server_protocol(serve=SERVE.replace("server.update((yield from server.collect(1)))", new))


def change_peer(old: str, new: str) -> str:
    assert old in PEER
    return peer_protocol(PEER.replace(old, new))


def lines(*several: str) -> str:
    return "\n            ".join(several)


COLLECT = "here = yield from server.collect(1)"
FORGOTTEN = "called without 'yield from'"
# For each: the source, in which the line of the mistake ends in HERE; the role; the message.
MISTAKES = {
    "push thrown away": (
        change_learner("yield from learner.push(gradient)", "learner.push(gradient)  # HERE"),
        "learn",
        "push",
    ),
    "settle thrown away": (change_learner("yield from learner.settle()", "learner.settle()  # HERE"), "learn", "settle"),
    "keep_up thrown away": (change_learner("yield from learner.settle()", "learner.keep_up(1)  # HERE"), "learn", "keep_up"),
    "pull not waited for": (change_learner("yield from learner.pull()", "learner.pull()  # HERE"), "learn", "pull"),
    "compute not waited for": (
        change_learner("yield from learner.compute(weights)", "learner.compute(weights)  # HERE"),
        "learn",
        "compute",
    ),
    "attempt not waited for": (
        change_learner("yield from learner.compute(weights)", "learner.attempt(weights, 9)  # HERE"),
        "learn",
        "attempt",
    ),
    "refresh not waited for": (
        change_learner("yield from learner.settle()", lines("weights = learner.refresh(weights)  # HERE", "weights.timestamp")),
        "learn",
        "refresh",
    ),
    "all forgotten": (change_server("server.update(server.collect(1))  # HERE"), "serve", "collect"),
    "collect forgotten": (change_server(lines(COLLECT, "server.update(server.collect(1))  # HERE")), "serve", "collect"),
    "collect kept": (change_server(lines(COLLECT, "kept = server.collect(1)  # HERE", "len(kept)")), "serve", "collect"),
    "first forgotten": (change_server(lines(COLLECT, "server.first(1, distinct=True)  # HERE")), "serve", "first"),
    "barrier forgotten": (change_server(lines(COLLECT, "server.update(server.barrier())  # HERE")), "serve", "barrier"),
    "send forgotten": (
        change_peer("yield from peer.send(", "peer.send(").replace("peer.model)\n", "peer.model)  # HERE\n"),
        "learn",
        "send",
    ),
    "fetch forgotten": (
        change_peer("peer.step(gradient)", lines("peer.step(gradient)", "peer.mix(peer.fetch(peer.peers[0]), 0.5)  # HERE")),
        "learn",
        "fetch",
    ),
    "peer's compute forgotten": (
        change_peer("yield from peer.compute(peer.model)", "peer.compute(peer.model)  # HERE"),
        "learn",
        "compute",
    ),
}
MISTAKES = {
    **{label: (source, role, rf"{verb}\(\) is {FORGOTTEN}") for label, (source, role, verb) in MISTAKES.items()},
    "yield for yield from": (
        change_learner("yield from learner.settle()", "yield learner.settle()  # HERE"),
        "learn",
        r"settle\(\) is called with 'yield'",
    ),
    "iterated over": (
        change_server("for g in server.collect(1): server.update([g])  # HERE"),
        "serve",
        r"collect\(\) is iterated over; call it with 'yield from'",
    ),
    "iterated over in a loop that uses what comes": (
        change_server("for g in (server.collect(1)): g.timestamp  # HERE"),
        "serve",
        r"collect\(\) is iterated over; call it with 'yield from'",
    ),
    "iterated over without waiting": (
        change_learner("yield from learner.settle()", "for w in learner.pull(): pass  # HERE"),
        "learn",
        r"pull\(\) is iterated over; call it with 'yield from'",
    ),
    "as a condition": (change_server("if server.collect(1): continue  # HERE"), "serve", rf"collect\(\) is {FORGOTTEN}"),
    "compared": (change_server("server.collect(1) == []  # HERE"), "serve", rf"collect\(\) is {FORGOTTEN}"),
    "kept every time": (
        change_learner("yield from learner.settle()", "kept.append(learner.settle())  # HERE").replace(
            "        while True:\n            weights", "        kept = []\n        while True:\n            weights"
        ),
        "learn",
        rf"settle\(\) is {FORGOTTEN}",
    ),
    "made a list of": (
        change_server("server.update(list(server.collect(1)))  # HERE"),
        "serve",
        r"collect\(\) is iterated over",
    ),
    "yields a number": (
        change_learner("yield from learner.settle()", "yield 3  # HERE"),
        "learn",
        r"yields 3; a role yields only through its verbs",
    ),
    "yields nothing": (change_learner("yield from learner.settle()", "yield  # HERE"), "learn", r"yields null"),
    "learner returns": (
        change_learner("yield from learner.settle()", "return").replace("push(gradient)", "push(gradient)  # HERE"),
        "learn",
        "returns after this line",
    ),
    "server returns": (
        change_server(lines("server.update((yield from server.collect(1)))  # HERE", "return")),
        "serve",
        "returns after this line",
    ),
    "in two updates": (
        change_server(lines(COLLECT, "server.update(here)", "server.update(here)  # HERE")),
        "serve",
        r"update\(\): .* used twice",
    ),
    "twice in one update": (
        change_server(lines(COLLECT, "server.update([*here, *here])  # HERE")),
        "serve",
        r"update\(\): .* used twice",
    ),
    "dropped and used": (
        change_server(lines(COLLECT, "server.drop(here)", "server.update(here)  # HERE")),
        "serve",
        r"update\(\): .* used twice",
    ),
    "pushed twice": (
        change_learner("yield from learner.settle()", "yield from learner.push(gradient)  # HERE"),
        "learn",
        r"push\(\): .* used twice",
    ),
    "stepped twice": (
        change_peer("peer.step(gradient)", lines("peer.step(gradient)", "peer.step(gradient)  # HERE")),
        "learn",
        r"step\(\): .* used twice",
    ),
    "invented": (
        change_server(lines(COLLECT, "server.update([Gradient(0, 99, 0, 0.0, 0.0)])  # HERE")),
        "serve",
        r"was never collected",
    ),
    "a gradient, no list": (
        change_server(lines(COLLECT, "server.update(here[0])  # HERE")),
        "serve",
        r"is not a list of Gradient handles",
    ),
    "numbers": (
        change_server(lines(COLLECT, "server.update([1, 2])  # HERE")),
        "serve",
        r"update\(\): gradients: 1 is not a Gradient handle",
    ),
    "nothing": (
        change_server("server.update(None)  # HERE"),
        "serve",
        r"update\(\): gradients: null is not a list of Gradient handles",
    ),
    "no gradients": (change_server("server.update([])  # HERE"), "serve", r"update\(\) gets no gradients"),
    "pushes weights": (
        change_learner("push(gradient)", "push(weights)  # HERE"),
        "learn",
        r"push\(\): gradients: Weights.* is not a Gradient handle",
    ),
    "pushes nothing": (change_learner("push(gradient)", "push()  # HERE"), "learn", r"push\(\) gets no gradients"),
    "computes on a gradient": (
        change_learner("settle()", "compute(gradient)  # HERE"),
        "learn",
        r"compute\(\): weights: .* is not a Weights handle",
    ),
    "computes on what is not there": (
        change_learner("compute(weights)", "compute(Weights(-1))  # HERE"),
        "learn",
        r"there are no weights with number -1",
    ),
    "collects none": (
        change_server("yield from server.collect(0)  # HERE"),
        "serve",
        r"collect\(\): count: 0 is too small; it must be at least 1",
    ),
    "collects half": (
        change_server("yield from server.collect(1.5)  # HERE"),
        "serve",
        r"collect\(\): count: 1.5 is not a whole number",
    ),
    "too many different ones": (
        change_server("yield from server.first(5, distinct=True)  # HERE"),
        "serve",
        r"first\(\): count: 5 is more than the 4 learners",
    ),
    "waits for NaN": (
        change_server("yield from server.barrier(float('nan'))  # HERE"),
        "serve",
        r"barrier\(\): timeout: NaN is not a number",
    ),
    "an argument too few": (
        change_server("yield from server.collect()  # HERE"),
        "serve",
        r"collect\(\): missing a required argument: 'count'",
    ),
    "no such verb": (change_server("yield from server.colect(1)  # HERE"), "serve", r"AttributeError: .*colect"),
    "an error of its own": (change_server(lines(COLLECT, "{}[here[0].learner]  # HERE")), "serve", r"KeyError: \d"),
    "server that only looks": (
        change_server(lines("while server.timestamp < 5:  # HERE", "    turn = 0  # HERE")),
        "serve",
        "loops forever without waiting",
    ),
    "sends to a number": (
        change_peer("peer.step(gradient)", lines("peer.step(gradient)", "yield from peer.send(0, peer.model)  # HERE")),
        "learn",
        r"send\(\): target: 0 is not a learner from peer.peers",
    ),
    "fetches from its messages": (
        change_peer("peer.step(gradient)", lines("peer.step(gradient)", "yield from peer.fetch(peer.model)  # HERE")),
        "learn",
        r"fetch\(\): source: Model\(.* is not a learner from peer.peers",
    ),
    "no role": (
        change_server("break").replace("(self, server):", "(self, server):  # HERE"),
        "serve",
        r"serve\(\) has no 'yield from'",
    ),
}
