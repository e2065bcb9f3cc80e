"""Start and end of the page, alone and in the bot."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from bot.cli import EXIT_CONFIG
from bot.texts import say
from tests.bot.adapters.web.sites import HOST, SLOW, free_port, serving
from tests.bot.programs import environment, litteragpt

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_running_text_finish(
    endless_checkpoints: Path, tmp_path: Path, number: signal.Signals
) -> None:
    settings = SLOW | {"sentence_limit": 1500, "shutdown_seconds": 60}
    async with serving(tmp_path, endless_checkpoints, **settings) as site:
        async with site.visitor().asking(sentences=1) as lines:
            await anext(lines)
            site.process.send_signal(number)
            rest = [line async for line in lines]
        assert rest[-1]["is"] == "done"
        assert await site.ended() == 0
        assert "Traceback" not in site.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_repeated_signals_do_not_cut_shutdown(
    markup_checkpoints: Path, tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(tmp_path, markup_checkpoints) as site:
        ended = asyncio.create_task(site.ended())
        while not ended.done():
            site.process.send_signal(number)
            await asyncio.sleep(0.003)
        assert ended.result() == 0, site.log
        assert "Traceback" not in site.log
    assert (tmp_path / "state" / "web" / "sent.log").read_text().endswith("ended -\n")


async def test_shutdown_apologizes_for_unfinished_text(
    endless_checkpoints: Path, tmp_path: Path
) -> None:
    async with serving(tmp_path, endless_checkpoints, **SLOW, shutdown_seconds=0) as site:
        async with site.visitor().asking(sentences=5) as lines:
            await anext(lines)
            site.process.send_signal(signal.SIGTERM)
            rest = [line async for line in lines]
        assert rest[-1] == {"is": "failed", "notice": say("closing")}
        assert await site.ended() == 0
        assert "Traceback" not in site.log


def refused(checkpoints: Path, folder: Path, **settings: object) -> str:
    """The error message of a program that cannot start."""
    ours = {"state_dir": folder / "state"} | settings
    ended = litteragpt("web", settings=environment(checkpoints, **ours))
    assert ended.returncode == EXIT_CONFIG
    assert ended.stdout == b""
    errors = ended.stderr.decode()
    assert "Traceback" not in errors
    return errors.splitlines()[-1]


async def test_port_in_use_is_reported(checkpoints: Path, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        told = refused(checkpoints, tmp_path, web_port=port)
    expected = say(
        "port",
        host=HOST,
        port=port,
        reason=say("port_taken"),
        remedy=say("port_remedy", setting="LITTERAGPT_WEB_PORT"),
    )
    assert told == expected


async def test_foreign_address_is_reported(checkpoints: Path, tmp_path: Path) -> None:
    told = refused(checkpoints, tmp_path, web_host="192.0.2.1", web_port=free_port())
    assert told.startswith("No puedo escuchar en 192.0.2.1")


async def test_page_without_allowed_visitors_is_refused(checkpoints: Path, tmp_path: Path) -> None:
    told = refused(checkpoints, tmp_path, allowed_users="discord:1", web_port=free_port())
    assert told == say("web_nobody")


async def test_page_stores_nothing_about_visitors(markup_checkpoints: Path, tmp_path: Path) -> None:
    async with serving(tmp_path, markup_checkpoints) as site:
        assert await site.visitor("198.51.100.77").notice(sentences=1) is None
        assert await site.stop() == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state" / "web").iterdir())
    assert b"Zarzaparrilla" not in kept
    assert b"web:" not in kept
    assert b"198.51" not in kept


async def test_state_files_are_private(markup_checkpoints: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "web").mkdir(parents=True)  # as created by an earlier version
    (state / "web" / "sent.log").write_text("")
    kept = [state, state / "web", state / "web" / "sent.log"]
    for path, mode in zip(kept, (0o755, 0o755, 0o644), strict=True):
        path.chmod(mode)
    async with serving(tmp_path, markup_checkpoints):
        found = [state, *state.rglob("*")]
        assert [path for path in found if path.stat().st_mode & 0o077] == []
        assert {*kept} <= {*found}


async def test_bot_serves_the_page(markup_checkpoints: Path, tmp_path: Path) -> None:
    settings = {"web": "true", "allowed_users": "discord:1, web"}
    async with serving(tmp_path, markup_checkpoints, "bot", **settings) as site:
        assert await site.visitor().notice(sentences=1) is None
        site.check()
        assert await site.stop() == 0
