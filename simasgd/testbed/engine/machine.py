"""The machine of this process."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import psutil

from simasgd.testbed.engine.abstract import ProcessMachine

_BOOT, _MODELS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/cpuinfo")


def this_machine() -> ProcessMachine:
    """Return the machine of this process."""
    boot = _BOOT.read_text().strip() if _BOOT.is_file() else f"{socket.gethostname()} {psutil.boot_time():.0f}"
    return ProcessMachine(socket.gethostname(), boot, _processor(), os.cpu_count() or 1)


def _processor() -> str:
    """Return the processor's model, or at least its kind."""
    lines = _MODELS.read_text(encoding="utf-8").splitlines() if _MODELS.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
