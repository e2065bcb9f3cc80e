"""`torch.compile` where it works, and the plain function where it does not."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Inputs, targets and a weight, or none; see training.recipe.objective.
LossFunction = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


class Compiled:
    """A loss function, compiled in the fastest way this machine offers.

    On a CPU a C++ wrapper around the kernels comes first: it saves the interpreter's time between
    them, about 15 % of a step of `small`. It needs a compiler and Python's headers; where these are
    missing plain compilation is tried, and then nothing is compiled, and `say` is told so. A call
    that fails to compile is run again in the next way; only the last way's own failures reach the
    caller.
    """

    def __init__(
        self, function: LossFunction, device: str | torch.device, say: Callable[[str], None]
    ) -> None:
        self._ways: list[LossFunction] = [torch.compile(function, dynamic=False), function]
        if torch.device(device).type == "cpu":
            wrapped = torch.compile(function, dynamic=False, options={"cpp_wrapper": True})
            self._ways.insert(0, wrapped)
        self._say = say

    def __call__(
        self, inputs: Tensor, targets: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        while True:
            try:
                return self._ways[0](inputs, targets, weight)
            except RuntimeError as error:  # what every failure of torch.compile is
                if len(self._ways) == 1:
                    raise
                del self._ways[0]
                if len(self._ways) == 1:
                    self._say(f"not compiled, so training is slower: {_first_line(error)}")


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().partition("\n")[0][:200]
