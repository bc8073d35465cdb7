"""A Mask2Former with a hundred thousand random numbers, for the real loader."""

from __future__ import annotations

from pathlib import Path


def tiny_detector(folder: Path, seed: int = 0, labels: int = 80) -> Path:
    """Write the checkpoint.

    Args:
        folder: to be made.
        seed: of the weights.
        labels: classes that it knows.
    """
    import torch
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    torch.manual_seed(seed)
    backbone = SwinConfig(
        image_size=32, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = Mask2FormerConfig(
        backbone_config=backbone, feature_size=32, mask_feature_size=32, hidden_dim=32,
        encoder_feedforward_dim=32, dim_feedforward=32, encoder_layers=1, decoder_layers=2,
        num_attention_heads=2, num_queries=8, num_labels=labels,
    )  # fmt: skip
    Mask2FormerForUniversalSegmentation(config).eval().save_pretrained(folder)
    return folder
