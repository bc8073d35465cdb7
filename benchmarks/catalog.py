"""Every benchmark by name; the only list. An entry is imported when it is asked for."""

from __future__ import annotations

BENCHMARKS: dict[str, str] = {
    "textedit": "benchmarks.textedit:BENCHMARK",
    "rendered-qa": "benchmarks.understanding.rendered_qa:BENCHMARK",
}

CONFORMANCE: dict[str, str] = {
    "textedit": "benchmarks.textedit.conformance",
}
"""Recorded vectors by the name in their file -> module that publishes ``CONFORMANCE``."""
