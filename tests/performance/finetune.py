"""Training: is the loop as fast as the least one could write, and does the loader keep up?

The naive side is a loop as one writes it for a single experiment: rows in memory, torch's AdamW, no
log, no average, no checkpoints, one process. Both sides train the same networks on the same samples
with the same noise, take turns, and the bench stops when their losses differ.

    python -m tests.performance finetune
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from model.finetune import prepare
from model.finetune.batches import Loaded, Stream
from model.finetune.config import Config
from model.finetune.devices import make_accelerator
from model.finetune.logs import Window
from model.finetune.loss import noised
from model.finetune.reading import build
from model.finetune.trainer import Trainer
from model.internvlu.conditioning import spans
from model.internvlu.decoder import Condition
from model.internvlu.latents import encode
from model.internvlu.tiny import write_tiny

MIDDLE: Mapping[str, Any] = {
    "llm_layers": 4, "llm_width": 256, "llm_heads": 4, "llm_kv_heads": 2, "llm_head": 64,
    "llm_mlp": 768, "vit_layers": 4, "vit_width": 256, "vit_heads": 4, "vit_mlp": 512,
    "vit_image": 224, "decoder_layers": 6, "decoder_heads": 6, "decoder_head": 64,
    "decoder_axes": (16, 24, 24), "vae_base": 16, "image_height": 256, "image_width": 256,
    "least": 65_536, "most": 262_144, "side": 512,
}  # fmt: skip
"""Sizes of the networks: 384 channels in six layers, about 25 M numbers that are trained."""

UPDATES = 6


def measure() -> list[dict[str, str]]:
    """Rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = _config(folder)
        trainer = Trainer(config, make_accelerator(config), None, lambda _: None)
        units = prepare.units_of(config, trainer.learnt, trainer.networks)
        loaded = [units[n] for n in range(len(units))]
        stream = Stream(units, config.data, 0, 1)
        plain = Plain(config)
        ours, naive, waited = [], [], 0.0
        for n in range(UPDATES + 1):
            mine = loaded[n * config.units : (n + 1) * config.units]
            begin = time.perf_counter()
            loss = plain.update(mine)
            between = time.perf_counter()
            window = Window()
            stream.waited = 0.0
            trainer._update(stream, window)
            trainer.step += 1
            end = time.perf_counter()
            seen = sum(s.flow for s in window.seen) / len(window.seen)
            if abs(seen - loss) > 1e-3 * loss:
                raise SystemExit(f"update {n}: the loops' losses differ, {loss} and {seen}")
            if n:  # the first one warms up
                naive.append(between - begin)
                ours.append(end - between)
                waited += stream.waited
        stream.close()
    slow, fast = statistics.median(naive), statistics.median(ours)
    share = waited / sum(ours)
    return [
        {"what": f"update of {config.batch} edits of 256 px, "
                 f"{trainer.networks.chosen.numbers / 1e6:.0f} M numbers trained",
         "naive": f"{slow:.2f} s", "ours": f"{fast:.2f} s", "ratio": f"{fast / slow:.2f}",
         "aim": "1.15 at most"},
        {"what": "of an update, waiting for rows (one process reads)", "naive": "", "ratio": "",
         "ours": f"{100 * share:.1f} %", "aim": "10 % at most"},
    ]  # fmt: skip


def _config(folder: Path) -> Config:
    from model.data.text_edits import write_text_edits

    checkpoint = write_tiny(folder / "checkpoint", **MIDDLE)
    write_text_edits(folder / "pairs", task="edit", split="train", count=36, size=512)
    tree = {
        "checkpoint": str(checkpoint), "out": str(folder / "run"), "steps": UPDATES + 1, "batch": 4,
        "micro_batch": 2, "trainable": ["generation_decoder.*"],
        "data": {"mixture": [{"path": str(folder / "pairs"), "task": "edit"}], "workers": 1},
        "resolution": {"min": 256, "max": 256, "multiple": 32},
        "dropout": {"edit_all": 0, "edit_text": 0}, "log": {"trackers": []},
    }  # fmt: skip
    config: Config = build(tree)
    return config


class Plain:
    """The least loop: its own networks, and nothing but what an update needs."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.networks = prepare.load(config, torch.device("cpu"), torch.float32)
        self.trained = [p for p in self.networks.joint.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=config.optimizer.lr, weight_decay=0)

    def update(self, loaded: list[Loaded]) -> float:
        """One step; the mean loss of its samples."""
        parts, losses = self.networks.parts, []
        layers = parts.config.decoder.vlm_select_layer
        for unit in loaded:
            samples = [
                noised(encode(parts.vae, [e.target])[0], self.config.loss, self.networks.shift,
                       self.config.seed, e.number)
                for e in unit.examples if e.target is not None
            ]  # fmt: skip
            found = spans(parts.vlm, [e.tokens for e in unit.examples], layers)
            conditions = [
                Condition(span=span, latents=tuple(encode(parts.vae, e.conditions)))
                for span, e in zip(found, unit.examples, strict=True)
            ]
            prepared = parts.decoder.prepare([s.noisy.shape[1:] for s in samples], conditions)
            levels = torch.tensor([1000 * s.level for s in samples])
            predicted = parts.decoder([s.noisy for s in samples], levels, prepared)
            each = [
                F.mse_loss(p, s.velocity) for p, s in zip(predicted, samples, strict=True)
            ]  # fmt: skip
            loss = torch.stack(each).mean()
            (loss / len(loaded)).backward()
            losses.append(float(loss.detach()))
        torch.nn.utils.clip_grad_norm_(self.trained, self.config.optimizer.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return statistics.mean(losses)
