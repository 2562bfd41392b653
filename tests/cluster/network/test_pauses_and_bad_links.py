"""Server pauses, degraded links and lost messages by hand. All times are in milliseconds; the cluster is in by_hand.py."""

from __future__ import annotations

import pytest

from simasgd.cluster.clock.activity import Activity
from tests.cluster.by_hand import crash, ms, run_three, spell


@pytest.mark.parametrize(
    ("pauses", "updates"),
    [
        # The gradients of 14 are looked at when the pause is over; the replies, and so the next round, are as late.
        ([spell(10, 20)], [20.5, 21, 21.5, 35, 35.5, 36]),
        # The first update is interrupted 0.2 before its end.
        ([spell(14.3, 20)], [20.2, 20.7, 21.2, 34.7, 35.2, 35.7]),
        # Between the first and the second update.
        ([spell(14.5, 20)], [14.5, 20.5, 21, 29, 35, 35.5]),
        # Nobody wants anything of the server.
        ([spell(3, 14), spell(16, 26)], [14.5, 15, 15.5, 29, 29.5, 30]),
        ([spell(1, 14.1), spell(14.2, 14.4)], [14.8, 15.3, 15.8, 29.3, 29.8, 30.3]),
    ],
    ids=str,
)
def test_a_pause_delays_updates_and_with_them_their_replies(pauses, updates):
    clocked, tape = run_three(6, {"server_pauses": pauses})
    assert ms(tape.stepped_at) == updates
    assert ms(tape.read_at) == [2, 2, 2] + [update + 2 for update in updates[:3]]
    paused = sum(float(pause["lasting"].split()[0]) for pause in pauses)
    assert clocked.fault_counts.server_paused == pytest.approx(paused * 1e-3)


def test_a_pause_that_outlasts_the_run_counts_until_the_stop():
    clocked, _ = run_three(3, {"server_pauses": [spell(15.2, 14_000)]}, {"stop": {"simulated_time": "115.2 ms"}})
    assert clocked.updates == 2
    assert clocked.fault_counts.server_paused == pytest.approx(0.1)


def test_nobody_gets_weights_in_a_pause():
    """Under 1-softsync the first two gradients of 14 are only summed, so their senders want weights at once.

    The server pauses until 23. Then they read weights 0; learner 2's gradient makes weights 1 at
    23.5.
    """
    _, tape = run_three(3, {"server_pauses": [spell(13, 23)]}, {"protocol": {"kind": "n-softsync", "n": 1}})
    assert ms(tape.stepped_at) == [23.5, 38, 52.5]
    assert ms(tape.read_at)[3:6] == [25, 25, 25.5]
    assert tape.timestamp.tolist()[:6] == [0, 0, 0, 0, 0, 1]


def test_who_rejoins_in_a_pause_waits_for_its_end():
    crashes = [{"learner": 1, "at": "11 ms", "down": "2 ms"}]
    _, tape = run_three(3, {"server_pauses": [spell(12, 22)], "crashes": crashes})
    assert ms(tape.stepped_at) == [22.5, 23, 36.5]
    assert (tape.learner.tolist(), ms(tape.read_at)) == ([0, 2, 1], [2, 2, 24])


# 4 MB at 1 GB/s: 4 ms. Replies to two learners at 0, one after the other or at half the rate each.
TWO = {"cluster": {"learners": 2, "server": {"bandwidth": "1 GB/s"}}}


@pytest.mark.parametrize(
    ("slow", "fifo", "fair"),
    [
        ([], [6, 10], [10, 10]),
        # 2 MB until 2, 4 MB at half the rate until 10, the last 2 MB until 12.
        ([spell(2, 10, factor=0.5)], [8, 14], [14, 14]),
        ([spell(0, 1000, factor=0.25)], [18, 34], [34, 34]),
        # 1 MB until 1, 0.6 MB until 4, 1 MB until 5, 0.4 MB until 9, the last 5 MB until 14. In turn: 4 MB at 10.4.
        ([spell(1, 4, factor=0.2), spell(5, 9, factor=0.1)], [12, 16], [16, 16]),
    ],
    ids=str,
)
def test_a_degraded_server_link(slow, fifo, fair):
    faults = {"degraded_links": [{"link": "server", **one} for one in slow]}
    found = {
        sharing: ms(run_three(2, faults, TWO, {"cluster": {"network": {"sharing": sharing}}})[1].read_at)
        for sharing in ("fifo", "fair")
    }
    assert found == {"fifo": fifo, "fair": fair}


def test_what_a_degraded_link_used_is_measured_by_what_is_left_of_it():
    """A quarter is left, and two messages take 32: busy all the time, one after the other or side by side."""
    faults = {"degraded_links": [{"link": "server", **spell(0, 1000, factor=0.25)}]}
    busy = {}
    for sharing in ("fifo", "fair"):
        stop = {"cluster": {"network": {"sharing": sharing}}, "stop": {"simulated_time": "32 ms"}}
        clocked, _ = run_three(9, faults, TWO, stop)
        busy[sharing] = next(link.busy for link in clocked.links if link.name == "server nic out")
    assert busy == pytest.approx({"fifo": 1.0, "fair": 1.0})


@pytest.mark.parametrize(("sharing", "read_at", "applied_at"), [("fifo", [6, 18.4], 46.9), ("fair", [6, 18], 46.5)])
def test_a_degraded_node_is_slow_alone(sharing, read_at, applied_at):
    """Interfaces have 1 GB/s, but node 1 has a quarter: its 4 take 16.

    Its weights are sent after learner 0's, which occupy the server's 10 GB/s for 0.4. Then it
    computes for 10, and its gradient takes 16 + 2 again. The bytes that move slowly count as pushed
    and pulled, not as waited for.
    """
    faults = {"degraded_links": [{"link": "node 1", **spell(0, 1000, factor=0.25)}]}
    network = {"cluster": {"network": {"bandwidth": "1 GB/s", "sharing": sharing}, "server": {"bandwidth": "10 GB/s"}}}
    clocked, tape = run_three(4, faults, TWO, network)
    assert [min(ms(tape.read_at[tape.learner == learner])) for learner in (0, 1)] == read_at
    assert ms(tape.stepped_at[tape.learner == 1]) == [applied_at]
    day = clocked.learner_seconds[1]
    assert ms([day[Activity.PULL], day[Activity.PUSH]]) == pytest.approx([18 + 18, 18], abs=1e-3)  # two pulls


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_a_degraded_rack_is_slow_alone(sharing):
    """Two racks of a node with 2 GB/s: 2 ms, of which rack 1 makes 8. An unlimited server sends both at once."""
    faults = {"degraded_links": [{"link": "rack 1", **spell(0, 1000, factor=0.25)}]}
    network = {"bandwidth": "2 GB/s", "sharing": sharing, "topology": {"kind": "tree", "nodes_per_rack": 1}}
    _, tape = run_three(4, faults, TWO, {"cluster": {"network": network, "server": {"bandwidth": "unlimited"}}})
    assert [min(ms(tape.read_at[tape.learner == learner])) for learner in (0, 1)] == [4, 10]


@pytest.mark.parametrize("probability", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_every_loss_costs_a_message_and_the_time_until_it_is_sent_again(probability, sharing):
    """A lone learner: each update has two messages of 4 + 2, and each loss of one adds 6 and the 3 until it is noticed."""
    faults = {"message_loss": {"probability": probability, "resend_after": "3 ms"}}
    changed = {"cluster": {"learners": 1, "network": {"sharing": sharing}, "server": {"bandwidth": "1 GB/s"}}}
    updates = 2000 if probability < 0.9 else 100
    clocked, tape = run_three(updates, faults, changed)
    lost = clocked.fault_counts.messages_lost
    # Of N deliveries, the losses before each are geometric: mean p/(1 − p), variance p/(1 − p)².
    deliveries = 2 * updates
    deviation = (deliveries * probability) ** 0.5 / (1 - probability)
    assert lost == pytest.approx(deliveries * probability / (1 - probability), abs=4 * deviation)
    assert clocked.simulated_seconds == pytest.approx((updates * (12 + 10 + 0.5) + lost * 9) * 1e-3, rel=1e-9)
    assert clocked.bytes.lost == lost * 4e6
    assert clocked.bytes.received == deliveries * 4e6
    assert not tape.staleness.any()
    assert clocked.gradients_lost == 0


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("own_link", [{}, {"degraded_links": [{"link": "node 0", **spell(900_000, 900_001, factor=0.5)}]}])
def test_a_lost_message_counts_as_waited_for_until_it_is_sent_again(sharing, own_link):
    """A message of 4 + 2 that is lost costs these 6 and the 3 until it is noticed: 9 of waiting, and 6 on its way.

    A link of the learner's own makes the route a path of several links, and does not change that.
    """
    faults = {"message_loss": {"probability": 0.3, "resend_after": "3 ms"}, **own_link}
    changed = {"cluster": {"learners": 1, "network": {"sharing": sharing}, "server": {"bandwidth": "1 GB/s"}}}
    clocked, _ = run_three(200, faults, changed)
    day = clocked.learner_seconds[0]
    assert ms([day[Activity.PUSH], day[Activity.PULL]]) == pytest.approx([200 * 6, 200 * 6])
    assert ms([day[Activity.WAIT]]) == pytest.approx([200 * 0.5 + clocked.fault_counts.messages_lost * 9])


def test_what_a_crashed_learner_was_to_be_sent_again_is_not():
    """Nearly every message is lost.

    The reply of 0, missed at 2, would be sent again at 102, but the learner is away from 50 to 60.
    The messages of 60 and 162 are its own, and the fourth is under way at the stop.
    """
    faults = {"message_loss": {"probability": 0.99, "resend_after": "100 ms"}, "crashes": [crash(0, 50, 60)]}
    clocked, _ = run_three(1, faults, {"cluster": {"learners": 1}, "stop": {"simulated_time": "265 ms"}})
    assert clocked.fault_counts.messages_lost == 3
    assert (clocked.bytes.sent, clocked.bytes.lost) == (4 * 4e6, 3 * 4e6)


def test_a_lost_reply_holds_the_weights_that_were_read_for_it():
    """Learner 1's gradients take 100 times as long as learner 0's, so what it reads is as old as its message is under way."""
    faults = {"message_loss": {"probability": 0.9, "resend_after": "50 ms"}}
    changed = {"cluster": {"learners": 2, "speeds": [100.0, 1.0]}}
    _, tape = run_three(400, faults, changed)
    of_one = tape.learner == 1
    read = tape.timestamp[of_one][1:]
    # It reads right after its own update, however late the message comes.
    assert (read == tape.step[of_one][:-1] + 1).all()
    known = [int((tape.stepped_at < at).sum()) for at in tape.read_at[of_one][1:]]
    assert (known > read).any()
