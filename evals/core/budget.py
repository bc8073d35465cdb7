"""Dollars that one command may spend: reserved before a call, settled after it, never passed."""

from __future__ import annotations

from evals.core.errors import Halt


class Budget:
    """One purse for all judges of a command; made by the command, shared by reference.

    Args:
        limit: dollars that may be spent; None for no limit.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.limit = limit
        self.spent = 0.0
        self.reserved = 0.0

    def reserve(self, dollars: float) -> bool:
        """Set aside what a call may cost at most; False while calls under way hold too much.

        Raises:
            Halt: it cannot be afforded, whatever the calls under way turn out to cost.
        """
        if self.limit is not None:
            if self.spent + dollars > self.limit:
                raise Halt(
                    f"the next judge call may cost ${dollars:.4f} and ${self.spent:.2f} of "
                    f"--max-cost {self.limit:g} are spent; raise --max-cost and run the same "
                    "command again to go on"
                )
            if self.spent + self.reserved + dollars > self.limit:
                return False
        self.reserved += dollars
        return True

    def settle(self, reserved: float, cost: float) -> None:
        """Give back a reservation and book what the call did cost."""
        self.reserved = max(0.0, self.reserved - reserved)
        self.spent += cost
