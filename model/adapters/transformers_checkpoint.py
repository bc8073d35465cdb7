"""A vision-language checkpoint in the layout of `transformers`: what it is, and loading it.

What can be said from its JSON files is said before any weights are read.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.core.checkpoints import Checkpoint, find_checkpoint
from evals.core.errors import MissingExtra, UserError
from model.torch_tools import need_torch, resolve_device, resolve_dtype

AUTO_CLASS = "AutoModelForImageTextToText"
_INDEX = "model.safetensors.index.json"


def need_packages(purpose: str) -> None:
    """Refuse when a package that runs these checkpoints is absent.

    Raises:
        MissingExtra: with the command that installs it.
    """
    need_torch(purpose)
    for package in ("torchvision", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "models", purpose)


def usable(argument: str) -> Checkpoint:
    """A checkpoint that is here, with all of its weight files.

    Args:
        argument: a folder, ``ORG/NAME`` or ``ORG/NAME@COMMIT``.

    Raises:
        UserError: it is not here, or a file of it is missing.
    """
    found = find_checkpoint(argument)
    if found.absence is not None:
        raise UserError(f"The model transformers:{argument} cannot be run: {found.absence}.")
    assert found.folder is not None
    if (found.folder / _INDEX).is_file():
        files = set(_read(found.folder / _INDEX).get("weight_map", {}).values())
        missing = sorted(f for f in files if not (found.folder / f).is_file())
        if missing:
            raise UserError(
                f"The model transformers:{argument} lacks {len(missing)} of its {len(files)} "
                f"weight files, e.g. {missing[0]}; copy or fetch them into {found.folder}."
            )
    return found


def read_config(found: Checkpoint) -> Mapping[str, Any]:
    """The checkpoint's ``config.json``.

    Raises:
        UserError: it is no JSON object, or does not say what the model is.
    """
    assert found.folder is not None
    config = _read(found.folder / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise UserError(
            f"{found.folder / 'config.json'} has no model_type, so this is no checkpoint of "
            "transformers; name the folder that save_pretrained has written."
        )
    return config


def _read(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); copy or fetch it again.") from error
    if not isinstance(read, dict):
        raise UserError(f"{path} holds no JSON object; copy or fetch it again.")
    return read


def check_kind(name: str, config: Mapping[str, Any], trust_remote_code: bool) -> None:
    """Refuse what is no model that answers questions about images.

    Args:
        name: of the checkpoint, for messages.
        config: its ``config.json``.
        trust_remote_code: whether the checkpoint's own code may be run.

    Raises:
        UserError: it says what the checkpoint is.
    """
    auto: Any = importlib.import_module("transformers.models.auto.modeling_auto")
    kind = config["model_type"]
    if kind in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return
    if AUTO_CLASS in (config.get("auto_map") or {}):
        if trust_remote_code:
            return
        raise UserError(
            f"{name} is of type {kind!r} and brings code of its own, which is not run unless you "
            "set the option trust_remote_code = true; read the code first."
        )
    if kind in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        what = f"a language model of type {kind!r} that sees no images"
    else:
        what = f"of type {kind!r}, which the installed transformers has no image-text-to-text for"
    raise UserError(
        f"{name} is {what}; name a vision-language checkpoint in the layout of transformers "
        "(umm-evals list models shows other adapters)."
    )


def load_processor(found: Checkpoint, trust_remote_code: bool) -> Any:
    """The checkpoint's processor.

    Raises:
        UserError: it cannot be loaded, or has no chat template.
    """
    library = _library()
    try:
        processor = library.AutoProcessor.from_pretrained(
            found.folder, trust_remote_code=trust_remote_code, local_files_only=True
        )
    except Exception as error:
        raise UserError(
            f"The processor of {found.name} cannot be loaded ({said(error)})."
        ) from error
    if not getattr(processor, "chat_template", None):
        raise UserError(
            f"{found.name} has no chat template, so it is no model to hold a conversation with; "
            "name an instruction-tuned checkpoint, or put its chat_template.jinja into "
            f"{found.folder}."
        )
    return processor


def load_model(
    found: Checkpoint, *, device: str, device_map: str, dtype: str, attention: str, trust: bool
) -> Any:
    """The checkpoint's model, in evaluation mode.

    Args:
        found: the checkpoint.
        device: cpu, cuda, cuda:N or auto.
        device_map: ``auto`` spreads it over all devices; empty for one device.
        dtype: one of `model.torch_tools.DTYPES`.
        attention: the library's name of an implementation; empty for its own choice.
        trust: whether the checkpoint's own code may be run.

    Raises:
        UserError: it cannot be loaded, lacks weights, or does not continue a conversation.
    """
    library = _library()
    where = resolve_device(device)
    try:
        model, report = getattr(library, AUTO_CLASS).from_pretrained(
            found.folder,
            dtype=resolve_dtype(dtype, where),
            device_map=device_map or str(where),
            attn_implementation=attention or None,
            use_safetensors=True,
            trust_remote_code=trust,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:
        raise UserError(
            f"The weights of {found.name} cannot be loaded on {device_map or where} "
            f"({said(error)})."
        ) from error
    if missing := sorted(report["missing_keys"]):
        # The library fills them with random numbers and says so in a log line.
        raise UserError(
            f"{found.name} lacks {len(missing)} of the weights that its config.json asks for, e.g. "
            f"{missing[0]}; copy or fetch the checkpoint again."
        )
    if getattr(model.config, "is_encoder_decoder", False) or not model.can_generate():
        raise UserError(
            f"{found.name} is a {type(model).__name__}, which does not continue a conversation; "
            "name a decoder-only vision-language model."
        )
    return model.eval()


def said(error: BaseException) -> str:
    """An exception in half a line, without a full stop."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300].rstrip('.')}"


def _library() -> Any:
    # Not an import statement: type checkers would read all of transformers for two classes.
    library: Any = importlib.import_module("transformers")
    library.utils.logging.disable_progress_bar()  # the run draws its own
    return library
