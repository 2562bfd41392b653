"""The options of a command that say where its runs are computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import rich_click as click

from simasgd.errors import UsageError

_MINUTE, _GIB = 60.0, 1 << 30

_OPTIONS = (
    click.option(
        "--engine", default="loky", show_default=True, help="The software that runs the processes: loky, ray, dask, slurm."
    ),
    click.option(
        "--address", metavar="HOST:PORT", help="Use the Ray or Dask cluster at this address.  [default: this machine]"
    ),
    click.option(
        "--workers", type=click.IntRange(1), help="Number of processes, or of Slurm's jobs.  [default: the cores; 16 jobs]"
    ),
    click.option("--partition", metavar="NAME", help="Slurm: the partition of the jobs."),
    click.option("--time", "time", metavar="TIME", help="Slurm: the time limit of a job, for example '2 h'."),
    click.option("--cpus", type=click.IntRange(1), help="Slurm: processors of a job."),
    click.option("--memory", metavar="SIZE", help="Slurm: memory of a job, for example '8 GB'."),
    click.option(
        "--slurm", "others", metavar="KEY=VALUE", multiple=True, help="Slurm: any other option of sbatch; may be given again."
    ),
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of engines to a command, which gets an `engine` in place of them."""

    @wraps(command)
    def with_engine(
        *,
        engine: str,
        address: str | None,
        workers: int | None,
        partition: str | None,
        time: str | None,
        cpus: int | None,
        memory: str | None,
        others: tuple[str, ...],
        **arguments: Any,
    ) -> Any:
        from simasgd.scenario.vocabulary.units import SIZE, TIME
        from simasgd.sweeps.pools.choosing import Engine

        jobs = {
            "slurm_partition": partition,
            "timeout_min": None if time is None else max(1, round(_read(time, "--time", TIME) / _MINUTE)),
            "cpus_per_task": cpus,
            "mem_gb": None if memory is None else _read(memory, "--memory", SIZE) / _GIB,
            "slurm_additional_parameters": dict(map(_split, others)) or None,
        }
        chosen = Engine(
            name=engine, workers=workers, address=address, jobs={key: value for key, value in jobs.items() if value is not None}
        )
        chosen.require()
        return command(engine=chosen, **arguments)

    for option in reversed(_OPTIONS):
        with_engine = option(with_engine)
    return with_engine


def _read(text: str, option: str, dimension: Any) -> float:
    """Return a quantity in seconds or bytes. Raises UsageError."""
    from simasgd.scenario.vocabulary.units import parse

    try:
        return parse(text, dimension)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--slurm: {text!r} is not KEY=VALUE; for example --slurm account=physics")
    return key, value
