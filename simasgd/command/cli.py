"""The program `simasgd`: its commands, and how errors end it.

A command imports the modules that it needs itself, so that `--help` and `check` are quick.
"""

from __future__ import annotations

import sys

import rich_click as click

import simasgd
from simasgd.command import advising, asking, exporting, fitting, listing, measuring, recording, running, showing, sweeping
from simasgd.command.output.console import printing
from simasgd.errors import SimasgdError
from simasgd.signals import watched


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


for _command in (
    running.run,
    running.compare,
    sweeping.sweep,
    advising.advise,
    running.report,
    recording.record,
    listing.runs,
    listing.index,
    listing.status,
    fitting.fit,
    measuring.import_,
    exporting.export,
    measuring.validate,
    showing.check,
    asking.list_,
    asking.show,
    asking.explain,
    showing.schema,
    showing.data,
):
    app.add_command(_command)


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
