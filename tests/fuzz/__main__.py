"""python -m tests.fuzz [PART] [CASES] [SEED]: the long form of one fuzzer, or of all. A part is a module of this package with a
function `main(cases, seed)`, which says what became of the cases and returns an exit code."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

import tests.fuzz

PARTS = [found.name for found in pkgutil.iter_modules(tests.fuzz.__path__) if not found.name.startswith(("_", "test_"))]
CASES = {"check": 5000, "simulate": 1000}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("part", nargs="?", choices=PARTS)
    parser.add_argument("cases", nargs="?", type=int)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    asked = parser.parse_args()
    codes = []
    for part in PARTS if asked.part is None else [asked.part]:
        print(f"{part}:", flush=True)
        codes.append(importlib.import_module(f"tests.fuzz.{part}").main(asked.cases or CASES.get(part, 1000), asked.seed))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
