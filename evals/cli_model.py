"""The words of `umm-evals model ...`; `evals.model_commands` and `model_checkpoint` do it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

model_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None,
    help="Use the bundled model: a tiny checkpoint, what is in one, images, edits, answers.",
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Source = Annotated[
    str, typer.Argument(help="Folder in the official layout, or ORG/NAME[@COMMIT] of the hub.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="PNG file to write.")]
Outs = Annotated[
    Path, typer.Option("--out", "-o", help="PNG file; of several prompts OUT-1.png and so on.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that exists.")]
Height = Annotated[
    int | None, typer.Option(help="In pixels [the checkpoint's; of an edit, the image's].")
]
Width = Annotated[
    int | None, typer.Option(help="In pixels [the checkpoint's; of an edit, the image's].")
]
Steps = Annotated[int, typer.Option(help="Of the solver.")]
Guidance = Annotated[float | None, typer.Option(help="Weight of the text [4.5, --think 3.5].")]
ImageGuidance = Annotated[
    float | None, typer.Option(help="Weight of the input images [2.0, --think 1.5].")
]
Shift = Annotated[
    float | None, typer.Option(help="Of the noise levels [that of the checkpoint's file].")
]
Seed = Annotated[int, typer.Option(help="Of the noise; counts up over several prompts.")]
Think = Annotated[bool, typer.Option("--think", help="Reason in words first, and print them.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:N or auto.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16, float16 or auto.")]
Offload = Annotated[
    bool, typer.Option("--offload", help="Hold one component at a time on the device.")
]
Compile = Annotated[
    bool, typer.Option("--compile", help="Compile the decoder: slow to start, then faster.")
]
Compat = Annotated[
    bool, typer.Option("--compat", help="Repeat the released code's defects, docs/model.md.")
]


@model_app.command("tiny")
def tiny(
    folder: Annotated[Path, typer.Argument(help="Folder to be made.")],
    seed: Annotated[int, typer.Option(help="Of the weights.")] = 0,
    trainable: Annotated[
        bool,
        typer.Option("--trainable", help="One that minutes of training improve visibly, 40 MB."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a tiny random checkpoint, about 2 MB, to try every path with."""
    from evals import model_checkpoint

    raise typer.Exit(model_checkpoint.tiny(folder, seed, trainable=trainable, as_json=as_json))


@model_app.command("info")
def info(checkpoint: Source, as_json: Json = False) -> None:
    """Show parts, parameters, sizes, memory, and what is missing; exit 1 when anything is."""
    from evals import model_checkpoint

    raise typer.Exit(model_checkpoint.info(checkpoint, as_json=as_json))


@model_app.command("generate")
def generate(
    checkpoint: Source,
    prompts: Annotated[list[str], typer.Argument(help="What to make; quote each prompt.")],
    out: Outs,
    height: Height = None, width: Width = None, steps: Steps = 20, guidance_scale: Guidance = None,
    image_guidance_scale: ImageGuidance = None, shift: Shift = None, seed: Seed = 0,
    think: Think = False, device: Device = "auto", dtype: Dtype = "auto", offload: Offload = False,
    compile: Compile = False, compat: Compat = False, force: Force = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Make an image of each prompt and print where it is."""
    from evals import model_commands

    raise typer.Exit(
        model_commands.make_images(
            checkpoint, prompts, (), out,
            model_commands.Making(
                height=height, width=width, steps=steps, guidance_scale=guidance_scale,
                image_guidance_scale=image_guidance_scale, shift=shift, seed=seed, think=think,
            ),
            model_commands.Running(
                device=device, dtype=dtype, offload=offload, compile=compile, compat=compat
            ),
            force=force, as_json=as_json,
        )
    )  # fmt: skip


@model_app.command("edit")
def edit(
    checkpoint: Source,
    prompt: Annotated[str, typer.Argument(help="What to change; quote it.")],
    image: Annotated[
        list[Path], typer.Option("--image", "-i", help="Image to edit; repeat to combine several.")
    ],
    out: Out,
    height: Height = None, width: Width = None, steps: Steps = 20, guidance_scale: Guidance = None,
    image_guidance_scale: ImageGuidance = None, shift: Shift = None, seed: Seed = 0,
    think: Think = False, device: Device = "auto", dtype: Dtype = "auto", offload: Offload = False,
    compile: Compile = False, compat: Compat = False, force: Force = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Edit an image and print where the result is; it has the size of the (first) image."""
    from evals import model_commands

    raise typer.Exit(
        model_commands.make_images(
            checkpoint, [prompt], image, out,
            model_commands.Making(
                height=height, width=width, steps=steps, guidance_scale=guidance_scale,
                image_guidance_scale=image_guidance_scale, shift=shift, seed=seed, think=think,
            ),
            model_commands.Running(
                device=device, dtype=dtype, offload=offload, compile=compile, compat=compat
            ),
            force=force, as_json=as_json,
        )
    )  # fmt: skip


@model_app.command("ask")
def ask(
    checkpoint: Source,
    question: Annotated[str, typer.Argument(help="Quote it; <image> marks an image's place.")],
    image: Annotated[
        list[Path] | None, typer.Option("--image", "-i", help="Image; repeat for several.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(help="Most tokens of the answer.")] = 1024,
    num_beams: Annotated[int, typer.Option(help="Beams of the search; 1 is greedy.")] = 1,
    device: Device = "auto", dtype: Dtype = "auto", offload: Offload = False,
    compat: Compat = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Ask a question, about images or without."""
    from evals import model_commands

    raise typer.Exit(
        model_commands.ask(
            checkpoint, question, image or [],
            model_commands.Running(device=device, dtype=dtype, offload=offload, compat=compat),
            max_new_tokens=max_new_tokens, num_beams=num_beams, as_json=as_json,
        )
    )  # fmt: skip


@model_app.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="Holds tiny-checkpoint/ and expected/.")],
    every: Annotated[
        bool, typer.Option("--all", help="Show every check, not the worst of each stage and run.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Replay recordings of the released code and print every deviation; exit 1 over a tolerance."""
    from evals import model_checkpoint

    raise typer.Exit(model_checkpoint.verify(folder, every=every, as_json=as_json))
