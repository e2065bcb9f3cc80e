"""The worker process: owns the device, loads checkpoints, writes texts in continuous batches.

`bot.executor.executor` starts it. It reads messages from its standard input, replies on its
standard output (`bot.executor.messages`), and ends when its input ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.executor.errors import Failure
from bot.executor.messages import Ready, Unusable
from bot.worker.loop import WorkerLoop, describe, load_and_probe
from bot.worker.pipes import Pipes
from model.errors import CodedError
from model.runtime import choose_runtime

# The bot's event loop runs on the same machine and must win when both need a core.
NICENESS = 5


def main() -> None:
    """Arguments: checkpoint folder, engine, device, threads, rows."""
    folder, engine, device, threads, rows = sys.argv[1:]
    pipes = Pipes()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        runtime = choose_runtime(engine, device, int(threads))
        loaded = load_and_probe(Path(folder), runtime, int(rows))
    except CodedError as error:
        pipes.send(Unusable(Failure.of(error)))
        sys.exit(1)
    try:
        loop = WorkerLoop(pipes.send, runtime, loaded, int(rows))
        pipes.send(Ready(describe(loaded, runtime)))
        pipes.listen(loop.put)
        loop.run()
    except BrokenPipeError:  # the bot has ended, and buffered output cannot be flushed
        os._exit(1)


if __name__ == "__main__":
    main()
