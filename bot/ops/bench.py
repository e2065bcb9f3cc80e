"""`litteragpt bench`: the generation speed of this machine with the bot's settings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bot.settings.settings import Settings
from bot.texts import say
from bot.texts.formatting import number
from model.checkpoint.discovery import find_checkpoint

if TYPE_CHECKING:
    from model.engine.benchmark import Speed

REQUESTS = (1, 16, 64)


@dataclass(frozen=True)
class Bench:
    """Speed by number of concurrent requests."""

    checkpoint: str
    engine: str
    drafts: bool
    threads: int
    speeds: dict[int, Speed]

    def to_json(self) -> str:
        """The object that `--json` prints; times in seconds."""
        content = {
            "checkpoint": self.checkpoint,
            "motor": say(self.engine),
            "borradores": self.drafts,
            "hilos": self.threads,
            "medidas": {str(each): asdict(speed) for each, speed in self.speeds.items()},
        }
        return json.dumps(content, ensure_ascii=False)

    def lines(self) -> list[str]:
        """A report for people."""
        engine = say(
            "bench_engine", name=self.checkpoint, engine=say(self.engine), threads=self.threads
        )
        if self.drafts:
            engine += say("bench_drafts")
        lines = [engine + "."]
        for requests, speed in self.speeds.items():
            rate = number(speed.characters_per_second)
            wait = speed.first_character if requests == 1 else speed.joining
            first = number(1000 * wait, 1)
            lines.append(say("bench_speed", requests=requests, rate=rate, first=first))
        return lines


def measure(settings: Settings, checkpoint: str) -> Bench:
    """Measure for about ten seconds. Raises CheckpointError and DeviceError."""
    path = find_checkpoint(checkpoint, settings.checkpoints_dir)

    from model.engine.benchmark import measure_speed
    from model.runtime import choose_runtime

    runtime = choose_runtime(settings.engine, settings.device, settings.threads)
    loaded = runtime.load(path)
    measure_speed(loaded, 1, seconds=1.0)  # warm-up
    speeds = {each: measure_speed(loaded, each, seconds=3.0) for each in REQUESTS}
    engine = loaded.decoder.engine
    drafts = not engine.startswith("pytorch") and loaded.drafts is not None
    return Bench(loaded.name, engine, drafts, runtime.threads, speeds)
