"""Metrics that know nothing of any benchmark: text, OCR, pixels, CLIP."""
