"""What a result's content is named by: the scenario, its seed and the code."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import simasgd
from simasgd.scenario.schema import Scenario


@cache
def code_version() -> str:
    """Names the code whose results a folder holds: simasgd's own sources and the libraries that shape numbers."""
    digest = hashlib.sha256()
    package = Path(simasgd.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if "report" not in path.relative_to(package).parts:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    libraries = " ".join(version(name) for name in ("simpy", "jax", "jaxlib", "optax", "numpy"))
    return f"{simasgd.__version__} {digest.hexdigest()[:16]} {libraries}"


def content_name(scenario: Scenario) -> str:
    """Names a single run's content: 16 hexadecimal digits."""
    return hashlib.sha256(f"{scenario.hash()} {code_version()}".encode()).hexdigest()[:16]
