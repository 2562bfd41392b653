"""The names of servers and links, for readers who have not seen the clock's."""

from __future__ import annotations

import pytest

from simasgd.report.facts.names import format_resource_name, say_resource


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        ("server nic in", "server, link in", "link into the server"),
        ("node 3 out", "node 3, link out", "link out of node 3"),
        ("rack 1 up", "rack 1, uplink", "uplink of rack 1"),
        ("L 0 to 15", "link from node 0 to 15", "link from node 0 to 15"),
        ("ring 1 to 2", "link from node 1 to 2", "link from node 1 to 2"),
        ("D 0 to 1 number 3", "D link 3 from supernode 0 to 1", "D link 3 from supernode 0 to 1"),
        ("in node: from server 1", "port out of server 1", "port out of server 1"),
        ("in node: to learner 4", "port into learner 4", "port into learner 4"),
        ("server", "server", "server"),
    ],
)
def test_links_are_named_in_words(name: str, shown: str, said: str) -> None:
    assert format_resource_name(name) == shown
    assert say_resource(shown) == said
