"""The names of protocols, runs and resources in a report."""

from __future__ import annotations

import re

from simasgd.protocols import AbstractProtocol, NSoftsync
from simasgd.report.facts.formats import format_number
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


def describe_setting(run: Run, name: str) -> str:
    """Return the protocol and its numbers as far as a variant's name does not say them: `backup-workers, 3 backups`.

    A number that has its default is left out, and one that the protocol's name in the papers' form holds.
    """
    if not run.summary.has_scenario:
        return ""
    protocol, said = run.scenario.protocol, name.lower()
    kind = name_protocol(protocol)
    parts = [kind] if kind not in said and protocol.kind not in said else []
    if kind == protocol.kind:
        parts += [words for key, words in _list_numbers(protocol) if f"{key}{getattr(protocol, key)}" not in said]
    return ", ".join(parts)


def _list_numbers(protocol: AbstractProtocol) -> list[tuple[str, str]]:
    """Return the numbers of a protocol that differ from their defaults: their keys, and what a reader sees."""
    found = []
    for key, field in type(protocol).model_fields.items():
        value = getattr(protocol, key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value != field.default:
            number = format_number(value)
            is_count = isinstance(value, int) and key.endswith("s")
            found.append((key, f"{number} {key.removesuffix('s') if value == 1 else key}" if is_count else f"{key} {number}"))
    return found


_PLAIN = (
    (r"^in node: to (.+)$", r"port into \1"),
    (r"^in node: from (.+)$", r"port out of \1"),
    (r"^(?:L|ring) (\d+) to (\d+)$", r"link from node \1 to \2"),
    (r"^D (\d+) to (\d+) number (\d+)$", r"D link \3 from supernode \1 to \2"),
    (r"^(rack \d+) (up|down)$", r"\1, \2link"),
    (r"( nic)?(?= (in|out)$)| nic$", ", link"),
)
"""Patterns of the clock's names, and what a reader sees."""


def format_resource_name(name: str) -> str:
    """Return the name of a server or link in plain words: `server nic in` becomes `server, link in`."""
    for pattern, words in _PLAIN:
        found = re.sub(pattern, words, name, count=1)
        if found != name:
            return found
    return name


def say_resource(name: str) -> str:
    """Return the formatted name of a server or link as a noun for a sentence: `link into the server`."""
    found = re.fullmatch(r"(.+), (link|uplink|downlink)( in| out)?", name)
    if found is None:
        return name if name.startswith(("server", "link ", "port ", "D link ")) else f"link {name}"
    where = {"": "of", " in": "into", " out": "out of"}[found[3] or ""]
    return f"{found[2]} {where} {'the server' if found[1] == 'server' else found[1]}"
