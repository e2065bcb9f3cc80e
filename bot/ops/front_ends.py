"""Whether a bot has a platform to serve, the page, or a person at a terminal."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from bot.settings.names import ENV_FILE, MISNAMED, SettingsError
from bot.settings.settings import Settings
from bot.texts import say


def serves(settings: Settings) -> bool:
    """Whether there is a platform to serve, or the page."""
    return bool(settings.discord_token or settings.telegram_token or settings.web)


def check_front_end(settings: Settings) -> None:
    """Raise SettingsError where there is nobody to serve and nobody to talk to: a service, or a
    container in the background, has no terminal and never will."""
    if not serves(settings) and not _has_input():
        raise nobody()


def nobody() -> SettingsError:
    """That there is nobody to serve, where tokens were looked for, and what to do."""
    file = Path(ENV_FILE).absolute()
    searched = "no_front_end_searched" if file.exists() else "no_front_end_missing"
    misnamed = not file.exists() and file.with_name(MISNAMED).exists()
    remedy = say("no_front_end_misnamed" if misnamed else "no_front_end_setup")
    return SettingsError(say("no_front_end", searched=say(searched, file=file), remedy=remedy))


def _has_input() -> bool:
    """Whether standard input is a terminal, or else something that phrases could come from."""
    try:
        if sys.stdin.isatty():
            return True
        return not stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode)  # /dev/null, or it was closed
    except (OSError, ValueError):  # a stream without a descriptor, as another program gives us one
        return True
