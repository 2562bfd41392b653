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
