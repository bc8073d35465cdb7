"""Questions with options: SEED, MMMU, MMStar, AI2D, RealWorldQA and MMBench.

Read in this order: `questions` (what is right in a record), `vlmevalkit` and `lmms` (how the two
harnesses read a letter out of a reply), `mmmu_authors` (how MMMU's authors do), `metric` (all of
these and a strict reading, as one metric), `judge` (who reads what rules cannot; its words are in
``rubric.toml``), `benchmark` (what the six benchmarks have in common).
"""
