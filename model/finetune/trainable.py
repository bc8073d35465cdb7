"""Which parameters are trained: by patterns of names, or as low-rank adapters beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from evals.core.errors import UserError, nearest
from model.finetune.config import Config, Lora, entry_name
from model.finetune.joint import Joint
from model.finetune.seeds import derive
from model.internvlu.lora import inject

_LAST = ("attn.add_q_proj", "attn.norm_added_q", "attn.to_add_out", "txt_mlp")
"""Of the last layer: the language stream's result is not used there, so these learn nothing."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is trained.

    Attributes:
        names: of the parameters, sorted.
        numbers: how many numbers they are.
        idle: names that the patterns take in and that no gradient reaches.
    """

    names: tuple[str, ...]
    numbers: int
    idle: tuple[str, ...]


def choose(joint: Joint, config: Config) -> Chosen:
    """Switch gradients on for what is trained and off for all else.

    Args:
        joint: both networks; adapters are put into it where the configuration asks for them.
        config: patterns, adapters and weights of the loss.

    Raises:
        UserError: a pattern that matches nothing, or nothing is left.
    """
    joint.requires_grad_(False)
    names = [name for name, _ in joint.named_parameters()]
    wanted = match(config.trainable, names) if config.trainable else set()
    unreached = idle(joint, config)
    if config.lora.rank:
        _adapt(joint, config.lora, config.seed)
    own = dict(joint.named_parameters())
    # Where an adapter is, the weight beside it has moved.
    moved = {name.replace(".base_layer.", "."): name for name in own}
    picked = {moved[name] for name in wanted - unreached}
    picked |= {name for name in own if ".lora_" in name and not _within(name, unreached)}
    if not picked:
        raise UserError(
            "No parameter that is to be trained gets a gradient; change trainable, lora.targets or "
            "the weights of the loss."
        )
    for name in picked:
        own[name].requires_grad_(True)
    return Chosen(
        names=tuple(sorted(picked)), numbers=sum(own[name].numel() for name in picked),
        idle=tuple(sorted(wanted & unreached)),
    )  # fmt: skip


def _within(name: str, unreached: Iterable[str]) -> bool:
    layer = name.partition(".lora_")[0]
    return f"{layer}.weight" in unreached


def match(patterns: Sequence[str], names: Sequence[str]) -> set[str]:
    """Names that the patterns take in: each adds its own, and one with a ``!`` takes them out.

    >>> sorted(match(["a.*", "!a.b.*"], ["a.b.c", "a.d", "e"]))
    ['a.d']

    Raises:
        UserError: a pattern matches nothing.
    """
    found: set[str] = set()
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        some = {name for name in names if fnmatchcase(name, plain)}
        if not some:
            near = nearest(plain.replace("*", ""), list(names))
            guess = f" Names are like {near[0] if near else names[0]}."
            raise UserError(f"The pattern {pattern!r} matches no parameter.{guess}")
        found = found - some if pattern.startswith("!") else found | some
    return found


def idle(joint: Joint, config: Config) -> set[str]:
    """Parameters that no gradient reaches, whatever is trained."""
    last = len(joint.generation_decoder.decoder.transformer_blocks) - 1
    place = f"generation_decoder.decoder.transformer_blocks.{last}."
    names = [name for name, _ in joint.named_parameters()]
    found = {n for n in names if n.startswith(tuple(f"{place}{part}." for part in _LAST))}
    found |= {n for n in names if n == "generation_decoder.encoder_padding_token"}
    if not config.loss.next_token:
        found |= {n for n in names if n.startswith("vlm.language_model.lm_head.")}
    if not config.loss.flow:
        found |= {n for n in names if n.startswith("generation_decoder.")}
    return found


def check_tasks(names: Iterable[str], config: Config) -> None:
    """Refuse a part of the mixture from which nothing that is trained can learn.

    Args:
        names: of the parameters that are trained.
        config: tasks of the mixture and weights of the loss.

    Raises:
        UserError: naming the part.
    """
    reached = {_group(name) for name in names}
    for entry in config.data.mixture:
        if entry.weight and not reached & _GROUPS[entry.task]:
            raise UserError(
                f"{entry_name(entry)!r} has the task {entry.task}, from which nothing that is "
                "trained can learn; add patterns to trainable or lora.targets, or set the weight "
                "of this part to 0."
            )


def _group(name: str) -> str:
    return next((group for start, group in _STARTS.items() if name.startswith(start)), "vision")


_STARTS = {
    "generation_decoder.": "decoder", "vlm.language_model.lm_head": "head",
    "vlm.language_model.": "language",
}  # fmt: skip
_GROUPS = {
    "t2i": {"decoder", "language"}, "edit": {"decoder", "language", "vision"},
    "understand": {"head", "language", "vision"},
    "cot": {"decoder", "head", "language", "vision"},
}  # fmt: skip
"""What a gradient can reach; `idle` has taken out what the weights of the loss leave none."""


def _adapt(joint: Joint, lora: Lora, seed: int) -> None:
    """Put adapters beside the linear layers that the patterns name.

    Raises:
        UserError: a pattern names no linear layer, or one whose weights another layer uses too.
    """
    linear = [name for name, module in joint.named_modules() if isinstance(module, nn.Linear)]
    chosen = match(lora.targets, linear)
    _check_shared(joint, chosen)
    for part in ("vlm", "generation_decoder"):
        own = [n.removeprefix(f"{part}.") for n in linear if n.startswith(f"{part}.")]
        inside = sorted(n for n in own if f"{part}.{n}" in chosen)
        if not inside:
            continue
        # peft draws the first weights from the global source; it is put back behind.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "lora", part))
            inject(
                getattr(joint, part), targets=expression(inside, own), rank=lora.rank,
                alpha=lora.alpha, dropout=lora.dropout,
            )  # fmt: skip


def _check_shared(joint: Joint, chosen: Iterable[str]) -> None:
    """Refuse adapters beside tied weights: merged into them, they would change the other use too.

    Raises:
        UserError: naming both.
    """
    uses: dict[int, list[str]] = {}
    for name, parameter in joint.named_parameters(remove_duplicate=False):
        uses.setdefault(id(parameter), []).append(name)
    weights = {f"{name}.weight" for name in chosen}
    for names in uses.values():
        if len(names) > 1 and (some := sorted(weights & set(names))):
            other = next(n for n in names if n != some[0])
            layer = some[0].removesuffix(".weight")
            raise UserError(
                f"lora.targets take in {layer}, whose weights are those of {other} too, so that "
                f"adapters could not be merged; take it out with '!{layer}'."
            )


def expression(names: Sequence[str], others: Iterable[str]) -> str:
    r"""One expression for many names, short where the same layer of all blocks is meant.

    >>> expression(["blocks.0.q", "blocks.1.q"], ["blocks.0.q", "blocks.1.q", "blocks.0.k"])
    'blocks\\.\\d+\\.q'

    Args:
        names: that it shall match.
        others: the names that it could match, those of `names` among them.
    """
    exact = [re.escape(name) for name in names]
    short = "|".join(sorted({re.sub(r"(?<=\\\.)\d+(?=\\\.)", r"\\d+", text) for text in exact}))
    matched = {name for name in others if re.fullmatch(short, name)}
    return short if matched == set(names) else "|".join(exact)


def parts(joint: Joint, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Part of the model -> numbers in all, and how many of them are trained."""
    chosen = set(names)
    found: dict[str, tuple[int, int]] = {}
    for name, parameter in joint.named_parameters():
        part = _part(name)
        total, trained = found.get(part, (0, 0))
        count: int = parameter.numel()
        found[part] = total + count, trained + (count if name in chosen else 0)
    return found


def _part(name: str) -> str:
    top, second, *rest = name.split(".")
    if top == "generation_decoder" and second == "decoder" and rest:
        return f"{top}.{rest[0]}"
    if second == "language_model" and rest[0] == "lm_head":
        return f"{top}.lm_head"
    return f"{top}.{second}"


def named(joint: nn.Module) -> list[tuple[str, Any]]:
    """What is trained, by name, in a fixed order."""
    return [(n, p) for n, p in joint.named_parameters() if p.requires_grad]
