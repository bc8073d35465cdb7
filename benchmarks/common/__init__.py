"""What benchmarks share; read in this order.

Data: `files` (official files: found and checked), `reading` (as records and fields), `suites` and
`layouts` (suites over them), `hub` (data sets of the hub), `records` and `tsv` (Parquet files and
tables, their pictures unpacked to the cache once). Judging: `judged` (words, questions, replies)
and `yes_no`. Numbers: `quantities`, `means`, `published` (printed ones). Benchmarks that ask for
drawn shapes: `drawn` with `drawn_score`.
"""
