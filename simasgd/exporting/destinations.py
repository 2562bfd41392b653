"""The programs that runs can be exported to, and what each needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import final

from simasgd.errors import UsageError, spell_install
from simasgd.exporting.exported_runs import ExportedRun, ExportSource
from simasgd.results.identity import name_code
from simasgd.scenario.vocabulary.names import join_words
from simasgd.storage.manifest import Contents
from simasgd.storage.opening import open_folder

CSV, TENSORBOARD, MLFLOW, WANDB = TARGETS = ("csv", "tensorboard", "mlflow", "wandb")
_TITLES = {TENSORBOARD: "TensorBoard", MLFLOW: "MLflow", WANDB: "Weights & Biases"}
_PACKAGES = {TENSORBOARD: ("tensorboardX",), MLFLOW: ("mlflow", "sqlalchemy", "alembic"), WANDB: ("wandb",)}
_STORE = "mlflow.db"


@final
@dataclass(frozen=True)
class Exported:
    """What was written: the place, the number of runs, and the command that shows them ("": none)."""

    place: Path
    runs: int
    show: str


def require(target: str) -> None:
    """Raise UsageError if a package that a target needs is not installed."""
    missing = [name for name in _PACKAGES.get(target, ()) if (spec := find_spec(name)) is None or spec.origin is None]
    if missing:
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        raise UsageError(
            f"--to {target}: {_TITLES[target]} needs {join_words(missing, 'and')}, which {are} not installed; "
            f"install {them} with: {spell_install(target)}"
        )


def export_runs(
    folder: Path, target: str, out: Path | None, *, replace: bool, tell: Callable[[int, int], None] = lambda done, total: None
) -> Exported:
    """Write all runs in a folder and below it for another program. An earlier export of the same folder is replaced.

    `tell` is called with the number of runs done and of all runs. Raises UsageError if there is nothing to export, a package
    is missing, or the place holds anything else, unless `replace`; and RunFailed if writing fails.
    """
    require(target)
    source = ExportSource.of(folder)
    place = out or Path(_STORE if target == MLFLOW else f"{source.name}-{target}")
    origin = str(folder.resolve())
    runs = _counted(source, tell)
    if target == MLFLOW:
        from simasgd.exporting.mlflow_store import write_to_store

        write_to_store(runs, place, source.name, origin, replace=replace)
        return Exported(place, len(source.places), f"mlflow ui --backend-store-uri sqlite:///{place.as_posix()}")
    name = hashlib.sha256(f"{target}\0{origin}".encode(errors="surrogateescape")).hexdigest()
    with open_folder(place, Contents("export", (name,), name_code()), (), replacing=replace) as home:
        with home.replacing(complete=True) as fresh:
            _write(target, runs, fresh, source.name, origin)
        home.finish()
    shown = {
        CSV: "",
        TENSORBOARD: f"tensorboard --logdir {place.as_posix()}",
        WANDB: f"wandb sync {place.as_posix()}/offline-run-*",
    }
    return Exported(place, len(source.places), shown[target])


def _write(target: str, runs: Iterable[ExportedRun], folder: Path, name: str, origin: str) -> None:
    match target:
        case "csv":
            from simasgd.exporting.csv_tables import write_csv

            write_csv(runs, folder)
        case "tensorboard":
            from simasgd.exporting.tensorboard import write_events

            write_events(runs, folder)
        case _:
            from simasgd.exporting.wandb_runs import write_offline_runs

            write_offline_runs(runs, folder, name, origin)


def _counted(source: ExportSource, tell: Callable[[int, int], None]) -> Iterator[ExportedRun]:
    for done, run in enumerate(source.read()):
        tell(done, len(source.places))
        yield run
    tell(len(source.places), len(source.places))
