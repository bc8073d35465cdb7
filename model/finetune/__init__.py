"""Fine-tuning of the bundled model: next-token and velocity loss, exact resume, benchmark curves.

Read in this order: `config` (what can be set), `rows` and `sources` (what is learnt from), `plan`
(which samples, when), `examples` (a row as the model sees it), `loss` and `joint` (what is
minimised), `trainer` (the loop), `checkpoints` (what is kept), `export` (what comes out).

No random number here comes from a global source: each is a function of the seed and of what it is
for (`seeds`). A run is therefore the same however often it is interrupted, however many workers
read its data, and on however many devices its updates are spread.
"""
