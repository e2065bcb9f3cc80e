"""The log: one line per event, without secrets, from all modules and libraries.

Text for people, or JSON objects. A line that concerns a request has the request's reference, which
users see too, even if a library wrote it."""

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
# Parts whose level an operator can set, with the loggers of each.
PARTS = {
    "discord": ("bot.adapters.discord", "discord"),
    "telegram": ("bot.adapters.telegram", "httpx", "httpcore"),
    "service": ("bot.service.service", "bot.admin.admin", "bot.app", "bot.service.supervision"),
    "worker": ("bot.executor", "bot.worker"),
    "store": ("bot.store",),
    "monitoring": ("bot.monitoring.server", "aiohttp.access"),
}
# Patterns of credentials: bot tokens of both platforms, and interaction and webhook tokens in
# Discord's URLs.
_SECRETS = re.compile(
    rf"(?<!\d){SHAPES[TELEGRAM]}|\b{SHAPES[DISCORD]}"
    r"|(?<=/webhooks/)\d+/[\w.~-]+|(?<=/interactions/)\d+/[\w.~-]+"
)
# Loggers that write URLs with tokens, or many lines for what the bot logs in one.
_TALKATIVE = ("httpx", "httpcore", "aiohttp.access", "discord")
# Loggers that write whole messages, phrases included; their errors are also raised and logged by
# the caller.
_INDISCREET = ("telegram",)
# Line ends, and control characters that move a terminal's cursor.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_reference: ContextVar[str | None] = ContextVar("reference of the request", default=None)
_shard: ContextVar[int | None] = ContextVar("number of the shard", default=None)


@contextmanager
def about(reference: str) -> Iterator[None]:
    """Attach a request's reference to every line logged inside, also by tasks started inside."""
    token = _reference.set(reference)
    try:
        yield
    finally:
        _reference.reset(token)


@contextmanager
def of_shard(number: int) -> Iterator[None]:
    """Attach a shard number to every line logged inside, also by tasks started inside."""
    token = _shard.set(number)
    try:
        yield
    finally:
        _shard.reset(token)


class RedactingFormatter(logging.Formatter):
    """Formats a record with its traceback, then redacts all secrets."""

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
        """The text with secrets redacted and terminal control characters replaced."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return escape_controls(_SECRETS.sub(HIDDEN, text))


class JsonFormatter(RedactingFormatter):
    """Formats a record as a JSON object per line: time (UTC), level, logger, message and, if any,
    the request's reference, the shard number and a traceback."""

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
    """Replaces a traceback by the error's type and location at the end of the line.

    The error's message is omitted because it may contain a phrase; level DEBUG shows the full
    traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
            # asyncio reports a failed task in several lines, which quote the error.
            message = record.getMessage().partition("\n")[0]
            record.msg, record.args, record.exc_info = f"{message} ({place_of(error)})", (), None
        return True


def place_of(error: BaseException) -> str:
    """The error's type and the location that raised it."""
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
    """Send the log of the whole process to standard error.

    level: for everything that `parts` (levels by name from PARTS) does not name.
    form: one of FORMATS."""
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
