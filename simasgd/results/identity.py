"""Names of results: hashes of the scenario, its seed and the code."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from importlib.metadata import version
from pathlib import Path

import simasgd
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.foreign import is_foreign
from simasgd.scenario.schema import Scenario


@cache
def name_code() -> str:
    """Name the code that makes results: simasgd's sources, and the libraries that shape numbers."""
    digest = hashlib.sha256()
    package = Path(simasgd.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if "report" not in path.relative_to(package).parts:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    libraries = " ".join(version(name) for name in ("simpy", "jax", "jaxlib", "optax", "numpy"))
    return f"{simasgd.__version__} {digest.hexdigest()[:16]} {libraries}"


def name_content(scenario: Scenario) -> str:
    """Name the content of a single run by 16 hexadecimal digits."""
    protocol = type(scenario.protocol)
    code = [name_code(), _source(protocol)] if is_foreign(protocol) else [name_code()]
    return hashlib.sha256(" ".join([scenario.hash(), *code]).encode()).hexdigest()[:16]


def _source(protocol: type[AbstractProtocol]) -> str:
    """Name the source file of another package's protocol by its hash."""
    return hashlib.sha256(Path(inspect.getfile(protocol)).read_bytes()).hexdigest()
