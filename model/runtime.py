"""Who computes, and where: the native kernel on a CPU, or PyTorch on a CPU or GPU.

Importing torch takes a second or two and hundreds of megabytes, so it is imported only when it is
to compute, or to be asked about a GPU whose driver can be seen. It need not be installed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from model.checkpoint.checkpoint import Checkpoint
from model.cpu import available_cores
from model.engine.backend import Backend, EngineName
from model.errors import DeviceError
from model.native import library
from model.text.prompt import STANDARD_CANDIDATES

ENGINES = ("auto", "native", "pytorch")
# A step of these small decoders is many short jobs: with more threads they would only wait.
_NATIVE_THREADS = 8
_DRIVERS = (Path("/dev/nvidiactl"), Path("/proc/driver/nvidia"), Path("/dev/dxg"))


@dataclass(frozen=True)
class Runtime:
    """What loads checkpoints. engine: at best; on a GPU it turns out with the first text. device:
    as torch names it; threads: of the CPU."""

    engine: EngineName
    device: str
    threads: int

    @property
    def candidates(self) -> int:
        """From how many candidates a sentence can be chosen before anybody has measured how fast
        this is: none to choose from where PyTorch on a CPU writes."""
        slow = self.engine == "pytorch" and self.device == "cpu"
        return 1 if slow else STANDARD_CANDIDATES

    def load(self, folder: Path) -> Checkpoint[Backend]:
        """Load and check a checkpoint; raises CheckpointError."""
        if self.engine == "native":
            from model.native.decoder import load_native

            return load_native(folder)
        from model.cuda.graphs import Abilities
        from model.pytorch.checkpoint import load_checkpoint

        loaded = load_checkpoint(folder, self.device)
        if self.engine == "pytorch" and self.device != "cpu":
            loaded.decoder.abilities = Abilities(kernels=False, graphs=True)
        return loaded


def choose_runtime(engine: str = "auto", device: str = "auto", threads: int = 0) -> Runtime:
    """The runtime for these settings, its threads started.

    engine: one of ENGINES; device: auto, cpu or cuda; threads: 0 for as many as are useful. A GPU
    is used where there is one, by PyTorch, with kernels of ours unless `pytorch` is asked for; on a
    CPU the native kernel computes where it was built. Raises DeviceError for what is not there.
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
    """Traces of a driver for GPUs with CUDA; on Linux there is one where there is such a GPU."""
    return [path for path in _DRIVERS if path.exists()]


def _wants_gpu(device: str) -> bool:
    """Whether a GPU is asked for, or may be used and is there."""
    if device != "auto":
        return device == "cuda"
    if not has_torch() or (sys.platform == "linux" and not gpu_drivers()):
        return False
    import torch

    return torch.cuda.is_available()
