"""Selects how a decoder runs on a GPU: Triton kernels or PyTorch operations, captured or not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from model.arrays import Floats
from model.checkpoint.draft_table import DraftTable
from model.cuda.buffers import SharedBuffers
from model.cuda.graphs import Abilities, Graphs
from model.cuda.session import BATCHES, COLUMNS, MOST, CudaSession, Steps, plan, smallest
from model.cuda.torch_step import TorchSteps
from model.engine.backend import EngineName
from model.pytorch.decoder import Decoder
from model.text.automaton import Automaton

if TYPE_CHECKING:
    from model.cuda.triton_step import KernelSteps, KernelWeights

log = logging.getLogger("model.cuda.selection")

# The error of the logits' spread that is accepted: bfloat16 matrices give about a hundredth, a
# kernel that computes something else about 1.
TOLERANCE = 0.1
CHECKED_TOKENS = 40


class CudaSessions:
    """Opens CudaSessions for a decoder, on its device; see model.pytorch.backend.AheadSessions.

    abilities: what to use; by default kernels, and graphs on a GPU. The kernels are checked once;
    if they fail or compute something else, PyTorch's operations replace them, after one log line.
    dtype: of matrices and KV cache.
    """

    def __init__(
        self,
        decoder: Decoder,
        abilities: Abilities | None = None,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        self._decoder, self._dtype = decoder, dtype
        self.abilities = abilities
        self._weights: KernelWeights | None = None  # once they are checked

    @property
    def engine(self) -> EngineName:
        """See model.pytorch.backend.AheadSessions."""
        return "pytorch" if self.abilities is None else self.abilities.engine

    def open(
        self,
        slots: int,
        masks: Floats,
        automaton: Automaton,
        drafts: DraftTable | None = None,
    ) -> CudaSession:
        """See model.pytorch.backend.AheadSessions."""
        device, context = self._decoder.device, self._decoder.config.context
        if self.abilities is None:
            self.abilities = Abilities(kernels=True, graphs=device.type == "cuda")
        graphs = Graphs(device, self.abilities)
        with graphs.working():
            batch = smallest(BATCHES, slots)
            buffers = SharedBuffers(slots, batch, COLUMNS[-1], MOST, masks, automaton, device)
            steps: Steps | None = None
            if self.abilities.kernels:
                steps = self._kernel_steps(buffers, drafts)
                self.abilities.kernels = steps is not None
            if steps is None:
                steps = TorchSteps(self._decoder, buffers, self._dtype)
        speculating = steps.exact and drafts is not None
        return CudaSession(buffers, steps, graphs, context, speculating)

    def _kernel_steps(
        self, buffers: SharedBuffers, drafts: DraftTable | None
    ) -> KernelSteps | None:
        """Steps with checked logits; None, and a log line, if the kernels cannot be used."""
        try:
            # Imported late: Triton is missing on some systems and in PyTorch for CPUs.
            from model.cuda.triton_step import KernelSteps, KernelWeights, supports

            if not supports(self._decoder.config):
                log.warning("no kernels for a decoder of this shape: PyTorch decodes, more slowly")
                return None
            weights = self._weights or KernelWeights(self._decoder, self._dtype)
            sizes = [size for size in BATCHES if size <= len(buffers.inputs)]
            most = max(size * (1 + plan(size, drafts is not None).speculative) for size in sizes)
            steps = KernelSteps(weights, buffers, max(most, *COLUMNS), drafts)
            if self._weights is None:
                weights.exact = check(self._decoder, steps, buffers)
                # Compile now, so that no text waits for it.
                for count in {plan(size, drafts is not None).speculative for size in BATCHES}:
                    steps.speculate(1, count)
                    steps.sample(1, count)
                buffers.states.zero_()
                self._weights = weights
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            log.warning("the kernels cannot be used (%s): PyTorch decodes, more slowly", reason)
            log.debug("the kernels failed", exc_info=True)
            return None
        return steps


def check(decoder: Decoder, steps: KernelSteps, buffers: SharedBuffers) -> bool:
    """Compare the kernels' logits, of tokens read together and one by one, with the decoder's.

    Returns whether both ways of reading give the same bits. Raises ValueError if the logits differ
    from the decoder's by more than rounding.
    """
    count = min(CHECKED_TOKENS, decoder.config.context)
    tokens = torch.arange(count) * 7 % decoder.config.vocabulary
    columns = torch.stack((tokens, torch.zeros_like(tokens), torch.arange(count)), 1).int()
    expected = decoder(tokens[None].to(buffers.device))[0]
    buffers.columns[:count] = columns.to(buffers.device)
    steps.head_logits(count)
    together = steps.logits[:count].clone()
    off = float((together - expected).std() / expected.std())
    if not off < TOLERANCE:
        raise ValueError(f"their logits are off by {off:.3f} of their spread")
    for at in range(count):
        buffers.columns[:1] = columns[at : at + 1].to(buffers.device)
        steps.head_logits(1)
        if not torch.equal(steps.logits[0], together[at]):
            log.warning("logits depend on the batch here: no speculative tokens are used")
            return False
    return True
