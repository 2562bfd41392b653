"""The command that fits a log: from the times of a real cluster to a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.command.options import check_text, spell_command
from simasgd.command.output.telling import Telling, telling_options
from simasgd.errors import UsageError
from simasgd.scenario.vocabulary.names import YAML_SUFFIXES


@click.command()
@click.argument("words", metavar="LOG… [mini_batch=N]", nargs=-1, required=True, callback=check_text)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.yaml", help="Write the profile to this file, and a page beside it."
)
@click.option(
    "--speeds",
    "form",
    type=click.Choice(["list", "law"]),
    default="list",
    show_default=True,
    help="Speeds and spells: of each learner of the log, or laws, for any number of learners.",
)
@click.option("--replace", "replacing", is_flag=True, help="Replace files that are there already.")
@telling_options
def fit(words: tuple[str, ...], out: Path | None, form: Any, replacing: bool, telling: Telling) -> None:
    """Fit the log of a real cluster: write a node profile, and a page about the fit.

    LOG is CSV or Parquet with a row for each operation; docs/logs.md lists the columns. It may also be the folder of a
    recorded run, or of an imported run whose log is still there. Several logs and folders are one cluster's.

    mini_batch=N is the size of the mini-batches, where the log does not say it.

    A scenario names the profile: cluster.profile: FILE.yaml. Every number has its standard error in the profile's
    `sources`.
    """
    logs, size = _sort_words(words)
    targets = _check_targets(out, replacing)

    from simasgd.calibration.fit import calibrate_log
    from simasgd.calibration.profile import build_profile
    from simasgd.calibration.summary import list_numbers, summarize
    from simasgd.measured.sources import read_sources
    from simasgd.signals import STARTS_ANEW, outlook

    with outlook(lambda: STARTS_ANEW):
        log, names = read_sources([Path(log) for log in logs])
        found = calibrate_log(log if size is None else log.with_mini_batch(size), names)
        del log
        profile = build_profile(found, form)
        if targets is not None:
            from simasgd.report.page import render_calibration
            from simasgd.scenario.reading import yaml_layer

            options = ("--out", str(out), *(("--speeds", form) if form != "list" else ()))
            page = render_calibration(found, profile, targets[0].name, spell_command("fit", words[0], words[1:], options))
            _write(targets, (yaml_layer.dump_yaml(profile), page))
    lines = [*list_numbers(found), *(f"note: {remark}" for remark in found.remarks)]
    files = {} if targets is None else dict(zip(("profile", "report"), targets, strict=True))
    if telling.as_json:  # `profile` has the profile itself
        paths = {"file": files.get("profile"), "report": files.get("report")}
        telling.print_json({**summarize(found, profile), **{word: file and str(file) for word, file in paths.items()}})
        return
    telling.name_files(lines, files, {})


def _sort_words(words: tuple[str, ...]) -> tuple[tuple[str, ...], int | None]:
    """Return the logs, and the size of the mini-batches if it is given. Raises UsageError for another KEY=VALUE."""
    from simasgd.scenario.reading.overrides import parse_override
    from simasgd.scenario.reading.precedence import refuse_contradictions
    from simasgd.scenario.schema import Scenario

    given = [word for word in words if "=" in word and not Path(word).exists()]
    logs = tuple(word for word in words if word not in given)
    changes = [parse_override(Scenario, word) for word in given]
    refuse_contradictions(changes)
    size = None
    for change in changes:
        if change.path != ("workload", "mini_batch"):
            raise UsageError(f"{change.text}: a fit reads its numbers from the log; only mini_batch=N can be given besides")
        size = change.layer.tree["workload"]["mini_batch"]
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise UsageError(f"{change.text}: expected the samples of a mini-batch, a whole number from 1")
    if not logs:
        raise UsageError("there is no log; give a file, as in: simasgd fit log.csv mini_batch=32")
    return logs, size


def _check_targets(out: Path | None, replacing: bool) -> tuple[Path, Path] | None:
    """Return the files of profile and page. Raises UsageError where one is there already, or cannot be made."""
    if out is None:
        return None
    if out.suffix not in YAML_SUFFIXES:
        raise UsageError(f"--out {out}: the name of a profile ends in .yaml")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}")
    targets = (out, out.with_suffix(".html"))
    for target in targets:
        if target.is_dir():
            raise UsageError(f"--out {out}: {target} is a folder")
        if target.exists() and not replacing:
            raise UsageError(f"--out {out}: {target} is there already; choose another name, or --replace it")
    return targets


def _write(targets: tuple[Path, ...], texts: tuple[str, ...]) -> None:
    """Write files under temporary names, then rename them, the profile last. Raises UsageError."""
    from simasgd.signals import unbroken
    from simasgd.storage.files import write_whole

    for target, text in reversed(list(zip(targets, texts, strict=True))):
        try:
            with unbroken():
                write_whole(target, text.encode())
        except OSError as error:
            raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
