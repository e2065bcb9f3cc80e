"""Repeated work on a device, captured as CUDA graphs or called.

A step of a small decoder is hundreds of short kernels, each of which takes longer to launch than to
run. A graph launches them all at once.
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs)
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import torch

from model.engine.backend import EngineName

log = logging.getLogger("model.cuda.graphs")

# A capture synchronises the whole device, which is illegal during another capture.
_capturing = threading.Lock()


@dataclass
class Abilities:
    """Whether a decoder uses Triton kernels and CUDA graphs; cleared for good on failure."""

    kernels: bool
    graphs: bool

    @property
    def engine(self) -> EngineName:
        """The name of this combination."""
        if self.kernels:
            return "kernels-graphs" if self.graphs else "kernels"
        return "pytorch-graphs" if self.graphs else "pytorch"


class Graphs:
    """Runs functions on a device, in order, on a stream of their own.

    A function works on fixed tensors, returns nothing and never synchronises. The first run calls
    it, so that libraries can initialise; the second captures it; later runs replay the graph. If
    the capture fails, functions are always called, after one log line.

    abilities: the decoder's; `graphs` is cleared if a capture fails.
    """

    def __init__(self, device: torch.device, abilities: Abilities) -> None:
        self._abilities = abilities
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph | None] = {}
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle() if abilities.graphs else None
        if self._stream is not None:
            # Tensors made on another stream must be complete before this one uses them.
            self._stream.wait_stream(torch.cuda.current_stream(device))

    def run(self, key: Hashable, function: Callable[[], None]) -> None:
        """Run a function, or replay its graph; equal keys mean equal work."""
        if not self._abilities.graphs:
            function()
        elif key not in self._graphs:
            self._graphs[key] = None
            function()
        else:
            graph = self._graphs[key] or self._capture(key, function)
            if graph is not None:
                graph.replay()
            else:
                function()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Run the body on the stream, in inference mode."""
        # A stream of None is a no-op context.
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            yield

    def mark(self) -> Callable[[], None]:
        """Record the work queued so far; the returned function waits for it."""
        if self._stream is None:
            return lambda: None
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return event.synchronize

    def _capture(self, key: Hashable, function: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        try:
            # Another thread may load a checkpoint during the capture.
            mode = "thread_local"
            with (
                _capturing,
                torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode=mode),
            ):
                function()
        except Exception as error:
            self._abilities.graphs = False
            reason = str(error).strip().partition("\n")[0]
            log.warning("CUDA graphs cannot be captured here, decoding is slower: %s", reason)
            log.debug("the capture failed", exc_info=True)
            return None
        self._graphs[key] = graph
        return graph
