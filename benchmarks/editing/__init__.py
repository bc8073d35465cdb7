"""Benchmarks of image editing that a multimodal judge scores."""
