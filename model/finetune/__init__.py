"""Fine-tuning of the bundled model: next-token and velocity loss, exact resume, benchmark curves.

Read in this order: `config` (what can be set) and `reading` (how it is); `rows`, `tables` and
`parquet` (files), `refuse` and `sources` (what of them is learnt); `buckets` and `plan` (which
samples, when); `examples` (a row as the model sees it) and `batches` (rows on their way); `loss`,
`joint` and `trainable` (what is minimised, and by changing what); `prepare` (all of it made ready),
`inputs` (what the networks take) and `trainer` (the loop, which `signals` end); `hooks` and `logs`
(what is looked at meanwhile); `checkpoints` (what is kept), `export` (what comes out).

No random number here comes from a global source: each is a function of the seed and of what it is
for (`seeds`). A run is therefore the same however often it is interrupted, however many workers
read its data, and on however many devices its updates are spread.
"""
