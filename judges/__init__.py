"""Judges: MLLMs asked through a rubric. The catalog grows here."""
