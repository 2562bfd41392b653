"""A study's results, in memory and in a folder: the runs of all variants at all seeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from simasgd.errors import UsageError
from simasgd.presentation import find_presenter
from simasgd.results.contents import REPEATS, read_scenario, write_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.results.outcome import Outcome, describe_outcomes
from simasgd.results.run import Run, save_results
from simasgd.results.stored import StudyJson, VariantsJson
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import RUN, SCENARIO, STUDY, VARIANTS


@final
@dataclass(frozen=True, eq=False)
class Study:
    """All runs of a scenario: its variants (or itself, named ""), each at one or several seeds.

    command   the command line that repeats the study
    notes     remarks for the reader, about the data and about warnings
    variant   the name of this variant in a larger study; "" if this is the whole study
    target    the test error, or loss, to which times are compared; None: the report chooses one

    In print and in IPython it shows its table and its verdict, in a notebook also two figures.
    """

    scenario: Scenario
    runs: Mapping[str, Sequence[Run]]
    command: str = ""
    notes: Sequence[str] = ()
    variant: str = ""
    target: float | None = None

    def alone(self, variant: str) -> Study:
        """Return the study of one variant with its seeds."""
        return Study(self.scenario.variants[variant], {"": self.runs[variant]}, self.command, self.notes, variant)

    @property
    def has_variants(self) -> bool:
        """Whether the scenario has variants."""
        return list(self.runs) != [""]

    def __repr__(self) -> str:
        seeds = sum(map(len, self.runs.values()))
        variants = f"{', '.join(self.runs)}; " if self.has_variants else ""
        return f"<Study {self.scenario.name}: {variants}{seeds} run{'s' if seeds != 1 else ''}>"

    @property
    def verdict(self) -> str:
        """Who is best and by how much, who fails and why; the sentences of the page."""
        return find_presenter().state(self)

    def __str__(self) -> str:
        return find_presenter().write(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the table and the verdict where IPython shows text."""
        printer.text("<Study …>" if cycle else str(self))

    def _repr_html_(self) -> str:
        return find_presenter().show(self)

    def write_page(self, path: str | Path) -> Path:
        """Write the study's page, one HTML file, and return its path; a folder gets it as `index.html`.

        Raises simasgd.UsageError if it cannot be written.
        """
        return find_presenter().write_page(self, Path(path))

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write every run into a folder.

        Variants go into sub-folders of their names, further seeds into repeats/SEED below.

        The folder is treated as in `Run.save`, which also lists what is raised.
        """
        save_results(self.scenario, self.write_into, Path(folder), replace=replace)

    def write_into(self, folder: Path) -> None:
        """Write every run into a folder that no other process writes to.

        Files of the same names are replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if self.has_variants:
            for variant in self.runs:
                self.alone(variant).write_into(folder / variant)
            write_json(folder / VARIANTS, {"name": self.scenario.name, "variants": self.table().to_dict("records")})
        else:
            first, *further = self.runs[""]
            first.write_into(folder)
            for run in further:
                run.write_into(folder / REPEATS / str(run.seed))
        write_scenario(self.scenario, folder)
        about = {
            "command": self.command,
            "notes": list(self.notes),
            "variant": self.variant,
            "target": self.target,
            "verdict": None,
        }
        write_json(folder / STUDY, about)

    @classmethod
    def load(cls, folder: str | Path) -> Study:
        """Read a study from the folder of a run or of a scenario with variants.

        Raises simasgd.UsageError if the folder holds neither, or a file in it does not have the
        form that simasgd writes.
        """
        folder = Path(folder)
        homes = {"": folder}
        if (folder / VARIANTS).is_file():
            scenario = read_scenario(folder)
            listed = read_json(folder / VARIANTS, VariantsJson).variants
            homes = {row.variant: folder / row.variant for row in listed}
            if unknown := [variant for variant in homes if variant not in scenario.variants]:
                raise UsageError(f"{folder / VARIANTS}: {unknown[0]!r} is not a variant of {folder / SCENARIO}")
        runs = {variant: _load_seeds(home) for variant, home in homes.items()}
        about: Mapping[str, Any] = {}
        if (folder / STUDY).is_file():
            about = read_json(folder / STUDY, StudyJson).model_dump(exclude={"verdict"})
        return cls(read_scenario(folder), runs, **about)

    def table(self) -> pd.DataFrame:
        """Return one row per variant.

        Its columns are variant, seeds, outcome and reason, means over the seeds, and the numbers of
        seeds that diverged and hung. Of each mean but the staleness there are also the least value
        (`_min`) and the greatest (`_max`): test_error (a fraction), test_loss, simulated_seconds,
        samples_per_simulated_second, speedup (over one learner), learner_hours and bytes_sent. `Run`
        defines them. Runs without a time (`Run.has_time`) are left out of the three columns about
        time. A number of no values is missing.
        """
        return pd.DataFrame([_summarize_variant(variant, runs) for variant, runs in self.runs.items()])


def _load_seeds(home: Path) -> list[Run]:
    first = Run.load(home)
    seeds = [int(path.parent.name) for path in (home / REPEATS).glob(f"*/{RUN}") if path.parent.name.isdecimal()]
    in_order = sorted(seeds, key=lambda seed: (seed - first.seed) % 2**32)
    return [first, *(Run.load(home / REPEATS / str(seed)) for seed in in_order)]


def _summarize_variant(variant: str, runs: Sequence[Run]) -> dict[str, Any]:
    outcomes = [run.outcome for run in runs]
    means: dict[str, list[float | None]] = {
        "test_error": [run.test_error for run in runs],
        "test_loss": [run.test_loss for run in runs],
        "simulated_seconds": [run.simulated_seconds if run.has_time else None for run in runs],
        "samples_per_simulated_second": [run.samples_per_simulated_second for run in runs],
        "speedup": [run.speedup for run in runs],
        "learner_hours": [run.learner_hours for run in runs],
        "bytes_sent": [run.bytes_sent for run in runs],
    }
    staleness = [mean for run in runs if (mean := run.summary.staleness.mean) is not None]
    return {
        "variant": variant,
        "seeds": [run.seed for run in runs],
        "outcome": describe_outcomes(outcomes),
        "reason": "; ".join(list_reasons(runs)),
        **{column: number for name, values in means.items() for column, number in _describe_range(name, values).items()},
        "mean_staleness": average(staleness),
        "diverged": sum(run.diverged for run in runs),
        "hung": outcomes.count(Outcome.HUNG),
    }


def _describe_range(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    """Return the mean of the known values, the least and the greatest, as columns of the table."""
    known = [value for value in values if value is not None]
    return {name: average(known), f"{name}_min": min(known, default=None), f"{name}_max": max(known, default=None)}


def name_variants(texts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the texts of all variants, each once; one that not all variants have begins with the names of those."""
    variants_of: dict[str, dict[str, None]] = {}
    for variant, own in texts.items():
        for text in own:
            variants_of.setdefault(text, {})[variant] = None
    return tuple(f"{', '.join(names)}: {text}" if len(names) < len(texts) else text for text, names in variants_of.items())


def list_reasons(runs: Sequence[Run], outcomes: Collection[Outcome] = tuple(Outcome)) -> list[str]:
    """List the reasons of the runs of all seeds that have one of these outcomes, each once.

    Reasons of runs that finished have the number of their seeds, which no outcome states.
    """
    chosen = [run for run in runs if run.summary.reason and run.outcome in outcomes]
    counts = Counter((run.summary.reason, run.outcome is Outcome.FINISHED) for run in chosen)
    return [
        f"{reason} ({count} of {len(runs)} seeds)" if is_finished and count < len(runs) else reason
        for (reason, is_finished), count in counts.items()
    ]


def average(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean; None for no values."""
    return math.fsum(values) / len(values) if values else None
