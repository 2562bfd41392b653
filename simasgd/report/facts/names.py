"""The names of protocols, runs and resources in a report."""

from __future__ import annotations

import re

from simasgd.protocols import AbstractProtocol, NSoftsync
from simasgd.results.run import Run


def name_protocol(protocol: AbstractProtocol) -> str:
    """Return a protocol's name in the papers' form: async, hardsync, 4-softsync."""
    if isinstance(protocol, NSoftsync):
        return f"{'λ' if protocol.n == 'learners' else protocol.n}-softsync"
    return protocol.kind


def name_run(run: Run) -> str:
    """Return the name of a run without a variant's: its protocol, and whether it was measured."""
    return f"measured {describe_protocol(run)}".strip() if run.summary.is_measured else describe_protocol(run)


def describe_protocol(run: Run) -> str:
    """Return the name of a run's protocol; "" if it is not known."""
    return name_protocol(run.scenario.protocol) if run.summary.has_scenario else ""


def format_resource_name(name: str) -> str:
    """Return the name of a server or link in plain words: `server nic in` becomes `server, link in`."""
    name = re.sub(r"( nic)?(?= (in|out)$)| nic$", ", link", name, count=1)
    return re.sub(r"^(rack \d+) (up|down)$", r"\1, \2link", name)


def say_resource(name: str) -> str:
    """Return the formatted name of a server or link as a noun for a sentence: `link into the server`."""
    found = re.fullmatch(r"(.+), (link|uplink|downlink)( in| out)?", name)
    if found is None:
        return name if name.startswith("server") else f"link {name}"
    where = {"": "of", " in": "into", " out": "out of"}[found[3] or ""]
    return f"{found[2]} {where} {'the server' if found[1] == 'server' else found[1]}"
