"""Running averages of the weights: what is evaluated and kept instead of the last step's.

EMA forgets old steps by and by; SWA (arXiv 1803.05407) is the plain mean of the steps from a share
of the run on.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.pytorch.decoder import Decoder
from training.recipe.presets import Preset
from training.run.state import RunState


def first_average(decoder: Decoder, preset: Preset) -> dict[str, Tensor]:
    """Where the average of a new run starts, by the names of the weights; empty without one."""
    if preset.ema is None and preset.swa is None:
        return {}
    return {name: tensor.detach().clone() for name, tensor in decoder.state_dict().items()}


@torch.no_grad()
def average_in(state: RunState, preset: Preset, fraction: float) -> None:
    """Take the decoder's weights, as they are now, into the average of a run."""
    if preset.ema is not None:
        # Young averages forget faster, so that the random start leaves no trace.
        step = state.progress.step
        new = 1 - min(preset.ema, (1 + step) / (10 + step))
    elif preset.swa is not None and fraction >= preset.swa:
        state.progress.averaged += 1
        new = 1 / state.progress.averaged
    else:
        return
    weights = state.decoder.state_dict()
    torch._foreach_lerp_([state.average[name] for name in weights], list(weights.values()), new)


def averaged(state: RunState, preset: Preset) -> Decoder:
    """The decoder to keep: of the average where there is one by now, else the run's own."""
    if not state.average or (preset.swa is not None and not state.progress.averaged):
        return state.decoder
    decoder = Decoder(state.decoder.config)
    decoder.load_state_dict(state.average)
    return decoder.to(state.decoder.device)
