"""Questions whose answer is yes or no: MME, POPE and HallusionBench.

Read in this order: `reading` (four ways to read a reply), `metric` (the metric over them), `judge`
(who reads what rules cannot; its words are in ``rubric.toml``), and how the answers add up in
`mme_sums`, `pope_sums` and `hallusion_sums`.
"""
