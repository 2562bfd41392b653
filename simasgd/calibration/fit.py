"""`simasgd fit`: from the files of a log to everything that a profile says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.calibration.compute import ComputeFit, fit_compute
from simasgd.calibration.gaps import find_messages, list_gaps
from simasgd.calibration.interface_fit import InterfaceFit, fit_interface
from simasgd.calibration.links import LineFit, TimesFit, fit_line, fit_times
from simasgd.operations.log import OperationLog
from simasgd.operations.reading import read_log


@final
@dataclass(frozen=True)
class Calibration:
    """The numbers of a cluster that were fitted to a log. None: the log has no such operations."""

    files: tuple[str, ...]
    """Names of the log's files."""
    rows: int
    learners: tuple[str, ...]
    compute: ComputeFit
    messages: int
    """Pulls and pushes, with a size or without."""
    link: LineFit | None
    """Latency and bandwidth, from pulls and pushes."""
    interface: InterfaceFit | None
    """The server's interface, from pulls and pushes of one size that overlap."""
    update: TimesFit | None
    step: TimesFit | None
    """Times of the learners' own optimizer steps."""
    mixing: TimesFit | None
    copies: LineFit | None
    """Time and rate of copying and serializing messages."""
    remarks: tuple[str, ...]
    """Sentences on what the log does not tell, on properties of it that the fit misses, and on its oddities."""


def calibrate(files: Sequence[Path]) -> Calibration:
    """Fit everything that a log holds. Raises UsageError where the log is wrong or too short."""
    return calibrate_log(read_log(files), [file.name for file in files])


def calibrate_log(log: OperationLog, names: Sequence[str]) -> Calibration:
    """Fit everything that a log holds, from the files with these names. Raises UsageError where it is too short."""
    compute = fit_compute(log)
    link, copies = fit_line(log, ("pull", "push"), "messages"), fit_line(log, ("copy",), "copies")
    interface = fit_interface(log)
    update, step, mixing = (fit_times(log, operation) for operation in ("update", "step", "mix"))
    remarks = [*list_gaps(log, link, interface, update), *log.remarks, *compute.remarks]
    for line in (link if interface is None else None, copies):
        remarks += line.remarks if line is not None else ()
    return Calibration(
        tuple(names), log.size, log.learners, compute, len(find_messages(log)), link, interface, update, step, mixing, copies,
        tuple(remarks),
    )  # fmt: skip
