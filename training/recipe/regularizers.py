"""What makes a decoder's task harder while it learns, and leaves no trace in its weights' names."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.pytorch.decoder import Decoder
from model.text.tokenizer import Tokenizer
from training.recipe.presets import Preset


class StochasticDepth(nn.Module):
    """Leaves a whole branch out for a share of the texts (arXiv 1603.09382), behind its dropout.

    What is kept is scaled up, so that nothing has to be scaled when the decoder writes.
    """

    def __init__(self, share: float, dropout: nn.Module) -> None:
        super().__init__()
        self.share, self.dropout = share, dropout

    def forward(self, branch: Tensor) -> Tensor:
        """(B, T, C) to the same."""
        branch = self.dropout(branch)
        if not self.training:
            return branch
        kept = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.share
        return branch * kept / (1 - self.share)


def drop_branches(decoder: Decoder, share: float) -> None:
    """Give every branch stochastic depth: none below the first layer, `share` in the last one."""
    for number, block in enumerate(decoder.blocks, start=1):
        for name in ("attention", "feed_forward"):
            part = block.get_submodule(name)
            own = share * number / len(decoder.blocks)
            part.dropout = StochasticDepth(own, part.get_submodule("dropout"))


class InputMask:
    """Hides a share of the characters that are read; what is to be predicted stays as it is.

    Either a learned vector takes the place of a hidden character's embedding, or another character,
    drawn at random, stands there. Markers are never hidden.
    """

    def __init__(self, preset: Preset, tokenizer: Tokenizer, device: torch.device | str) -> None:
        self._share, self._by = preset.masking, preset.masked_by
        self._first, self._size = tokenizer.size - len(tokenizer.characters), tokenizer.size
        self._markers = torch.zeros(tokenizer.size, dtype=torch.bool, device=device)
        self._markers[list(tokenizer.markers)] = True

    def tokens(self, inputs: Tensor) -> Tensor:
        """The ids to read, (B, T), where other characters do the hiding."""
        if not self._share or self._by != "character":
            return inputs
        others = torch.randint_like(inputs, self._first, self._size)
        return torch.where(self._hidden(inputs), others, inputs)

    def attach(self, embedding: nn.Embedding, vector: Tensor) -> None:
        """Have `embedding` give `vector` (C,) for hidden characters while it is being trained."""

        def hide(module: nn.Module, inputs: tuple[Tensor], embedded: Tensor) -> Tensor:
            if not module.training:
                return embedded
            hidden = self._hidden(inputs[0])[..., None]
            return torch.where(hidden, vector.to(embedded.dtype), embedded)

        embedding.register_forward_hook(hide)

    def _hidden(self, inputs: Tensor) -> Tensor:
        chosen = torch.rand(inputs.shape, device=inputs.device) < self._share
        return chosen & ~self._markers[inputs]
