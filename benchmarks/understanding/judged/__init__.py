"""Questions whose answers a judge reads: MathVista, MathVerse, LogicVista and MM-Vet.

`asking` has what they share: scripts, and a metric of plain rules beside the judge. Then each has a
folder: ``data`` (the table, and samples of its records), ``scoring`` (rules as released, and
strict), ``judge`` (what is asked, and what the replies amount to), ``rubric.toml`` (our words).
MathVista has more rules: ``strict`` and ``lmms``.
"""
