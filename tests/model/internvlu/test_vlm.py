"""The language half: what images and special tokens become, hidden states, and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model.internvlu import checkpoint as files
from model.internvlu.conditioning import Row, batches, close, padded, spans, tokenize
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.prompts import question
from model.internvlu.vlm import Sampling, VisionLanguageModel, renames
from tests.model.internvlu.kit import built, noise, recordings


@pytest.fixture(scope="module")
def vlm(pipe: InternVLUPipeline) -> VisionLanguageModel:
    return pipe.parts.vlm


def row(pipe: InternVLUPipeline, prompt: str, *sizes: tuple[int, int]) -> Row:
    from model.internvlu.images import understanding_pixels

    config = pipe.parts.config
    pixels = tuple(
        understanding_pixels(noise(*s, seed=n), config.processor, config.vlm)
        for n, s in enumerate(sizes)
    )
    turn = question(prompt, len(sizes))
    return Row(ids=tokenize(pipe.parts.tokenizer, turn, config.vlm.tokens_per_image), pixels=pixels)


def states(vlm: VisionLanguageModel, *rows: Row) -> tuple[Tensor, ...]:
    some = padded(rows, vlm)
    with torch.no_grad():
        return vlm.hidden_states(some.ids, some.mask, some.pixels, some.places)


# --- embeddings -----------------------------------------------------------------------------


def test_special_tokens_have_embeddings_of_their_own(vlm: VisionLanguageModel) -> None:
    tokens = vlm.tokens
    ids = torch.tensor([[tokens.turn, *tokens.special, tokens.stop, 5]])
    table = vlm.language_model.get_input_embeddings().weight
    embedded = vlm.embed(ids)[0]
    for n, own in enumerate(vlm.special_token_embedding.weight):
        assert torch.equal(embedded[1 + n], own)
    for n in (0, -2, -1):
        assert torch.equal(embedded[n], table[ids[0, n]])


def test_images_go_to_their_places_in_order(pipe: InternVLUPipeline) -> None:
    vlm = pipe.parts.vlm
    rows = [
        row(pipe, "long words about nothing at all", (60, 80)),
        row(pipe, "b"),
        row(pipe, "a <image> or", (90, 60), (56, 56)),
    ]
    some = padded(rows, vlm)
    assert some.pixels is not None
    features = vlm.image_features(some.pixels)
    embedded = vlm.embed(some.ids, some.pixels, some.places)
    inside = some.ids == vlm.tokens.context
    assert torch.equal(inside, some.places)
    assert torch.equal(embedded[inside].view_as(features), features)
    assert torch.equal(embedded[~inside], vlm.embed(some.ids)[~inside])
    assert some.mask.sum(1).tolist() == [len(r.ids) for r in rows]
    assert bool((some.mask[:, -1] == 1).all())


def test_a_visual_token_that_the_model_wrote_is_no_place(pipe: InternVLUPipeline) -> None:
    vlm = pipe.parts.vlm
    plain = row(pipe, "a", (60, 60))
    said = Row(ids=(*plain.ids, 7, vlm.tokens.context, 9), pixels=plain.pixels)
    other = Row(ids=(*row(pipe, "b").ids, vlm.tokens.context))
    one, two = (states(vlm, r)[-1][0] for r in (plain, said))
    assert torch.allclose(one, two[: len(one)], atol=1e-5)
    together = states(vlm, said, other, plain)[-1]
    assert torch.allclose(together[0, -len(said.ids) :], two, atol=1e-5)
    assert torch.allclose(together[2, -len(plain.ids) :], one, atol=1e-5)


# --- hidden states --------------------------------------------------------------------------


def test_rows_do_not_depend_on_their_batch(pipe: InternVLUPipeline) -> None:
    rows = [
        row(pipe, "a"),
        row(pipe, "a much longer question about the colours of the sea", (60, 80)),
        row(pipe, "and two", (80, 60), (56, 200)),
    ]
    together = states(pipe.parts.vlm, *rows)
    for n, one in enumerate(rows):
        alone = states(pipe.parts.vlm, one)
        assert len(alone) == len(together) == 4
        for a, b in zip(alone, together, strict=True):
            assert torch.allclose(a[0], b[n, -len(one.ids) :], atol=2e-5)


def test_the_last_state_is_behind_the_norm(pipe: InternVLUPipeline) -> None:
    vlm = pipe.parts.vlm
    found = states(vlm, row(pipe, "a"))
    inner = vlm.language_model.model
    with torch.no_grad():
        ids = torch.tensor([row(pipe, "a").ids])
        before = inner.layers[-1](
            found[-2],
            position_embeddings=inner.rotary_emb(found[-2], torch.arange(ids.shape[1])[None]),
            attention_mask=torch.full((ids.shape[1],) * 2, -torch.inf).triu(1)[None, None],
        )
        before = before[0] if isinstance(before, tuple) else before
        assert torch.allclose(inner.norm(before), found[-1], atol=1e-5)
    assert torch.equal(found[0], vlm.embed(ids))


def test_spans_begin_at_the_users_turn_and_end_with_the_image(pipe: InternVLUPipeline) -> None:
    tokens = pipe.parts.vlm.tokens
    images = [(noise(60, 60), noise(60, 90)), ()]
    asked = pipe.requests(["make it blue", "a cat"], images)
    flat = close(asked, [None, None], tokens)
    found = spans(pipe.parts.vlm, flat, (-1, -2))
    for one, span in zip(flat, found, strict=True):
        begin = [n for n, i in enumerate(one.ids) if i == tokens.turn][1]
        whole = states(pipe.parts.vlm, one)
        joined = torch.cat([whole[-1], whole[-2]], -1)[0]
        assert torch.allclose(span.states, joined[begin:], atol=2e-5)
        part = torch.tensor(one.ids[begin:])
        assert part[-1] == tokens.start
        assert torch.equal(span.is_image, part == tokens.context)
        assert len(span.images) == len(one.pixels)
    assert [len(s.images) for s in found] == [2, 2, 0, 0, 0, 0]
    assert found[4] is found[5]  # without images the partial branch is the blank one
    assert found[2] is not found[5]  # the system text of an edit is another


def test_blank_branches_are_run_once(pipe: InternVLUPipeline, monkeypatch: Any) -> None:
    counted: list[int] = []
    original = type(pipe.parts.vlm).hidden_states

    def counting(self: Any, ids: Tensor, *rest: Any) -> Any:
        counted.append(len(ids))
        return original(self, ids, *rest)

    monkeypatch.setattr(type(pipe.parts.vlm), "hidden_states", counting)
    asked = pipe.requests(["a", "b", "a"], [(), (), ()])
    spans(pipe.parts.vlm, close(asked, [None] * 3, pipe.parts.vlm.tokens), (-1,))
    assert sum(counted) == 3  # a, b and one blank


def test_rows_of_like_length_go_together() -> None:
    rows = [Row(ids=(0,) * n) for n in (100, 10, 101, 99, 11, 300)]
    groups = list(batches(rows))
    assert sorted(n for g in groups for n in g) == list(range(6))
    assert sorted(map(sorted, groups)) == [[0, 2, 3], [1, 4], [5]]
    assert list(batches([])) == []


# --- text -----------------------------------------------------------------------------------


def slowly(vlm: VisionLanguageModel, one: Row, tokens: int, *, own: bool) -> list[int]:
    """Greedy ids without a cache; `own`: written special tokens are read with their own rows."""
    some = padded([one], vlm)
    with torch.no_grad():
        x = vlm.embed(some.ids, some.pixels, some.places)
        found: list[int] = []
        for _ in range(tokens):
            inner = vlm.language_model.model(inputs_embeds=x, use_cache=False)
            scores = vlm.language_model.lm_head(inner.last_hidden_state[0, -1])
            found.append(int(scores.argmax()))
            if found[-1] in (vlm.tokens.stop, vlm.tokens.start):
                break
            table = vlm.language_model.get_input_embeddings().weight[found[-1]]
            if own and found[-1] in vlm.tokens.special:
                table = vlm.special_token_embedding.weight[vlm.tokens.special.index(found[-1])]
            x = torch.cat([x, table[None, None]], 1)
    return found


PROMPTS = ("a", "what is the colour of the sea?", "Hello there", "count to ten")


def test_greedy_text_is_that_of_the_plain_loop(pipe: InternVLUPipeline) -> None:
    for prompt in PROMPTS:
        for sizes in ((), ((60, 80),)):
            one = row(pipe, prompt, *sizes)
            some = padded([one], pipe.parts.vlm)
            new = pipe.parts.vlm.write(
                some.ids, some.mask, some.pixels, Sampling(max_new_tokens=12), places=some.places
            )
            assert new[0].tolist() == slowly(pipe.parts.vlm, one, 12, own=True)


def test_special_tokens_that_were_written(
    checkpoint: Path, pipe: InternVLUPipeline, compat: InternVLUPipeline
) -> None:
    """Read with their own embeddings as in training; the reference takes the ordinary ones."""
    box = pipe.parts.vlm.tokens.special[1]
    differ = 0
    for prompt in PROMPTS:
        one = row(pipe, prompt)
        said = Row(ids=one.ids)
        for model, own in ((pipe, True), (compat, False)):
            head = model.parts.vlm.language_model.lm_head.weight
            before = head[box].clone()
            head[box] *= 3  # so that it is written now and then
            try:
                some = padded([said], model.parts.vlm)
                how = Sampling(max_new_tokens=9)
                model.parts.vlm.substitute_generated = own
                ids = model.parts.vlm.write(some.ids, some.mask, None, how)[0].tolist()
                assert ids == slowly(model.parts.vlm, said, 9, own=own)
                differ += ids != slowly(model.parts.vlm, said, 9, own=not own)
            finally:
                head[box] = before
    assert differ > 0


def test_least_and_most_tokens(pipe: InternVLUPipeline) -> None:
    tokens = pipe.parts.vlm.tokens
    for prompt in PROMPTS:
        (short,) = pipe.answer([prompt], sampling=Sampling(max_new_tokens=3))
        assert len(short.ids) <= 3
        assert short.complete == (len(short.ids) < 3)
    how = Sampling(min_new_tokens=70, max_new_tokens=70)
    for long in pipe.answer(PROMPTS[:2], sampling=how):
        assert len(long.ids) == 70
        assert not long.complete
        assert not {tokens.stop, tokens.start} & set(long.ids)


def test_beams(pipe: InternVLUPipeline) -> None:
    """A beam search finds what is at least as likely as the greedy text."""

    def likelihood(one: Row, new: list[int]) -> float:
        whole = Row(ids=(*one.ids, *new))
        logits = pipe.parts.vlm.language_model.lm_head(states(pipe.parts.vlm, whole)[-1][0])
        scores = logits.log_softmax(-1)[len(one.ids) - 1 : -1]
        return float(scores.gather(1, torch.tensor(new)[:, None]).mean())

    for prompt in PROMPTS:
        one = row(pipe, prompt)
        some = padded([one], pipe.parts.vlm)
        found = [
            pipe.parts.vlm.write(
                some.ids, some.mask, None, Sampling(max_new_tokens=4, num_beams=beams)
            )[0].tolist()
            for beams in (1, 6)
        ]
        if len(found[0]) == len(found[1]) == 4:
            greedy, beam = (likelihood(one, ids) for ids in found)
            assert beam >= greedy - 1e-5


def test_the_loss_is_the_mean_over_the_labels(pipe: InternVLUPipeline) -> None:
    vlm = pipe.parts.vlm
    rows = [row(pipe, "a", (60, 60)), row(pipe, "a longer one")]
    some = padded(rows, vlm)
    labels = torch.full_like(some.ids, -100)
    labels[0, -4:] = some.ids[0, -4:]
    labels[1, -9:] = some.ids[1, -9:]
    loss = vlm.next_token_loss(some.ids, some.mask, labels, some.pixels)
    total = []
    for n, one in enumerate(rows):
        scores = vlm.language_model.lm_head(states(vlm, one)[-1][0]).log_softmax(-1)
        count = (4, 9)[n]
        wanted = torch.tensor(one.ids[-count:])[:, None]
        total.append(-scores[-count - 1 : -1].gather(1, wanted))
    assert loss.item() == pytest.approx(torch.cat(total).mean().item(), rel=1e-5)


# --- other language models ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Qwen2ForCausalLM", "LlamaForCausalLM", "Qwen3MoeForCausalLM", "Qwen3ForCausalLM"]
)
def test_other_language_models(
    checkpoint: Path, tmp_path: Path, pipe: InternVLUPipeline, name: str
) -> None:
    values: dict[str, Any] = {
        "llm_config__architectures": [name], "llm_config__attention_bias": False,
        "llm_config__model_type": name.removesuffix("ForCausalLM").lower(),
        "llm_config__head_dim": 10,
    }  # fmt: skip
    if "Moe" in name:
        values |= {
            "llm_config__num_experts": 4, "llm_config__num_experts_per_tok": 2,
            "llm_config__moe_intermediate_size": 16, "llm_config__decoder_sparse_step": 1,
            "llm_config__mlp_only_layers": [], "llm_config__norm_topk_prob": True,
        }  # fmt: skip
    _, model = built(checkpoint, tmp_path / "copy", **values)
    assert type(model.language_model).__name__ == name
    rows = [row(pipe, "a", (60, 60)), row(pipe, "some longer words")]
    some = padded(rows, model)
    new = model.write(
        some.ids, some.mask, some.pixels, Sampling(max_new_tokens=4), places=some.places
    )
    for n, one in enumerate(rows):
        ids = new[n].tolist()
        wanted = slowly(model, one, 4, own=True)
        assert ids[: len(wanted)] == wanted
    # And through its files, under the official names.
    files.save(model, tmp_path / "vlm", rename=renames(model))
    assert all(k.startswith(("language_model.", "vision_model.", "mlp1.", "special_token"))
               for k in files.shapes(tmp_path / "vlm"))  # fmt: skip


def test_recorded_greedy_ids_through_the_pipeline() -> None:
    from safetensors.torch import load_file

    place = recordings()
    recorded = load_file(place / "expected" / "vlm.safetensors")
    compat = InternVLUPipeline.from_pretrained(
        place / "tiny-checkpoint", device="cpu", dtype="float32", reference_compat=True
    )
    new = compat.parts.vlm.write(
        recorded["batch2.input_ids"], recorded["batch2.attention_mask"],
        recorded["batch2.pixel_values"], Sampling(max_new_tokens=12),
    )  # fmt: skip
    assert torch.equal(new, recorded["batch2.greedy_ids_12"])
