"""The program `simasgd`, also as `python -m simasgd`."""

from __future__ import annotations

import gc
import os

_OBJECTS = 100_000  # as many as all modules and schemas of `check` have


def main() -> None:
    """Run the command line. Signals are watched from before its slow import until the end."""
    gc.set_threshold(_OBJECTS)  # else Python searches a hundred times for garbage among the schemas as they grow
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else it looks for plugins in every package installed

    from simasgd.signals import Watch

    Watch().start()

    from simasgd.command import cli

    try:
        cli.main()
    finally:
        gc.freeze()  # else Python searches all that is left for garbage, several times, before it ends


if __name__ == "__main__":
    main()
