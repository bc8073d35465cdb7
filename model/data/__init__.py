"""Training data: rows in the columns of ScaleEdit-12M, made or gathered, and written as Parquet.

`schema` says what a row holds, `writing` puts rows into files, `text_edits` makes rows of text
editing from the scenes in `synth`. What is written here is read by `model.finetune.sources`.
"""
