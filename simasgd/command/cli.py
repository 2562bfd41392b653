"""The program `simasgd`: its commands, and how errors end it.

A command imports the modules that it needs itself, so that `--help` and `check` are quick.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import final

import rich_click as click

import simasgd
from simasgd.command.output.console import printing
from simasgd.errors import SimasgdError
from simasgd.signals import watched

_HOMES = {
    "run": "running.run",
    "compare": "running.compare",
    "sweep": "sweeping.sweep",
    "advise": "advising.advise",
    "report": "running.report",
    "record": "recording.record",
    "runs": "listing.runs",
    "index": "listing.index",
    "status": "listing.status",
    "fit": "fitting.fit",
    "import": "measuring.import_",
    "export": "exporting.export",
    "validate": "measuring.validate",
    "check": "showing.check",
    "list": "asking.list_",
    "show": "asking.show",
    "explain": "asking.explain",
    "schema": "showing.schema",
    "data": "showing.data",
}


@final
class _Commands(MutableMapping[str, click.Command]):
    """The commands by their names. A command is imported when it is looked up, so that no other one waits for its options."""

    def __init__(self) -> None:
        self._found: dict[str, click.Command | None] = dict.fromkeys(_HOMES)

    def __getitem__(self, name: str) -> click.Command:
        command = self._found[name]
        if command is None:
            module, _, attribute = _HOMES[name].partition(".")
            command = self._found[name] = getattr(import_module(f"simasgd.command.{module}"), attribute)
        return command

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(simasgd.__version__, prog_name="simasgd")
@click.pass_context
def app(context: click.Context) -> None:
    """Simulate clusters that train with asynchronous SGD: SimPy decides when, JAX decides what.

    Start with: simasgd run quickstart

    Ask with: simasgd list, simasgd show NAME, simasgd explain KEY
    """
    from simasgd.command.output.library_warnings import without_library_warnings

    context.with_resource(without_library_warnings())


app.commands = _Commands()


def main() -> None:
    """Run the program.

    An error that the user can mend is printed as one message, without a traceback.
    """
    with watched(), printing():
        try:
            app()
        except SimasgdError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)
