"""Benchmarks that ask for pictures which take knowledge or reasoning to draw."""
