"""`litteragpt escribe`: one answer, generated in this process without a worker."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.settings.settings import Settings
from bot.texts import say
from bot.texts.catalogue import notices
from model.checkpoint.discovery import find_checkpoint
from model.text.prompt import Options, check_phrase

if TYPE_CHECKING:
    from model.engine.result import Result

# Bytes of standard input; more than any valid phrase needs.
_READ_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """A result with the engine that computed it.

    seconds: duration, including loading the model."""

    result: Result
    engine: str
    seconds: float

    def to_json(self) -> str:
        """The object that `--json` prints."""
        result = self.result
        content = {
            "frase": result.phrase,
            "texto": result.text,
            "frases": list(result.sentences),
            "estilo": result.style,
            "semilla": result.seed,
            "candidatas": result.candidates,
            "rechazadas": {say(f"fault_{name}"): n for name, n in result.rejected.items()},
            "checkpoint": result.checkpoint,
            "caracteres": result.characters,
            "motor": say(self.engine),
            "segundos": round(self.seconds, 3),
            "avisos": self.notices,
        }
        return json.dumps(content, ensure_ascii=False)

    @property
    def notices(self) -> list[str]:
        """Notices for the reader."""
        return notices(self.result.dropped, self.result.truncated)


def read_phrase(argument: str) -> str:
    """The phrase, read from standard input if the argument is `-`."""
    if argument != "-":
        return argument
    return sys.stdin.buffer.read(_READ_LIMIT).decode("utf-8", errors="replace")


def answer(phrase: str, options: Options, settings: Settings, checkpoint: str) -> Answer:
    """Generate one answer.

    Raises PromptError, if possible before loading the model, CheckpointError and DeviceError."""
    started = time.monotonic()
    check_phrase(phrase, settings.phrase_limit)
    path = find_checkpoint(checkpoint, settings.checkpoints_dir)

    from model.engine.generate import generate
    from model.runtime import choose_runtime

    runtime = choose_runtime(settings.engine, settings.device, settings.threads)
    loaded = runtime.load(path)
    result = generate(loaded, phrase, options.affording(runtime.candidates))
    return Answer(result, loaded.decoder.engine, time.monotonic() - started)
