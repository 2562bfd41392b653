"""A run that hangs says who waits in which verb."""

from __future__ import annotations

from simasgd.cluster.supervision.waiting import Waiting, describe_waiting, spell_call
from simasgd.scenario.schema import Scenario
from tests.build import TIMING, clock, scenario
from tests.protocols.foreign.mistakes import LEARN, peer_protocol, server_protocol

NOTHING = "        while True:\n            yield from server.collect(1)\n"


def hang(source: str, *changes) -> str:
    """Return why a protocol hangs."""
    names = {"__name__": "mine"}
    exec(compile(source, "mine.py", "exec", dont_inherit=True), names)
    chosen: Scenario = scenario(TIMING, *changes).model_copy(update={"protocol": names["Mine"]()})
    clocked, _ = clock(chosen)
    return clocked.hang.reason


def test_a_server_that_neither_applies_nor_drops_is_named_with_its_learners():
    assert hang(server_protocol(NOTHING)).endswith("(the server waits in collect(1), learners 0 to 3 wait in settle())")


def test_a_role_that_has_left_a_verb_waits_in_the_next_one():
    """Learner 2 pushes once and waits for weights that nobody makes; the others wait until their gradient is applied."""
    learn = LEARN.replace("            yield from learner.settle()", "            yield from waits(learner)")
    own = "def waits(learner):\n    yield from (learner.pull(newer_than=None) if 1 > 2 else learner.keep_up(0)"
    own += " if learner.number == 2 else learner.settle())\n"
    reason = hang(own + server_protocol(NOTHING, learn))
    assert "learners 0, 1 and 3 wait in settle()" in reason
    assert "learner 2 waits in keep_up(0)" in reason


def test_second_threads_and_peers_are_named():
    learn = "        while True:\n            yield from peer.receive(peer.number)\n"
    thread = "    @property\n    def thread(self):\n        return 'messages'\n\n"
    thread += "    def communicate(self, peer):\n        while True:\n            yield from peer.handed_over()\n"
    reason = hang(peer_protocol(learn) + thread)
    assert "(learners 0 to 3 wait in receive, the second thread of learners 0 to 3 waits in handed_over)" in reason


def test_those_who_wait_for_crashed_learners_are_named():
    crashes = {"cluster": {"faults": {"crashes": [{"learner": 1, "at": "1 ms"}]}}}
    serve = "        while True:\n            server.update((yield from server.barrier()))\n"
    reason = hang(server_protocol(serve), crashes)
    assert "(the server waits in barrier(), learners 0, 2 and 3 wait in settle())" in reason
    assert reason.endswith("; these learners crashed for good: 1 (at 0.001 s)")


def test_many_learners_are_ranges():
    odd = [Waiting("learn", number, "pull()") for number in range(1, 20, 2)]
    assert describe_waiting(odd) == "learners 1, 3, 5 and 7 more wait in pull()"
    assert describe_waiting([]) == ""
    assert describe_waiting([*odd[:2], Waiting("serve", -1, "barrier()")]) == (
        "the server waits in barrier(), learners 1 and 3 wait in pull()"
    )


def test_arguments_that_are_numbers_are_shown():
    assert spell_call("collect", (3,), {"within": 0.5}) == "collect(3, within=0.5)"
    assert spell_call("push", (object(),), {}) == "push(…)"
