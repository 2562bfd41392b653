"""simasgd: a discrete-event simulator of asynchronous-SGD clusters.

SimPy decides when, JAX decides what. An example:

from simasgd import Scenario, simulate

run = simulate(Scenario.load("quickstart", "cluster.learners=10"))
run.test_error, run.updates["staleness"].mean()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from simasgd.presentation import Presenter, register_presenter

if TYPE_CHECKING:
    from simasgd.errors import DataMissing, RunFailed, ScenarioError, SimasgdError, UsageError
    from simasgd.learning.own import Task
    from simasgd.queries.run_table import load_runs
    from simasgd.results.run import Run
    from simasgd.results.study import Study
    from simasgd.scenario.schema import Scenario
    from simasgd.simulator import simulate
    from simasgd.studies.advising import Advice, advise
    from simasgd.studies.comparing import Comparison, compare
    from simasgd.studies.several import extend, study
    from simasgd.studies.sweeping import sweep
    from simasgd.sweeps.table import Sweep

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "Comparison",
    "DataMissing",
    "Run",
    "RunFailed",
    "Scenario",
    "ScenarioError",
    "SimasgdError",
    "Study",
    "Sweep",
    "Task",
    "UsageError",
    "advise",
    "compare",
    "extend",
    "load_runs",
    "simulate",
    "study",
    "sweep",
]

_HOME = {
    "Advice": "simasgd.studies.advising",
    "advise": "simasgd.studies.advising",
    "Comparison": "simasgd.studies.comparing",
    "compare": "simasgd.studies.comparing",
    "Scenario": "simasgd.scenario.schema",
    "Run": "simasgd.results.run",
    "Study": "simasgd.results.study",
    "Sweep": "simasgd.sweeps.table",
    "Task": "simasgd.learning.own",
    "load_runs": "simasgd.queries.run_table",
    "simulate": "simasgd.simulator",
    "study": "simasgd.studies.several",
    "extend": "simasgd.studies.several",
    "sweep": "simasgd.studies.sweeping",
}


def __getattr__(name: str) -> Any:
    # Names are imported on first use: SimPy, pandas and JAX cost a second, which `simasgd check`
    # need not pay.
    if name not in __all__:
        raise AttributeError(f"module 'simasgd' has no attribute {name!r}")
    return getattr(import_module(_HOME.get(name, "simasgd.errors")), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def _import_presenter() -> Presenter:
    from simasgd.figures import display

    return display


register_presenter(_import_presenter)
