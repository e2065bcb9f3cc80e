"""How a decoder writes on a GPU: with kernels of our own or PyTorch's, captured or not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from model.checkpoint.draft_table import DraftTable
from model.checkpoint.weights import Floats
from model.cuda.buffers import SharedBuffers
from model.cuda.graphs import Abilities, Graphs
from model.cuda.session import COLUMNS, MOST, SLOTS, CudaSession, Steps, least, plan
from model.cuda.torch_step import PlainSteps
from model.text.automaton import Automaton

if TYPE_CHECKING:
    from model.cuda.triton_step import FusedSteps, FusedWeights
    from model.pytorch.decoder import Decoder

log = logging.getLogger("model.cuda.selection")

# Logits of bfloat16 matrices differ from those of float32 by about a hundredth of their spread; a
# kernel that computes something else, by about the spread.
TOLERANCE = 0.1
_CHECKED = 40  # tokens

_weights: WeakKeyDictionary[Decoder, FusedWeights] = WeakKeyDictionary()


def open_session(
    decoder: Decoder,
    rows: int,
    masks: Floats,
    automaton: Automaton,
    drafts: DraftTable | None = None,
    *,
    dtype: torch.dtype = torch.bfloat16,
) -> CudaSession:
    """Room for `rows` texts on the decoder's device. dtype: of matrices and cache.

    The kernels are tried once for each decoder; where they cannot be had, or compute something
    else, PyTorch's operations do, after one line in the log.
    """
    if decoder.abilities is None:
        decoder.abilities = Abilities(kernels=True, graphs=decoder.device.type == "cuda")
    graphs = Graphs(decoder.device, decoder.abilities)
    with graphs.working():
        slots = least(SLOTS, rows)
        buffers = SharedBuffers(rows, slots, COLUMNS[-1], MOST, masks, automaton, decoder.device)
        steps: Steps | None = None
        if decoder.abilities.kernels:
            steps = _fused_steps(decoder, buffers, drafts, dtype)
            decoder.abilities.kernels = steps is not None
        if steps is None:
            steps = PlainSteps(decoder, buffers, dtype)
    drafting = steps.exact and drafts is not None
    return CudaSession(buffers, steps, graphs, decoder.config.context, drafting)


def _fused_steps(
    decoder: Decoder, buffers: SharedBuffers, drafts: DraftTable | None, dtype: torch.dtype
) -> FusedSteps | None:
    """Steps that were seen to give the decoder's logits; None, and a line in the log, otherwise."""
    try:
        # Only here: there is no Triton on some systems, nor with a PyTorch for CPUs.
        from model.cuda.triton_step import FusedSteps, FusedWeights, fusible

        if not fusible(decoder.config):
            log.warning("no kernels for a decoder of this shape: PyTorch decodes, more slowly")
            return None
        weights = _weights.get(decoder) or FusedWeights(decoder, dtype)
        sizes = [size for size in SLOTS if size <= len(buffers.orders)]
        most = max(size * (1 + plan(size, drafts is not None).drafts) for size in sizes)
        steps = FusedSteps(weights, buffers, max(most, *COLUMNS), drafts)
        if decoder not in _weights:
            weights.exact = check(decoder, steps, buffers)
            # Compiled now, so that no text has to wait for it.
            for guesses in {plan(size, drafts is not None).drafts for size in SLOTS}:
                steps.propose(1, guesses)
                steps.draw(1, guesses)
            buffers.states.zero_()
            _weights[decoder] = weights
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        log.warning("the kernels cannot be used (%s): PyTorch decodes, more slowly", reason)
        log.debug("this is what happened", exc_info=True)
        return None
    return steps


def check(decoder: Decoder, steps: FusedSteps, buffers: SharedBuffers) -> bool:
    """Compare the logits behind some tokens, read together and one by one, with the decoder's.

    Whether they are the same bits together and one by one. Raises ValueError where they differ from
    the decoder's by more than rounding.
    """
    count = min(_CHECKED, decoder.config.context)
    tokens = torch.arange(count) * 7 % decoder.config.vocabulary
    columns = torch.stack((tokens, torch.zeros_like(tokens), torch.arange(count)), 1).int()
    expected = decoder(tokens[None].to(buffers.device))[0]
    buffers.columns[:count] = columns.to(buffers.device)
    steps.judge(count)
    together = steps.logits[:count].clone()
    off = float((together - expected).std() / expected.std())
    if not off < TOLERANCE:
        raise ValueError(f"their logits are off by {off:.3f} of their spread")
    for at in range(count):
        buffers.columns[:1] = columns[at : at + 1].to(buffers.device)
        steps.judge(1)
        if not torch.equal(steps.logits[0], together[at]):
            log.warning("logits depend on what is read together here: no guesses are made")
            return False
    return True
