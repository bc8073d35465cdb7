"""Options of the adapter ``transformers``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from evals.core.errors import UserError
from evals.core.types import JSON
from model.adapters.options import option, read_options
from model.torch_tools import DTYPES

NAME = "transformers"
ATTENTION = ("", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user may choose; all of it is stamped on the run."""

    max_new_tokens: int = option(1024, "most tokens of an answer", least=1)
    num_beams: int = option(1, "beams of the search; 1 is greedy", least=1)
    do_sample: bool = option(False, "draw tokens, with the seed of the sample")
    temperature: float = option(1.0, "of the draw", least=0.01)
    top_p: float = option(1.0, "share of the probability that is drawn from", least=0.01, most=1)
    system: str = option("", "system prompt of answers")
    dtype: str = option("auto", "of the weights", choices=DTYPES)
    device: str = option("auto", "cpu, cuda, cuda:N or auto")
    device_map: str = option(
        "", "auto spreads a large model over all devices", choices=("", "auto")
    )
    attn_implementation: str = option("", "the library's choice when empty", choices=ATTENTION)
    image_kwargs: dict = option(  # type: ignore[type-arg]
        {}, "settings of the image processor, e.g. size = {longest_edge = 1003520}"
    )
    chat_template_kwargs: dict = option(  # type: ignore[type-arg]
        {}, "variables of the chat template, e.g. enable_thinking = false"
    )
    batch_size: int = option(1, "samples that are run together", least=1)
    trust_remote_code: bool = option(False, "run the code that the checkpoint brings")


@dataclass(frozen=True, kw_only=True)
class JanusOptions(Options):
    """Those of a model that also makes images."""

    guidance_scale: float = option(5.0, "how much the prompt of an image counts", least=1)
    image_temperature: float = option(1.0, "of an image's draw; 0 takes the likeliest", least=0)


Chosen = TypeVar("Chosen", bound=Options)


def read(kind: type[Chosen], given: Mapping[str, JSON]) -> Chosen:
    """Options with their types.

    Raises:
        UserError: an unknown one, a value that makes no sense, or some that do not go together.
    """
    chosen = read_options(kind, NAME, given)
    if chosen.do_sample and chosen.num_beams > 1:
        raise UserError(
            f"The options do_sample and num_beams of the model {NAME!r} exclude each other; keep "
            "one of them."
        )
    if not chosen.do_sample and (chosen.temperature != 1 or chosen.top_p != 1):
        raise UserError(
            f"The options temperature and top_p of the model {NAME!r} do nothing without "
            "do_sample = true; set that or leave them out."
        )
    return chosen
