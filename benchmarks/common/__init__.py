"""What benchmarks share: official files, their suites, layouts of outputs, and published rows."""
