"""The log: one line an event, and no secret in any of them, whoever wrote it and however.

Lines for people or JSON objects for programs. A line that was written on behalf of a request has
its reference, the one that people are shown, whichever module or library wrote it.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from bot.token_formats import DISCORD, SHAPES, TELEGRAM
from model.printable import escape_controls

TEXT, JSON = "text", "json"
FORMATS = (TEXT, JSON)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
HIDDEN = "[...]"
# What a person who runs the bot may set a level for, and whose loggers that are.
PARTS = {
    "discord": ("bot.adapters.discord", "discord"),
    "telegram": ("bot.adapters.telegram", "httpx", "httpcore"),
    "service": ("bot.service.service", "bot.admin.admin", "bot.app", "bot.service.supervision"),
    "worker": ("bot.executor.executor", "bot.worker"),
    "store": ("bot.store",),
    "monitoring": ("bot.monitoring.server", "aiohttp.access"),
}
# What grants access wherever it stands: a bot token of either platform, and the token of an
# interaction or a webhook inside an address of Discord's.
_SECRETS = re.compile(
    rf"(?<!\d){SHAPES[TELEGRAM]}|\b{SHAPES[DISCORD]}"
    r"|(?<=/webhooks/)\d+/[\w.~-]+|(?<=/interactions/)\d+/[\w.~-]+"
)
# These name every address they call, tokens included, or say at length what ours say in a line.
_TALKATIVE = ("httpx", "httpcore", "aiohttp.access", "discord")
# These write whole messages into the log, phrases included; whatever goes wrong in them is also
# raised, and told by whoever called them.
_INDISCREET = ("telegram",)
# Line ends, and what moves a terminal's cursor.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_reference: ContextVar[str | None] = ContextVar("reference of the request", default=None)
_shard: ContextVar[int | None] = ContextVar("number of the shard", default=None)


@contextmanager
def about(reference: str) -> Iterator[None]:
    """Every line that is written meanwhile, here and in tasks begun here, is about this request."""
    token = _reference.set(reference)
    try:
        yield
    finally:
        _reference.reset(token)


@contextmanager
def of_shard(number: int) -> Iterator[None]:
    """Every line that is written meanwhile, here and in tasks begun here, is about what came over
    this of several connections."""
    token = _shard.set(number)
    try:
        yield
    finally:
        _shard.reset(token)


class RedactingFormatter(logging.Formatter):
    """Formats a record with its traceback and then hides every secret in the whole of it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(FORMAT)
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        line = _CONTROLS.sub(" ", super().formatMessage(record))
        reference, shard = _reference.get(), _shard.get()
        if reference is not None and reference not in line:
            line += f" [{reference}]"
        return line if shard is None else f"{line} [shard {shard}]"

    def redact(self, text: str) -> str:
        """The text with every secret hidden, and nothing in it that a terminal would obey."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return escape_controls(_SECRETS.sub(HIDDEN, text))


class JsonFormatter(RedactingFormatter):
    """The same as an object a line: time (UTC), level, logger, message, and where there is one the
    reference of the request, the number of the shard and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        content: dict[str, str | int] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (reference := _reference.get()) is not None:
            content["reference"] = reference
        if (shard := _shard.get()) is not None:
            content["shard"] = shard
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        redacted = {
            name: self.redact(value) if isinstance(value, str) else value
            for name, value in content.items()
        }
        return json.dumps(redacted)


class OneLineFilter(logging.Filter):
    """Says at the end of the line what a traceback would tell: the kind of an error and its place.

    Not its text, which may hold somebody's phrase; a part at level DEBUG shows the whole of it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
            # asyncio tells of a failed task in several lines, which quote the error.
            said = record.getMessage().partition("\n")[0]
            record.msg, record.args, record.exc_info = f"{said} ({place_of(error)})", (), None
        return True


def place_of(error: BaseException) -> str:
    """The kind of an error and where it was raised."""
    kind, frames = type(error).__name__, traceback.extract_tb(error.__traceback__)
    if not frames:
        return kind
    return f"{kind} in {frames[-1].name}, {frames[-1].filename}:{frames[-1].lineno}"


def configure_logs(
    level: str,
    secrets: Iterable[str],
    form: str = TEXT,
    parts: Mapping[str, str] | None = None,
) -> None:
    """Send the log to the error stream, from now on and for the whole process.

    level: of all that `parts` (a level for each of some PARTS) does not name; form: one of FORMATS.
    """
    handler = logging.StreamHandler()
    handler.setFormatter((JsonFormatter if form == JSON else RedactingFormatter)(secrets))
    handler.addFilter(OneLineFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    levels = dict.fromkeys(_TALKATIVE, level)
    for part, own in (parts or {}).items():
        levels |= dict.fromkeys(PARTS[part], own)
    for name, own in levels.items():
        quieter = name in _TALKATIVE and own == "INFO"
        logging.getLogger(name).setLevel("WARNING" if quieter else own)
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
