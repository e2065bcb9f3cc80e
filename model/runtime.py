"""Selects engine and device: the native kernel on a CPU, or PyTorch on a CPU or GPU.

Importing torch takes a second or two and hundreds of megabytes. It is imported only to compute, or
to query a GPU whose driver is present, and need not be installed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from model.cpu import available_cores
from model.engine.backend import Backend, EngineName
from model.engine.loaded_model import LoadedModel
from model.errors import DeviceError
from model.native import library
from model.text.prompt import STANDARD_CANDIDATES

ENGINES = ("auto", "native", "pytorch")
# A step of these small decoders is many short jobs: more threads would only wait.
_NATIVE_THREADS = 8
_DRIVERS = (Path("/dev/nvidiactl"), Path("/proc/driver/nvidia"), Path("/dev/dxg"))


@dataclass(frozen=True)
class Runtime:
    """An engine on a device; loads checkpoints for it."""

    engine: EngineName  # the best possible; on a GPU the first session settles it
    device: str  # as torch names it
    threads: int  # on the CPU

    @property
    def candidates(self) -> int:
        """How many candidates per sentence to assume without a measurement: 1, so no choice, for
        PyTorch on a CPU."""
        slow = self.engine == "pytorch" and self.device == "cpu"
        return 1 if slow else STANDARD_CANDIDATES

    def affordable_candidates(self, checkpoint: LoadedModel[Backend]) -> int:
        """How many candidates per sentence are fast enough; measured for the native kernel."""
        if self.engine != "native":
            return self.candidates
        from model.engine.benchmark import affordable_candidates

        return affordable_candidates(checkpoint, self.threads)

    def load(self, folder: Path) -> LoadedModel[Backend]:
        """Load and check a checkpoint for serving; raises CheckpointError."""
        if self.engine == "native":
            from model.native.decoder import load_native

            return load_native(folder)
        from model.pytorch.backend import load_pytorch

        if self.device == "cpu":
            return load_pytorch(folder, self.device)
        from model.cuda.graphs import Abilities
        from model.cuda.selection import CudaSessions

        abilities = Abilities(kernels=False, graphs=True) if self.engine == "pytorch" else None
        return load_pytorch(folder, self.device, lambda decoder: CudaSessions(decoder, abilities))


def choose_runtime(engine: str = "auto", device: str = "auto", threads: int = 0) -> Runtime:
    """The runtime for these settings, with its threads started.

    A GPU is used if there is one, by PyTorch, with the Triton kernels unless engine is `pytorch`.
    On a CPU the native kernel is used if it was built.

    engine: one of ENGINES.
    device: auto, cpu or cuda.
    threads: 0 for as many as are useful.
    Raises DeviceError for an engine or a device that is not available.
    """
    if engine == "native" and device == "cuda":
        raise DeviceError("native_cuda")
    if engine == "native" and library.load() is None:
        raise DeviceError("no_native")
    if engine == "native" or (engine == "auto" and library.load() and not _wants_gpu(device)):
        from model.native.decoder import set_threads

        wanted = threads or min(available_cores(), _NATIVE_THREADS)
        return Runtime("native", "cpu", set_threads(wanted))
    if not has_torch():
        raise DeviceError("no_torch" if library.load() else "no_decoder")

    from model.pytorch import device as torch_device

    where = torch_device.resolve_device(device)
    at_best: EngineName = "pytorch" if "cpu" in str(where) or engine != "auto" else "kernels-graphs"
    return Runtime(at_best, str(where), torch_device.set_threads(threads))


def has_torch() -> bool:
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


def gpu_drivers() -> list[Path]:
    """Paths of CUDA drivers; on Linux every CUDA GPU has one."""
    return [path for path in _DRIVERS if path.exists()]


def _wants_gpu(device: str) -> bool:
    """Whether to use a GPU: requested, or `auto` and available."""
    if device != "auto":
        return device == "cuda"
    if not has_torch() or (sys.platform == "linux" and not gpu_drivers()):
        return False
    import torch

    return torch.cuda.is_available()
