"""The program `simasgd`, also as `python -m simasgd`."""

from __future__ import annotations

from simasgd.signals import Watch


def main() -> None:
    """Run the command line. Signals are watched from before its slow import until the end."""
    Watch().start()

    from simasgd.command import cli

    cli.main()


if __name__ == "__main__":
    main()
