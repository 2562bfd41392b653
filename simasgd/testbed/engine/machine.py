"""The machine of this process."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import psutil

from simasgd.testbed.engine.abstract import Machine

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_machine() -> Machine:
    """Return the machine of this process."""
    boot = _BOOT.read_text().strip() if _BOOT.is_file() else f"{socket.gethostname()} {psutil.boot_time():.0f}"
    return Machine(socket.gethostname(), boot, platform.processor() or platform.machine(), os.cpu_count() or 1)
