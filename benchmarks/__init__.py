"""Benchmarks: `benchmarks.catalog` lists them by name."""
