"""Work on a device that is asked for again and again: captured as CUDA graphs, or simply called.

A step of a small decoder is hundreds of short kernels, and starting each takes longer than it runs.
A graph starts them all at once. (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs)
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

# A capture begins by waiting for the whole device, which must not be while another one goes on.
_capturing = threading.Lock()


@dataclass
class Abilities:
    """What a decoder is written with on its device: kernels of our own, captured graphs. Whatever
    turns out not to work is not tried again."""

    kernels: bool
    graphs: bool

    @property
    def engine(self) -> EngineName:
        """Who computes, in a word."""
        if self.kernels:
            return "kernels-graphs" if self.graphs else "kernels"
        return "pytorch-graphs" if self.graphs else "pytorch"


class Graphs:
    """Runs functions on a device, in order, on a stream of their own.

    A function works on tensors that stay where they are, gives nothing back and asks the host for
    nothing. It is called the first time, which lets libraries prepare themselves, and captured the
    second; from then on the graph is replayed. What cannot be captured is called every time, after
    one line in the log.
    """

    def __init__(self, device: torch.device, abilities: Abilities) -> None:
        """abilities: of the decoder; `graphs` becomes false where nothing can be captured."""
        self._abilities = abilities
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph | None] = {}
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle() if abilities.graphs else None
        if self._stream is not None:
            # What was made before on another stream is there when this one begins.
            self._stream.wait_stream(torch.cuda.current_stream(device))

    def run(self, key: Hashable, function: Callable[[], None]) -> None:
        """Do the work of this name; it is the same whenever the name is the same."""
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
        """What is done meanwhile is done on the stream, and nothing is kept for gradients."""
        # No stream at all is a context too, in which nothing changes.
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            yield

    def mark(self) -> Callable[[], None]:
        """Mark how far the work has been ordered; a function that waits until it is done."""
        if self._stream is None:
            return lambda: None
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return event.synchronize

    def _capture(self, key: Hashable, function: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        try:
            # Another thread may load a checkpoint meanwhile, which is no part of the graph.
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
            log.debug("this is what happened", exc_info=True)
            return None
        self._graphs[key] = graph
        return graph
