"""The folder of the public data."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def measured_folder(name: str) -> Path:
    """Return the folder of one collection; exit where it is not there."""
    folder = Path(os.environ.get("SIMASGD_MEASURED", "")) / name
    if "SIMASGD_MEASURED" not in os.environ or not folder.is_dir():
        sys.exit(f"{folder} is not there; set SIMASGD_MEASURED to the folder of the public data (docs/validation.md)")
    return folder
