"""What the bot and its worker say to each other: one JSON object a line, over pipes.

Bot to worker (`do`):     write, cancel, load
Worker to bot (`is`):     ready, unusable, alive, text, done, refused, loaded, not_loaded
A worker that stands for a cluster says these too:
                          replicas (who writes there), lost (requests whose replica died),
                          unavailable (a request or a reload that nobody is there for)
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bot.executor.errors import ClusterError
from model.engine.result import Result
from model.errors import CheckpointError, CodedError, DeviceError, PromptError
from model.text.prompt import Options

Message = dict[str, Any]
# The longest message is a `done` with five sentences at their limit: well under this.
LINE_LIMIT = 1 << 20
VALUE_LIMIT = 4096


def encode(message: Message) -> bytes:
    """One line. Lone surrogates travel as escapes, so any string survives."""
    return json.dumps(message).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line; raises ValueError when it is none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def options_of(message: Message) -> Options:
    """The options inside a `write`."""
    return Options(**message["options"])


def write_message(number: int, phrase: str, options: Options) -> Message:
    """Ask for a text."""
    return {"do": "write", "id": number, "phrase": phrase, "options": asdict(options)}


_KINDS = (PromptError, CheckpointError, DeviceError, ClusterError)
_ERRORS = {kind.__name__: kind for kind in _KINDS}


def error_message(error: CodedError) -> Message:
    """An error to be sent."""
    values = {
        # What was wrong may be anything somebody sent, and a line has its limit.
        name: value[:VALUE_LIMIT] if isinstance(value, str) else value
        for name, value in error.values.items()
    }
    return {"kind": type(error).__name__, "code": error.code, "values": values}


def error_of(content: Message) -> CodedError:
    """The error that was sent."""
    return _ERRORS[content["kind"]](content["code"], **content["values"])


def result_of_message(message: Message) -> Result:
    """The result inside a `done`."""
    fields = dict(message["result"])
    fields["sentences"] = tuple(fields["sentences"])
    fields["dropped"] = tuple(fields["dropped"])
    return Result(**fields)
