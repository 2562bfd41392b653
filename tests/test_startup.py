"""A command imports only the modules that it needs, and the worlds of clock and gradients stay apart."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import simasgd

PACKAGE = Path(simasgd.__file__).parent
HEAVY = {"jax", "jaxlib", "optax", "matplotlib", "seaborn", "pandas", "pyarrow", "simpy", "numpy", "scipy", "joblib", "PIL"}
PROGRAM = """
import io, json, sys
from contextlib import redirect_stdout
seen = []
for arguments in json.loads(sys.argv[1]):
    code = 0
    with redirect_stdout(io.StringIO()) as printed:
        if arguments is None:
            import simasgd
        else:
            from simasgd.command import cli
            sys.argv = ["simasgd", *arguments]
            try:
                cli.main()
            except SystemExit as left:
                code = left.code or 0
    seen.append([code, printed.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})])
print(json.dumps(seen))
"""
PRINTING = [
    (None, ""),
    (["--help"], "Simulate clusters"),
    (["run", "--help"], "Run a scenario"),
    (["check", "quickstart"], "quickstart: fine (9 runs)"),
    (["show", "quickstart", "learners=7"], "learners: 7"),
    (["list"], "p775"),
    (["show", "p775"], "Source: "),
    (["show", "n-softsync"], "collect, update"),
    (["explain", "lr"], "learning.optimizer.learning_rate"),
]
REFUSED = [
    ["run", "quickstart", "learners=0"],
    ["run", "quickstart", "--out", "taken"],
    ["compare", "quickstart", "--target", "soon"],
    ["sweep", "quickstart", "learners=1,0"],
    ["report", "nowhere"],
]


def test_nothing_heavy_is_imported_by_what_computes_nothing(tmp_path: Path) -> None:
    """Run commands that print, or end with a mistake, one after the other in a fresh interpreter."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    expected = [*PRINTING, *((arguments, "") for arguments in REFUSED)]
    asked = json.dumps([arguments for arguments, _ in expected])
    done = subprocess.run([sys.executable, "-c", PROGRAM, asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    for (arguments, printed), (code, output, modules) in zip(expected, json.loads(done.stdout), strict=True):
        assert "simasgd" in modules
        assert HEAVY & set(modules) == set(), arguments
        assert printed in output
        assert code == (2 if arguments in REFUSED else 0), arguments


CHECKS = """
import gc, json, sys
from simasgd.__main__ import main
sys.argv = ["simasgd", "check", "quickstart"]
try:
    main()
finally:
    print(json.dumps([gc.get_freeze_count(), [name for name in sys.modules if name.startswith("simasgd.")]]))
"""


def test_check_imports_no_other_command_and_leaves_nothing_to_search_for_garbage() -> None:
    done = subprocess.run([sys.executable, "-c", CHECKS], capture_output=True, text=True, check=True)
    frozen, modules = json.loads(done.stdout.splitlines()[-1])
    assert frozen > 10_000
    commands = {name for name in modules if name.startswith("simasgd.command.") and "output" not in name}
    assert commands == {"simasgd.command.cli", "simasgd.command.options", "simasgd.command.showing"}


def imports(path: Path) -> set[str]:
    """Every module that a source imports anywhere in it, in full; names imported from a package as its modules."""
    found: set[str] = set()
    package = ["simasgd", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (start, node.module) if part)
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            found |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return found


def within(module: str, *roots: str) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


def exists(module: str) -> bool:
    path = PACKAGE.parent / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("learning", ("simpy", "simasgd.cluster", "simasgd.simulator")),
        ("cluster", ("jax", "jaxlib", "optax", "simasgd.learning", "simasgd.simulator")),
        ("cluster/supervision", ("simpy", "simasgd.cluster.cast", "simasgd.cluster.server", "simasgd.cluster.peers")),
        ("protocols", ("jax", "jaxlib", "optax", "simpy", "simasgd.cluster", "simasgd.learning", "simasgd.simulator")),
        ("report", ("simasgd.simulator", "simasgd.cluster", "simasgd.learning", "simpy", "jax", "optax")),
        ("scenario", ("simpy", "jax", "optax", "numpy", "pandas", "simasgd.simulator", "simasgd.learning")),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_who_may_import_what(folder: str, forbidden: tuple[str, ...]) -> None:
    sources = sorted((PACKAGE / folder).rglob("*.py"))
    assert len(sources) > 3
    assert {root for root in forbidden if root.startswith("simasgd.") and not exists(root)} == set()
    broken = {
        f"{path.relative_to(PACKAGE)} imports {module}"
        for path in sources
        for module in imports(path)
        if within(module, *forbidden)
    }
    assert broken == set()


def test_the_walk_sees_imports_of_every_form() -> None:
    # The test above would pass too if this saw nothing.
    assert within("simasgd.cluster.simulation", "simasgd.cluster")
    assert not within("simasgd.clusters", "simasgd.cluster")
    assert {"simpy"} <= set().union(*(imports(path) for path in (PACKAGE / "cluster").rglob("*.py")))
    assert {"jax", "optax"} <= {
        module.partition(".")[0] for path in (PACKAGE / "learning").rglob("*.py") for module in imports(path)
    }
    assert "simasgd.cluster.simulation" in imports(PACKAGE / "timing.py")
    assert "simasgd.learning.players.player" in imports(PACKAGE / "simulator.py")
