"""`make bench`: run every measurement, or those named on the command line."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path


def main() -> None:
    wanted = sys.argv[1:]
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        if wanted and name not in wanted:
            continue
        started = time.perf_counter()
        for line in importlib.import_module(f"tests.bench.{path.stem}").run():
            print(line, flush=True)
        print(f"  ({name} took {time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
