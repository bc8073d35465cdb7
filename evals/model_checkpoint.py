"""The commands of `umm-evals model` that look at a checkpoint, or write a tiny one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.console import out, print_json, show_list, show_table
from evals.core.errors import UserError
from evals.model_commands import MAX_SEED, busy, interruptible, need_torch, show

if TYPE_CHECKING:
    from model.internvlu.info import Inventory
    from model.internvlu.verify import Check


def tiny(folder: Path, seed: int, *, trainable: bool = False, as_json: bool) -> int:
    """Write a tiny random checkpoint and say what can be done with it.

    Args:
        folder: to be made.
        seed: of the weights.
        trainable: make one that short training can be seen to improve.
        as_json: print JSON and nothing else.
    """
    need_torch()
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"--seed is {seed}; it must be from 0 to {MAX_SEED}.")
    from model.internvlu.tiny import TRAINABLE, write_tiny

    place = write_tiny(folder.expanduser(), seed, **(TRAINABLE if trainable else {}))
    size = sum(p.stat().st_size for p in place.rglob("*") if p.is_file())
    if as_json:
        print_json(
            {"checkpoint": place.resolve(), "bytes": size, "seed": seed, "trainable": trainable}
        )
        return 0
    show(f"checkpoint: {place.resolve()}")
    if trainable:
        show(f"{_bytes(size)}: a VAE that keeps pictures, and a decoder that has learnt nothing.")
        show("train it; then guidance_scale=1 and image_guidance_scale=1 suit it in edits.")
        return 0
    show(f"{_bytes(size)} of random weights: every path works, and nothing it makes has meaning.")
    show(f'try: umm-evals model generate {folder} "a red panda" -o panda.png')
    return 0


def info(source: str, *, as_json: bool) -> int:
    """Show what a checkpoint holds; 1 when it cannot be used as it is."""
    need_torch()
    from evals.core.checkpoints import Checkpoint, find_checkpoint
    from model.internvlu.config import INDEX

    folder = Path(source).expanduser()
    # One without weights is no checkpoint to others, but can be looked at.
    found = (
        Checkpoint(name=folder.resolve().name, folder=folder)
        if folder.is_dir()
        else find_checkpoint(source, INDEX)
    )
    if found.folder is None:
        raise UserError(f"No checkpoint: {found.absence}.")
    with busy(f"looking at {source}", quiet=as_json):
        from model.internvlu.info import inventory

        held = inventory(found.folder)
    if as_json:
        print_json(
            {
                "checkpoint": found.name, "folder": found.folder.resolve(),
                "commit": found.commit, "digest": found.digest, "parameters": held.parameters,
                "parts": held.parts, "keys": held.keys, "tokenizer": held.tokenizer,
                "sizes": held.sizes, "memory": held.memory, "problems": held.problems,
            }
        )  # fmt: skip
    else:
        at = f"commit {found.commit}, " if found.commit else ""
        show(f"{found.name} in {found.folder.resolve()} ({at}digest {found.digest})")
        _show_inventory(held)
    return 1 if held.problems else 0


def _show_inventory(held: Inventory) -> None:
    from model.internvlu.info import MEMORY_RULE

    rows = [
        [p.name, _count(p.parameters), p.dtype or "absent", _bytes(p.bytes) if p.dtype else "—"]
        for p in held.parts
    ]
    total = sum(p.bytes for p in held.parts)
    rows.append(["all", _count(held.parameters), "", _bytes(total) if total else "—"])
    show_table(["part", "parameters", "on disk", "bytes"], rows)
    show("")
    show_list(["what", "value"], _size_rows(held.sizes))
    show("")
    show_table(
        ["memory on a GPU in bfloat16", "all parts there", "--offload"],
        [
            [f"{m.task} {m.side} x {m.side}", _bytes(m.resident), _bytes(m.offload)]
            for m in held.memory
        ],
    )
    for line in MEMORY_RULE:
        out.print(line, style="dim", markup=False, soft_wrap=True)
    show("")
    for problem in held.problems:
        show(f"problem: {problem}")
    tensors = sum(k.tensors for k in held.keys)
    show(
        f"{len(held.problems)} problems: it cannot be used as it is."
        if held.problems
        else f"whole: all {tensors} tensors are there, of the right shape, and nothing else is."
    )


def _size_rows(sizes: Mapping[str, Any]) -> list[list[str]]:
    def pixels(size: Sequence[int]) -> str:
        return " x ".join(f"{s:,}" for s in size)

    low, high = sizes["condition_area"]
    from model.internvlu.guidance import PLAIN, REASONING
    from model.internvlu.pipeline import STEPS

    scales = [f"{s.guidance_scale:g} / {s.image_guidance_scale:g}" for s in (PLAIN, REASONING)]
    return [
        ["images it reads", f"brought to {pixels(sizes['image_read'])} pixels, "
                            f"{sizes['tokens_per_image']} tokens each"],
        ["images it makes", f"{pixels(sizes['image_made'])} pixels unless asked otherwise, made in "
                            f"multiples of {sizes['image_made_multiple']}"],
        ["images it edits", f"brought to {low:,} to {high:,} pixels, longest side "
                            f"{sizes['condition_longest_side']:,}"],
        ["steps", f"{STEPS}, flow shift {sizes['flow_shift']}"],
        ["guidance, text / image", f"{scales[0]}, with --think {scales[1]}"],
        ["layers", f"{sizes['vision_layers']} vision, {sizes['language_layers']} language, "
                   f"{sizes['decoder_layers']} decoder"],
        ["conditions of the decoder", "hidden states "
                                      f"{', '.join(str(n) for n in sizes['select_layers'])} of the "
                                      "language model"],
        ["context", f"{sizes['context_tokens'] or 'any number of'} tokens, of a vocabulary of "
                    f"{sizes['vocabulary_tokens']}"],
    ]  # fmt: skip


@interruptible
def verify(folder: Path, *, every: bool, as_json: bool) -> int:
    """Replay recordings and show the deviations; 1 when any is over its tolerance.

    Args:
        folder: holds ``tiny-checkpoint/`` and ``expected/``.
        every: show each check; else the worst of each stage and run.
        as_json: print JSON and nothing else.
    """
    need_torch()
    begin = time.monotonic()
    with busy("replaying", quiet=as_json):
        from model.internvlu.verify import verify as replay

        checks = replay(folder.expanduser())
    failed = [c for c in checks if not c.passed]
    cases = sum(c.cases for c in checks)
    # Nothing compared is nothing verified.
    code = 1 if failed or not cases else 0
    if as_json:
        found = [asdict(c) for c in checks]
        print_json({"passed": code == 0, "failed": len(failed), "cases": cases, "checks": found})
        return code
    groups: dict[tuple[str, ...], list[Check]] = {}
    for n, check in enumerate(checks):
        groups.setdefault((str(n),) if every else (check.stage, check.run), []).append(check)
    show_list(
        ["stage", "run", "cases", "deviation", "tolerance", "of", "result"],
        [_verified(group) for group in groups.values()],
    )
    bare = [c for c in checks if c.passed and not c.cases]
    for check in (*bare, *failed):
        name = " ".join(x for x in (check.stage, check.run, check.what) if x)
        result = "FAILED " if not check.passed else ""
        show(f"  {result}{name}: {check.note}")
    show(
        f"{len(checks)} checks of {cases:,} cases in {time.monotonic() - begin:.0f} s: "
        f"{len(failed)} failed, {len(bare)} not compared"
    )
    return code


def _verified(checks: Sequence[Check]) -> list[str]:
    """The row of some checks: all their cases, and the worst of their deviations."""

    def badness(check: Check) -> tuple[bool, float]:
        share = check.deviation / check.tolerance if check.tolerance else 2 * check.deviation
        return not check.passed, share

    worst = max(checks, key=badness)
    cases = sum(c.cases for c in checks)
    result = ("ok" if cases else "not compared") if worst.passed else "FAILED"
    return [
        worst.stage, worst.run, f"{cases:,}", f"{worst.deviation:.2g}",
        f"{worst.tolerance:g}" if worst.tolerance else "equal", worst.what, result,
    ]  # fmt: skip


def _count(number: int) -> str:
    return f"{number / 1e6:,.1f} M" if number >= 1e6 else f"{number:,}"


def _bytes(number: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number} B"
