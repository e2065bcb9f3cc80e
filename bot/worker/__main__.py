"""The process that owns the device: loads checkpoints and writes texts, as many as it is given.

It is started by `bot.executor.executor`, reads requests from its standard input and answers on its
standard output (see `bot.executor.messages`). When its input ends, it ends.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

from bot.executor.messages import error_message
from bot.worker.loop import Writer, describe, load_and_probe
from bot.worker.pipes import Pipes
from model.errors import CodedError
from model.runtime import choose_runtime

# The bot's event loop shares the machine with this process and must win when both want a core.
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
        pipes.say({"is": "unusable", "error": error_message(error)})
        sys.exit(1)
    try:
        writer = Writer(pipes.say, runtime, loaded, int(rows))
        pipes.say({"is": "ready", **asdict(runtime), **describe(loaded)})
        pipes.listen(writer.put)
        writer.run()
    except BrokenPipeError:  # the bot is gone, and what is left to say with it
        os._exit(1)


if __name__ == "__main__":
    main()
