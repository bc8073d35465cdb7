"""The loop: take micro-batches, add up gradients, step, write down, keep.

A run is a function of its configuration, its rows and its checkpoint. What an update learns from is
told by its number alone, so that going on from a checkpoint needs no more than its tensors and that
number, and several devices do together exactly what one does alone.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from accelerate.utils import gather_object

from evals.core.errors import UserError
from evals.core.writing import lock, write_atomic
from model.finetune import checkpoints, prepare, reading
from model.finetune.batches import Bad, Loaded, Stream, readers
from model.finetune.config import Config
from model.finetune.devices import SHARDED, fits, make_accelerator, make_average, start_trackers
from model.finetune.hooks import Hooks, Scorer
from model.finetune.inputs import inputs_of, latent_tokens, latent_values
from model.finetune.joint import NOTHING
from model.finetune.logs import Journal, Seen, Window, memory
from model.finetune.loss import weighted
from model.finetune.seeds import derive
from model.finetune.signals import Signals, Stopped
from model.internvlu.limits import Limits
from model.internvlu.lora import save_adapters

Say: TypeAlias = "Callable[[str], None]"

_BARE = 10
"""Updates in a row of which no row could be read that end a run: its images are not there."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        folder: of the run.
        step: updates done.
        finished: whether that is all of them, and nothing that was to be looked at was left.
        checkpoint: the newest.
        skipped: updates that were no number and were left out.
        last: numbers of the last line of the log.
    """

    folder: Path
    step: int
    finished: bool
    checkpoint: Path | None
    skipped: int = 0
    last: Mapping[str, float]


def finetune(
    config: Config, *, scorer: Scorer | None = None, force: bool = False, say: Say = print
) -> Outcome:
    """Train, from the newest checkpoint of the run's folder if there is one.

    Args:
        config: of the run.
        scorer: scores a validation suite, where ``evaluate.every`` asks for it.
        force: go on although the configuration or the rows are no longer the same.
        say: told what goes on, a line at a time.

    Raises:
        UserError: something cannot be used, or another process writes the run's folder, before any
            work; or an update is no number, a row cannot be read, a batch does not fit into memory.
            What was kept before stays.
        KeyboardInterrupt: Ctrl-C, once the update it came in is kept; a second one, at once. Images
            and scores are not waited for.
    """
    prepare.need(config)
    prepare.claim(config)
    accelerator = make_accelerator(config)
    with contextlib.ExitStack() as held:
        if accelerator.is_main_process:
            held.enter_context(lock(Path(config.out).expanduser()))
        trainer = Trainer(config, accelerator, scorer, say)
        trainer.resume(force=force)
        with trainer.signals.heard(), readers():
            outcome = trainer.run()
    if trainer.signals.interrupted and not outcome.finished:
        raise KeyboardInterrupt
    return outcome


class Trainer:
    """One run, made ready.

    Args:
        config: of the run.
        accelerator: of `make_accelerator`.
        scorer: see `finetune`.
        say: see `finetune`.
    """

    def __init__(self, config: Config, accelerator: Any, scorer: Scorer | None, say: Say) -> None:
        self.config = config
        self.folder = Path(config.out).expanduser()
        self.accelerator = accelerator
        self.signals = Signals()
        self.share = prepare.share_of(config, self.accelerator.num_processes)
        self.devices: int = self.accelerator.num_processes
        self.say: Say = say if self.accelerator.is_main_process else lambda _line: None
        sharded = self.accelerator.distributed_type in SHARDED
        frozen = torch.float32
        if self.accelerator.mixed_precision == "bf16" and not sharded:
            frozen = torch.bfloat16
        with self.accelerator.main_process_first(), fits("the weights of the checkpoint"):
            # The first one converts rows for all.
            self.networks = prepare.load(config, self.accelerator.device, frozen)
            self.learnt = prepare.open_data(config, Limits.of(self.networks.parts.config))
            self.decoder = self.networks.parts.config.decoder
            joint = self.networks.joint.train()
            joint.even = sharded
            optimizer = prepare.optimizer_of(config, joint)
        with fits("the weights of the checkpoint"):
            self.model, self.optimizer = self.accelerator.prepare(joint, optimizer)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.ema = make_average(config, self.trained)
        self.rate = prepare.learning_rate(config)
        self.hooks = Hooks(
            config, self.networks, self.accelerator, scorer, self.ema, self.trained, self.say,
            able=not sharded, signals=self.signals,
        )  # fmt: skip
        self.step = 0
        self.samples = 0
        self.skipped = 0
        self.resumed = False
        self._bad: set[Bad] = set()
        self._bare = 0
        self.last: dict[str, float] = {}

    # --- beginning and going on -----------------------------------------------------------------

    def resume(self, *, force: bool) -> None:
        """Go on from the newest checkpoint, if there is one.

        Raises:
            UserError: the run was made of something else, unless `force`.
        """
        there = checkpoints.steps(self.folder)
        if not there:
            return
        place = checkpoints.pick(self.folder)
        state = checkpoints.read_state(place)
        old = reading.stored_config(place)
        if state.step > self.config.steps:
            raise UserError(
                f"{self.folder} is at step {state.step} already and steps is {self.config.steps}; "
                "raise steps, or name another out."
            )
        changed = [*reading.differences(old, self.config),
                   *prepare.check_resume(state, self.networks, self.learnt)]  # fmt: skip
        if changed and not force:
            raise UserError(
                f"{self.folder} was begun with another configuration ({'; '.join(changed)}); name "
                "another out, set the keys back, or add --force to go on all the same."
            )
        for line in changed:
            self.say(f"changed by force: {line}")
        tensors = checkpoints.read_tensors(place, old)
        checkpoints.restore(self.model, self.optimizer, self.ema, tensors)
        self.step, self.samples, self.skipped = state.step, state.samples, state.skipped
        self.resumed = True
        if self.ema is not None:
            self.ema.optimization_step = state.step - state.skipped
        self.say(f"going on from step {state.step}")

    # --- the loop -------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """All updates that are left."""
        config = self.config
        journal = self._begin()
        units = prepare.units_of(config, self.learnt, self.networks)
        begin = self.step * config.units + self.accelerator.process_index
        stream = Stream(units, config.data, begin, self.devices)
        # What was to be looked at when the run was killed is still to be looked at.
        self._look(self.step, journal, first=True)
        window = Window()
        kept = self.step if self.step in checkpoints.steps(self.folder) else None
        try:
            while self.step < config.steps and not self._stopping():
                self._update(stream, window)
                self.step += 1
                saves = bool(config.save.every) and self.step % config.save.every == 0
                # With each checkpoint too: a run that goes on from it lacks what came before.
                if saves or self.step % config.log.every == 0:
                    window = self._log(journal, window, stream)
                if saves:
                    kept = self._save()
                if self.hooks.due(self.step):
                    begun = time.monotonic()
                    self._look(self.step, journal)
                    window.begun += time.monotonic() - begun
            if window.updates:
                self._log(journal, window, stream)
            if kept != self.step:
                self._save()
        finally:
            stream.close()
            self.accelerator.end_training()
        finished = self.step == config.steps and not self.signals.left
        if not finished:
            self.say(f"stopped at step {self.step} of {config.steps}; the same command goes on")
        return Outcome(
            folder=self.folder, step=self.step, finished=finished, skipped=self.skipped,
            checkpoint=checkpoints.pick(self.folder), last=self.last,
        )  # fmt: skip

    def _begin(self) -> Journal | None:
        """Write down what is run, and open the log; only the first process writes."""
        start_trackers(self.config, self.accelerator)
        self.accelerator.wait_for_everyone()
        journal = None
        if self.accelerator.is_main_process:
            journal = Journal(self.folder, self.step if self.resumed else None)
            text = reading.resolved(self.config)
            write_atomic(self.folder / reading.STORED, text.encode())
            prepare.write_dropped(self.folder, self.learnt.sources, go_on=self.resumed)
            checkpoints.sweep(self.folder)
        # Others may find rows to list at once.
        self.accelerator.wait_for_everyone()
        return journal

    def _stopping(self) -> bool:
        """Whether any process was asked to stop: all of them must stop at the same update."""
        if self.devices == 1:
            return self.signals.stop
        asked = torch.tensor(float(self.signals.stop), device=self.accelerator.device)
        return bool(self.accelerator.reduce(asked, "sum") > 0)

    def _update(self, stream: Stream, window: Window) -> None:
        """One step of the optimiser."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        loaded = [stream.take() for _ in range(self.share)]
        self._list([bad for unit in loaded for bad in unit.bad])
        counts = self._counts(loaded)
        self.samples += counts["samples"]
        self._bare = 0 if counts["samples"] else self._bare + 1
        if self._bare == _BARE:
            raise UserError(
                f"No row of the last {_BARE} updates could be learnt from; look at the end of "
                f"{self.folder / prepare.DROPPED}."
            )
        for unit in loaded:
            with self.accelerator.accumulate(self.model), fits(unit):
                self._learn(unit, counts, window)
        clip = self.config.optimizer.clip or float("inf")
        norm = float(self.accelerator.clip_grad_norm_(self.trained, clip))
        window.updates += 1
        if math.isfinite(norm):
            window.norms.append(norm)
            with fits("the moments of AdamW"):
                self.optimizer.step()
                if self.ema is not None:
                    self.ema.step(self.trained)
        else:
            self._refuse(loaded)
        self.optimizer.zero_grad()

    def _list(self, found: list[Bad]) -> None:
        """Write down rows that could not be read, each once."""
        for bad in found:
            if bad not in self._bad:
                self._bad.add(bad)
                self.say(f"left out: {bad}")
                prepare.add_dropped(self.folder, bad)

    def _refuse(self, loaded: list[Loaded]) -> None:
        """An update whose gradient is no number.

        Raises:
            UserError: the run is to stop then.
        """
        rows = ", ".join(f"{e.source}:{e.row}" for unit in loaded for e in unit.examples[:2])
        what = f"The gradient of update {self.step + 1} is no number (rows {rows}, ...)"
        if self.config.on_nan == "stop":
            raise UserError(
                f"{what}; nothing was changed by it. Lower optimizer.lr, set device.precision to "
                "float32, or set on_nan to skip."
            )
        self.skipped += 1
        self.say(f"{what}; it is left out.")

    def _counts(self, loaded: list[Loaded]) -> dict[str, int]:
        """Samples, learnt tokens and latent values of the update, on all devices."""
        examples = [e for unit in loaded for e in unit.examples]
        values = sum(latent_values(e.target, self.decoder) for e in examples)
        own = [len(examples), sum(e.learnt for e in examples), values]
        counts = torch.tensor(own, device=self.accelerator.device, dtype=torch.int64)
        samples, tokens, values = self.accelerator.reduce(counts, "sum").tolist()
        return {"samples": int(samples), "next_token": int(tokens), "flow": int(values)}

    def _learn(self, unit: Loaded, counts: Mapping[str, int], window: Window) -> None:
        """The gradient of one micro-batch."""
        inputs = inputs_of(unit.examples, self.networks, self.config)
        if self.config.lora.dropout:
            # The one thing that draws from a global source.
            torch.manual_seed(derive(self.config.seed, "unit", unit.number))
        errors = self.model(inputs)
        sums = {kind: values.sum() for kind, values in errors.items()}
        loss = weighted(sums, counts, self.config.loss, self.devices)
        if NOTHING in sums:
            loss = loss + sums[NOTHING]
        self.accelerator.backward(loss * self.share)
        listed = {kind: values.detach().float().tolist() for kind, values in errors.items()}
        for n, (example, given) in enumerate(zip(unit.examples, inputs, strict=True)):
            seen = Seen(source=example.source)
            if given.image is not None and "flow" in listed:
                seen.level = given.image.level
                seen.flow = listed["flow"][n] / latent_values(example.target, self.decoder)
            if given.learnt and "next_token" in listed:
                seen.tokens, seen.surprise = given.learnt, listed["next_token"][n]
            window.seen.append(seen)
            window.tokens += len(given.tokens.ids) + latent_tokens(given, self.decoder)

    # --- what is kept ---------------------------------------------------------------------------

    def _log(self, journal: Journal | None, window: Window, stream: Stream) -> Window:
        window.waited, stream.waited = stream.waited, 0.0
        if self.devices > 1:
            window.seen = gather_object(window.seen)
        values = {**window.values(self.devices), **memory(), "lr": self.rate(self.step - 1)}
        line = {"step": self.step, "samples": self.samples, "devices": self.devices, **values}
        self.last = values
        if journal is not None:
            journal.write(line)
        self.accelerator.log(values, step=self.step)
        shown = " ".join(
            f"{kind} {values[kind]:.4f}" for kind in ("next_token", "flow") if kind in values
        )
        self.say(
            f"step {self.step}/{self.config.steps}: {shown}, "
            f"{values['samples_per_second']:.1f} samples/s"
        )
        return Window()

    def _save(self) -> int:
        tensors = checkpoints.gather(self.model, self.optimizer, self.ema)
        if self.accelerator.is_main_process:
            state = checkpoints.State(
                step=self.step, samples=self.samples, base=self.networks.base,
                sources=self.learnt.digests(), packages=prepare.packages(), skipped=self.skipped,
            )  # fmt: skip
            checkpoints.save(
                self.folder,
                state,
                self.config,
                tensors,
                keep=self.config.save.keep,
                more=(lambda f: self._adapter(f, tensors)) if self.config.lora.rank else None,
            )
        self.accelerator.wait_for_everyone()
        return self.step

    def _adapter(self, folder: Path, tensors: checkpoints.Tensors) -> None:
        """The adapters as the pipeline loads them, of the average where there is one."""
        joint = self.networks.joint
        modules = {"vlm": joint.vlm, "generation_decoder": joint.generation_decoder}
        trained = tensors.weights if tensors.ema is None else tensors.ema
        save_adapters(modules, folder / checkpoints.ADAPTER, trained)

    def _look(self, step: int, journal: Journal | None, *, first: bool = False) -> None:
        """Images and scores, made by the first process while the others wait.

        Args:
            step: updates made.
            journal: to write to.
            first: leave out what was made before the run was stopped.
        """
        if self.accelerator.is_main_process:
            known = first and self.resumed
            scored = known and journal is not None and step in journal.scored
            try:
                values = self.hooks.look(step, drawn=known, scored=scored)
            except Stopped:
                values = {}
                self.say(f"stopped while looking at step {step}; the same command makes it")
            if values and journal is not None:
                journal.write({"step": step, "evaluation": values})
                numbers = {f"eval/{k}": v for k, v in values.items() if isinstance(v, float)}
                self.accelerator.log(numbers, step=step)
        self.accelerator.wait_for_everyone()
