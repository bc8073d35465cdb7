"""Benchmarks that ask about pictures and read the answer out of the reply: one file each."""
