"""Whatever is killed and whenever: each accepted request has its one answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.fire import under_fire
from tests.conftest import save_tiny

KILLS = 25
# How the next process finds out what the killed one had done: an acknowledgement made again, an
# edit made again, an interaction that nobody acknowledged in time. See docs/reliability.md.
FOUND_OUT = ("40060", "message is not modified", "10015")


@pytest.mark.timeout(300)
async def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    save_tiny(tmp_path / "checkpoints" / "tiny")
    reckoning = await under_fire(tmp_path / "checkpoints", tmp_path, KILLS, 1, life=(0.1, 2.0))
    told = "\n".join([*reckoning.lines(), *reckoning.violations])
    assert reckoning.kills == KILLS, told
    assert reckoning.discord.accepted, told
    assert len(reckoning.telegram.accepted) >= 3, told  # few where the machine is slow
    assert not reckoning.discord.lost, told
    assert not reckoning.telegram.lost, told
    assert not reckoning.discord.duplicated, told
    # Killed between Telegram's word and ours that a message was sent; see docs/reliability.md.
    assert len(reckoning.telegram.duplicated) <= 1, told
    assert reckoning.exit_code == 0, told
    odd = [each for each in reckoning.violations if not any(code in each for code in FOUND_OUT)]
    assert not odd, told
    log = (tmp_path / "bot.log").read_text("utf-8")
    assert "Traceback" not in log
    assert "En un lugar" not in log
