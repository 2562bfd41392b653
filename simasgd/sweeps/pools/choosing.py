"""The engines of a sweep by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, final

from simasgd.errors import UsageError, spell_install
from simasgd.scenario.vocabulary.merge import ARGUMENT
from simasgd.scenario.vocabulary.values import nearest, shown

if TYPE_CHECKING:  # for the rest a mistake in an option need not be waited for
    from simasgd.scenario.sweep.section import Budget
    from simasgd.sweeps.pools.abstract import AbstractPool

LOCAL, RAY, DASK, SLURM = ENGINES = ("loky", "ray", "dask", "slurm")
_PACKAGES = {RAY: "ray", DASK: "distributed", SLURM: "submitit"}


@final
@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine as the user asks for it.

    `workers` is the number of processes, or of Slurm's jobs; None is the default of the engine. `address` is that of a
    cluster. `jobs` has the parameters of Slurm's jobs, as submitit names them.
    """

    name: str = LOCAL
    workers: int | None = None
    address: str | None = None
    jobs: dict[str, Any] = field(default_factory=dict)

    def require(self) -> None:
        """Raise UsageError if there is no such engine, it is not installed, or an option does not belong to it."""
        name = self.name
        if name not in ENGINES:
            near = nearest(name, ENGINES, least=0.5)
            hint = f"did you mean {near!r}?" if near else f"expected {', '.join(ENGINES[:-1])} or {ENGINES[-1]}"
            raise UsageError(f"{ARGUMENT}: engine: there is no engine {shown(name)}; {hint}")
        if self.jobs and name != SLURM:
            raise UsageError(f"the options of jobs belong to the engine slurm, and the engine is {name}")
        if self.address is not None and name == LOCAL:
            raise UsageError(f"{ARGUMENT}: address: the engine {LOCAL} runs on this machine only; choose ray or dask")
        if self.address is not None and name == SLURM and self.address != "local":
            raise UsageError(
                f"{ARGUMENT}: address: found {shown(self.address)}; Slurm is found by its commands, and 'local' runs jobs on "
                "this machine"
            )
        if name == SLURM and self.address is None and which("sbatch") is None:
            raise UsageError(f"{ARGUMENT}: engine: there is no sbatch here; start the sweep on a login node of a Slurm cluster")
        package = _PACKAGES.get(name)
        if package is not None and find_spec(package) is None:
            raise UsageError(f"The engine {name} is not installed; install it with: {spell_install(name)}")

    def require_budget(self, budget: Budget) -> None:
        """Raise UsageError if the engine cannot keep to a budget."""
        if self.name == SLURM and budget.time is not None:
            raise UsageError(
                "sweep.budget.time: jobs of the engine slurm are submitted at once, so no time can stop them; "
                "give sweep.budget.time=null, and sweep.budget.points=N bounds what one command submits"
            )

    @property
    def processes(self) -> int:
        """The number of processes on this machine: one for each of its cores unless it was given."""
        if self.workers is not None:
            return self.workers
        from joblib import cpu_count

        return int(cpu_count())

    def make_pool(self, folder: Path, *, learns: bool) -> AbstractPool:
        """Return the pool for a sweep in `folder`. Where it `learns`, each process of this machine has a GPU of its own."""
        match self.name:
            case "ray":
                from simasgd.sweeps.pools.ray_pool import RayPool

                return RayPool(self.address, self.workers)
            case "dask":
                from simasgd.sweeps.pools.dask_pool import DaskPool

                return DaskPool(self.address, self.processes)
            case "slurm":
                from simasgd.sweeps.pools.slurm_jobs import JobPool

                return JobPool(self.address, _JOBS if self.workers is None else self.workers, folder / "jobs", self.jobs)
        from simasgd.sweeps.pools.local import LocalPool

        if not learns:
            return LocalPool(self.processes)
        from simasgd.learning.devices import count_accelerators
        from simasgd.sweeps.pools.accelerators import share_accelerators

        return LocalPool(*share_accelerators(self.processes, count_accelerators()))

    def make_pool_of_search(self, folder: Path) -> AbstractPool:
        """Return the pool for a search in `folder`: this process itself if one process of this machine was asked for.

        The runs of a search are short, and another process would take longer to start than some of them take.
        """
        if self.name == LOCAL and self.workers == 1:
            from simasgd.sweeps.pools.here import OwnProcess

            return OwnProcess()
        return self.make_pool(folder, learns=True)


_JOBS = 16
"""Slurm's jobs of a sweep by default: few enough that each has minutes of work, which Slurm's own costs ask for."""
