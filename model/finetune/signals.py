"""Being asked to end: SIGTERM, with which a node is taken away, and Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Stopped(KeyboardInterrupt):
    """A signal came where nothing is lost by leaving at once."""


class Signals:
    """What was asked for since `heard` was entered.

    Attributes:
        stop: end after the update that is being made.
        interrupted: by a person, not by the machine.
        left: whether something in `leaving` was left for that.
    """

    def __init__(self) -> None:
        self.stop = False
        self.interrupted = False
        self.left = False
        self._leaves = False

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        """Leave what is done here as soon as a signal comes: who goes on makes it again.

        Raises:
            Stopped: one has come. A second one does not raise it again.
        """
        if self.stop:
            self.left = True
            raise Stopped
        self._leaves = True
        try:
            yield
        finally:
            self._leaves = False

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Note the signals in place of what they do; a second Ctrl-C does what it always does."""
        if threading.current_thread() is not threading.main_thread():
            # Only the main thread may ask for them.
            yield
            return
        kinds = (signal.SIGTERM, signal.SIGINT)
        before = {kind: signal.getsignal(kind) or signal.SIG_DFL for kind in kinds}

        def note(kind: int, _frame: object) -> None:
            self.stop = True
            if kind == signal.SIGINT:
                self.interrupted = True
                # Who does not want to wait for it presses again.
                signal.signal(signal.SIGINT, before[signal.SIGINT])
            if self._leaves:
                self._leaves, self.left = False, True
                raise Stopped

        for kind in kinds:
            signal.signal(kind, note)
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
