"""`torch.compile` with a fallback to the plain function."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Inputs and targets to two losses; see `training.recipe.objective`.
LossFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Compiled:
    """A loss function, compiled in the fastest way this machine offers.

    On a CPU the first way is a C++ wrapper around the kernels, which saves the interpreter's time
    between them, about 15 % of a step of `small`. It needs a compiler and Python's headers. The
    fallbacks are plain compilation, then no compilation, which is reported to `say`. A call that
    fails to compile is repeated in the next way; only failures of the last way reach the caller.
    """

    def __init__(
        self, function: LossFunction, device: str | torch.device, say: Callable[[str], None]
    ) -> None:
        self._ways: list[LossFunction] = [torch.compile(function, dynamic=False), function]
        if torch.device(device).type == "cpu":
            wrapped = torch.compile(function, dynamic=False, options={"cpp_wrapper": True})
            self._ways.insert(0, wrapped)
        self._say = say

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        while True:
            try:
                return self._ways[0](inputs, targets)
            except RuntimeError as error:  # covers every failure of torch.compile
                if len(self._ways) == 1:
                    raise
                del self._ways[0]
                if len(self._ways) == 1:
                    self._say(f"not compiled, so training is slower: {_first_line(error)}")


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().partition("\n")[0][:200]
