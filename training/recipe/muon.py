"""Muon that orthogonalises all matrices of one shape together, in the fastest dtype.

torch.optim.Muon takes one matrix after the other, some fifteen small kernels each, so that a GPU
waits for the host. It always computes in bfloat16, which CPUs without bfloat16 instructions emulate
twenty times slower than float32. State and arithmetic are the same here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from model.pytorch.device import fast_bfloat16


class BatchedMuon(torch.optim.Muon):
    """torch.optim.Muon over stacks of matrices, with its default `adjust_lr_fn`."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step over all matrices that have a gradient."""
        for group in self.param_groups:
            for parameters in _by_shape(group["params"]):
                self._step(group, parameters)

    def _step(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        for parameter in parameters:
            if "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        gradients = [each.grad for each in parameters if each.grad is not None]
        momenta = [self.state[parameter]["momentum_buffer"] for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        looked_ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        updates = orthogonalized(torch.stack(looked_ahead), group["ns_coefficients"], group["eps"])
        rows, columns = parameters[0].shape
        rate = group["lr"] * max(1, rows / columns) ** 0.5
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, updates.to(parameters[0].dtype).unbind(), alpha=-rate)


def orthogonalized(
    matrices: Tensor, coefficients: tuple[float, float, float], eps: float, steps: int = 5
) -> Tensor:
    """Five Newton-Schulz iterations over (N, rows, columns): near the closest orthogonal matrices.

    In bfloat16, as K. Jordan's Muon does it, where that is fast.
    """
    a, b, c = coefficients
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(
        torch.bfloat16 if fast_bfloat16(matrices.device) else torch.float32
    )
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def _by_shape(parameters: Iterable[Tensor]) -> list[list[Tensor]]:
    groups: dict[torch.Size, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            groups.setdefault(parameter.shape, []).append(parameter)
    return list(groups.values())
