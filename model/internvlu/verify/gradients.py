"""Gradients of a module whose weights are otherwise frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from evals.core.errors import UserError
from model.internvlu.verify.checks import GRADIENT, Checks


def compare_gradients(
    checks: Checks,
    stage: str,
    run: str,
    module: nn.Module,
    loss: Callable[[], Tensor],
    recorded: tuple[Tensor, Tensor],
    names: Sequence[str],
    *,
    rename: Mapping[str, Sequence[str]] | None = None,
    without: Sequence[str] = (),
) -> None:
    """Rows for a loss and for the norms of its gradients.

    Args:
        checks: gets the rows.
        stage: of the rows.
        run: of the rows.
        module: what the loss depends on.
        loss: computes it.
        recorded: its value, and the norm of each gradient.
        names: official names of the parameters, in the order of the norms.
        rename: official name -> names of the module, see `vlm.renames`.
        without: official names of parameters that have no gradient.
    """
    value, norms = torch.tensor(0.0), recorded[1]
    found: dict[str, float] = {}
    with checks.row(stage, run, "loss, relative", GRADIENT) as row:
        module.requires_grad_(True)
        try:
            with torch.enable_grad():
                value = loss()
                value.backward()
            found = _norms(module, (*names, *without), rename or {})
        finally:
            module.zero_grad(set_to_none=True)
            module.requires_grad_(False)
        row.near(value, recorded[0], "loss", float(recorded[0].abs()))
    with checks.row(stage, run, "gradient norms, relative to the largest", GRADIENT) as row:
        largest = float(norms.max())
        if len(names) != len(norms):
            raise UserError(f"{len(norms)} norms are recorded for {len(names)} names.")
        for name, norm in zip(names, norms, strict=True):
            row.near(torch.tensor(found[name]), norm, name, largest)
        for name in without:
            row.near(torch.tensor(found[name]), torch.tensor(0.0), name, largest)


def _norms(
    module: nn.Module, names: Sequence[str], rename: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Norm of the gradient of each parameter; 0 where there is none."""
    own = dict(module.named_parameters(remove_duplicate=False))
    found = {}
    for name in names:
        parts = [own[part] for part in rename.get(name, (name,))]
        squares = [0.0 if p.grad is None else float(p.grad.double().square().sum()) for p in parts]
        found[name] = sum(squares) ** 0.5
    return found
