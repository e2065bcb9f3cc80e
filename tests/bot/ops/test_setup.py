"""`litteragpt setup`: asks for tokens, verifies them and stores them privately."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli import EXIT_CONFIG, EXIT_FAILURE, EXIT_INTERRUPTED, run
from bot.settings.env_file import load_settings
from bot.texts import say
from bot.token_formats import DISCORD, TELEGRAM
from tests.bot.operating.watching import HOST
from tests.bot.programs import DISCORD_TOKEN, Terminal, as_nobody_special, litteragpt
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

TELEGRAM_TOKEN = "424242:" + "A" * 35
WRONG_DISCORD, WRONG_TELEGRAM = DISCORD_TOKEN[:-1] + "x", TELEGRAM_TOKEN[:-1] + "x"


@dataclass
class Desk:
    """Both platforms, and a terminal session of `litteragpt setup`."""

    discord: FakeDiscord
    telegram: FakeTelegram
    patch: pytest.MonkeyPatch
    streams: pytest.CaptureFixture[str]

    async def set_up(self, *typed: str, code: int = 0) -> list[str]:
        """Run the command with these lines as input. Returns its output and its last error line."""
        self.patch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        assert await asyncio.to_thread(run, ["setup"]) == code
        output, errors = self.streams.readouterr()
        for token in (DISCORD_TOKEN, TELEGRAM_TOKEN, WRONG_DISCORD, WRONG_TELEGRAM):
            assert token not in output + errors
        return output.splitlines() + errors.splitlines()[-1:]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Desk]:
    async with FakeDiscord(token=DISCORD_TOKEN) as discord, FakeTelegram(TELEGRAM_TOKEN) as server:
        monkeypatch.setenv("DISCORD_API_BASE", discord.api_base)
        monkeypatch.setenv("TELEGRAM_API_BASE", server.base)
        yield Desk(discord, server, monkeypatch, capsys)


def kept(name: str) -> str | None:
    """The token that the bot reads from `.env`."""
    token = getattr(load_settings(), name)
    return None if token is None else str(token.get_secret_value())


async def test_stores_verified_tokens_privately(desk: Desk, tmp_path: Path) -> None:
    desk.telegram.world.features.supports_inline_queries = False
    lines = await desk.set_up(DISCORD_TOKEN, TELEGRAM_TOKEN)
    file = tmp_path / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (kept("discord_token"), kept("telegram_token")) == (DISCORD_TOKEN, TELEGRAM_TOKEN)
    assert file.read_text() == f"DISCORD_TOKEN={DISCORD_TOKEN}\nTELEGRAM_TOKEN={TELEGRAM_TOKEN}\n"
    assert say("setup_written", file=file) in lines
    steps = [line for line in lines if line.startswith("- ")]
    inline = "doctor_telegram_inline_wrong"
    assert steps == [say("setup_step", text=say(inline), remedy=say(f"{inline}_remedy"))]
    links = [line for line in lines if "https://" in line and "crea" not in line]
    assert any("oauth2/authorize" in line for line in links)
    assert any(line.endswith("https://t.me/litteragpt_bot") for line in links)
    assert lines[-2] == say("setup_next")


async def test_accepts_one_platform(desk: Desk) -> None:
    await desk.set_up("", TELEGRAM_TOKEN)
    assert (kept("discord_token"), kept("telegram_token")) == (None, TELEGRAM_TOKEN)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
async def test_leaves_other_lines_unchanged(desk: Desk, tmp_path: Path, mark: bytes) -> None:
    others = "# una nota: ñ\n\nLITTERAGPT_THREADS = 3 # hilos\nexport OTRA='x y'"
    before = f"DISCORD_TOKEN={WRONG_DISCORD}\n{others}"
    (tmp_path / ".env").write_bytes(mark + before.encode())
    (tmp_path / ".env").chmod(0o644)
    await desk.set_up(DISCORD_TOKEN, "")
    after = (tmp_path / ".env").read_bytes()
    assert after == mark + before.replace(WRONG_DISCORD, DISCORD_TOKEN).encode()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert load_settings().threads == 3
    await desk.set_up("", TELEGRAM_TOKEN)
    assert (
        tmp_path / ".env"
    ).read_bytes() == after + f"\nTELEGRAM_TOKEN={TELEGRAM_TOKEN}\n".encode()


async def test_preserves_utf16_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("# ñ\r\nLITTERAGPT_THREADS=3\r\n".encode("utf-16"))
    await desk.set_up(DISCORD_TOKEN, "")
    assert kept("discord_token") == DISCORD_TOKEN
    assert load_settings().threads == 3
    assert (tmp_path / ".env").read_text("utf-16").startswith("# ñ\n")


async def test_strips_quotes_from_token(desk: Desk, tmp_path: Path) -> None:
    await desk.set_up(f'"{DISCORD_TOKEN}"', f" “{TELEGRAM_TOKEN}”")
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines == [f"DISCORD_TOKEN={DISCORD_TOKEN}", f"TELEGRAM_TOKEN={TELEGRAM_TOKEN}"]


async def test_warns_about_disk_without_permissions(
    desk: Desk, tmp_path: Path, without_permissions: dict[str, str]
) -> None:
    done = await asyncio.to_thread(
        litteragpt,
        "setup",
        settings=os.environ | without_permissions,
        given=f"{DISCORD_TOKEN}\n".encode(),
    )
    assert done.returncode == 0, done.stderr.decode()
    assert say("setup_written_open", file=tmp_path / ".env") in done.stdout.decode()


@pytest.mark.parametrize(
    "typed", [(TELEGRAM_TOKEN, DISCORD_TOKEN), ("", DISCORD_TOKEN, TELEGRAM_TOKEN)]
)
async def test_recognises_token_of_other_platform(desk: Desk, typed: tuple[str, ...]) -> None:
    lines = await desk.set_up(*typed)
    found = TELEGRAM if typed[0] else DISCORD
    assert say("setup_other", found=found) in lines
    assert (kept("discord_token"), kept("telegram_token")) == (DISCORD_TOKEN, TELEGRAM_TOKEN)


async def test_replaces_swapped_tokens(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"DISCORD_TOKEN={TELEGRAM_TOKEN}\nTELEGRAM_TOKEN={DISCORD_TOKEN}\n"
    )
    await desk.set_up(DISCORD_TOKEN, TELEGRAM_TOKEN)
    assert (kept("discord_token"), kept("telegram_token")) == (DISCORD_TOKEN, TELEGRAM_TOKEN)


async def test_reports_wrong_settings_before_questions(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LITTERAGPT_THREADS=muchos\n")
    (line,) = await desk.set_up(DISCORD_TOKEN, TELEGRAM_TOKEN, code=EXIT_CONFIG)
    assert line.startswith("LITTERAGPT_THREADS: ")
    assert desk.discord.calls() == []


async def test_asks_again_after_refusal(desk: Desk, tmp_path: Path) -> None:
    lines = await desk.set_up(WRONG_DISCORD, f"  {DISCORD_TOKEN} ", "")
    assert any(line.startswith("Discord rechaza DISCORD_TOKEN") for line in lines)
    assert kept("discord_token") == DISCORD_TOKEN
    (tmp_path / ".env").unlink()
    lines = await desk.set_up(DISCORD_TOKEN, *[WRONG_TELEGRAM] * 3, code=EXIT_CONFIG)
    assert lines[-1] == say("setup_given_up", platform=TELEGRAM)
    assert not (tmp_path / ".env").exists()


async def test_does_not_store_unverified_token(desk: Desk, tmp_path: Path) -> None:
    desk.patch.setenv("DISCORD_API_BASE", f"http://{HOST}:9")
    lines = await desk.set_up(DISCORD_TOKEN, code=EXIT_CONFIG)
    assert any("No he podido preguntar a Discord" in line for line in lines)
    assert not (tmp_path / ".env").exists()


async def test_stores_nothing_without_token(desk: Desk, tmp_path: Path) -> None:
    assert (await desk.set_up(code=EXIT_FAILURE))[-1] == say("setup_nothing")
    assert not (tmp_path / ".env").exists()


async def test_keeps_configured_tokens(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DISCORD_TOKEN={DISCORD_TOKEN}\n")
    lines = await desk.set_up("", "")
    assert any("oauth2/authorize" in line for line in lines)
    assert not any(line.startswith("Guardado") for line in lines)


async def test_warns_about_overriding_variable(desk: Desk) -> None:
    desk.patch.setenv("DISCORD_TOKEN", WRONG_DISCORD)
    assert say("setup_overruled", name="DISCORD_TOKEN") in await desk.set_up(DISCORD_TOKEN, "")


async def test_fails_in_unwritable_folder(desk: Desk, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    given = f"{DISCORD_TOKEN}\n".encode()
    done = await asyncio.to_thread(
        litteragpt, "setup", settings=os.environ, given=given, prepare=as_nobody_special
    )
    tmp_path.chmod(0o700)
    assert done.returncode == EXIT_FAILURE
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith(f"No puedo escribir {tmp_path / '.env'}")


async def test_follows_symbolic_link(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("LITTERAGPT_THREADS=2\n")
    (tmp_path / ".env").symlink_to("elsewhere")
    await desk.set_up(DISCORD_TOKEN, "")
    assert (tmp_path / ".env").is_symlink()
    assert kept("discord_token") == DISCORD_TOKEN


def question(platform: str) -> str:
    """The prompt for a token that is not configured."""
    return say("setup_token", platform=platform, empty=say("setup_skip", platform=platform))


async def test_terminal_does_not_echo_tokens(desk: Desk) -> None:
    await asyncio.to_thread(type_tokens)
    assert (kept("discord_token"), kept("telegram_token")) == (DISCORD_TOKEN, TELEGRAM_TOKEN)


def type_tokens() -> None:
    terminal = Terminal(os.environ, "setup", question(DISCORD), echo=True)
    assert say("setup_discord") in terminal.welcome
    terminal.type(DISCORD_TOKEN + "\n")
    shown = terminal.read_until(question(TELEGRAM))
    terminal.type(TELEGRAM_TOKEN + "\n")
    shown += terminal.read_until(say("setup_next"))
    assert DISCORD_TOKEN not in shown
    assert TELEGRAM_TOKEN not in shown
    assert terminal.ended() == (0, "")


async def test_ctrl_c_ends_without_storing(desk: Desk, tmp_path: Path) -> None:
    await asyncio.to_thread(interrupt_the_second_question)
    assert not (tmp_path / ".env").exists()


def interrupt_the_second_question() -> None:
    terminal = Terminal(os.environ, "setup", question(DISCORD), echo=True)
    terminal.type(DISCORD_TOKEN + "\n")
    terminal.read_until(question(TELEGRAM))
    terminal.press_ctrl_c()
    assert terminal.ended() == (EXIT_INTERRUPTED, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_root_preserves_file_owner(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o600)
    os.chown(tmp_path / ".env", 65534, 65534)
    await desk.set_up(DISCORD_TOKEN, "")
    assert (tmp_path / ".env").stat().st_uid == 65534
