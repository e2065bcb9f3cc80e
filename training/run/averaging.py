"""The exponential moving average of the weights, kept instead of the last step's weights."""

from __future__ import annotations

import torch
from torch import Tensor

from model.pytorch.decoder import Decoder
from training.recipe.presets import Preset
from training.run.state import RunState


def first_average(decoder: Decoder, preset: Preset) -> dict[str, Tensor]:
    """The average of a new run, by the names of the weights; empty where the preset has none."""
    if preset.ema is None:
        return {}
    return {name: tensor.detach().clone() for name, tensor in decoder.state_dict().items()}


@torch.no_grad()
def average_in(state: RunState, preset: Preset) -> None:
    """Add the decoder's current weights to the average."""
    if preset.ema is None:
        return
    # Young averages forget faster, so that the random start leaves no trace.
    step = state.progress.step
    new = 1 - min(preset.ema, (1 + step) / (10 + step))
    weights = state.decoder.state_dict()
    torch._foreach_lerp_([state.average[name] for name in weights], list(weights.values()), new)


def averaged(state: RunState) -> Decoder:
    """A decoder with the averaged weights; the run's own decoder without an average."""
    if not state.average:
        return state.decoder
    decoder = Decoder(state.decoder.config)
    decoder.load_state_dict(state.average)
    return decoder.to(state.decoder.device)
