"""Questions answered with a number or a few words: ChartQA, OCRBench, TextVQA and DocVQA.

Read in this order: `questions` (accepted answers of a record), and then one way to compare per
benchmark: `relaxed` (ChartQA: a number within 5 %), `containment` (OCRBench: somewhere in the
reply), `vqa` (TextVQA: votes of ten people; its word tables are in `vqa_words`), `anls` (DocVQA: by
edit distance).
"""
