"""The tokenizer of a tiny checkpoint, learnt on the spot from the fixed prompts."""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from model.internvlu import prompts
from model.internvlu.loading import write_json

_PAD = "<|endoftext|>"
_CONTROLS = (_PAD, prompts.TURN, prompts.STOP, *reversed(prompts.SPECIAL))
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Where Qwen's tokenizer parts a text before it merges bytes."""

_TEXT = (
    prompts.IDENTITY, prompts.DESCRIBE, prompts.EXPLAIN, prompts.EXPLAIN, prompts.BLANK,
    prompts.IMAGES_ALONE, "system\nuser\nassistant\n",
    "Replace the text on the sign with another text and change nothing else in the image.",
    "What is the word on the sign, and what is the colour of the text in the image?",
    "Paint the red house and the blue tree beside the road.",
)  # fmt: skip
"""What the tokenizer's merges are learnt from: the fixed prompts above all, to make them short."""


def write_tokenizer(folder: Path, *, merges: int, context: int) -> None:
    """A byte-level BPE of Qwen's kind, in all the files that the releases of transformers read.

    Args:
        folder: to be made.
        merges: pairs of bytes and more that become one token.
        context: tokens that the model takes, as the files say it.
    """
    folder.mkdir(parents=True)
    letters = pre_tokenizers.ByteLevel.alphabet()
    inner = Tokenizer(models.BPE())
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=len(letters) + merges, initial_alphabet=sorted(letters),
        min_frequency=2, show_progress=False,
    )  # fmt: skip
    inner.train_from_iterator(_TEXT, trainer)
    inner.model.save(str(folder))
    inner.add_special_tokens([AddedToken(c, special=True, normalized=False) for c in _CONTROLS])
    inner.save(str(folder / "tokenizer.json"))
    ids = {c: inner.token_to_id(c) for c in _CONTROLS}
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    more = [c for c in _CONTROLS if c not in (prompts.STOP, _PAD)]
    ends = {"eos_token": prompts.STOP, "pad_token": _PAD, "unk_token": _PAD}
    write_json(folder / "added_tokens.json", ids)
    write_json(
        folder / "special_tokens_map.json",
        {
            "additional_special_tokens": more,
            **{name: {"content": word, **plain} for name, word in ends.items()},
        },
    )
    write_json(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": {
                str(n): {"content": c, **plain, "special": True} for c, n in ids.items()
            },
            "additional_special_tokens": more, "bos_token": None, **ends,
            "clean_up_tokenization_spaces": False, "errors": "replace",
            "extra_special_tokens": {}, "model_max_length": context,
            "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer",
        },
    )  # fmt: skip
