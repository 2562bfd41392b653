"""The rooms of the package: their order, their size, and the libraries that they may import.

A room is a folder; a top-level module is a room of its own. A room imports only rooms that come before it in ROOMS, whether
when it is loaded, inside a function or for its types alone. So no two rooms form a circle.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import simasgd

PACKAGE = Path(simasgd.__file__).parent
TESTS = Path(__file__).parent
MOST_MODULES, MOST_LINES = 15, 300
WITHOUT_LIMIT = {"simasgd/protocols"}  # one file for each protocol
TABLES = {"tests/protocols/table.py"}  # data in the form of code

ROOMS = [
    *("tape", "exact", "laws", "printable", "errors", "signals", "storage", "memory"),
    "presentation",
    *("scenario.vocabulary", "scenario.cluster", "scenario.sweep"),
    "scenario.tables",
    *("scenario.learning.data", "scenario.learning.models", "scenario.learning.modulation", "scenario.learning"),
    *("protocols", "scenario.checks", "scenario.reading", "scenario", "asking"),
    *("cluster.clock", "cluster.network", "cluster.collectives", "cluster.supervision", "cluster.cast"),
    "cluster.membership",
    *("cluster.server", "cluster.peers", "cluster"),
    *("operations", "calibration.laws", "calibration.spells", "calibration"),
    *("results.kept", "results", "targets", "timing", "ahead", "what_if"),
    *("learning.models", "learning.data", "learning.rules", "learning.problem", "learning.layout"),
    *("learning.chain", "learning.mixing", "learning.players", "learning"),
    *("stages", "assembly", "preparation", "simulator"),
    *("testbed.engine", "testbed.system", "testbed.server", "testbed.learner", "testbed.peers", "testbed.driver"),
    *("testbed", "measured", "recording", "validation"),
    *("queries", "sweeps.pools", "sweeps", "exporting", "advising"),
    *("report.facts", "report.drawing", "report.sections", "report.verdict", "report.sweep.facts", "report.sweep.drawing"),
    "report.sweep",
    *("report.comparison", "report.advice", "report.index"),
    *("report.terminal", "report.validation", "report.calibration", "report", "indexing"),
    *("figures", "studies"),
    *("command.output", "command", "__main__"),
]

# A library is imported in these rooms and in rooms within them, and nowhere else.
LIBRARIES = {
    "simpy": {"cluster"},
    "jax": {"learning", "results", "testbed"},
    "optax": {"learning"},
    "equinox": {"learning"},
    "jaxtyping": {"learning", "tape", "testbed"},
    "ray": {"sweeps.pools", "testbed.engine"},
    "distributed": {"sweeps.pools"},
    "submitit": {"sweeps.pools"},
    "tensorboardX": {"exporting"},
    "mlflow": {"exporting"},
    "wandb": {"exporting"},
    "pandas": {
        *("assembly", "exporting", "learning", "measured", "queries"),
        *("recording", "report", "results", "stages", "studies", "sweeps", "validation"),
    },
    "scipy": {"advising", "calibration"},
    "pyarrow": {"operations", "results", "scenario.tables"},
    "seaborn": {"report"},
    "matplotlib": {"figures", "report"},
    "jinja2": {"report"},
    "rich_click": {"command"},
    "rich": {"command", "stages"},
    "ruamel.yaml": {"scenario.reading"},
    "joblib": {"sweeps"},
    "PIL": {"learning.data"},
}
FREE_OF_NUMPY = {
    *("scenario", "asking", "protocols", "command", "errors", "printable", "signals", "storage", "simulator", "studies"),
}


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Return every module that a source imports anywhere; a package only if a name of its own is imported from it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                is_module = file_of(name) is not None
                assert is_module or node.module != "simasgd", f"{path}: {name} is imported from the module that has it"
                found |= {name} if is_module else {name, str(node.module)}
    return frozenset(found)


@cache
def room_of(path: Path) -> str:
    """Return the room of a source file."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if path.name == "__init__.py":
        return ".".join(parts[:-1])
    return ".".join(parts if len(parts) == 1 else parts[:-1])


def file_of(module: str) -> Path | None:
    """Return the source file of a module of the package; None if there is none."""
    base = PACKAGE.parent.joinpath(*module.split("."))
    found = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
    return found if found.is_file() and found != PACKAGE / "__init__.py" else None


@cache
def sources() -> tuple[Path, ...]:
    return tuple(sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"))


def test_every_room_is_in_the_list() -> None:
    assert sorted({room_of(path) for path in sources() if path.name != "__init__.py"}) == sorted(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    later = {
        f"{path.relative_to(PACKAGE)} imports {module}"
        for path in sources()
        if room_of(path) == room
        for module in imports_of(path)
        if (file := file_of(module)) is not None and room_of(file) not in allowed
    }
    assert later == set()


def is_within(room: str, rooms: set[str]) -> bool:
    return any(room == one or room.startswith(f"{one}.") for one in rooms)


def users_of(library: str) -> set[str]:
    """Return the rooms that import a library."""
    return {
        room_of(path)
        for path in sources()
        if any(module == library or module.startswith(f"{library}.") for module in imports_of(path))
    }


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_is_used_in_its_rooms_only(library: str) -> None:
    users = users_of(library)
    assert {room for room in LIBRARIES[library] if not any(is_within(user, {room}) for user in users)} == set()
    assert {user for user in users if not is_within(user, LIBRARIES[library])} == set()


def test_what_reads_scenarios_needs_no_numpy() -> None:
    assert {user for user in users_of("numpy") if is_within(user, FREE_OF_NUMPY)} == set()


def folders() -> list[Path]:
    roots = (PACKAGE, TESTS)
    return sorted({path.parent for root in roots for path in root.rglob("*.py")})


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.relative_to(TESTS.parent).as_posix())
def test_a_folder_is_not_too_full(folder: Path) -> None:
    name = folder.relative_to(TESTS.parent).as_posix()
    if name in WITHOUT_LIMIT:
        return
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES


def test_a_file_is_not_too_long() -> None:
    paths = [path for root in (PACKAGE, TESTS) for path in root.rglob("*.py")]
    lengths = {path.relative_to(TESTS.parent).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in paths}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES and name not in TABLES} == {}
