"""Images for tests of image folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def save_image(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG, whatever the file's name says, so that the pixels stay as they are; Pillow looks at the content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path, format="png")
