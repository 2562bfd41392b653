"""The long form of one fuzzer or of all: `python -m tests.fuzz [PART] [CASES] [SEED]`.

A part is a module of this package with a function `main(cases, seed)`, which prints the outcomes of the
cases and returns an exit code.
"""

from __future__ import annotations

import argparse
import importlib
import sys

CASES = {"check": 5000, "simulate": 1000}
"""The default number of cases of each part."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("part", nargs="?", choices=list(CASES))
    parser.add_argument("cases", nargs="?", type=int)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    options = parser.parse_args()
    codes = []
    for part in CASES if options.part is None else [options.part]:
        print(f"{part}:", flush=True)
        codes.append(importlib.import_module(f"tests.fuzz.{part}").main(options.cases or CASES[part], options.seed))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
