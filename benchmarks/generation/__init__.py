"""Text-to-image benchmarks: one folder each."""
