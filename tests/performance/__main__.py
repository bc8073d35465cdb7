"""`make bench`: speed and memory as ratios within one run, printed as Markdown.

    python -m tests.performance [ocr] [clip] [memory] [judge] [start] [index] [aggregate]
        [model] [finetune]

Absolute seconds depend on the machine and on its mood; the ratios are what docs/performance.md
quotes. Nothing here passes or fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.performance import aggregate, clip, finetune, index, judge, memory, model, ocr, start

COLUMNS = ("what", "naive", "ours", "ratio", "aim")
SECTIONS: dict[str, Callable[[], list[dict[str, str]]]] = {
    "ocr": ocr.measure,
    "clip": clip.measure,
    "memory": memory.measure,
    "judge": judge.measure,
    "start": start.measure,
    "index": index.measure,
    "aggregate": aggregate.measure,
    "model": model.measure,
    "finetune": finetune.measure,
}


def main() -> None:
    """Measure the sections named on the command line, or all."""
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        raise SystemExit(
            f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}"
        )
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    begin = time.perf_counter()
    for name in wanted:
        for row in SECTIONS[name]():
            print("| " + " | ".join(row[k] for k in COLUMNS) + " |", flush=True)
    print(f"\n{time.perf_counter() - begin:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
