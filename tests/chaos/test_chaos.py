"""Each accepted request gets exactly one answer, no matter which process is killed and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.fire import under_fire
from tests.conftest import save_tiny

KILLS = 25
# Errors by which the next process detects the actions of the killed one: a repeated
# acknowledgement, a repeated edit, an interaction without acknowledgement in time. See
# docs/reliability.md.
FOUND_OUT = ("40060", "message is not modified", "10015")


@pytest.mark.timeout(300)
async def test_every_request_gets_exactly_one_answer(tmp_path: Path) -> None:
    save_tiny(tmp_path / "checkpoints" / "tiny")
    reckoning = await under_fire(tmp_path / "checkpoints", tmp_path, KILLS, 1, life=(0.1, 2.0))
    told = "\n".join([*reckoning.lines(), *reckoning.violations])
    assert reckoning.kills == KILLS, told
    assert reckoning.discord.accepted, told
    assert len(reckoning.telegram.accepted) >= 3, told  # few on slow machines
    assert not reckoning.discord.lost, told
    assert not reckoning.telegram.lost, told
    assert not reckoning.discord.duplicated, told
    # A kill between Telegram's confirmation of a message and its record; see docs/reliability.md.
    assert len(reckoning.telegram.duplicated) <= 1, told
    assert reckoning.exit_code == 0, told
    odd = [each for each in reckoning.violations if not any(code in each for code in FOUND_OUT)]
    assert not odd, told
    log = (tmp_path / "bot.log").read_text("utf-8")
    assert "Traceback" not in log
    assert "En un lugar" not in log
