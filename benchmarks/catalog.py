"""Every benchmark by name; the only list. An entry is imported when it is asked for."""

from __future__ import annotations

BENCHMARKS: dict[str, str] = {
    "textedit": "benchmarks.textedit:BENCHMARK",
}
