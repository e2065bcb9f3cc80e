"""`litteragpt invite`: links that add the bot to servers and chats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from bot.cli import EXIT_CONFIG, EXIT_FAILURE
from bot.texts import say
from tests.bot.adapters.discord.houses import TOKEN
from tests.bot.programs import environment, litteragpt
from tests.fakes.discord import FakeDiscord

pytestmark = pytest.mark.timeout(60)

BOT_TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 (of no bot)


async def invite(tmp_path: Path, **settings: str) -> tuple[int, list[str], list[str]]:
    """Run the command; its exit code and the lines of both streams."""
    done = await asyncio.to_thread(litteragpt, "invite", settings=environment(tmp_path) | settings)
    output, errors = done.stdout.decode(), done.stderr.decode()
    assert TOKEN not in output + errors
    assert BOT_TOKEN not in output + errors
    return done.returncode, output.splitlines(), errors.splitlines()


def link_in(line: str) -> URL:
    """The link at the end of a line."""
    return URL(line.rpartition(" ")[2])


@asynccontextmanager
async def telegram(user: dict[str, Any] | None) -> AsyncIterator[str]:
    """A server for Telegram's getMe; its base URL."""

    async def get_me(request: web.Request) -> web.Response:
        if request.match_info["token"] != BOT_TOKEN or user is None:
            return web.json_response({"ok": False, "error_code": 401}, status=401)
        return web.json_response({"ok": True, "result": user})

    application = web.Application()
    application.router.add_get("/bot{token}/getMe", get_me)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_discord_link_requests_no_permissions(tmp_path: Path) -> None:
    async with FakeDiscord(token=TOKEN) as discord:
        code, lines, errors = await invite(
            tmp_path, DISCORD_TOKEN=TOKEN, DISCORD_API_BASE=discord.api_base
        )
        assert discord.violations == []
    assert (code, errors, len(lines)) == (0, [], 2)
    server, account = map(link_in, lines)
    assert server.with_query(None) == URL("https://discord.com/oauth2/authorize")
    assert dict(server.query) == {
        "client_id": discord.bot.id,
        "integration_type": "0",
        "scope": "bot applications.commands",
        "permissions": "0",
    }
    assert dict(account.query) == {
        "client_id": discord.bot.id,
        "integration_type": "1",
        "scope": "applications.commands",
    }


@pytest.mark.parametrize("groups", [True, False])
async def test_telegram_link_uses_the_username(tmp_path: Path, groups: bool) -> None:
    user = {"id": 1, "username": "litteragpt_bot", "can_join_groups": groups}
    async with telegram(user) as base:
        code, lines, errors = await invite(
            tmp_path, TELEGRAM_TOKEN=BOT_TOKEN, TELEGRAM_API_BASE=base
        )
    assert (code, errors) == (0, [])
    links = ["https://t.me/litteragpt_bot", "https://t.me/litteragpt_bot?startgroup=true"]
    assert list(map(str, map(link_in, lines))) == links[: 1 + groups]


async def test_invite_needs_a_token(tmp_path: Path) -> None:
    assert await invite(tmp_path) == (EXIT_CONFIG, [], [say("invite_none")])


async def test_bad_token_spares_the_other_platform(
    tmp_path: Path,
) -> None:
    async with FakeDiscord(token=TOKEN) as discord, telegram(None) as base:
        code, lines, errors = await invite(
            tmp_path,
            DISCORD_TOKEN=TOKEN,
            DISCORD_API_BASE=discord.api_base,
            TELEGRAM_TOKEN=BOT_TOKEN,
            TELEGRAM_API_BASE=base,
        )
        assert (code, len(lines), len(errors)) == (EXIT_CONFIG, 2, 1)
        assert errors[0].startswith("Telegram rechaza TELEGRAM_TOKEN: ")
        discord.faults.token_revoked = True
        code, lines, errors = await invite(
            tmp_path, DISCORD_TOKEN=TOKEN, DISCORD_API_BASE=discord.api_base
        )
        assert (code, lines, len(errors)) == (EXIT_CONFIG, [], 1)
        assert errors[0].startswith("Discord rechaza DISCORD_TOKEN: ")


async def test_unreachable_platform_is_reported(tmp_path: Path) -> None:
    async with FakeDiscord(token=TOKEN) as discord:
        address = discord.api_base
    code, lines, errors = await invite(tmp_path, DISCORD_TOKEN=TOKEN, DISCORD_API_BASE=address)
    assert (code, lines, len(errors)) == (EXIT_FAILURE, [], 1)
    assert errors[0].startswith("No he podido preguntar a Discord (ClientConnectorError)")
