"""Anything that runs or trains a model."""
