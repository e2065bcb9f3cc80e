"""The state of a training run on disk: weights, averages, optimisers and place in the data.

Tensors go to `state.safetensors`, the rest to `state.json` inside its metadata, so that one file
replaced at once holds a consistent state, and reading it back runs no code.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from model.errors import LitteraError
from model.files import replacing
from model.pytorch.decoder import Decoder
from training.data.dataset import Position


class TrainingError(LitteraError):
    """A run cannot start or resume."""


@dataclass
class Progress:
    """The progress of a run: everything but tensors that resuming needs."""

    step: int = 0
    seconds: float = 0.0
    compile_seconds: float = 0.0
    characters: int = 0
    position: Position = field(default_factory=Position)


@dataclass
class RunState:
    """The mutable parts of a run."""

    decoder: Decoder
    average: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    progress: Progress

    def save(self, path: Path, settings: dict[str, Any]) -> None:
        """Write everything; `settings` identify the run and must match when it is resumed."""
        tensors = {f"model.{name}": tensor for name, tensor in self.decoder.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        for key, tensor in self._optimizer_tensors().items():
            tensors[key] = tensor
        content = {key: tensor.detach().cpu().clone() for key, tensor in tensors.items()}
        metadata = {
            "progress": json.dumps(asdict(self.progress)),
            "settings": json.dumps(settings, sort_keys=True),
        }
        with replacing(path) as temporary:
            save_file(content, temporary, metadata=metadata)

    def load(self, path: Path, settings: dict[str, Any]) -> None:
        """Load a saved state; raises TrainingError if it is of another run."""
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            saved, progress = json.loads(metadata["settings"]), json.loads(metadata["progress"])
        except FileNotFoundError:
            raise TrainingError(f"{path}: missing; there is no run to resume there") from None
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{path}: cannot be resumed from ({error})") from None
        except (KeyError, ValueError):
            raise TrainingError(f"{path}: not the state of a training run") from None
        # Through JSON like the saved settings, which therefore hold no tuples.
        for key, value in json.loads(json.dumps(settings)).items():
            if _known(saved.get(key), value) != value:
                raise TrainingError(
                    f"{path}: that run had {key} = {saved.get(key)!r}, this one has {value!r}; "
                    "resume with the same options or choose another --out"
                )
        self.decoder.load_state_dict(_below("model.", tensors))
        for name, tensor in _below("average.", tensors).items():
            self.average[name].copy_(tensor)
        self._load_optimizers(tensors)
        position = Position(**progress.pop("position"))
        self.progress = Progress(
            progress["step"],
            progress["seconds"],
            progress["compile_seconds"],
            progress["characters"],
            position,
        )

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        tensors = {}
        for number, optimizer in enumerate(self.optimizers):
            for index, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    tensors[f"optimizer.{number}.{index}.{name}"] = torch.as_tensor(value)
        return tensors

    def _load_optimizers(self, tensors: dict[str, Tensor]) -> None:
        for number, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in _below(f"optimizer.{number}.", tensors).items():
                index, name = key.split(".", 1)
                state.setdefault(int(index), {})[name] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})


def _known(saved: Any, current: Any) -> Any:
    """`saved` without keys that only older revisions wrote."""
    if isinstance(saved, dict) and isinstance(current, dict):
        return {key: value for key, value in saved.items() if key in current}
    return saved


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
