"""Micro-batches on their way from files to the device, read ahead by other processes."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch.utils.data import DataLoader

from evals.core.errors import UserError
from model.finetune.config import Data
from model.finetune.examples import Example, Reader
from model.finetune.plan import Plan
from model.finetune.rows import RowError
from model.finetune.sources import Source


class Bad(NamedTuple):
    """A row that could not be read when its turn came.

    Attributes:
        source: name of its part of the mixture.
        row: its number there.
        id: what the table calls it.
        why: without a full stop.
    """

    source: str
    row: int
    id: str
    why: str

    def __str__(self) -> str:
        return f"{self.source}, row {self.row}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A micro-batch in memory.

    Attributes:
        number: counted from the first of the run.
        source: part of the mixture.
        bucket: height and width of its targets; None for answers.
        examples: those rows that could be read.
        bad: the others.
    """

    number: int
    source: str
    bucket: tuple[int, int] | None
    examples: tuple[Example, ...]
    bad: tuple[Bad, ...] = field(default=())

    def __str__(self) -> str:
        size = "answers" if self.bucket is None else "{1} x {0} pixels".format(*self.bucket)
        return f"{len(self.examples)} samples of {size} from {self.source}"


class Units:
    """The micro-batches of a run by their numbers, as torch's loader wants them.

    Args:
        plan: which rows, when.
        sources: the parts of the mixture.
        reader: rows to examples.
        count: how many there are.
    """

    def __init__(
        self, plan: Plan, sources: Sequence[Source], reader: Reader, count: int
    ) -> None:  # fmt: skip
        self.plan = plan
        self.sources = sources
        self.reader = reader
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Loaded:
        unit = self.plan.unit(number)
        source = self.sources[unit.source]
        examples, bad = [], []
        for pick in unit.picks:
            name = str(pick.row)
            try:
                row = source.read(pick.row)
                name = row.id
                examples.append(
                    self.reader.example(
                        row, source=source.name, number=pick.number, bucket=unit.bucket
                    )
                )  # fmt: skip
            # Their words travel better between processes than themselves.
            except RowError as error:
                bad.append(Bad(source.name, pick.row, error.id, error.why.rstrip(".")))
            except UserError as error:
                bad.append(Bad(source.name, pick.row, name, str(error).rstrip(".")))
        return Loaded(
            number=number, source=source.name, bucket=unit.bucket, examples=tuple(examples),
            bad=tuple(bad),
        )  # fmt: skip


class Stream:
    """The micro-batches of one device, in order.

    Args:
        units: of the run.
        data: how many processes read, and what to do with a row that cannot be read.
        begin: number of the first one of this device.
        step: from one to the next: the number of devices.
    """

    def __init__(self, units: Units, data: Data, begin: int, step: int) -> None:
        self.data = data
        self.waited = 0.0
        self._loader = DataLoader(
            units, batch_size=None, sampler=range(begin, len(units), step),
            num_workers=data.workers, worker_init_fn=_deaf if data.workers else None,
            prefetch_factor=2 if data.workers else None,
        )  # fmt: skip
        self._items: Iterator[Any] = iter(self._loader)

    def take(self) -> Loaded:
        """The next one.

        Raises:
            UserError: a row cannot be read and the run is to stop then.
        """
        begun = time.monotonic()
        loaded: Loaded = next(self._items)
        self.waited += time.monotonic() - begun
        if loaded.bad and self.data.on_bad_row == "stop":
            raise UserError(
                f"{loaded.bad[0]}; mend or remove the row, or set data.on_bad_row to skip."
            )
        return loaded

    def close(self) -> None:
        """Let the reading processes go."""
        self._items = iter(())


@contextlib.contextmanager
def readers() -> Iterator[None]:
    """A reading process that is gone as a sentence; torch notices at any place.

    Raises:
        UserError: one was ended.
    """
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        # What is raised inside of one begins with "Caught", and is an error of ours.
        words = str(error)
        gone = not isinstance(error, RuntimeError) or words.startswith("DataLoader worker")
        if not gone or words.startswith("Caught"):
            raise
        raise UserError(
            "A process that reads rows was ended from outside, perhaps for memory; lower "
            "data.workers and run the same command again."
        ) from error


def _deaf(_worker: int) -> None:
    """A node that is taken away signals every process; what to do is for the trainer to say."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
