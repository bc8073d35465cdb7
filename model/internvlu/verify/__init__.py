"""Replays recordings of the released code through ours, stage by stage and end to end.

`verify` is the way in. Stages are in `text`, `processor`, `language`, `pieces`, `velocity` and
`runs` (with `sampling`); `recorded` reads the files and `checks` keeps the rows.
"""

from model.internvlu.verify.checks import Check
from model.internvlu.verify.replay import verify

__all__ = ["Check", "verify"]
