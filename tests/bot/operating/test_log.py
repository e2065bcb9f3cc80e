"""The JSON log of a running bot."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from bot.requests.job import REFERENCE_LENGTH
from tests.bot.operating.watching import GREEN_SECONDS, Scene

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]

WORD = "Zarzaparrilla"


def events(scene: Scene) -> list[dict[str, str]]:
    """All lines, decoded."""
    return [json.loads(line) for line in scene.log.read_text("utf-8").splitlines()]


async def test_reference_finds_all_lines_of_request(watched: Scene) -> None:
    telegram = watched.telegram
    eva = telegram.user("Eva")
    home = telegram.private(eva)
    telegram.faults.flood("sendMessage", 1)
    telegram.faults.reset("sendMessage", applied=False)
    await telegram.reply_to(await telegram.say(eva, home, f"En un lugar de la {WORD}"), 30)
    async with asyncio.timeout(GREEN_SECONDS):
        while "answered" not in (found := of_person(watched, eva.id) or [""])[-1]:  # noqa: ASYNC110 (a file)
            await asyncio.sleep(0.05)
    reference = found[0].partition(" ")[0]
    assert re.fullmatch(rf"[A-Z0-9]{{{REFERENCE_LENGTH}}}", reference)
    assert found[0] == f"{reference} from telegram:{eva.id}"
    # Written by the rate limiter, which has no access to requests.
    assert any("leave chat" in line for line in found)
    assert WORD not in watched.log.read_text("utf-8")


def of_person(scene: Scene, number: int) -> list[str]:
    """The messages about a person's request."""
    told = events(scene)
    asked = [each["reference"] for each in told if f"from telegram:{number}" in each["message"]]
    return [each["message"] for each in told if asked and each.get("reference") == asked[0]]
