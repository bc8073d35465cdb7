"""umm-evals: an evaluation suite for unified multimodal models.

Importing this package loads nothing heavy; the public names below are resolved on first use.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Sample": "evals.core.types",
    "Prediction": "evals.core.types",
    "Score": "evals.core.types",
    "Quantity": "evals.core.types",
    "Benchmark": "evals.core.protocols",
    "Metric": "evals.core.protocols",
    "Model": "evals.core.protocols",
    "StoredRun": "evals.core.store",
    "UserError": "evals.core.errors",
}

__all__ = [
    "Benchmark",
    "Metric",
    "Model",
    "Prediction",
    "Quantity",
    "Sample",
    "Score",
    "StoredRun",
    "UserError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        import importlib

        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'evals' has no attribute {name!r}")
