"""Rules under the names that recorded vectors use: one module per kind of question.

Each holds one mapping per vector file, see `evals.conformance`. VLMEvalKit is at e8e78f05,
lmms-eval at 75571cfe, ``bagel_repo_copy`` is what ByteDance-Seed/Bagel@056b5fd carries.
"""
