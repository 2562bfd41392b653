"""The names of protocols, runs and resources in a report."""

from __future__ import annotations

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
    """Return the name of a server or link in its usual spelling (NIC)."""
    return " ".join("NIC" if word == "nic" else word for word in name.split())
