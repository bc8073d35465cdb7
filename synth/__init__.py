"""Generators of scenes whose exact truth is known."""
