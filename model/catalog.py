"""The adapters we ship: name -> ``"module:factory"``, the only list.

A factory is ``make(argument, options) -> Model``: `argument` is what stands behind the colon of a
model spec (``replay:outputs/bagel``), or None, and `options` come from the configuration. A factory
refuses options it does not know and loads no weights.
"""

from __future__ import annotations

ADAPTERS: dict[str, str] = {
    "copy-source": "model.adapters.builtin:make_copy_source",
    "ground-truth": "model.adapters.builtin:make_ground_truth",
    "builtin": "model.adapters.builtin:make_builtin",
    "blank": "model.adapters.builtin:make_blank",
    "shuffled-truth": "model.adapters.builtin:make_shuffled_truth",
    "classical": "model.adapters.classical:make",
    "replay": "model.adapters.replay:make",
    "internvlu": "model.adapters.internvlu:make",
    "diffusers": "model.adapters.diffusers_pipeline:make",
    "transformers": "model.adapters.transformers_vlm:make",
    "openai": "model.adapters.openai_api:make",
}
