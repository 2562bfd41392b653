"""Runs in an SQLite file of MLflow, which one process writes at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simasgd.errors import RunFailed, UsageError
from simasgd.exporting.exported_runs import ExportedRun
from simasgd.storage import lock

_SOURCE, _FOLDER, _DIGEST = "simasgd.source", "simasgd.folder", "simasgd.digest"
_MOST_METRICS, _MOST_PARAMETERS = 1000, 100
"""The most that one call of MLflow takes."""
_LONGEST = 6000  # characters of a parameter


def write_to_store(runs: Iterable[ExportedRun], file: Path, experiment: str, source: str, *, replace: bool) -> None:
    """Write the runs into an experiment of that name.

    Runs that are there stay if their files are the same; others of the same `source` are replaced, or deleted. Further
    experiments in the file stay as they are. Raises UsageError if another process writes to the file, or the experiment has
    runs of another source, unless `replace`; and RunFailed.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with _locked(file):
        import logging

        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):  # which tell of the tables that they make
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            client = MlflowClient(tracking_uri=f"sqlite:///{file.resolve().as_posix()}")
            home = _open_experiment(client, experiment, source, file, replace=replace)
            _bring_up_to_date(client, home, runs)
        except MlflowException as error:
            problem = " ".join(str(error).split())
            raise RunFailed(f"{file}: MLflow could not write the runs: {problem}") from error


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    path = file.with_name(f".{file.name}.lock")
    try:
        handle = lock.acquire(path)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written to: {error.strerror}; give another place with --out") from None
    if handle is None:
        raise UsageError(f"{file}: another `simasgd export` is writing to it; wait until it ends, or give another --out")
    try:
        yield
    finally:
        lock.release(path, handle)


def _open_experiment(client: Any, name: str, source: str, file: Path, *, replace: bool) -> str:
    """Return the identifier of the experiment, made if absent."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, tags={_SOURCE: source}))
    if found.lifecycle_stage != "active":
        raise UsageError(f"{file}: the experiment {name!r} was deleted in MLflow; restore it, or give another file with --out")
    earlier = found.tags.get(_SOURCE)
    if earlier != source and not replace:
        other = f"runs of {earlier}" if earlier else "runs that simasgd did not write"
        raise UsageError(f"{file}: its experiment {name!r} holds {other}; give another file with --out, or --replace")
    client.set_experiment_tag(found.experiment_id, _SOURCE, source)
    return str(found.experiment_id)


def _bring_up_to_date(client: Any, home: str, runs: Iterable[ExportedRun]) -> None:
    earlier = {run.data.tags[_FOLDER]: run for run in _list_runs(client, home)}
    for run in runs:
        known = earlier.pop(run.folder, None)
        if known is not None:
            if known.data.tags.get(_DIGEST) == run.digest and known.info.status != "RUNNING":
                continue
            client.delete_run(known.info.run_id)
        _add(client, home, run)
    for left in earlier.values():
        client.delete_run(left.info.run_id)


def _list_runs(client: Any, home: str) -> Iterator[Any]:
    """Yield the runs of an experiment that simasgd wrote."""
    token = None
    while True:
        page = client.search_runs([home], filter_string=f"tags.`{_FOLDER}` != ''", max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _add(client: Any, home: str, run: ExportedRun) -> None:
    from mlflow.entities import Metric, Param

    start = int(1000 * run.written)
    study, label, _ = run.names
    about = {"study": study, "variant": label, "protocol": run.protocol, "outcome": run.outcome, "reason": run.reason}
    tags = {_FOLDER: run.folder, _DIGEST: run.digest, **{key: value for key, value in about.items() if value}}
    made = client.create_run(home, start_time=start, run_name=run.name, tags=tags).info.run_id
    parameters = [Param(key, str(value)[:_LONGEST]) for key, value in {**run.settings, "seed": run.seed}.items()]
    for i in range(0, len(parameters), _MOST_PARAMETERS):
        client.log_batch(made, params=parameters[i : i + _MOST_PARAMETERS])
    metrics = [Metric(name, value, start + int(1000 * seconds), step) for name, value, seconds, step in _list_metrics(run)]
    for i in range(0, len(metrics), _MOST_METRICS):
        client.log_batch(made, metrics=metrics[i : i + _MOST_METRICS])
    client.set_terminated(made, status="FINISHED", end_time=start + int(1000 * run.simulated_seconds))


def _list_metrics(run: ExportedRun) -> Iterator[tuple[str, float, float, int]]:
    """Yield each metric with its value, its simulated seconds and its step.

    The steps of a curve are epochs, or samples where several evaluations share an epoch. MLflow's own times are whole
    milliseconds, so each curve is there once more with steps of simulated microseconds.
    """
    for name, step, seconds, value in run.list_points():
        yield name, value, seconds, step
        yield f"by_simulated_microseconds/{name}", value, seconds, round(1e6 * seconds)
    for name, value in run.scores.items():
        yield f"final/{name}", value, run.simulated_seconds, 0
