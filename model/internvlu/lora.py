"""Low-rank adapters (LoRA, arXiv 2106.09685) of a checkpoint, through peft.

A folder of adapters has one folder per component, each as peft writes it::

    vlm/adapter_config.json                 vlm/adapter_model.safetensors
    generation_decoder/adapter_config.json  generation_decoder/adapter_model.safetensors
    trained.safetensors                     weights that were trained in full beside them, if any
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from evals.core.errors import MissingExtra, UserError
from model.internvlu.checkpoint import write_tensors

COMPONENTS = ("vlm", "generation_decoder")
NAME = "default"
CONFIG, WEIGHTS, BESIDE = "adapter_config.json", "adapter_model.safetensors", "trained.safetensors"


def need_peft() -> None:
    """Refuse when peft is absent.

    Raises:
        MissingExtra: with the command that installs it.
    """
    import importlib.util

    if importlib.util.find_spec("peft") is None:
        raise MissingExtra("peft", "finetune", "LoRA adapters")


def inject(module: nn.Module, *, targets: str, rank: int, alpha: float, dropout: float = 0) -> None:
    """Put adapters beside layers of a component.

    Args:
        module: the component.
        targets: expression that the whole name of a layer must match.
        rank: of the adapters.
        alpha: their scale is ``alpha / rank``.
        dropout: before each adapter.
    """
    need_peft()
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=targets,
        # The base may be of fewer bits; what is trained is not.
        init_lora_weights=True,
    )  # fmt: skip
    inject_adapter_in_model(config, module, adapter_name=NAME)


def has_adapters(module: nn.Module) -> bool:
    """Whether there are adapters in a component."""
    return any(".lora_" in name for name, _ in module.named_parameters())


def save_adapters(
    modules: Mapping[str, nn.Module], folder: Path, trained: Mapping[str, Tensor]
) -> None:
    """Write the adapters of some components.

    Args:
        modules: component -> module; those without adapters are left out.
        folder: to write to.
        trained: whole tensors by ``component.name``: of the adapters, and of what was trained in
            full beside them.
    """
    from peft import get_peft_model_state_dict

    for name, module in modules.items():
        if not has_adapters(module):
            continue
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        own = {k.removeprefix(f"{name}."): v for k, v in trained.items() if k.startswith(name)}
        state = get_peft_model_state_dict(module, state_dict=own, adapter_name=NAME)
        write_tensors(place / WEIGHTS, _held(state))
        module.peft_config[NAME].save_pretrained(place)
    # Beside an adapter a weight has moved; who loads it looks where it was.
    beside = {k.replace(".base_layer.", "."): v for k, v in trained.items() if ".lora_" not in k}
    if beside:
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / BESIDE, _held(beside))


def _held(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.detach().cpu().contiguous() for k, v in state.items()}


def check_folder(folder: Path) -> list[str]:
    """Components of which a folder holds adapters.

    Raises:
        UserError: none, or peft is absent.
    """
    need_peft()
    found = [name for name in COMPONENTS if (folder / name / CONFIG).is_file()]
    if not found and not (folder / BESIDE).is_file():
        raise UserError(
            f"{folder} holds no adapters; it needs {COMPONENTS[1]}/{CONFIG}, as a fine-tuning with "
            "lora.rank writes it to RUN/checkpoints/step-.../adapter."
        )
    return found


def load_adapters(modules: Mapping[str, nn.Module], folder: Path) -> None:
    """Put adapters that `save_adapters` wrote into a checkpoint's components.

    Raises:
        UserError: the folder holds none, or they are of another model.
    """
    found = check_folder(folder)
    from peft import set_peft_model_state_dict

    if (folder / BESIDE).is_file():
        _load_beside(modules, folder / BESIDE)
    for name in found:
        place, module = folder / name, modules[name]
        raw = _config(place / CONFIG)
        try:
            inject(
                module, targets=raw["target_modules"], rank=raw["r"], alpha=raw["lora_alpha"]
            )  # fmt: skip
            state = _tensors(place / WEIGHTS)
            report: Any = set_peft_model_state_dict(module, state, adapter_name=NAME)
        except (ValueError, KeyError, RuntimeError, TypeError) as error:
            first = str(error).strip().split("\n")[0][:200]
            raise UserError(
                f"The adapters in {place} do not fit this checkpoint ({first}); use them with the "
                "one they were trained on."
            ) from error
        odd = [*report.unexpected_keys, *(k for k in report.missing_keys if ".lora_" in k)]
        if odd:
            raise UserError(
                f"The adapters in {place} do not fit this checkpoint ({odd[0]}); use them with the "
                "one they were trained on."
            )
        like = next(p for n, p in module.named_parameters() if ".lora_" not in n)
        module.to(like.device)
        module.requires_grad_(False)
        module.eval()


def merge_adapters(module: nn.Module) -> None:
    """Add adapters to the weights beside them and take them out."""
    from peft.tuners.lora import LoraLayer

    layers = [(n, m) for n, m in module.named_modules() if isinstance(m, LoraLayer)]
    for name, layer in layers:
        layer.merge()
        parent, _, last = name.rpartition(".")
        setattr(module.get_submodule(parent), last, layer.get_base_layer())
    if hasattr(module, "peft_config"):
        del module.peft_config


def _config(path: Path) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); write the adapters again.") from error
    return raw


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}); write the adapters again.") from error
    return found


def _load_beside(modules: Mapping[str, nn.Module], path: Path) -> None:
    for key, value in _tensors(path).items():
        part, _, name = key.partition(".")
        own = dict(modules[part].named_parameters()) if part in modules else {}
        if name not in own or own[name].shape != value.shape:
            raise UserError(f"{path} holds {key}, which this checkpoint has not in that shape.")
        own[name].data.copy_(value)
