"""``accelerate launch -m model.finetune CONFIG.yaml key=value ...``, on any number of devices.

One process is as good as `umm-evals finetune`, which shares everything but the launcher.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from evals.core.errors import UserError


def main(words: Sequence[str]) -> int:
    """Run a configuration; 2 where it makes no sense, 130 after Ctrl-C."""
    from model.finetune.reading import read
    from model.finetune.scorers import find_scorer

    force = "--force" in words
    rest = [word for word in words if word != "--force"]
    try:
        if not rest or rest[0].startswith("-"):
            raise UserError(
                "Name a configuration: accelerate launch -m model.finetune CONFIG.yaml "
                "[key=value ...] [--force]."
            )
        config = read(rest[0], rest[1:])
        scorer: Any = find_scorer() if config.evaluate.every else None
        if scorer is not None:
            scorer.check(config.evaluate)
        from model.finetune.trainer import finetune

        finetune(config, scorer=scorer, force=force)
    except UserError as error:
        print(f"finetune: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("finetune: interrupted; the same command goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
