"""`litteragpt setup`: asks for tokens, verifies them and stores them in `.env`.

It writes nothing until the platforms have accepted all given tokens."""

from __future__ import annotations

import asyncio
import codecs
import getpass
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from dotenv import set_key

from bot.net.platform_api import api_session
from bot.ops.doctor.discord import application_findings
from bot.ops.doctor.findings import Finding
from bot.ops.doctor.telegram import profile_findings
from bot.ops.invite import discord_application, invitations, telegram_bot
from bot.settings.env_file import (
    encoding_of,
    exposed_file,
    keeps_permissions,
    load_settings,
    values_of,
)
from bot.settings.fields import unquote
from bot.settings.names import ENV_FILE, SettingsError
from bot.settings.settings import Settings
from bot.texts import say
from bot.token_formats import DISCORD, TELEGRAM, TOKEN_SETTINGS, platform_of
from model.errors import LitteraError

TRIES = 3
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A value that every parser of `.env` reads verbatim without quotes.
_PLAIN = r"[\w.:-]+"

_Checks = dict[str, Callable[[aiohttp.ClientSession, Settings], Awaitable[dict[str, Any]]]]
_CHECKS: _Checks = {DISCORD: discord_application, TELEGRAM: telegram_bot}


class SetupError(LitteraError):
    """Setup ended without a result; the message (Spanish, one sentence) says why."""


@dataclass
class Given:
    """Accepted tokens, and the platforms' descriptions of the bot, by platform."""

    tokens: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)


def set_up(tell: Callable[[str], None]) -> None:
    """Ask, verify, write, and report the remaining steps.

    Raises SettingsError for unusable tokens or settings, and SetupError without any token or if
    `.env` cannot be written. An event loop runs only during requests to a platform, so that Ctrl-C
    interrupts a question at once."""
    _load_settings_with({})  # report mistakes in other settings first
    given = Given()
    for platform in TOKEN_SETTINGS:
        if platform not in given.tokens:
            _ask_for(platform, given, tell)
    if not given.tokens and not any(map(_has_token, TOKEN_SETTINGS)):
        raise SetupError(say("setup_nothing"))
    if given.tokens:
        file = _write(given.tokens)
        tell(say("setup_written" if exposed_file() is None else "setup_written_open", file=file))
    for line in [*_overruled(given.tokens), *_left_to_do(given)]:
        tell(line)
    lines, problems = asyncio.run(invitations(load_settings()))
    for line in [*lines, *map(str, problems)]:
        tell(line)
    tell(say("setup_next"))


def _ask_for(platform: str, given: Given, tell: Callable[[str], None]) -> None:
    """Ask for a platform's token until the platform accepts it or the answer is empty."""
    tell(say(f"setup_{platform.lower()}"))
    kept = "setup_keep" if _has_token(platform) else "setup_skip"
    refusal: LitteraError | None = None
    for _ in range(TRIES):
        token = _ask_secret(
            say("setup_token", platform=platform, empty=say(kept, platform=platform))
        )
        if not token:
            break
        meant = platform_of(token) or platform
        if meant != platform:
            tell(say("setup_other", found=meant))
        try:
            _accept(meant, token, given)
        except LitteraError as error:
            refusal = error
            tell(str(error))
            continue
        tell(say("setup_accepted", platform=meant))
        refusal = None
        if meant == platform:
            return
    if refusal is not None:
        raise SettingsError(say("setup_given_up", platform=platform))


def _accept(platform: str, token: str, given: Given) -> None:
    """Verify a token with its platform. Raises SettingsError or InviteError."""
    settings = _load_settings_with({TOKEN_SETTINGS[platform]: token})
    given.known[platform] = asyncio.run(_ask_platform(platform, settings))
    given.tokens[platform] = token


def _load_settings_with(tokens: dict[str, str]) -> Settings:
    """The settings with these tokens only; the configured tokens may be the invalid ones."""
    return load_settings(**(dict.fromkeys(TOKEN_SETTINGS.values(), "") | tokens))


async def _ask_platform(platform: str, settings: Settings) -> dict[str, Any]:
    async with api_session() as session:
        return await _CHECKS[platform](session, settings)


def _ask_secret(question: str) -> str:
    """A line typed without echo, or the next line of piped input; empty at its end."""
    if sys.stdin.isatty():
        return unquote(getpass.getpass(question))
    print(question, file=sys.stderr)  # noqa: T201 (a prompt)
    return unquote(sys.stdin.readline())


def _has_token(platform: str) -> bool:
    name = TOKEN_SETTINGS[platform]
    return bool(os.environ.get(name) or values_of(Path(ENV_FILE)).get(name))


def _write(tokens: dict[str, str]) -> Path:
    """Store tokens in `.env` with mode 0600, leave its other lines unchanged, and return its path.

    Raises SetupError."""
    path = Path(ENV_FILE).resolve()
    try:
        before = path.stat() if path.exists() else None
        if before is not None:  # restrict access before writing secrets
            _close(path)
        # Preserve a byte-order mark; never add one.
        marked = before is not None and path.read_bytes().startswith(_MARKS)
        encoding = encoding_of(path) if marked else "utf-8"
        for platform, token in tokens.items():
            set_key(
                path,
                TOKEN_SETTINGS[platform],
                token,
                quote_mode="never" if re.fullmatch(_PLAIN, token) else "always",
                encoding=encoding,
            )
        if before is not None and before.st_uid != path.stat().st_uid:
            os.chown(path, before.st_uid, before.st_gid)  # root edited another user's file
    except OSError as error:
        raise SetupError(say("setup_unwritable", file=path, reason=error.strerror)) from None
    return path


def _close(path: Path) -> None:
    """Make a file readable for its owner only, if the file system supports it."""
    try:
        path.chmod(0o600)
    except OSError:
        if keeps_permissions(path.parent):
            raise


def _overruled(tokens: dict[str, str]) -> Iterator[str]:
    """Warnings for environment variables that override the stored tokens."""
    for platform, token in tokens.items():
        name = TOKEN_SETTINGS[platform]
        if os.environ.get(name, token) != token:
            yield say("setup_overruled", name=name)


def _left_to_do(given: Given) -> Iterator[str]:
    """One line per missing step in the platforms' own configuration."""
    findings: list[Finding] = []
    if (application := given.known.get(DISCORD)) is not None:
        findings += application_findings(application)
    if (user := given.known.get(TELEGRAM)) is not None:
        findings += profile_findings(user)
    remedies = [
        say("setup_step", text=each.text, remedy=each.remedy) for each in findings if each.remedy
    ]
    if remedies:
        yield say("setup_steps")
    yield from remedies
