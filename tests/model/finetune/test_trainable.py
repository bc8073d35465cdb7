"""What is trained: by stage, by pattern, as adapters; and what no gradient reaches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from evals.core.errors import UserError
from model.finetune import prepare, trainable
from model.finetune.joint import Inputs, Joint
from model.finetune.loss import noised
from model.finetune.reading import build, merged, presets
from model.internvlu import loading
from model.internvlu.conditioning import Row
from tests.model.finetune.kit import make_config

MIXTURE = ({"path": "x", "task": "edit"},)


def joint_of(checkpoint: Path) -> tuple[loading.Parts, Joint]:
    devices = dict.fromkeys(loading.MODULES, torch.device("cpu"))
    parts = loading.read_parts(checkpoint, devices, torch.float32)
    return parts, Joint(parts.vlm, parts.decoder, parts.config.decoder.vlm_select_layer)


def stage(name: str, checkpoint: Path) -> Any:
    tree = merged(name, [f"checkpoint={checkpoint}", "out=x"])
    tree["data"] = {"mixture": list(MIXTURE)}
    tree["loss"]["next_token"] = tree["loss"].get("next_token", 0)
    return build(tree)


def tops(names: Sequence[str]) -> set[str]:
    return {".".join(name.split(".")[:2]) for name in names}


@pytest.mark.parametrize("name", ["stage1", "stage2"])
def test_stages_1_and_2_train_the_head_and_its_projectors_alone(
    name: str, checkpoint: Path
) -> None:
    _, joint = joint_of(checkpoint)
    chosen = trainable.choose(joint, stage(name, checkpoint))
    every = {n for n, _ in joint.named_parameters()}
    head = {n for n in every if n.startswith("generation_decoder.")}
    assert set(chosen.names) == head - set(chosen.idle)
    assert not any(p.requires_grad for p in joint.vlm.parameters())
    # Both projectors are in it: latents and language states into the head's width.
    assert "generation_decoder.decoder.img_in.weight" in chosen.names
    assert "generation_decoder.decoder.txt_in.weight" in chosen.names
    assert chosen.numbers == sum(p.numel() for p in joint.parameters() if p.requires_grad)


def test_stage_3_trains_everything(checkpoint: Path) -> None:
    _, joint = joint_of(checkpoint)
    config = stage("stage3", checkpoint)
    chosen = trainable.choose(joint, config)
    every = {n for n, _ in joint.named_parameters()}
    assert set(chosen.names) | set(chosen.idle) == every
    assert "vlm.language_model.lm_head.weight" in chosen.names
    assert tops(chosen.idle) == {
        "generation_decoder.decoder",
        "generation_decoder.encoder_padding_token",
    }


def test_lora_trains_adapters_and_the_projector_that_is_named(checkpoint: Path) -> None:
    _, joint = joint_of(checkpoint)
    config = stage("lora_textedit", checkpoint)
    chosen = trainable.choose(joint, config)
    assert all(".lora_" in name for name in chosen.names)
    layers = {n.partition(".lora_")[0].rpartition(".")[2] for n in chosen.names}
    assert {"to_q", "to_k", "to_v", "add_k_proj", "q_proj", "down_proj"} <= layers
    assert not any(p.requires_grad for n, p in joint.named_parameters() if ".lora_" not in n)
    assert {p.dtype for p in joint.parameters() if p.requires_grad} == {torch.float32}


def test_gradients_reach_exactly_what_is_trained(checkpoint: Path) -> None:
    """Each trained tensor changes something, and what is called idle changes nothing."""
    parts, joint = joint_of(checkpoint)
    config = make_config(
        checkpoint, Path("x"), MIXTURE, trainable=["generation_decoder.*", "vlm.*"],
        loss={"next_token": 1, "flow": 1},
    )  # fmt: skip
    chosen = trainable.choose(joint, config)
    joint.requires_grad_(True)
    errors = joint(samples(parts))
    (errors["flow"].sum() + errors["next_token"].sum()).backward()
    # A key's bias moves all logits of a query alike, which softmax does not see: about 0, not 0.
    reached = {n for n, p in joint.named_parameters() if p.grad is not None and p.grad.any()}
    untouched = {n for n, _ in joint.named_parameters()} - reached
    assert untouched & set(chosen.names) == set()
    assert set(chosen.idle) <= untouched


def samples(parts: loading.Parts) -> list[Inputs]:
    """An edit with reasoning, with an image for every path of the networks."""
    from model.finetune.config import Dropout
    from model.finetune.examples import Reader
    from model.finetune.latents import Latents
    from model.finetune.rows import Row as DataRow
    from tests.model.finetune.kit import picture

    row = DataRow(
        id="a", task="cot", prompt="Replace CAT <box> with DOG", source=picture(1, (96, 96)),
        target=picture(1, (96, 96), "DOG"), answer="", reasoning="The word stands on the left.",
    )  # fmt: skip
    reader = Reader(parts.config, parts.tokenizer, Dropout(t2i=0, edit_all=0, edit_text=0), 0)
    example = reader.example(row, source="rows", number=0, bucket=(96, 96))
    latents = Latents(parts.vae, None, "")
    assert example.target is not None
    from model.finetune.config import Loss

    return [
        Inputs(
            tokens=example.tokens, learnt=example.learnt,
            image=noised(latents.of([example.target])[0], Loss(), 3.0, 0, 0),
            conditions=tuple(latents.of(example.conditions)),
        )
    ]  # fmt: skip


def test_without_next_token_loss_the_output_layer_gets_no_gradient(checkpoint: Path) -> None:
    parts, joint = joint_of(checkpoint)
    joint.requires_grad_(True)
    joint.learns_tokens = False
    errors = joint(samples(parts))
    assert set(errors) == {"flow"}
    errors["flow"].sum().backward()
    assert joint.vlm.language_model.lm_head.weight.grad is None
    config = make_config(
        checkpoint, Path("x"), MIXTURE, trainable=["generation_decoder.*", "vlm.*"]
    )
    assert "vlm.language_model.lm_head.weight" in trainable.idle(joint, config)


def test_image_tokens_never_enter_the_language_model(checkpoint: Path) -> None:
    """It reads the prompt and the condition's visual tokens, and nothing of the target."""
    parts, joint = joint_of(checkpoint)
    lengths = []
    joint.vlm.language_model.model.register_forward_pre_hook(
        lambda _m, _a, given: lengths.append(given["inputs_embeds"].shape[1]), with_kwargs=True
    )
    given = samples(parts)
    joint(given)
    assert lengths == [len(given[0].tokens.ids)]


def test_the_last_tokens_are_predicted_from_those_before_them(checkpoint: Path) -> None:
    """The training error equals that of the model's own output, token by token."""
    parts, joint = joint_of(checkpoint)
    ids = tuple(parts.tokenizer("What is it? A cat.")["input_ids"])
    found = joint([Inputs(tokens=Row(ids=ids), learnt=3)])["next_token"]
    logits = joint.vlm.language_model(inputs_embeds=joint.vlm.embed(torch.tensor([ids]))).logits[
        0, -4:-1
    ]
    wanted = -logits.log_softmax(-1).gather(1, torch.tensor(ids[-3:])[:, None]).sum()
    assert float(found[0].detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)


def test_a_batch_has_the_errors_of_its_samples(checkpoint: Path) -> None:
    parts, joint = joint_of(checkpoint)
    ids = tuple(parts.tokenizer("What is it? A cat.")["input_ids"])
    three = [*samples(parts), Inputs(tokens=Row(ids=ids), learnt=3), *samples(parts)]
    with torch.no_grad():
        together = joint(three)
        alone = [joint([one]) for one in three]
    for kind in ("flow", "next_token"):
        wanted = [float(a[kind][0]) if kind in a else 0.0 for a in alone]
        assert together[kind].tolist() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["generation_decoder.*", "!vlm.nothing.*"], "'!vlm.nothing.\\*' matches no parameter"),
        (["decoder.*"], "'decoder.\\*' matches no parameter. Names are like"),
        (["vlm.language_model.lm_head.*"], "No parameter that is to be trained gets a gradient"),
    ],
)
def test_patterns_that_make_no_sense_are_refused(
    patterns: list[str], message: str, checkpoint: Path
) -> None:
    _, joint = joint_of(checkpoint)
    config = make_config(checkpoint, Path("x"), MIXTURE, trainable=patterns)
    with pytest.raises(UserError, match=message):
        trainable.choose(joint, config)


def test_adapters_beside_tied_weights_are_refused(checkpoint: Path) -> None:
    """Merged, they would move the embeddings too."""
    _, joint = joint_of(checkpoint)
    head, table = "vlm.language_model.lm_head", "vlm.language_model.model.embed_tokens"
    joint.get_submodule(head).weight = joint.get_submodule(table).weight
    lora = {"rank": 2, "targets": ["vlm.language_model.*"]}
    config = make_config(checkpoint, Path("x"), MIXTURE, lora=lora, trainable=[])
    with pytest.raises(UserError, match=rf"{head}, whose weights are those of {table}.weight too"):
        trainable.choose(joint, config)
    lora["targets"] = ["vlm.language_model.*", f"!{head}"]
    config = make_config(checkpoint, Path("x"), MIXTURE, lora=lora, trainable=[])
    chosen = trainable.choose(joint, config)
    assert any("q_proj.lora_A" in name for name in chosen.names)
    assert not any("lm_head" in name for name in chosen.names)


def test_every_preset_is_a_configuration_with_the_papers_numbers() -> None:
    assert set(presets()) == {"stage1", "stage2", "stage3", "lora_textedit", "tiny"}
    paper = {
        "stage1": (3e-4, "constant", 0.0, 0.2, 250_000, 2048, 512, 512, 0.0, 1.0),
        "stage2": (1e-4, "cosine", 0.0, 0.2, 60_000, 1024, 512, 1024, 0.0, 1.0),
        "stage3": (1e-5, "cosine", 0.01, 1.0, 20_000, 1024, 512, 1024, 1.0, 20.0),
    }
    for name, numbers in paper.items():
        config = stage(name, Path("c"))
        how, size, loss = config.optimizer, config.resolution, config.loss
        found = (
            how.lr, how.schedule, how.weight_decay, how.clip, config.steps, config.batch, size.min,
            size.max, loss.next_token, loss.flow,
        )  # fmt: skip
        assert found == numbers, name
        assert (how.beta1, how.beta2, how.eps, how.warmup) == (0.9, 0.999, 1e-8, 1000)
        assert (loss.shift, loss.density, loss.logit_mean, loss.logit_std) == (
            3.0, "logit_normal", 0.0, 1.0,
        )  # fmt: skip
        assert (size.aspect_min, size.aspect_max) == (0.5, 2.0)
        rates = config.dropout
        assert (rates.t2i, rates.edit_all, rates.edit_text) == (0.1, 0.05, 0.05)


def test_learning_rates_warm_up_and_fall() -> None:
    config = make_config(
        Path("c"), Path("o"), MIXTURE, steps=100,
        optimizer={"lr": 1.0, "schedule": "cosine", "warmup": 10},
    )  # fmt: skip
    rate = prepare.learning_rate(config)
    assert [rate(0), rate(5), rate(10)] == pytest.approx([0, 0.5, 1])
    assert rate(55) == pytest.approx(0.5)
    assert rate(100) == pytest.approx(0, abs=1e-9)
