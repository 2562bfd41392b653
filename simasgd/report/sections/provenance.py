"""The sources of a study's numbers: scenario, versions, run times and node profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simasgd.report.drawing.page_parts import Profile, Table
from simasgd.report.facts.formats import (
    format_bytes,
    format_duration,
    format_epochs,
    format_number,
    format_percent,
    join_words,
    list_some,
    spell_count,
)
from simasgd.report.facts.names import describe_protocol, name_run
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.profile_file import ProfileFile
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.models import MLP, Linear, Logistic, Quadratic, Softmax
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import merge
from simasgd.scenario.vocabulary.section import Section
from simasgd.scenario.vocabulary.units import DIMENSIONS, parse
from simasgd.scenario.vocabulary.values import shown
from simasgd.scenario.workload import MiniBatches, Workload


def describe_study(study: Study) -> list[tuple[str, str]]:
    """Return terms and short texts that say what was simulated."""
    firsts = [runs[0] for runs in study.runs.values()]
    scenarios = [run.scenario for run in firsts]
    described = [run.scenario for run in firsts if run.summary.has_scenario]
    learning = [scenario.learning for scenario in scenarios if scenario.learning is not None]
    found = {
        "Learners, λ": [f"{scenario.cluster.learners:,}" for scenario in scenarios],
        "Mini-batch, µ": [_describe_mini_batch(scenario.workload) for scenario in scenarios],
        "Times": [_describe_origin(run) for run in firsts] if any(run.summary.is_measured for run in firsts) else [],
        "Protocol": [describe_protocol(run) or "not known" for run in firsts],
        "Data": [describe_data(one) for one in learning] or ["none: timing only"],
        "Model": [describe_model(one) for one in learning],
        "Optimizer": [_describe_optimizer(one) for one in learning],
        "Message": [_describe_message(scenario) for scenario in described],
        "Ends at": [_describe_end(run) for run in firsts],
        "Nodes": [_name_profile(scenario.cluster.profile) or "given in the scenario" for scenario in described],
        "Seeds": [_list_seeds(next(iter(study.runs.values())))],
    }
    return [(term, list_some(list(dict.fromkeys(texts)), 5)) for term, texts in found.items() if texts]


def _describe_origin(run: Run) -> str:
    """Return whether a run was simulated, which log it was measured by, or what recorded it."""
    log, recorded = run.summary.log, run.summary.recorded
    if recorded is not None:
        return f"measured: recorded by {recorded.describe_engine()} on {recorded.describe_machines()}"
    return "simulated" if log is None else f"measured: {list_some([file.name for file in log.files])}"


def _describe_end(run: Run) -> str:
    if run.summary.log is not None:
        return f"the end of the log ({run.summary.updates:,} updates)"
    ended = " (interrupted before)" if run.summary.stopped_by == "interrupt" else ""
    return f"{describe_stop(run.scenario, 'measured time' if run.summary.is_measured else 'simulated time')}{ended}"


def describe_stop(scenario: Scenario, time: str = "simulated time") -> str:
    """Return in words when the run ends; `time` is the name of its time."""
    limits = scenario.stop
    parts = []
    if limits.epochs is not None:
        parts.append(format_epochs(limits.epochs))
    if limits.gradients is not None:
        parts.append(f"{limits.gradients:,} gradient{'' if limits.gradients == 1 else 's'}")
    if limits.updates is not None:
        parts.append(f"{limits.updates:,} update{'' if limits.updates == 1 else 's'}")
    if limits.simulated_time is not None:
        parts.append(f"{format_duration(limits.simulated_time)} of {time}")
    if limits.test_error is not None:
        parts.append(f"a test error of {format_percent(limits.test_error)}")
    return " or ".join(parts)


def tabulate_provenance(study: Study) -> Table:
    """Tabulate versions, hashes and wall times."""
    every = {variant or name_run(runs[0]): runs for variant, runs in study.runs.items()}
    logs = [
        (f"measured log of {name}", f"{file.name}, sha256 {file.digest}")
        for name, runs in every.items()
        if (log := runs[0].summary.log) is not None
        for file in log.files
    ]
    recordings = [
        (f"recording of {name}", sentence)
        for name, runs in every.items()
        if (recorded := runs[0].summary.recorded) is not None
        for sentence in recorded.sentences()
    ]
    first = next(iter(every.values()))[0].summary
    packages = ", ".join(f"{name} {version}" for name, version in first.packages.items())
    hashes = [(f"scenario hash, {name}", runs[0].summary.scenario_hash) for name, runs in every.items()]
    walls = [(f"wall time, {name}", _format_wall_time(runs)) for name, runs in every.items()]
    rows = [("simasgd", first.version), ("Python", first.python), ("packages", packages), *logs, *recordings, *hashes, *walls]
    return Table.of(("what", "value"), rows, words=2)


def _name_profile(profile: str | ProfileFile | None) -> str | None:
    return profile.file if isinstance(profile, ProfileFile) else profile


def tabulate_profiles(study: Study) -> list[Profile]:
    """Tabulate the node profiles of the study's variants, with the source of every number."""
    firsts = [of_variant[0] for of_variant in study.runs.values()]
    # The cluster of a log without a scenario is a placeholder.
    runs = [run for run in firsts if run.summary.has_scenario]
    profiles: list[str | ProfileFile | None] = []
    for run in runs:
        if run.scenario.cluster.profile not in profiles:  # a file's profile may hold lists, which have no hash
            profiles.append(run.scenario.cluster.profile)
    known = catalogue.list_profiles()
    tables = []
    for profile in profiles:
        users = [run for run in runs if run.scenario.cluster.profile == profile]
        if isinstance(profile, ProfileFile):
            tables.append(_tabulate_file(profile, users))
        elif profile in known:
            tables.append(_tabulate_profile(profile, users))
    return tables


def _tabulate_profile(name: str, runs: Sequence[Run]) -> Profile:
    tree = yaml_layer.read_layer(catalogue.list_profiles()[name], f"profile {name}").tree
    cluster, sources = _select_topology(tree, {run.scenario.cluster.network.topology.kind for run in runs})
    # Convert to typed values and back, so that equal quantities read alike in any unit.
    whole = Cluster.model_validate({"learners": 1, **cluster}).model_dump(mode="json")
    return Profile(name, tree["title"], _tabulate_values(whole, sources, runs))


def _tabulate_file(profile: ProfileFile, runs: Sequence[Run]) -> Profile:
    """Tabulate a profile of the user's own, which may give any part of the cluster."""
    used = [run.scenario.cluster.model_dump(mode="json") for run in runs]
    rows = []
    for key, value, source in profile.numbers:
        other = [str(found) for one in used if not _is_same(found := _get(one, key), value)]
        rows.append((key, str(value), _say_overridden(other, key, runs), source))
    return Profile(profile.file, profile.title, Table.of(("key", "value", "here", "source"), rows, words=4))


def _is_same(found: Any, written: Any) -> bool:
    """Return whether a typed value equals one as a file writes it, in any unit."""
    for dimension in DIMENSIONS:
        try:
            return parse(found, dimension) == parse(written, dimension)
        except ValueError:
            continue
    return bool(found == written) or str(found) == str(written)


def _tabulate_values(whole: dict[str, Any], sources: dict[str, str], runs: Sequence[Run]) -> Table:
    """Tabulate the values of a profile: here, where a scenario overrides them, and their sources."""
    used = [run.scenario.cluster.model_dump(mode="json") for run in runs]
    rows = []
    for key, source in sources.items():
        other = [str(found) for one in used if (found := _get(one, key)) != _get(whole, key)]
        rows.append((key, str(_get(whole, key)), _say_overridden(other, key, runs), source))
    return Table.of(("key", "value", "here", "source"), rows, words=4)


def _say_overridden(other: Sequence[str], key: str, runs: Sequence[Run]) -> str:
    """Return where a profile's value does not hold."""
    if key.startswith("cluster.server.") and not any(run.summary.servers for run in runs):
        return "not used: there is no server"
    if all(_was_measured(key, run) for run in runs):
        return "not used: it was measured"
    return f"overridden in the scenario: {list_some(list(dict.fromkeys(other)))}" if other else ""


def _was_measured(key: str, run: Run) -> bool:
    """Return whether real processes took the place of a value of the cluster."""
    recorded = run.summary.recorded
    if recorded is None:
        return False
    real = ("cluster.network.", "cluster.server.", *(("cluster.compute.",) if recorded.pace == "free" else ()))
    return key.startswith(real)


def _select_topology(tree: dict[str, Any], kinds: set[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a profile and their sources.

    They include the profile's values for a topology if all runs have this topology.
    """
    cluster: dict[str, Any] = tree["cluster"]
    sources = {key: source for key, source in tree["sources"].items() if key.startswith("cluster.")}
    for kind, changes in tree.get("under_topology", {}).items():
        if kinds == {kind}:
            prefix = f"under_topology.{kind}."
            special = {key: source for key, source in tree["sources"].items() if key.startswith(prefix)}
            cluster = merge(cluster, changes)
            sources |= {f"cluster.{key.removeprefix(prefix)}": source for key, source in special.items()}
    return cluster, sources


def _get(tree: dict[str, Any], key: str) -> Any:
    """Return the value at a dotted key below `cluster`."""
    value: Any = tree
    for part in key.removeprefix("cluster.").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _describe_message(scenario: Scenario) -> str:
    """Return the size of a message, of a compressed gradient and of the model, where they differ.

    A message that is larger than the model stands for a larger learning problem.
    """
    size, compression = format_bytes(scenario.payload), scenario.workload.compression
    if scenario.gradient_payload != scenario.payload:
        size += f" (a gradient by {compression.kind}: {format_bytes(scenario.gradient_payload)})"
    if scenario.learning is None or scenario.learning.model_bytes == scenario.payload:
        return size
    return f"{size}; the model that learns here has {format_bytes(scenario.learning.model_bytes)}"


def describe_data(learning: Learning) -> str:
    """Return the data with the numbers of training and test samples: `digits (1,437 + 360 samples)`."""
    data, shape = learning.data, learning.data.shape
    return f"{data.kind} ({shape.train:,} + {shape.test:,} samples){_describe_changes(data, 'train', 'samples', 'test')}"


def describe_model(learning: Learning) -> str:
    """Return the model with its sizes: `mlp 64–32–10 (2,410 parameters)`."""
    shape, model = learning.data.shape, learning.model
    form = ""
    if isinstance(model, Softmax | Linear | Logistic | MLP):
        outputs = 1 if isinstance(model, Logistic) else shape.outputs
        form = f" {'–'.join(map(str, [shape.features, *(model.hidden if isinstance(model, MLP) else ()), outputs]))}"
    elif isinstance(model, Quadratic):
        form = f" of curvature {list_some(list(map(format_number, model.spectrum)))} from {format_number(model.start)}"
    parameters = learning.num_parameters
    return f"{model.kind}{form} ({parameters:,} parameter{'s' if parameters > 1 else ''})"


def _describe_optimizer(learning: Learning) -> str:
    optimizer = learning.optimizer
    return f"{optimizer.kind}, α₀ = {optimizer.learning_rate:g}{_describe_changes(optimizer, 'learning_rate')}"


def _describe_changes(section: Section, *named: str) -> str:
    """Return the values of a section that differ from their defaults, except those in `named`."""
    chosen = section.model_dump(exclude={"kind", *named}, exclude_defaults=True)
    return "".join(f", {name.replace('_', ' ')} {shown(value)}" for name, value in chosen.items())


def _list_seeds(runs: Sequence[Run]) -> str:
    seeds = [run.seed for run in runs]
    return (
        join_words(list(map(str, seeds))) if len(seeds) < 5 else f"{seeds[0]} to {seeds[-1]} ({spell_count(len(seeds), 'run')})"
    )


def _format_wall_time(runs: Sequence[Run]) -> str:
    walls = [run.summary.wall for run in runs]
    parts = {
        "simulate": sum(wall.simulate for wall in walls),
        "compile": sum(wall.compile for wall in walls),
        "replay": sum(wall.replay for wall in walls),
    }
    shares = ", ".join(f"{phase} {format_duration(seconds)}" for phase, seconds in parts.items() if seconds)
    return f"{format_duration(sum(wall.total for wall in walls))} ({shares})"


def _describe_mini_batch(workload: Workload) -> str:
    chosen = workload.mini_batch
    if isinstance(chosen, MiniBatches):
        return f"{chosen.mean:,.10g} on average ({chosen.distribution}, cv {chosen.cv:g})"
    return f"{chosen:,}" if isinstance(chosen, int) else f"{min(chosen):,} to {max(chosen):,}"
