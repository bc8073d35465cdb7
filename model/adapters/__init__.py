"""One file per family of models; `model.catalog` lists them by name."""
