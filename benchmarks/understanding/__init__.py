"""Benchmarks that ask about pictures and read the answer out of the reply: one file each.

Read one of them first, e.g. `docvqa`, and then what is behind it:

* `table`: where the questions come from; `prompts`: how they are worded for which models;
* `replies`: the metric that all rules share, its quantities and variants, and the policy;
* how replies are read and compared, by kind of question: `choices` (options), `yes_no`, `short`
  (a number or a few words), `judged` (what only a judge can read);
* `conformance`: all rules under the names of the recorded vectors.

`rendered_qa` has no official data behind it; its metric, `answers`, is the one for new benchmarks
with exact answers.
"""
