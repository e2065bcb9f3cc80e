"""The log: one line an event, and no secret in any of them, whoever wrote it and however."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable

from bot.tokens import DISCORD, SHAPES, TELEGRAM

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
HIDDEN = "[...]"
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


class RedactingFormatter(logging.Formatter):
    """Formats a record with its traceback and then hides every secret in the whole of it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(FORMAT)
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))

    def redact(self, text: str) -> str:
        """The text with every secret hidden."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SECRETS.sub(HIDDEN, text)


class OneLineFilter(logging.Filter):
    """Says at the end of the line what a traceback would tell: the kind of an error and its place.

    Not its text, which may hold somebody's phrase; level DEBUG shows the whole of it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
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


def configure_logs(level: str, secrets: Iterable[str]) -> None:
    """Send the log to the error stream, from now on and for the whole process."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if level != "DEBUG":
        handler.addFilter(OneLineFilter())
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
