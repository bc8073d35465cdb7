"""What benchmarks share; read in this order.

`files` (official files: found, checked, read), `suites` (suites over them), `hub` (data sets of the
hub), `records` and `tsv` (Parquet files and tables, their pictures unpacked to the cache once),
`published` (printed numbers); and `drawn` with `drawn_score`, for benchmarks that ask for drawn
shapes.
"""
